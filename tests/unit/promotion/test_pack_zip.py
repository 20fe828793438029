# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip around a pack: the same bytes each time, and nothing odd is ever read, let alone written somewhere."""

from __future__ import annotations

import io
import pathlib
import random
import stat
import typing as t
import zipfile

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import files
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import pack
from ansible_collections.governed.delivery.plugins.plugin_utils import pack_zip
from hypothesis import given
from hypothesis import strategies as st

FILES = {pack.MANIFEST: b"{}" * 50, pack.PEOPLE: b"[]", pack.PAGE: b"<html>" * 99, f"{pack.ATTACHMENTS}{'a' * 64}": b""}
NAMES = st.sampled_from([pack.PEOPLE, pack.PAGE, pack.KEY, pack.CHECKPOINT, "ledger/tile/entries/x001/000.p/7", pack.proof_name(3)])


def read(folder: pathlib.Path, content: bytes) -> dict[str, bytes]:
    path = folder / "pack.zip"
    path.write_bytes(content)
    before = sorted(folder.rglob("*"))
    try:
        return pack_zip.read(path)
    finally:
        assert sorted(folder.rglob("*")) == before


def zipped(*entries: tuple[t.Any, bytes], **more: t.Any) -> bytes:
    """A zip as anybody may make it: names, or ready entries."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for entry, content in entries:
            archive.writestr(_entry(entry) if isinstance(entry, str) else entry, content)
    return held.getvalue()


def _entry(name: str, mode: int = pack_zip.MODE) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, pack_zip.EPOCH)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, mode << 16
    return entry


@given(st.dictionaries(NAMES, st.binary(max_size=200)))
def test_what_is_written_is_read_and_always_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    whole = {**files, pack.MANIFEST: b"{}"}
    content = pack_zip.content(whole)
    assert content == pack_zip.content(dict(reversed(whole.items())))
    assert read(tmp_path_factory.mktemp("zip"), content) == whole


def test_every_bit_that_matters_is_missed(tmp_path: pathlib.Path) -> None:
    """What is left are bits that fill up the last byte of a compressed file: they change no file."""
    content = pack_zip.content(FILES)
    harmless = 0
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << random.Random(place).randrange(8)
        try:
            assert read(tmp_path, bytes(changed)) == FILES
            harmless += 1
        except Refusal:
            pass
    assert harmless < 3 * len(FILES)


def test_every_beginning_is_refused(tmp_path: pathlib.Path) -> None:
    content = pack_zip.content(FILES)
    for size in range(0, len(content), 7):
        with pytest.raises(Refusal):
            read(tmp_path, content[:size])


@pytest.mark.parametrize(
    "name",
    ["../pack.json", "/etc/passwd", "ledger/../../x", "ledger\\checkpoint", "ledger/", "PACK.JSON", "C:x", "ledger/tile/entries/../0", ""],
)
def test_a_name_that_no_pack_has_is_refused(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(Refusal, match="another name"):
        read(tmp_path, zipped((pack.MANIFEST, b"{}"), (name, b"x")))


def test_a_name_twice_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zipped((pack.MANIFEST, b"{}"), (pack.PEOPLE, b"[]"), (pack.PEOPLE, b"[1]"))
    with pytest.raises(Refusal, match="every file once"):
        read(tmp_path, content)


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFREG | 0o4755, 0])
def test_a_link_and_anything_but_a_plain_file_is_refused(tmp_path: pathlib.Path, mode: int) -> None:
    with pytest.raises(Refusal, match="a plain file of mode 0644"):
        read(tmp_path, zipped((pack.MANIFEST, b"{}"), (_entry(pack.PEOPLE, mode), b"/etc/passwd")))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "MOST_FILE_BYTES", 1_000_000)
    monkeypatch.setattr(pack, "MOST_BYTES", 2_500_000)
    bomb = zipped((pack.MANIFEST, b"{}"), (pack.PAGE, bytes(1_000_001)))
    assert len(bomb) < 10_000
    with pytest.raises(Refusal, match="at most 1,000,000 bytes; found 1,000,001"):
        read(tmp_path, bomb)
    many = zipped((pack.MANIFEST, b"{}"), *((name, bytes(900_000)) for name in (pack.PAGE, pack.PEOPLE, pack.KEY)))
    with pytest.raises(Refusal, match="at most 2,500,000 bytes in all files"):
        read(tmp_path, many)
    monkeypatch.setattr(pack, "MOST_FILES", 1)
    with pytest.raises(Refusal, match="at most 1 files"):
        read(tmp_path, many)


def test_a_file_that_says_it_is_smaller_than_it_is_is_refused(tmp_path: pathlib.Path) -> None:
    """A bomb that lies about its size is unpacked no further than it says."""
    content = bytearray(pack_zip.content({pack.MANIFEST: b"{}", pack.PAGE: bytes(100_000)}))
    size = (100_000).to_bytes(4, "little")
    for place in (content.index(size), content.rindex(size)):
        content[place : place + 4] = (10).to_bytes(4, "little")
    with pytest.raises(Refusal, match=r"index\.html: expected a whole file"):
        read(tmp_path, bytes(content))


def test_a_huge_file_is_refused_unread(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "pack.zip"
    with path.open("wb") as file:
        file.truncate(pack.MOST_BYTES + 1)  # sparse: it takes no room
    with pytest.raises(Refusal, match="expected a file of at most 268,435,456 bytes"):
        pack_zip.read(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"#!/bin/sh\n" + content,
        lambda content: content + b"\n",
        lambda content: content[:-2] + b"\x03\x00abc",
    ],
    ids=["before", "behind", "comment"],
)
def test_bytes_that_belong_to_no_file_are_refused(tmp_path: pathlib.Path, change: t.Callable[[bytes], bytes]) -> None:
    with pytest.raises(Refusal, match=r"something else|a damaged one"):
        read(tmp_path, change(pack_zip.content(FILES)))


def test_a_file_that_the_directory_does_not_name_is_refused(tmp_path: pathlib.Path) -> None:
    hidden = pack_zip.content({pack.MANIFEST: b"{}", pack.PEOPLE: b"[]"})
    alone = pack_zip.content({pack.MANIFEST: b"{}"})
    local = hidden[: hidden.index(b"PK\x01\x02")]
    directory = bytearray(alone[alone.index(b"PK\x01\x02") :])
    directory[-6:-2] = len(local).to_bytes(4, "little")  # where the directory begins
    with pytest.raises(Refusal, match="something else in it"):
        read(tmp_path, local + bytes(directory))


def test_other_ways_to_pack_are_refused(tmp_path: pathlib.Path) -> None:
    stored = _entry(pack.PAGE)
    stored.compress_type = zipfile.ZIP_BZIP2
    with pytest.raises(Refusal, match="deflated"):
        read(tmp_path, zipped((pack.MANIFEST, b"{}"), (stored, b"x" * 99)))
    encrypted = bytearray(pack_zip.content({pack.MANIFEST: b"{}"}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Refusal, match="encryption"):
        read(tmp_path, bytes(encrypted))
    with pytest.raises(Refusal, match=r"a file pack\.json; found none"):
        read(tmp_path, zipped((pack.PEOPLE, b"[]")))


def test_what_is_no_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="No such file"):
        pack_zip.read(tmp_path / "nothing.zip")
    with pytest.raises(Refusal, match="found no file"):
        pack_zip.read(tmp_path)
    with pytest.raises(Refusal, match="expected a whole zip"):
        read(tmp_path, b"not a zip")


def test_more_than_a_reader_takes_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "MOST_FILE_BYTES", 10)
    with pytest.raises(Refusal, match="none above 10"):
        pack_zip.content({pack.MANIFEST: bytes(11)})


def test_a_pack_is_replaced_in_one_step_or_not_at_all(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "folder" / "pack.zip"
    files.replace(path, b"one", "pack_unwritable")
    files.replace(path, b"two", "pack_unwritable")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(Refusal, match="expected a file that can be written"):
        files.replace(path / "below", b"three", "pack_unwritable")
