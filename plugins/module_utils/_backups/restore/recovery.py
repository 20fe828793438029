# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Watches a server replay the archive up to a point, and tells its end from a damage in its middle.

A server that recovers takes the first record it cannot read for the end of the log, starts, and has lost what came after. So it is kept a standby: at the
archive's end it asks for the segment behind the last one; at a damage it asks for the same segment again and again.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..findings import Stopped, stop
from ..source import wal
from .spool import Spool
from .target import Target

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

SAME_AGAIN = 8  # how often one segment is asked for in vain before it counts as damaged; the server waits 0.1 s between
STILL_SO = 50  # looks, 0.02 s apart, that the archive must be at its end before a server that is not consistent yet will never be
CONSISTENT = "consistent recovery state reached"
UNREADABLE = ("invalid", "incorrect", "unexpected", "could not read", "contrecord", "record with", "zero")


@dataclasses.dataclass(frozen=True)
class Until:
    """Where to stop: a position (before the record that begins there), a time (ISO with zone), or with neither the archive's end."""

    lsn: str | None = None
    time: str | None = None

    def settings(self) -> dict[str, str]:
        """For the server's configuration."""
        if self.lsn is not None:
            return {"recovery_target_lsn": self.lsn, "recovery_target_inclusive": "off", "recovery_target_action": "pause"}
        if self.time is not None:
            return {"recovery_target_time": self.time, "recovery_target_action": "pause"}
        return {}

    @property
    def is_end(self) -> bool:
        return self.lsn is None and self.time is None

    def __str__(self) -> str:
        return self.lsn or self.time or "the end of the archive"


@dataclasses.dataclass(frozen=True)
class Reached:
    """The position behind the last record that was replayed, and when the last transaction in it was committed."""

    lsn: str
    time: str | None


class Watch:
    """One start of a recovering server.

    :param deadline: monotonic seconds.
    :param tell: called with the bytes of the log that are replayed so far.
    """

    def __init__(self, target: Target, spool: Spool, deadline: float, tell: t.Callable[[int], None]) -> None:
        self.target = target
        self.spool = spool
        self.deadline = deadline
        self.tell = tell
        self._drained = 0
        self._moved = (0, 0)  # position, and how much had been asked for when it was reached

    def consistent(self) -> Connection:
        """A session as soon as the server can be read.

        :raises Stopped: WAL_GAP, WAL_CORRUPT, and as ``Target.answers``.
        """
        try:
            return self.target.wait_until_it_answers(self.deadline, self._look_before_it_answers)
        except Stopped as stopped:
            raise self._cause(stopped) from stopped

    def reach(self, session: Connection, until: Until, beyond: str | None = None) -> Reached:
        """Wait for the point.

        :param beyond: return already when this position is replayed.
        :raises Stopped: TARGET_UNREACHABLE, WAL_GAP, WAL_CORRUPT, RUN_TIMEOUT, DISK_FULL.
        """
        started = time.monotonic()
        still = 0
        last = -1
        while True:
            state, lsn, at = self._state(session)
            place = wal.position(lsn)
            self.tell(place)
            if beyond is not None and place >= wal.position(beyond):
                return Reached(lsn, at)
            if state == "paused" and not until.is_end:
                return Reached(lsn, at)
            asked = self.spool.asked()
            still = still + 1 if place == last and self.spool.is_drained(asked) else 0
            if still >= 3:
                if until.is_end:
                    return Reached(lsn, at)
                raise stop(
                    "TARGET_UNREACHABLE", f"recovery to {until}", expected="a point inside the archive", found=f"it ends at {lsn}, {at}"
                )
            self._require_progress(place, asked)
            last = place
            if time.monotonic() > self.deadline:
                raise stop("RUN_TIMEOUT", "replay", expected=f"to reach {until} in time", found=f"{lsn}")
            time.sleep(0.01 if time.monotonic() - started < 2 else 0.05)

    def _state(self, session: Connection) -> tuple[str, str, str | None]:
        query = (
            "SELECT pg_get_wal_replay_pause_state(), pg_last_wal_replay_lsn()::text,"
            " to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"
        )
        try:
            self.spool.require_well()
            [found] = session.execute(query).fetchall()
        except Exception as problem:
            self.target.has_ended()
            try:
                self.target.require_alive()
            except Stopped as stopped:
                raise self._cause(stopped) from problem
            raise
        return found[0], found[1], found[2]

    def _look_before_it_answers(self) -> None:
        self.spool.require_well()
        asked = self.spool.asked()
        self._require_progress(0, asked)
        if not self.spool.is_drained(asked):
            return
        self._drained += 1
        if self._drained >= STILL_SO and CONSISTENT not in self.target.last_words():
            last = self.spool.chain.segments[-1].name(self.spool.size)
            raise stop("WAL_GAP", last, expected="the log up to the backup's end in the archive", found="an archive that ends before it")

    def _require_progress(self, place: int, asked: t.Sequence[str]) -> None:
        """Nothing, unless the server asks for one segment in vain while it does not move."""
        if place != self._moved[0]:
            self._moved = (place, len(asked))
            return
        since = [name for name in asked[self._moved[1] :] if wal.parse(name)]
        if len(since) < SAME_AGAIN:
            return
        again = since[-SAME_AGAIN:]
        own = {segment.name(self.spool.size) for segment in self.spool.chain.segments}
        if len(set(again)) == 1 and again[0] in own and not self.spool.is_drained(asked):
            raise self._corrupt(again[0])

    def _corrupt(self, segment: str) -> Stopped:
        lines = [line for line in self.target.last_words().splitlines() if any(word in line for word in UNREADABLE)]
        found = lines[-1].split("LOG:", maxsplit=1)[-1].strip() if lines else "a record that cannot be read"
        return stop("WAL_CORRUPT", segment, expected="records to the archive's end", found=found[-300:])

    def _cause(self, stopped: Stopped) -> Stopped:
        """Why the server ended, where the spool knows it better."""
        refused = self.spool.refused()
        return stopped if refused is None else Stopped(refused)
