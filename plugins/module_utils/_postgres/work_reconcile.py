# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module pg_reconcile."""

from __future__ import annotations

import concurrent.futures
import time
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal
from .._common.frame import Context, Outcome
from .._common.postgres.connect import connect
from . import mirror, ranges, state
from .digest import Comparer, Difference, Stretch
from .failures import explained
from .repair import repair
from .switch import mirror_broken
from .table import TABLE_SPEC, described, outcome, same_columns, table_of

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .state import Job

MOST_REPORTED = 1000

SPEC = TABLE_SPEC.merge(
    ArgumentSpec(
        options={
            "repair": {"type": "bool", "default": False},
            "workers": {"type": "int", "default": 1},
            "ranges_each": {"type": "int", "default": 100},
            "duty_percent": {"type": "int", "default": 100},
            "max_seconds": {"type": "int", "default": 0},
            "again": {"type": "bool", "default": False},
        }
    )
)


@explained
def work(context: Context) -> Outcome:
    """Compare both tables, name the rows that differ, repair them when asked."""
    parameters = context.parameters
    for name, most in (("workers", 64), ("ranges_each", 10000), ("duty_percent", 100)):
        if not 1 <= parameters[name] <= most:
            raise Refusal(name, expected=f"1 to {most}", found=str(parameters[name]), remedy="Mend the option.", code="bad_option")
    table = table_of(parameters)
    with connect(parameters, application="pg_reconcile") as connection, state.only_one(connection, table):
        job = state.require(connection, table, states=(state.COPIED, state.VERIFIED, state.LIVE))
        source = described(connection, job.source)
        same_columns(job, source)
        gone = mirror.missing(connection, job)
        if gone and not parameters["repair"]:
            raise mirror_broken(job, gone)
        return _Pass(connection, job, context).run()


class _Pass:
    """One pass over the key space; what is compared is remembered, so that a pass that was cut goes on."""

    def __init__(self, connection: Connection, job: Job, context: Context) -> None:
        self.connection = connection
        self.job = job
        self.context = context
        self.parameters = context.parameters
        self.space = ranges.key_space(connection, job.source_oid, job.source_key)
        resume = job.verify_cursor is not None and not self.parameters["again"]
        self.cursor = job.verify_cursor or 0 if resume else 0
        self.rows = job.verify_rows or 0 if resume else 0
        self.mismatches = job.verify_mismatches or 0 if resume else 0
        self.found: list[Difference] = []
        self.repaired = 0
        if not context.check_mode and not resume:
            self.job = state.update(
                connection, job, verify_started_at=_now(connection), verify_cursor=0, verify_mismatches=0, verify_rows=0
            )

    def run(self) -> Outcome:
        connections = [connect(self.parameters, application="pg_reconcile worker") for _number in range(self.parameters["workers"])]
        source = described(self.connection, self.job.source)
        comparers = [Comparer(own, self.job, source, self.space) for own in connections]
        deadline = time.monotonic() + self.parameters["max_seconds"] if self.parameters["max_seconds"] else None
        started, rows_before = time.monotonic(), self.rows
        finished = True
        try:
            with concurrent.futures.ThreadPoolExecutor(len(comparers)) as pool:
                stretches = comparers[0].stretches(self.cursor, self.parameters["ranges_each"])
                for group in _groups(stretches, len(comparers)):
                    began = time.monotonic()
                    for stretch, differing, rows in pool.map(_compared, comparers, group):
                        self._take(comparers[0], stretch, differing, rows)
                    self._remember(group[-1])
                    if deadline is not None and time.monotonic() > deadline:
                        finished = False
                        break
                    spent = time.monotonic() - began
                    time.sleep(spent * (100 / self.parameters["duty_percent"] - 1))
        finally:
            for own in connections:
                own.close()
        return self._answer(finished, time.monotonic() - started, self.rows - rows_before)

    def _take(self, comparer: Comparer, stretch: Stretch, differing: list[Difference], rows: int) -> None:
        self.rows += rows
        if self.parameters["repair"] and not self.context.check_mode:
            self._repair(comparer, differing)
            while differing and (more := comparer.differences(stretch, MOST_REPORTED)):
                self.found += more
                self._repair(comparer, more)
        else:
            self.mismatches += len(differing)
        self.found += differing

    def _repair(self, comparer: Comparer, differing: t.Iterable[Difference]) -> None:
        for difference in differing:
            repair(comparer.connection, self.job, comparer.source, difference)
            self.repaired += 1

    def _remember(self, stretch: Stretch) -> None:
        self.cursor = stretch.last
        if not self.context.check_mode:
            self.job = state.update(
                self.connection,
                self.job,
                verify_cursor=self.cursor,
                verify_mismatches=self.mismatches,
                verify_rows=self.rows,
                # What an earlier pass saw counts no longer, also if this one is cut off now.
                verified_at=None if self.mismatches else self.job.verified_at,
            )

    def _answer(self, finished: bool, seconds: float, rows: int) -> Outcome:
        if finished and not self.context.check_mode:
            self.job = state.update(
                self.connection, self.job, verify_cursor=None, verified_at=_now(self.connection) if not self.mismatches else None
            )
            if not self.mismatches and self.job.state == state.COPIED:
                self.job = state.move(self.connection, self.job, state.VERIFIED, rows=self.rows)
            elif self.mismatches and self.job.state == state.VERIFIED:
                self.job = state.move(self.connection, self.job, state.COPIED, mismatches=self.mismatches)
            state.record(
                self.connection,
                self.job,
                "compared",
                rows=self.rows,
                mismatches=self.mismatches,
                repaired=self.repaired,
                seconds=round(seconds, 2),
            )
        whole = ranges.progress(self.connection, self.job)
        return outcome(
            [],
            changed=self.repaired > 0,
            state=self.job.state,
            finished=finished,
            ranges=whole.ranges,
            ranges_compared=whole.ranges if finished else self.cursor,
            rows_compared=self.rows,
            rows_per_second=round(rows / seconds) if seconds else 0,
            mismatches=self.mismatches,
            repaired=self.repaired,
            differences=[{"kind": difference.kind, "key": difference.key} for difference in self.found[:MOST_REPORTED]],
            seconds=round(seconds, 2),
        )


def _now(connection: Connection) -> t.Any:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    return row[0] if row else None


def _compared(comparer: Comparer, stretch: Stretch) -> tuple[Stretch, list[Difference], int]:
    equal, rows = comparer.equal(stretch)
    return stretch, [] if equal else comparer.differences(stretch, MOST_REPORTED), rows


def _groups(stretches: t.Iterable[Stretch], size: int) -> t.Iterator[list[Stretch]]:
    group: list[Stretch] = []
    for stretch in stretches:
        group.append(stretch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
