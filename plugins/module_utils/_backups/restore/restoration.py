# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A physical backup comes back to life: fetched, made consistent, replayed, promoted; and stopped on the way.

Two stops in one restore. At the manifest's anchor the copy is compared, read-only: only there is it provably equal to its source. Then the server goes on to
where the run really wants to go. The time for the comparison, and for starting again behind it, is not the recovery's.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
import typing as t

from ..findings import Finding, Stopped, stop
from ..source import wal
from ..source.archive import Archive, history
from . import backup_label, control, first_query
from .control import Control
from .engine import PhysicalEngine, included
from .recovery import Reached, Until, Watch
from .spool import Spool
from .target import Target
from .validation import Validation

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

SECONDS_TO_PROMOTE = 300


@dataclasses.dataclass
class Recovery:
    """One data folder on its way to a server."""

    run: Validation
    target: Target
    control: Control
    spool: Spool
    begins: int  # position

    def stop_at(self, until: Until) -> tuple[Connection, Reached]:
        """First start: consistent, then on to the point.

        :raises Stopped: as ``Watch``.
        """
        return self._go(until, beyond=None)

    def go_on_to(self, until: Until, beyond: str | None) -> tuple[Connection, Reached]:
        """Start again; what was replayed before is not timed a second time.

        :param beyond: the position that had been reached; None when it is not known, and all is timed.
        """
        self.target.stop()
        self.spool.forget_asked()
        return self._go(until, beyond=beyond)

    def promote(self, session: Connection) -> None:
        """Make it a primary, and use it once.

        :raises Stopped: START_FAILED, it does not become one.
        """
        with self.run.phases.phase("promote"):
            self.run.progress.begin("promote")
            session.execute("SELECT pg_promote(wait => false)")  # if it waits, it looks but ten times a second
            until = time.monotonic() + SECONDS_TO_PROMOTE
            while session.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
                if time.monotonic() > until:
                    raise stop(
                        "START_FAILED",
                        "server",
                        expected=f"to be promoted within {SECONDS_TO_PROMOTE} s",
                        found=self.target.last_words()[-300:],
                    )
                time.sleep(0.005)
        with self.run.phases.phase("first_query"):
            first_query.read_and_write(session)

    def cause(self) -> Stopped | None:
        """What the log did to a server that has ended; None while it runs, or where the log did nothing.

        It reads ahead, and can come upon what is missing or damaged while it stands at a point and is compared.
        """
        refused = self.spool.refused()
        return Stopped(refused) if refused is not None and self.target.has_ended() else None

    def _go(self, until: Until, beyond: str | None) -> tuple[Connection, Reached]:
        end = self.spool.chain.segments[-1].next().begins(self.control.segment_bytes) if self.spool.chain.segments else self.begins
        target = wal.position(until.lsn) if until.lsn else end
        watch = Watch(self.target, self.spool, self.run.deadline, lambda place: self.run.progress.reach(max(0, place - self.begins)))
        self.target.configure({"restore_command": self.spool.command, **self.limits(), **until.settings()})
        if beyond is not None:
            self.target.start()
            session = watch.consistent()
            watch.reach(session, until, beyond)
        else:
            with self.run.phases.phase("to_consistent"):
                self.run.progress.begin("to_consistent")
                self.target.start()
                session = watch.consistent()
        with self.run.phases.phase("replay"):
            self.run.progress.begin("replay", float(max(0, target - self.begins)))
            return session, watch.reach(session, until)

    def limits(self) -> dict[str, str]:
        """Never below the primary's: a standby with less stops in the middle."""
        return {name: str(value) for name, value in self.control.limits.items()}


def prepare(
    run: Validation,
    engine: PhysicalEngine,
    archive: Archive,
    target: Target,
    found: Control,
    label: backup_label.BackupLabel,
    folder: pathlib.Path,
) -> Recovery:
    """From fetched files to something that can be started: secluded, and with a spool that begins to fill.

    :param folder: an empty one of the server's account, for the spool.
    """
    size = found.segment_bytes
    begins = wal.position(label.start_lsn)
    own = included(target.data, size)
    histories = {name: history(run.place, item) for name, item in archive.histories.items()}
    chain = wal.chain(
        begins,
        label.timeline,
        {*archive.items, *own},
        last=max(archive.last, *(one.number for one in own), -1),
        histories={int(name[:8], 16): wal.switches(content.decode(errors="replace")) for name, content in histories.items()},
        size=size,
    )
    if not chain.segments and chain.gap is None:
        first = wal.holding(begins, label.timeline, size).name(size)
        raise stop(
            "WAL_GAP", first, expected="the log from the backup's beginning on", found="none of it, in the archive or with the backup"
        )
    spool = Spool(
        folder,
        engine.segments(archive, size),
        chain,
        histories=histories,
        size=size,
        owner=target.account,
        own=own - archive.items.keys(),
        gap=_gap(chain.gap, archive, size, run.t0) if chain.gap else None,
    )
    target.seclude()
    (target.data / "standby.signal").touch()
    spool.start()
    return Recovery(run, target, found, spool, begins)


def look(target: Target, expected_identifier: str | None) -> tuple[Control, backup_label.BackupLabel]:
    """What the fetched files say of themselves.

    :raises Stopped: VERSION_MISMATCH, WRONG_CLUSTER, FILE_MISSING, START_FAILED.
    """
    version = (target.data / "PG_VERSION").read_text(encoding="utf-8").strip() if (target.data / "PG_VERSION").exists() else "none"
    own = target.programs.major("postgres")
    if version != str(own):
        raise stop("VERSION_MISMATCH", "postgres", expected=f"the backup's major version, {version}", found=f"version {own}")
    found = control.read(target.programs, target.data)
    if expected_identifier is not None and found.system_identifier != expected_identifier:
        raise stop("WRONG_CLUSTER", "system identifier", expected=expected_identifier, found=found.system_identifier)
    return found, backup_label.read(target.data)


def _gap(gap: wal.Gap, archive: Archive, size: int, t0: float) -> Finding:
    last = gap.last_present
    item = archive.items.get(last) if last else None
    lost = f", so what was written in the last {t0 - item.written:.0f} s before the cut is lost" if item else ""
    before = last.name(size) if last else "none"
    found = f"missing; last present before it: {before}; later ones: {gap.later}{lost}"
    return Finding("WAL_GAP", gap.first_missing.name(size), "every segment up to the archive's last", found)
