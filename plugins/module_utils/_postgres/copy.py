# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The copy: ranges of the old table into the new one, one short transaction a batch.

Data and progress commit together, so a crash redoes at most one batch and skips none; workers need no coordination but the rows of the range table.
"""

from __future__ import annotations

import dataclasses
import threading
import time
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import errors, psycopg, sql
from .locks import GIVE_WAY, LOCK_TIMEOUT_MILLISECONDS
from .names import columns, state
from .ranges import part_bounds

if t.TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .ranges import Key, KeySpace
    from .state import Job

STUCK_TRIES = 200  # a batch of one range that gave way this often in a row: tell who blocks
LARGEST_BATCH_ROWS = 10_000
TRUSTED_BATCH_ROWS = 2_000


@dataclasses.dataclass
class Tally:
    """What a worker did: rows it wrote, batches, how often it gave way, seconds in transactions."""

    rows: int = 0
    batches: int = 0
    gave_way: int = 0
    busy_seconds: float = 0.0


@dataclasses.dataclass
class Throttle:
    """Shared between the worker threads and whoever steers them. ``duty`` is the share of time a worker may be in a transaction."""

    duty: float
    batch_seconds: float
    allowed: threading.Event = dataclasses.field(default_factory=threading.Event)
    stop: threading.Event = dataclasses.field(default_factory=threading.Event)


class Copier:
    """Copies batches on one connection."""

    def __init__(
        self, connection: Connection, job: Job, source: Description, space: KeySpace, *, range_rows: int, part: tuple[int, int] = (1, 1)
    ) -> None:
        self.connection = connection
        self.job = job
        self.source = source
        self.space = space
        self.range_rows = range_rows
        self.low, self.high = part_bounds(connection, job, part)
        self.position = self.low  # the last range tried: what was left behind comes up again at the end
        self.tally = Tally()
        self.careful_left = 0  # batches until large ones are trusted again
        self.careful_next = 1
        connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}")
        connection.execute("SET statement_timeout = '30s'")
        connection.execute("SET idle_in_transaction_session_timeout = '5s'")  # whoever deletes one of the batch's rows waits for us
        connection.execute(
            sql.SQL("SELECT set_config({}, 'on', false)").format(sql.Literal(job.setting))
        )  # the reverse mirror has nothing to do here

    def _insert(self, condition: Composable, *, careful: bool) -> Composed:
        stored = columns(self.source.stored_columns)
        insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM ONLY {} WHERE {} ORDER BY {}").format(
            self.job.target.identifier, stored, stored, self.job.source.identifier, condition, columns(self.space.names)
        )
        if careful:
            insert += sql.SQL(" ON CONFLICT ({}) DO NOTHING").format(columns(self.job.target_key))
        return insert

    def batch(self, rows: int) -> int | None:
        """Copy about ``rows`` rows in one transaction; the number of ranges finished, None when none is left to take.

        A large batch first trusts that none of its rows is there yet, which is faster by half; a row that is there makes it fail, never overwrite.

        :raises errors.Error: one of ``GIVE_WAY`` when someone else was there first, ``UniqueViolation`` when a trusting batch met a row.
        """
        careful = rows < TRUSTED_BATCH_ROWS or self.careful_left > 0
        with self.connection.transaction():
            runs = self._claim(max(1, rows // self.range_rows))
            if not runs:
                return None
            finished = copied = 0
            for first, last, low, high in runs:
                condition, values = self.space.between(low, high)
                written = self.connection.execute(self._insert(condition, careful=careful), values).rowcount
                done = sql.SQL(
                    "UPDATE {} SET done = true, copied = CASE WHEN number = %s THEN %s ELSE 0 END WHERE number BETWEEN %s AND %s"
                ).format(state(self.job.ranges))
                self.connection.execute(done, (last, written, first, last))
                copied += written
                finished += last - first + 1
        self.tally.rows += copied
        self.tally.batches += 1
        if self.careful_left:
            self.careful_left -= 1
        else:
            self.careful_next = max(1, self.careful_next // 2)
        return finished

    def distrust(self) -> None:
        """A batch met rows that the mirror had written: be careful for a while, for longer each time."""
        self.careful_left = self.careful_next
        self.careful_next = min(64, self.careful_next * 2)

    def _claim(self, count: int) -> list[tuple[int, int, Key | None, Key]]:
        """Lock the next free ranges; neighbours come as one run (first number, last number, low, high).

        A range whose fence is held, or that made a batch give way, is left for later. A separate statement from the INSERT, so that the INSERT's
        snapshot is younger than the locks.
        """
        bounds = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(bound)) for bound in self.space.bounds)
        query = sql.SQL(
            "SELECT number, ARRAY[{bounds}], (SELECT ARRAY[{bounds}] FROM {ranges} AS before WHERE before.number = claimed.number - 1 AND claimed.number > 1)"
            " FROM {ranges} AS claimed WHERE NOT done AND number > %s AND number <= %s ORDER BY number LIMIT %s FOR UPDATE OF claimed SKIP LOCKED"
        ).format(bounds=bounds, ranges=state(self.job.ranges))
        claimed = self.connection.execute(query, (self.position, self.high, count)).fetchall()
        if not claimed and self.position > self.low:
            claimed = self.connection.execute(query, (self.low, self.high, count)).fetchall()
        if claimed:
            self.position = claimed[-1][0]
        runs: list[tuple[int, int, Key | None, Key]] = []
        for number, high, low in claimed:
            if runs and runs[-1][1] == number - 1:
                runs[-1] = (runs[-1][0], number, runs[-1][2], high)
            else:
                runs.append((number, number, low, high))
        return runs


def work(copier: Copier, throttle: Throttle) -> None:
    """Copy until nothing is left or ``throttle.stop`` is set, keeping to the duty; batches grow and shrink towards ``batch_seconds``.

    :raises Refusal: when one range stays blocked, or the disk is full.
    """
    rows = copier.range_rows
    refused = 0
    while not throttle.stop.is_set():
        if not throttle.allowed.wait(timeout=0.1):
            continue
        started = time.monotonic()
        try:
            finished = copier.batch(rows)
        except errors.UniqueViolation:
            copier.distrust()
            continue
        except errors.Error as error:
            refused = _gave_way(copier, error, refused)
            rows = max(copier.range_rows, rows // 2)
            throttle.stop.wait(min(0.5, 0.01 * 2 ** min(refused, 6)))
            continue
        spent = time.monotonic() - started
        if finished is None:
            if _nothing_left(copier):
                return
            throttle.stop.wait(0.02)  # the rest is in other hands, or fenced for a moment
            continue
        refused = 0
        copier.tally.busy_seconds += spent
        rows = next_batch_rows(rows, spent, throttle.batch_seconds, copier.range_rows)
        if throttle.duty < 1:
            throttle.stop.wait(spent * (1 / throttle.duty - 1))


def next_batch_rows(rows: int, spent: float, aim: float, range_rows: int) -> int:
    """The next batch's rows: towards the aimed seconds, at most doubling, in whole ranges."""
    wanted = int(rows * min(2.0, max(0.5, aim / max(spent, 1e-6))))
    wanted = max(range_rows, min(LARGEST_BATCH_ROWS, wanted))
    return wanted - wanted % range_rows


def _gave_way(copier: Copier, error: Exception, refused: int) -> int:
    name = type(error).__name__
    if isinstance(error, errors.DiskFull):
        raise Refusal(
            str(copier.job.target),
            expected="room on the server's disk",
            found="none left",
            remedy="Make room and run again: it goes on where it was.",
            code="disk_full",
        ) from error
    if name not in GIVE_WAY:
        raise error
    copier.tally.gave_way += 1
    if refused >= STUCK_TRIES:
        raise Refusal(
            str(copier.job.source),
            expected="ranges that come free within a moment",
            found=f"one that stayed locked through {refused} tries ({name})",
            remedy="A long transaction holds its rows. Run again when it is over: it goes on where it was.",
            code="range_blocked",
        ) from error
    return refused + 1


def _nothing_left(copier: Copier) -> bool:
    query = sql.SQL("SELECT NOT EXISTS (SELECT FROM {} WHERE NOT done AND number > %s AND number <= %s)").format(state(copier.job.ranges))
    row = copier.connection.execute(query, (copier.low, copier.high)).fetchone()
    return bool(row and row[0])


class Workers:
    """Worker threads, each on a connection of its own. A failure of one stops all and comes out of ``join``."""

    def __init__(self, copiers: t.Sequence[Copier], throttle: Throttle) -> None:
        self.copiers = list(copiers)
        self.throttle = throttle
        self.failures: list[BaseException] = []
        self.threads = [threading.Thread(target=self._run, args=(copier,), daemon=True) for copier in self.copiers]

    def _run(self, copier: Copier) -> None:
        try:
            work(copier, self.throttle)
        except (Refusal, psycopg.Error) as failure:
            self.failures.append(failure)
            self.throttle.stop.set()

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def rows(self) -> int:
        return sum(copier.tally.rows for copier in self.copiers)

    def join(self) -> None:
        """Stop all workers after the batch they are in.

        :raises: the first worker's failure.
        """
        self.throttle.stop.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]
