# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What every backup tool has to answer, so that a validation need not know which one it is."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from ..findings import Finding
from ..programs import Programs
from ..source import wal
from ..source.archive import Archive
from ..source.place import Item, Listing, Place
from ..source.rate import Rate
from .checks import Look
from .spool import Source


@dataclasses.dataclass(frozen=True)
class Transfer:
    """How bytes come from the place: at which rate, by how many workers, and who is told of them."""

    place: Place
    rate: Rate
    workers: int
    tell: t.Callable[[int], None]


@dataclasses.dataclass(frozen=True)
class Backup:
    """One backup as it lay in its place at the cut. Times are epoch seconds, None where the tool does not say."""

    label: str
    files: tuple[Item, ...]
    started: float | None = None
    stopped: float | None = None
    start_lsn: str | None = None
    stop_lsn: str | None = None

    @property
    def bytes(self) -> int:
        return sum(item.size for item in self.files)

    @property
    def written(self) -> float:
        """When its last object came."""
        return max((item.written for item in self.files), default=0.0)


@dataclasses.dataclass(frozen=True)
class Backups:
    """All of them by label, and what is wrong with their objects."""

    found: t.Mapping[str, Backup]
    findings: tuple[Finding, ...] = ()


class Engine(t.Protocol):
    """A backup tool. Every method raises ``findings.Stopped`` for what is wrong with the backup or stands in the way."""

    def backups(self, until: float) -> Backups:
        """What was there at that moment."""

    def fetch(self, backup: Backup, expected: t.Mapping[str, tuple[int, str]], folder: pathlib.Path) -> int:
        """Bring it into the run's folder; the bytes that came.

        :param expected: size and SHA-256 by path, from the manifest; empty without one.
        """


class PhysicalEngine(Engine, t.Protocol):
    """One whose backup is a data folder that recovers from an archive. ``fetch`` makes ``<folder>/data``."""

    def archive(self, backup: Backup, /, until: float, size: int) -> Archive:
        """The WAL archive at that moment."""

    def segments(self, archive: Archive, size: int) -> Source:
        """Where its segments come from."""

    def verify(self, data: pathlib.Path, /) -> Look | None:
        """The tool's own look at the restored files, before the server has touched them; None where the restore itself has looked."""


def included(data: pathlib.Path, size: int) -> set[wal.Segment]:
    """Segments of the log that came with the backup itself."""
    return {segment for path in (data / "pg_wal").iterdir() if (segment := wal.parse(path.name, size)) is not None}


@dataclasses.dataclass(frozen=True)
class Tools:
    """What an engine works with."""

    transfer: Transfer
    programs: Programs
    jobs: int


def in_folders(listing: Listing, prefix: str) -> Backups:
    """Backups that lie in a folder each, named by their label."""
    files: dict[str, list[Item]] = {}
    for path, item in listing.items.items():
        label, slash, _name = path.removeprefix(prefix).partition("/")
        if slash and not label.startswith("."):  # one that is still being written hides behind a dot
            files.setdefault(label, []).append(item)
    return Backups({label: Backup(label, tuple(items)) for label, items in files.items()}, listing.findings)
