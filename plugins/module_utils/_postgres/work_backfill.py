# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module pg_backfill."""

from __future__ import annotations

import math
import time
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal
from .._common.frame import Context, Outcome
from .._common.postgres.connect import connect
from . import mirror, ranges, state
from .copy import Copier, Throttle, Workers
from .failures import explained
from .pace import Limit
from .steer import Steering
from .switch import mirror_broken
from .table import TABLE_SPEC, described, outcome, same_columns, table_of
from .work_mirror import feed_of

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .state import Job

FIRST_DUTY_PERCENT = 25  # measured: batches of 3 ms at this share of time do not move the foreground's p95

SPEC = TABLE_SPEC.merge(
    ArgumentSpec(
        options={
            "workers": {"type": "int", "default": 1},
            "max_duty_percent": {"type": "int", "default": 30},
            "batch_milliseconds": {"type": "float", "default": 3.0},
            "copy_seconds": {"type": "float", "default": 5.0},
            "hold_seconds": {"type": "float", "default": 1.0},
            "p95_percent": {"type": "float", "default": 5.0},
            "p95_floor_ms": {"type": "float", "default": 0.5},
            "feed_file": {"type": "path"},
            "part": {"type": "int", "default": 1},
            "parts": {"type": "int", "default": 1},
            "max_seconds": {"type": "int", "default": 0},
        }
    )
)


@explained
def work(context: Context) -> Outcome:
    """Copy what is not copied yet, for as long as asked, and say how far it is."""
    _check_options(context.parameters)
    table = table_of(context.parameters)
    with connect(context.parameters, application="pg_backfill") as connection, state.only_one(connection, table, shared=True):
        job = state.require(connection, table, states=(state.MIRRORED, state.COPIED, state.VERIFIED, state.LIVE))
        part = (context.parameters["part"], context.parameters["parts"])
        before = ranges.progress(connection, job, part)
        if job.state == state.MIRRORED:
            same_columns(job, described(connection, job.source))
            gone = mirror.missing(connection, job)
            if gone:
                raise mirror_broken(job, gone)
        if job.state != state.MIRRORED or before.complete or context.check_mode:
            return _answer(connection, job, before, before, context, 0.0, None)
        started = time.monotonic()
        last = _copy(connection, job, context, part)
        after = ranges.progress(connection, job, part)
        return _answer(connection, job, before, after, context, time.monotonic() - started, last)


def _check_options(parameters: t.Mapping[str, t.Any]) -> None:
    limits = {
        "workers": (1, 64),
        "max_duty_percent": (1, 100),
        "batch_milliseconds": (0.5, 10000),
        "copy_seconds": (0.5, 600),
        "hold_seconds": (0.5, 600),
        "parts": (1, 1024),
    }
    for name, (least, most) in limits.items():
        if not least <= parameters[name] <= most:
            raise Refusal(name, expected=f"{least} to {most}", found=str(parameters[name]), remedy="Mend the option.", code="bad_option")
    if not 1 <= parameters["part"] <= parameters["parts"]:
        raise Refusal(
            "part",
            expected=f"1 to parts ({parameters['parts']})",
            found=str(parameters["part"]),
            remedy="Number the parts from 1.",
            code="bad_option",
        )


def _copy(connection: Connection, job: Job, context: Context, part: tuple[int, int]) -> Steering:
    parameters = context.parameters
    space = ranges.key_space(connection, job.source_oid, job.source_key)
    source = described(connection, job.source)
    span = ranges.progress(connection, job)
    range_rows = max(1, source.rows_estimate // max(1, span.ranges)) if source.rows_estimate > 0 else 100
    throttle = Throttle(
        min(parameters["max_duty_percent"], job.duty_percent or FIRST_DUTY_PERCENT) / 100,
        parameters["batch_milliseconds"] / 1000,
    )
    unthrottled = parameters["max_duty_percent"] == 100
    if unthrottled:
        throttle.duty = 1.0
        throttle.batch_seconds = max(throttle.batch_seconds, 0.05)
    connections = [connect(parameters, application="pg_backfill worker") for _number in range(parameters["workers"])]
    workers = Workers([Copier(own, job, source, space, range_rows=range_rows, part=part) for own in connections], throttle)
    feed = feed_of(parameters, job, space) if not unthrottled or parameters["feed_file"] else None
    # Steer for half the floor, so that the verdict has room.
    limit = Limit(parameters["p95_percent"], parameters["p95_floor_ms"] / 2)
    steering = Steering(connection, job, workers, throttle, feed, limit, largest_duty=parameters["max_duty_percent"] / 100)
    deadline = time.monotonic() + parameters["max_seconds"] if parameters["max_seconds"] else math.inf
    workers.start()
    try:
        while workers.alive() and time.monotonic() < deadline:
            steering.cycle(parameters["copy_seconds"], parameters["hold_seconds"])
    finally:
        try:
            workers.join()
            steering.settle()
        finally:
            for own in connections:
                own.close()
            if feed:
                feed.close()
    return steering


def _answer(
    connection: Connection,
    job: Job,
    before: ranges.Progress,
    after: ranges.Progress,
    context: Context,
    seconds: float,
    steering: Steering | None,
) -> Outcome:
    whole = ranges.progress(connection, job)
    moves = whole.complete and job.state == state.MIRRORED
    if moves and not context.check_mode:
        job = state.move(connection, job, state.COPIED, rows=whole.copied)
    rows = after.copied - before.copied
    facts: dict[str, t.Any] = {
        "state": job.state,
        "finished": after.complete,
        "ranges": after.ranges,
        "ranges_done": after.done,
        "rows_copied": after.copied,
        "rows_this_run": rows,
        "rows_per_second": round(rows / seconds) if seconds else 0,
        "seconds": round(seconds, 2),
        "p95_copying_ms": steering.last[0] if steering and steering.last else None,
        "p95_holding_ms": steering.last[1] if steering and steering.last else None,
        "duty_percent": job.duty_percent,
    }
    left = after.ranges - after.done
    changed = moves or (left > 0 if context.check_mode else after.done > before.done)
    result = outcome([], changed=changed, **facts)
    result.before, result.after = (
        f"{before.done} of {before.ranges} ranges copied\n",
        f"{after.ranges if context.check_mode else after.done} of {after.ranges} ranges copied\n",
    )
    return result
