# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Segments out of an archive: whole, packed, cut, of another name."""

from __future__ import annotations

import gzip
import pathlib
import random
import time

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import archive, wal
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place_directory import DirectoryPlace
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.rate import Rate

SIZE = 1024 * 1024
SEGMENT = wal.Segment(7, 1)
NAME = SEGMENT.name(SIZE)


def content(number: int = SEGMENT.number, seed: int = 1) -> bytes:
    """A segment that says where it belongs, and then nothing that gzip could make small."""
    head = archive.FIRST_PAGE.pack(0xD113, 2, 1, number * SIZE)
    return head + random.Random(seed).randbytes(SIZE - len(head))


def read(folder: pathlib.Path, rate: float | None = None) -> bytes:
    """The segment, out of an archive in that folder."""
    place = DirectoryPlace(str(folder))
    found = archive.look(place, "wal/", time.time() + 1, SIZE)
    archive.Files(place, found, Rate(rate), SIZE).segment(SEGMENT, folder / "out")
    return (folder / "out").read_bytes()


def lay(folder: pathlib.Path, name: str, said: bytes) -> None:
    """A file of the archive."""
    (folder / "wal").mkdir(exist_ok=True)
    (folder / "wal" / name).write_bytes(said)


@pytest.mark.parametrize("rate", [None, 4e6])
def test_plain_and_packed(tmp_path: pathlib.Path, rate: float | None) -> None:
    lay(tmp_path, f"{NAME}.gz", gzip.compress(content(), 1))
    assert read(tmp_path, rate) == content(), "however small the portions are"
    lay(tmp_path, NAME, content())
    assert read(tmp_path) == content()


def test_the_plain_one_is_read_where_both_are_there(tmp_path: pathlib.Path) -> None:
    lay(tmp_path, f"{NAME}.gz", b"rubbish")
    lay(tmp_path, NAME, content())
    assert read(tmp_path) == content()


def test_several_members_are_one_segment(tmp_path: pathlib.Path) -> None:
    whole = content()
    lay(tmp_path, f"{NAME}.gz", gzip.compress(whole[: SIZE // 2]) + gzip.compress(whole[SIZE // 2 :]))
    assert read(tmp_path) == whole


WRONG = {
    "cut packed": (f"{NAME}.gz", gzip.compress(content(), 1)[:-100], "gzip"),
    "without its checksum": (f"{NAME}.gz", gzip.compress(content(), 1)[:-8], "gzip"),
    "another checksum": (f"{NAME}.gz", gzip.compress(content(), 1)[:-8] + b"\0" * 8, "gzip"),
    "no gzip": (f"{NAME}.gz", b"rubbish", "gzip"),
    "too much packed": (f"{NAME}.gz", gzip.compress(content() + b"\0" * 4_000_000, 1), "1048576 bytes"),
    "cut": (NAME, content()[:-1], "1048576 bytes"),
    "too long": (NAME, content() + b"\0", "1048576 bytes"),
    "empty": (NAME, b"", "1048576 bytes"),
    "nearly empty": (NAME, b"xx", "segment"),
    "another one": (NAME, content(8), "0/700000"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_is_no_segment_is_named(tmp_path: pathlib.Path, case: str) -> None:
    name, said, expected = WRONG[case]
    lay(tmp_path, name, said)
    with pytest.raises(Stopped) as caught:
        read(tmp_path)
    finding = caught.value.finding
    assert (finding.code, finding.about) == ("WAL_CORRUPT", f"wal/{name}")
    assert expected in finding.expected


def test_a_packing_that_nobody_here_unpacks_is_no_gap(tmp_path: pathlib.Path) -> None:
    lay(tmp_path, f"{NAME}.zst", b"x")
    with pytest.raises(Stopped) as caught:
        read(tmp_path)
    assert (caught.value.finding.code, caught.value.finding.found) == ("SOURCE_UNREADABLE", "zst")


def test_histories_may_be_packed(tmp_path: pathlib.Path) -> None:
    said = b"1\t0/700000\tno recovery target specified\n"
    lay(tmp_path, "00000002.history.gz", gzip.compress(said))
    place = DirectoryPlace(str(tmp_path))
    found = archive.look(place, "wal/", time.time() + 1, SIZE)
    assert list(found.histories) == ["00000002.history"]
    assert archive.history(place, found.histories["00000002.history"]) == said
    assert wal.switches(said.decode()) == {1: 7 * SIZE}
