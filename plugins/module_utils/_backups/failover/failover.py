# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A failover, rehearsed and measured: write, kill the primary, promote its standby, write and read there, bring the old one back.

All moments are of the monotonic clock. Detection and decision, which a cluster manager adds, are not in any number.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..findings import Finding, stop
from ..programs import Programs
from ..restore.phases import Phases
from ..run_directory import RunDirectory
from . import pair, writers
from .pair import Wanted
from .scratch_server import ScratchServer
from .writers import Kept, Writers

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

SECONDS_TO_SETTLE = 10.0  # for a writer to notice that its server is gone
POLL_SECONDS = 0.002


@dataclasses.dataclass(frozen=True)
class Drill:
    """What is done to the pair.

    ``write_seconds`` with the standby streaming, then ``partition_seconds`` without it, then the kill. A goal that is None is not judged.
    """

    wanted: Wanted
    writers: int
    write_seconds: float
    partition_seconds: float
    rejoin: bool
    seconds_at_most: float | None
    lost_at_most: int | None


@dataclasses.dataclass
class Observed:
    """What was seen so far; None for what was not. Phases: provision, write, promote, first_write, first_read, verify, rejoin.

    ``failover_seconds`` is from the order to promote to the acknowledgement of the first write on the new primary, connecting included.
    """

    phases: Phases = dataclasses.field(default_factory=Phases)
    failover_seconds: float | None = None
    kept: Kept | None = None
    timelines: tuple[int | None, int | None] = (None, None)
    read_ok: bool | None = None
    server_version: int | None = None


def rehearse(drill: Drill, programs: Programs, directory: RunDirectory, seen: Observed) -> None:
    """Do it all, and put what is observed into ``seen`` as it comes, so that a run that is cut short has what it got.

    :raises Stopped: the pair cannot be made (START_FAILED, RESTORE_FAILED, TOOL_MISSING), PROMOTE_FAILED, REJOIN_FAILED.
    """
    with seen.phases.phase("provision"):
        both = pair.make(drill.wanted, programs, directory)
        writers.prepare(both.primary)
    with both.primary.connect() as session:
        seen.timelines = (_timeline(session), None)
        seen.server_version = session.info.server_version
    with seen.phases.phase("write"):
        at_work = Writers(both.primary, drill.writers, drill.wanted.replication)
        at_work.start()
        time.sleep(drill.write_seconds)
        if drill.partition_seconds:
            pair.cut(both.standby, drill.wanted.timeout)
            time.sleep(drill.partition_seconds)
    died = time.monotonic()
    both.primary.kill()
    at_work.stop(SECONDS_TO_SETTLE)
    _promote(both.standby, drill.wanted.timeout, seen)
    with seen.phases.phase("verify"), both.standby.connect() as session:
        seen.timelines = (seen.timelines[0], _timeline(session))
        seen.kept = writers.kept(session, at_work.acknowledged, died)
    if drill.rejoin:
        with seen.phases.phase("rejoin"):
            pair.rejoin(both.primary, both.standby, drill.wanted.timeout)


def judged(drill: Drill, seen: Observed) -> list[Finding]:
    """What is wrong with what was observed to the end."""
    found = []
    kept = seen.kept
    if kept is not None:
        if kept.acknowledged == 0:
            found.append(Finding("NOTHING_WRITTEN", "writes", "some that were acknowledged before the kill", "none"))
        if drill.lost_at_most is not None and kept.lost > drill.lost_at_most:
            expected = f"at most {drill.lost_at_most} acknowledged writes lost"
            found.append(Finding("WRITES_LOST", "writes", expected, f"{kept.lost} of {kept.acknowledged}"))
        if kept.differing:
            found.append(Finding("READ_DIFFERS", "writes", "every row as it was written", f"{kept.differing} that are not"))
    if seen.read_ok is False:
        found.append(Finding("READ_DIFFERS", "first read", "the row just written", "another, or none"))
    if drill.seconds_at_most is not None and seen.failover_seconds is not None and seen.failover_seconds > drill.seconds_at_most:
        expected = f"at most {drill.seconds_at_most:g} s from promotion to the first write"
        found.append(Finding("GOAL_FAILOVER", "failover_seconds", expected, f"{seen.failover_seconds:.3f} s"))
    before, after = seen.timelines
    if before is not None and after is not None and after <= before:
        found.append(Finding("PROMOTE_FAILED", "timeline", f"one behind {before}", str(after)))
    return found


def _promote(standby: ScratchServer, timeout: float, seen: Observed) -> None:
    ordered = time.monotonic()
    with standby.connect() as session, seen.phases.phase("promote"):
        session.execute("SELECT pg_promote(wait => false)")
        pair.wait_for(lambda: not _value(session, "SELECT pg_is_in_recovery()"), timeout, "PROMOTE_FAILED", "a primary", POLL_SECONDS)
    row = (*writers.AFTERWARDS, writers.content(*writers.AFTERWARDS))
    with standby.connect() as session:
        with seen.phases.phase("first_write"):
            session.execute(writers.INSERT, row)
        seen.failover_seconds = time.monotonic() - ordered
        with seen.phases.phase("first_read"):
            read = session.execute(writers.READ, writers.AFTERWARDS).fetchall()
        seen.read_ok = read == [row]


def _timeline(session: Connection) -> int:
    """Of the log that the server writes: the first eight hexadecimal digits of a segment's name."""
    return int(str(_value(session, "SELECT pg_walfile_name(pg_current_wal_lsn())"))[:8], 16)


def _value(session: Connection, query: t.LiteralString) -> t.Any:
    row = session.execute(query).fetchone()
    if row is None:
        raise stop("PROMOTE_FAILED", "new primary", expected="an answer", found="none")
    return row[0]
