# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which backup a run is about, and whether its age, objects and locks are as they must be."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._common import words
from ..findings import Finding, Stopped, stop
from ..source import wal
from ..taking.manifest import Manifest
from .engine import Backup, Backups
from .recovery import Until

LATEST = "latest"
FUTURE_SECONDS = 300.0  # a stop time that far ahead of our clock is no stop time


@dataclasses.dataclass(frozen=True)
class Located:
    """The backup, its manifest if it has one that can be believed, and what is wrong so far."""

    backup: Backup
    manifest: Manifest | None
    findings: tuple[Finding, ...]

    @property
    def stopped(self) -> float | None:
        """When it ended by its own account, epoch seconds: an old one that was uploaded today is old."""
        return epoch(self.manifest.stopped) if self.manifest else self.backup.stopped

    def expected(self) -> dict[str, tuple[int, str]]:
        """Size and SHA-256 of its files by path, from the manifest."""
        return {} if self.manifest is None else {path: (one.size, one.sha256) for path, one in self.manifest.files.items()}


def locate(backups: Backups, wanted: str, read: t.Callable[[str], Manifest]) -> Located:
    """The newest backup, or the one named.

    The newest is the one that ended last by its own account; when its objects came counts only where it has no believable manifest.

    :param read: the manifest of a label; raises ``Stopped`` with NO_MANIFEST or MANIFEST_FORGED.
    :raises Stopped: EMPTY_SOURCE, NOT_FOUND.
    """
    if not backups.found:
        raise stop("EMPTY_SOURCE", "backups", expected="at least one backup at the cut", found="none")
    if wanted != LATEST:
        if wanted not in backups.found:
            newest = ", ".join(sorted(backups.found)[-3:])
            raise stop("NOT_FOUND", f"backup {wanted}", expected="to be there at the cut", found=f"others: {newest}")
        return _with_manifest(backups.found[wanted], backups, read)
    candidates = [_with_manifest(backup, backups, read) for backup in backups.found.values()]
    return max(candidates, key=lambda one: (one.stopped or one.backup.written, one.backup.label))


def require_whole(located: Located) -> None:
    """Nothing, when every file of the manifest is there with its size.

    :raises Stopped: FILE_MISSING, CORRUPT_FILE; before anything is fetched.
    """
    sizes = {item.path: item.size for item in located.backup.files}
    for path, (size, _digest) in located.expected().items():
        if path not in sizes:
            raise stop("FILE_MISSING", path, expected=f"{size:,} bytes, as the manifest says", found="no such object at the cut")
        if sizes[path] != size:
            raise stop("CORRUPT_FILE", path, expected=f"{size:,} bytes, as the manifest says", found=f"{sizes[path]:,}")


def age(located: Located, t0: float, max_age: float | None) -> tuple[float | None, Finding | None]:
    """Seconds from the backup's end to the cut, and STALE_BACKUP when they are too many."""
    stopped = located.stopped
    if stopped is None:
        return None, None
    seconds = t0 - stopped
    if seconds < -FUTURE_SECONDS:
        return seconds, Finding(
            "STALE_BACKUP", located.backup.label, "a stop time in the past", f"one {-seconds:.0f} s ahead of the clock here"
        )
    if max_age is not None and seconds > max_age:
        return seconds, Finding("STALE_BACKUP", located.backup.label, f"to have ended at most {max_age:.0f} s ago", f"{seconds:.0f} s ago")
    return seconds, None


def require_target(located: Located, until: Until) -> None:
    """Nothing, when the point lies behind the backup's end: before it, a server starts anyway, with something else than was asked for.

    :raises Stopped: TARGET_BEFORE_BACKUP.
    """
    ended, stop_lsn = located.stopped, located.manifest.stop_lsn if located.manifest else located.backup.stop_lsn
    if until.time is not None and ended is not None and epoch(until.time) < ended:
        found = words.iso(ended)
        raise stop("TARGET_BEFORE_BACKUP", until.time, expected="a time behind the backup's end", found=f"a backup that ended at {found}")
    if until.lsn is not None and stop_lsn is not None and wal.position(until.lsn) < wal.position(stop_lsn):
        raise stop(
            "TARGET_BEFORE_BACKUP", until.lsn, expected="a position behind the backup's end", found=f"a backup that ended at {stop_lsn}"
        )


def epoch(moment: str) -> float:
    """An ISO time with zone as epoch seconds."""
    return datetime.datetime.fromisoformat(moment).timestamp()


def _with_manifest(backup: Backup, backups: Backups, read: t.Callable[[str], Manifest]) -> Located:
    own = {item.path for item in backup.files}
    findings = tuple(one for one in backups.findings if one.about in own)
    try:
        return Located(backup, read(backup.label), findings)
    except Stopped as stopped:
        return Located(backup, None, (*findings, stopped.finding))
