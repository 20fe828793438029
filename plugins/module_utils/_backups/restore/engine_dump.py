# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. pg_dump's directory format."""

from __future__ import annotations

import pathlib
import typing as t

from ..source import fetch
from ..source.place import BACKUPS
from ..source.reading import Wanted
from .engine import Backup, Backups, Tools, in_folders


class Dump:
    """The engine."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._transfer = tools.transfer

    def backups(self, until: float) -> Backups:
        return in_folders(self._transfer.place.listing(BACKUPS, until), BACKUPS)

    def fetch(self, backup: Backup, expected: t.Mapping[str, tuple[int, str]], folder: pathlib.Path) -> int:
        return fetch.fetch(
            self._transfer.place,
            [Wanted(item, *expected.get(item.path, (None, None))) for item in backup.files],
            folder / "dump",
            strip=f"{BACKUPS}{backup.label}/",
            rate=self._transfer.rate,
            workers=self._transfer.workers,
            on_bytes=self._transfer.tell,
            owner=self._tools.programs.owner,
        ).bytes
