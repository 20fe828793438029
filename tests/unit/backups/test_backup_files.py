# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a backup beside its backup_manifest: what is left to pg_verifybackup, and what is summed here."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
import zlib
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.programs import Programs
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore import backup_files

CONTENT = b"a page"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    (made / "base").mkdir(parents=True)
    (made / "base" / "1").write_bytes(CONTENT)
    return made


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """A pg_verifybackup that finds nothing and keeps what it was asked."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "pg_verifybackup"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    script.chmod(0o755)
    return Programs(str(tmp_path / "bin"), None)


def described(data: Path, *entries: t.Mapping[str, str]) -> None:
    (data / "backup_manifest").write_text(json.dumps({"PostgreSQL-Backup-Manifest-Version": 1, "Files": list(entries)}))


def entry(algorithm: str = "SHA256", content: bytes = CONTENT, *, key: str = "Path", path: str = "base/1") -> dict[str, str]:
    digest = f"{zlib.crc32(content):08x}" if algorithm == "CRC32C" else hashlib.new(algorithm, content).hexdigest()
    return {key: path, "Checksum-Algorithm": algorithm, "Checksum": digest}


@pytest.mark.parametrize("algorithm", list(backup_files.DIGESTS))
def test_what_is_the_same_is_so_and_what_differs_is_named(data: Path, programs: Programs, tmp_path: Path, algorithm: str) -> None:
    described(data, entry(algorithm))
    assert backup_files.look(data, programs, 2).findings == ()
    assert "--skip-checksums" in (tmp_path / "asked").read_text()
    described(data, entry(algorithm, b"another"))
    (finding,) = backup_files.look(data, programs, 2).findings
    assert (finding.code, finding.found) == ("VERIFYBACKUP_FAILED", 'checksum mismatch for file "base/1"')


def test_a_name_that_is_no_utf_8_is_found(data: Path, programs: Programs) -> None:
    name = b"base/\xff"
    Path(os.fsdecode(bytes(data) + b"/" + name)).write_bytes(CONTENT)
    described(data, entry(key="Encoded-Path", path=name.hex()))
    assert backup_files.look(data, programs, 2).findings == ()


@pytest.mark.parametrize("manifest", ["", "{}", '{"Files": [{"Checksum": "00"}]}', "crc"])
def test_what_cannot_be_summed_here_is_left_to_the_program(data: Path, programs: Programs, tmp_path: Path, manifest: str) -> None:
    described(data, entry("CRC32C"))
    if manifest != "crc":
        (data / "backup_manifest").write_text(manifest)
    assert backup_files.look(data, programs, 2).findings == ()
    assert "--skip-checksums" not in (tmp_path / "asked").read_text()


def test_without_a_manifest_of_its_own_a_backup_is_not_whole(data: Path, programs: Programs) -> None:
    (finding,) = backup_files.look(data, programs, 2).findings
    assert (finding.code, finding.about) == ("VERIFYBACKUP_FAILED", "backup_manifest")
