# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Steering a copy: let it work and hold in turns, compare what the foreground felt, and set its share of time."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import time
import typing as t

from .._common.postgres.driver import sql
from .._common.ranks import percentile
from .feed import Sample, Slot, save, slot_of
from .names import state as state_table
from .pace import Limit, next_duty
from .state import record, update

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .copy import Throttle, Workers
    from .feed import Feed
    from .state import Job

RECENT_PAIRS, DECIDING_PAIRS = 5, 3
RECENT_SECONDS = 60
FLUSH_SECONDS = 0.3  # a feed is flushed at least five times a second

_RECENT = """
SELECT kind, milliseconds FROM {slot} WHERE job = %(job)s AND phase = 'copy' AND started_at > clock_timestamp() - make_interval(secs => %(seconds)s)
  AND started_at > coalesce((SELECT max(at) FROM {event} WHERE job = %(job)s AND what = 'slowed down'), '-infinity') ORDER BY started_at
"""


class Steering:
    """A cycle is a copying slot and the holding slot behind it. It is judged one cycle later, when the feed has told all of it.

    ``last`` is the foreground's p95 in the last two slots judged, copying and holding, in milliseconds.
    """

    def __init__(
        self,
        connection: Connection,
        job: Job,
        workers: Workers,
        throttle: Throttle,
        feed: Feed | None,
        limit: Limit,
        *,
        largest_duty: float,
    ) -> None:
        self.connection = connection
        self.job = job
        self.workers = workers
        self.throttle = throttle
        self.feed = feed
        self.limit = limit
        self.largest_duty = largest_duty
        self.last: tuple[float, float] | None = None
        self._pairs: collections.deque[tuple[float, float]] = collections.deque(maxlen=RECENT_PAIRS)
        self._samples: list[Sample] = []
        self._waiting: list[Slot] = []  # the cycle that is not judged yet
        self._recall()

    def _recall(self) -> None:
        """What an earlier slice of this copy saw and has not acted on yet."""
        query = sql.SQL(_RECENT).format(slot=state_table("slot"), event=state_table("event"))
        slots = self.connection.execute(query, {"job": self.job.id, "seconds": RECENT_SECONDS}).fetchall()
        for (kind, copying), (next_kind, holding) in itertools.pairwise(slots):
            if (kind, next_kind) == ("copy", "hold"):
                self._learn(copying, holding)

    def cycle(self, copy_seconds: float, hold_seconds: float) -> None:
        """One cycle. Without a throttle there is nothing to hold for; while somebody has paused the job, nothing is copied."""
        if self._paused():
            self.throttle.allowed.clear()
            time.sleep(0.5)
            return
        self.throttle.allowed.set()
        slots = [self._slot("copy", copy_seconds)]
        if self.throttle.duty < 1:
            self.throttle.allowed.clear()
            slots.append(self._slot("hold", hold_seconds))
        self._judge()
        self._waiting = slots

    def settle(self) -> None:
        """Judge the last cycle too."""
        if self.feed and self._waiting:
            time.sleep(FLUSH_SECONDS)
            self._judge()

    def _slot(self, kind: str, seconds: float) -> Slot:
        started, rows = time.time(), self.workers.rows()
        until = time.monotonic() + seconds
        while time.monotonic() < until and (self.workers.alive() or kind == "hold"):
            time.sleep(0.05)
        return Slot(kind, started, time.time(), [], 0, self.workers.rows() - rows)

    def _judge(self) -> None:
        if self.feed is None or not self._waiting:
            return
        self._samples += self.feed.take()
        slots = [slot_of(self._samples, slot.kind, slot.started, slot.ended, slot.rows) for slot in self._waiting]
        self._samples = [sample for sample in self._samples if sample.at >= slots[-1].ended]
        self._waiting = []
        save(self.connection, self.job, "copy", slots)
        if len(slots) == 2:
            self._learn(slots[0].milliseconds, slots[1].milliseconds)
            self._set_duty()

    def _learn(self, copying: list[float], holding: list[float]) -> None:
        """Slots without samples say that nobody looked; a pair of them is no evidence, and what was seen before is out of date."""
        felt = percentile(copying, 95), percentile(holding, 95)
        if felt[0] is None or felt[1] is None:
            self._pairs.clear()
        else:
            self.last = (felt[0], felt[1])
            self._pairs.append(self.last)

    def _set_duty(self) -> None:
        if 0 < len(self._pairs) < DECIDING_PAIRS:
            return
        # Medians: one slot that something else disturbed does not steer.
        change = percentile([copying - holding for copying, holding in self._pairs], 50)
        baseline = percentile([holding for _copying, holding in self._pairs], 50)
        # What two neighbouring stretches of rest differ by is noise; nobody could tell a smaller change from it.
        noise = percentile([abs(first[1] - second[1]) for first, second in itertools.pairwise(self._pairs)], 50) or 0.0
        limit = dataclasses.replace(self.limit, floor_ms=max(self.limit.floor_ms, noise))
        duty = next_duty(self.throttle.duty, self.largest_duty, change, baseline, limit)
        if duty < self.throttle.duty:
            record(self.connection, self.job, "slowed down", duty_percent=round(duty * 100, 1), change_ms=change, holding_ms=baseline)
            self._pairs.clear()  # the next decision needs evidence of its own
        if duty != self.throttle.duty:
            self.throttle.duty = duty
            update(self.connection, self.job, duty_percent=duty * 100)

    def _paused(self) -> bool:
        """Somebody may stop the copy from outside: UPDATE governed_delivery.job SET paused = true."""
        row = self.connection.execute("SELECT paused FROM governed_delivery.job WHERE id = %s", (self.job.id,)).fetchone()
        return bool(row and row[0])
