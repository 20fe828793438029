# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The files of a restored base backup beside its own ``backup_manifest``, which pg_basebackup wrote while it read them.

pg_verifybackup looks at the manifest itself, at names and sizes and at the log. It reads the files one after the other, and its own SHA-256 knows no
processor's instructions where PostgreSQL was built without OpenSSL (3 s a gigabyte); so that part is done here, by several threads.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import pathlib
import typing as t

from ..findings import Finding, stop
from ..programs import Programs
from .checks import Look

MANIFEST = "backup_manifest"
DIGESTS = {
    "SHA224": "sha224",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
}  # src/common/checksum_helper.c; the other is CRC32C
LONGEST = 400


def look(data: pathlib.Path, programs: Programs, workers: int) -> Look:
    """Compare all of them.

    :raises Stopped: TOOL_MISSING, pg_verifybackup is not there or does not run.
    """
    if not (data / MANIFEST).exists():
        return _wrong(f"the backup has no {MANIFEST}", MANIFEST, "to be there", "no such file")
    listed = _listed(data / MANIFEST)
    is_ours = bool(listed) and all(algorithm in DIGESTS for algorithm, _digest in listed.values())
    has_log = any((data / "pg_wal").glob("0*"))
    arguments = [*(() if has_log else ("--no-parse-wal",)), *(("--skip-checksums",) if is_ours else ())]
    answer = programs.run("pg_verifybackup", "--quiet", *arguments, str(data))
    if answer.code < 0:  # it was killed, or is broken: that says nothing about the files
        raise stop("TOOL_MISSING", "pg_verifybackup", expected="a program that runs", found=f"ended by signal {-answer.code}")
    said = (" ".join(answer.output.split())[:LONGEST] or f"exit code {answer.code}") if answer.code else ""
    if not said and is_ours:
        said = ", ".join(f'checksum mismatch for file "{path}"' for path in _differing(data, listed, workers))[:LONGEST]
    if said:
        return _wrong(said, "files", "every file as pg_basebackup read it", said)
    return Look("every file as pg_basebackup read it" + (", its log readable" if has_log else ""))


def _listed(manifest: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Algorithm and digest by path; nothing of a manifest that cannot be read, of which pg_verifybackup says what is wrong."""
    try:
        files = json.loads(manifest.read_bytes())["Files"]
        return {_path(one): (one["Checksum-Algorithm"], one["Checksum"]) for one in files if "Checksum" in one}
    except (ValueError, KeyError, TypeError):
        return {}


def _path(entry: t.Mapping[str, str]) -> str:
    """A name that is no UTF-8 is written in hexadecimal digits."""
    return entry["Path"] if "Path" in entry else os.fsdecode(bytes.fromhex(entry["Encoded-Path"]))


def _differing(data: pathlib.Path, listed: t.Mapping[str, tuple[str, str]], workers: int) -> list[str]:
    def is_same(path: str) -> bool:
        algorithm, digest = listed[path]
        with (data / path).open("rb") as file:
            return hashlib.file_digest(file, DIGESTS[algorithm]).hexdigest() == digest

    with concurrent.futures.ThreadPoolExecutor(workers, "verify") as pool:
        return [path for path, same in zip(listed, pool.map(is_same, listed), strict=True) if not same]


def _wrong(detail: str, about: str, expected: str, found: str) -> Look:
    return Look(detail, (Finding("VERIFYBACKUP_FAILED", about, expected, found),))
