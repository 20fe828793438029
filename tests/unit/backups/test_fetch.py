# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are there whole and right, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import pathlib
import stat
import time

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.fetch import Fetched, fetch
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place import Item
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place_directory import DirectoryPlace
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.rate import Rate
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.reading import LONG, Wanted, stream

STRIP = "backups/monday/"
CONTENTS = {
    "PG_VERSION": b"16\n",
    "base/1/1247": os.urandom(300_000),
    "base/1/1249": b"",
    "global/pg_control": os.urandom(8192),
    "base/5/16384": os.urandom(LONG + 12345),
}


@pytest.fixture
def source(tmp_path: pathlib.Path) -> DirectoryPlace:
    for path, content in CONTENTS.items():
        file = tmp_path / "place" / STRIP / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return DirectoryPlace(str(tmp_path / "place"))


def wanted(source: DirectoryPlace) -> list[Wanted]:
    """Everything, as a manifest of what is there would say it."""
    items = source.listing(STRIP, time.time() + 60).items.values()
    return [Wanted(item, item.size, hashlib.sha256(CONTENTS[item.path.removeprefix(STRIP)]).hexdigest()) for item in items]


def fetched(source: DirectoryPlace, items: list[Wanted], target: pathlib.Path, rate: Rate | None = None) -> tuple[Fetched, int]:
    told: list[int] = []
    answer = fetch(source, items, target, strip=STRIP, rate=rate or Rate(None), workers=3, on_bytes=told.append)
    return answer, sum(told)


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failed(source: DirectoryPlace, items: list[Wanted], target: pathlib.Path) -> tuple[str, str]:
    """The finding's code and what it is about; nothing wrong or half-written has stayed."""
    with pytest.raises(Stopped) as stopped:
        fetched(source, items, target)
    assert all(CONTENTS.get(path) == content for path, content in files(target).items())
    return stopped.value.finding.code, stopped.value.finding.about


def test_all_files_arrive_as_postgres_wants_them(source: DirectoryPlace, tmp_path: pathlib.Path) -> None:
    total = sum(map(len, CONTENTS.values()))
    answer, told = fetched(source, wanted(source), tmp_path / "data")
    assert files(tmp_path / "data") == CONTENTS
    assert (answer.bytes, answer.files, told) == (total, 5, total)
    assert answer.digests == {STRIP + path: hashlib.sha256(content).hexdigest() for path, content in CONTENTS.items()}
    modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")]}
    assert modes == {True: 0o700, False: 0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_files_and_folders_get_their_owner(source: DirectoryPlace, tmp_path: pathlib.Path) -> None:
    fetch(
        source,
        wanted(source),
        tmp_path / "data",
        strip=STRIP,
        rate=Rate(None),
        workers=2,
        on_bytes=lambda _count: None,
        owner=(65534, 65533),
    )
    assert {(path.stat().st_uid, path.stat().st_gid) for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")]} == {(65534, 65533)}


@pytest.mark.parametrize("path", ["base/1/1247", "base/5/16384", "base/1/1249"])
def test_other_bytes_than_the_manifests_have_no_name_in_the_target(source: DirectoryPlace, tmp_path: pathlib.Path, path: str) -> None:
    items = [
        Wanted(one.item, one.expected_size, "0" * 64 if one.item.path == STRIP + path else one.expected_sha256) for one in wanted(source)
    ]
    assert failed(source, items, tmp_path / "data") == ("CORRUPT_FILE", STRIP + path)
    assert path not in files(tmp_path / "data")


def test_another_size_is_told_before_a_byte_is_read(source: DirectoryPlace, tmp_path: pathlib.Path) -> None:
    [one] = [one for one in wanted(source) if one.item.path.endswith("1247")]
    assert failed(source, [Wanted(one.item, 299_999)], tmp_path / "data") == ("CORRUPT_FILE", STRIP + "base/1/1247")


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_that_shrinks_or_grows_while_it_is_read_is_corrupt(source: DirectoryPlace, change: int) -> None:
    [one] = [one for one in wanted(source) if one.item.path.endswith("1247")]
    reader = stream(source, Wanted(one.item), Rate(None), lambda _count: None)
    os.truncate(source.root / one.item.path, one.item.size + change)
    with pytest.raises(Stopped) as stopped:
        reader.finish()
    reader.close()
    assert stopped.value.finding.code == "CORRUPT_FILE"


def test_a_file_that_is_gone_is_missing(source: DirectoryPlace, tmp_path: pathlib.Path) -> None:
    items = wanted(source)
    (source.root / STRIP / "base/1/1247").unlink()
    assert failed(source, items, tmp_path / "data") == ("FILE_MISSING", STRIP + "base/1/1247")


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "base/../../outside", "base//1", "base/./1", "", "base/1\0"])
def test_a_path_that_leads_out_of_the_target_is_refused(source: DirectoryPlace, tmp_path: pathlib.Path, path: str) -> None:
    assert failed(source, [Wanted(Item(STRIP + path, 1, 0.0))], tmp_path / "data")[0] == "CORRUPT_FILE"
    assert not (tmp_path / "outside").exists()


def test_a_full_disk_says_what_was_needed_and_what_is_free(
    source: DirectoryPlace, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Stopped) as stopped:
        fetched(source, wanted(source), tmp_path / "data")
    monkeypatch.undo()
    finding = stopped.value.finding
    assert (finding.code, finding.expected) == ("DISK_FULL", f"room for {sum(map(len, CONTENTS.values()))} bytes")
    assert finding.found.endswith("bytes free")
    assert not [path for path in files(tmp_path / "data") if path.endswith(".part")]


def test_a_target_that_is_a_file_is_refused(source: DirectoryPlace, tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(Stopped) as stopped:
        fetched(source, wanted(source), tmp_path / "data")
    assert stopped.value.finding.code == "TARGET_REFUSED"


def test_all_threads_together_keep_to_the_rate(source: DirectoryPlace, tmp_path: pathlib.Path) -> None:
    rate = Rate(8_000_000.0)
    begun = time.monotonic()
    answer, _told = fetched(source, wanted(source), tmp_path / "data", rate)
    assert time.monotonic() - begun >= answer.bytes / 8_000_000 - 0.1
    assert rate.bytes == answer.bytes
    assert files(tmp_path / "data") == CONTENTS
