# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A base backup as a tar, taken apart while it arrives."""

from __future__ import annotations

import gzip
import io
import os
import pathlib
import stat
import tarfile

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.tar_extract import Extracted, extract

CONTENTS = {"backup_label": b"START WAL", "base/1/1247": os.urandom(8192 * 3), "base/1/1249": b"", "base/1/2": os.urandom(513)}


def entry(name: str, content: bytes | None = None, mode: int = 0o640, **more: str | bytes) -> tuple[tarfile.TarInfo, bytes]:
    """A file, or without content a folder, or whatever ``more`` makes of it."""
    made = tarfile.TarInfo(name)
    made.mode, made.size, made.type = mode, len(content or b""), tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    for attribute, value in more.items():
        setattr(made, attribute, value)
    return made, content or b""


def packed(*entries: tuple[tarfile.TarInfo, bytes], layout: int = tarfile.USTAR_FORMAT) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w", format=layout) as tar:
        for made, content in entries:
            tar.addfile(made, io.BytesIO(content))
    return kept.getvalue()


def cluster() -> bytes:
    return packed(entry("base", mode=0o750), entry("base/1", mode=0o750), *(entry(path, content) for path, content in CONTENTS.items()))


def failed(tar: bytes, target: pathlib.Path, name: str = "base.tar") -> str:
    with pytest.raises(Stopped) as stopped:
        extract(io.BytesIO(tar), name, target)
    return stopped.value.finding.code


@pytest.mark.parametrize("name", ["backups/monday/base.tar", "backups/monday/base.tar.gz"])
def test_files_and_folders_keep_their_modes(tmp_path: pathlib.Path, name: str) -> None:
    tar = gzip.compress(cluster()) if name.endswith(".gz") else cluster()
    assert extract(io.BytesIO(tar), name, tmp_path / "data") == Extracted(sum(map(len, CONTENTS.values())), 4)
    found = {str(path.relative_to(tmp_path / "data")): path for path in (tmp_path / "data").rglob("*")}
    assert {path: file.read_bytes() for path, file in found.items() if file.is_file()} == CONTENTS
    assert {stat.S_IMODE(file.stat().st_mode) for file in found.values() if file.is_file()} == {0o640}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in found.values() if folder.is_dir()} == {0o750}


def test_a_gzip_of_several_parts_is_one(tmp_path: pathlib.Path) -> None:
    tar = cluster()
    assert extract(io.BytesIO(gzip.compress(tar[:5000]) + gzip.compress(tar[5000:])), "base.tar.gz", tmp_path).files == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_everything_gets_its_owner(tmp_path: pathlib.Path) -> None:
    extract(io.BytesIO(cluster()), "base.tar", tmp_path / "data", owner=(65534, 65533))
    assert {(path.stat().st_uid, path.stat().st_gid) for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")]} == {(65534, 65533)}


@pytest.mark.parametrize("cut", [0, 100, 512, 1536, 20_000])
def test_a_tar_that_is_cut_is_corrupt(tmp_path: pathlib.Path, cut: int) -> None:
    assert failed(cluster()[:cut], tmp_path) == "CORRUPT_FILE"
    assert failed(gzip.compress(cluster())[:cut], tmp_path, "base.tar.gz") == "CORRUPT_FILE"


def test_a_flipped_bit_in_a_header_or_a_gzip_is_found(tmp_path: pathlib.Path) -> None:
    tar = bytearray(cluster())
    tar[600] ^= 1
    assert failed(bytes(tar), tmp_path) == "CORRUPT_FILE"
    packed_tar = bytearray(gzip.compress(cluster()))
    packed_tar[len(packed_tar) // 2] ^= 1
    assert failed(bytes(packed_tar), tmp_path, "base.tar.gz") == "CORRUPT_FILE"


@pytest.mark.parametrize(
    "member",
    [
        entry("../outside", b"1"),
        entry("base/../../outside", b"1"),
        entry("/outside", b"1"),
        entry("outside", type=tarfile.SYMTYPE, linkname="/etc"),
        entry("outside", type=tarfile.LNKTYPE, linkname="backup_label"),
        entry("outside", type=tarfile.FIFOTYPE),
    ],
)
def test_nothing_is_made_outside_and_no_link_at_all(tmp_path: pathlib.Path, member: tuple[tarfile.TarInfo, bytes]) -> None:
    assert failed(packed(entry("base"), member), tmp_path / "data") == "CORRUPT_FILE"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["base", "data"]


def test_a_link_that_lies_in_the_target_is_not_written_through(tmp_path: pathlib.Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "backup_label").symlink_to(tmp_path / "kept")
    assert failed(cluster(), tmp_path / "data") == "TARGET_REFUSED"
    assert (tmp_path / "kept").read_bytes() == b"kept"


def test_a_tablespace_is_refused_before_the_server_misses_it(tmp_path: pathlib.Path) -> None:
    link = entry("pg_tblspc/16384", type=tarfile.SYMTYPE, linkname="/mnt/fast")
    assert failed(packed(entry("pg_tblspc"), link), tmp_path) == "TARGET_REFUSED"
