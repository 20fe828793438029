# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. pg_basebackup's files, plain or tar, and an archive of WAL segments beside them."""

from __future__ import annotations

import contextlib
import pathlib
import re
import typing as t

from ..findings import stop
from ..programs import Account, hand_over
from ..source import archive, fetch, tar_extract
from ..source.archive import Archive, Files
from ..source.place import BACKUPS, WAL, Item
from ..source.reading import Wanted, stream
from . import backup_files
from .checks import Look
from .engine import Backup, Backups, Tools, in_folders
from .spool import Source

# What initdb makes (src/bin/initdb/initdb.c: subdirs) and may be empty in a backup: a bucket keeps no empty folders, and a server does not start without.
EMPTY = (
    *(
        "pg_commit_ts",
        "pg_dynshmem",
        "pg_logical/mappings",
        "pg_logical/snapshots",
        "pg_notify",
        "pg_replslot",
        "pg_serial",
        "pg_snapshots",
    ),
    *("pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc", "pg_twophase", "pg_wal/archive_status"),
)
FOLDERS = {"base": "", "pg_wal": "pg_wal"}
TAR = re.compile(r"(base|pg_wal|\d+)\.tar(\.gz)?\Z")


class BaseBackup:
    """The engine."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._transfer = tools.transfer

    def backups(self, until: float) -> Backups:
        return in_folders(self._transfer.place.listing(BACKUPS, until), BACKUPS)

    def fetch(self, backup: Backup, expected: t.Mapping[str, tuple[int, str]], folder: pathlib.Path) -> int:
        data = folder / "data"
        data.mkdir(mode=0o700)
        hand_over(data, self._tools.programs.account)
        prefix = f"{BACKUPS}{backup.label}/"
        tars = {found.group(1): item for item in backup.files if (found := TAR.match(item.path.removeprefix(prefix)))}
        if tars:
            rest = [item for item in backup.files if item.path == f"{prefix}backup_manifest"]
            came = self._extract(tars, expected, data)
        else:
            rest, came = list(backup.files), 0
        fetched = fetch.fetch(
            self._transfer.place,
            [Wanted(item, *expected.get(item.path, (None, None))) for item in rest],
            data,
            strip=prefix,
            rate=self._transfer.rate,
            workers=self._transfer.workers,
            on_bytes=self._transfer.tell,
            owner=self._tools.programs.owner,
        )
        for name in EMPTY:
            _make_folder(data, name, self._tools.programs.account)
        if not (data / "backup_label").exists():
            raise stop("FILE_MISSING", f"{prefix}backup_label", expected="the file that says where recovery begins", found="no such file")
        return came + fetched.bytes

    def archive(self, _backup: Backup, /, until: float, size: int) -> Archive:
        return archive.look(self._transfer.place, WAL, until, size)

    def segments(self, archive: Archive, size: int) -> Source:
        return Files(self._transfer.place, archive, self._transfer.rate, size)

    def verify(self, data: pathlib.Path, /) -> Look | None:
        return backup_files.look(data, self._tools.programs, self._tools.jobs)

    def _extract(self, tars: t.Mapping[str, Item], expected: t.Mapping[str, tuple[int, str]], data: pathlib.Path) -> int:
        for name, item in tars.items():
            if name not in FOLDERS:
                raise stop("TARGET_REFUSED", item.path, expected="a cluster without tablespaces of its own", found=f"the tablespace {name}")
            wanted = Wanted(item, *expected.get(item.path, (None, None)))
            with contextlib.closing(stream(self._transfer.place, wanted, self._transfer.rate, self._transfer.tell)) as reader:
                tar_extract.extract(reader, item.path, data / FOLDERS[name], owner=self._tools.programs.owner)
                reader.finish()
        return sum(item.size for item in tars.values())


def _make_folder(data: pathlib.Path, name: str, account: Account | None) -> None:
    folder = data
    for part in name.split("/"):
        folder /= part
        if not folder.exists():
            folder.mkdir(mode=0o700)
            hand_over(folder, account)
