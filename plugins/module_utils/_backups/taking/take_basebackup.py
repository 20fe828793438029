# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Backups by pg_basebackup: tar or plain files, with a manifest of SHA-256 of its own, and the log they need with them."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

from ..._common import words
from ..programs import Programs
from .take import Taken, require_success

MANIFEST = "backup_manifest"


def take(
    programs: Programs,
    environment: t.Mapping[str, str],
    folder: pathlib.Path,
    label: str,
    *,
    plain: bool,
    compress: int | None,
    max_rate: int | None,
) -> Taken:
    """Copy the cluster's files.

    :param environment: of ``service_file.environment``.
    :param max_rate: bytes a second to ask the server for at most.
    :raises Refusal: it failed.
    """
    arguments = [
        f"--pgdata={folder}",
        f"--format={'plain' if plain else 'tar'}",
        f"--label={label}",
        "--checkpoint=fast",
        "--wal-method=stream",
        "--manifest-checksums=SHA256",
        "--no-password",
    ]
    if compress is not None and not plain:
        arguments.append(f"--compress={compress}")
    if max_rate is not None:
        arguments.append(f"--max-rate={max(32, max_rate // 1024)}k")  # it takes no less
    began = time.time()
    require_success("pg_basebackup", programs.run("pg_basebackup", *arguments, env=environment))
    start, stop = wal_range((folder / MANIFEST).read_bytes())
    return Taken(label, words.iso(began), words.iso(time.time()), start, stop)


def wal_range(manifest: bytes) -> tuple[str | None, str | None]:
    """Where the backup starts and stops in the log, from PostgreSQL's own manifest of it."""
    ranges = json.loads(manifest).get("WAL-Ranges") or [{}]
    return ranges[0].get("Start-LSN"), ranges[-1].get("End-LSN")
