# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module pg_cutover."""

from __future__ import annotations

import datetime
import itertools
import time
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal, Refusals
from .._common.frame import Context, Outcome
from .._common.postgres.connect import connect
from .._common.postgres.driver import sql
from . import converge, mirror, ranges, shadow, state, switch
from .failures import explained
from .feed import observe, save, slot_of
from .layout import parse
from .locks import when_free
from .pace import Limit
from .preflight import of_description
from .steps import execute
from .table import TABLE_SPEC, described, outcome, same_columns, table_of
from .work_mirror import feed_of

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .feed import Feed
    from .state import Job

SPEC = TABLE_SPEC.merge(
    ArgumentSpec(
        options={
            "state": {"type": "str", "default": "live", "choices": ["live", "rolled_back", "contracted"]},
            "verified_within_minutes": {"type": "int", "default": 60},
            "shadow_reads": {
                "type": "list",
                "elements": "dict",
                "options": {"name": {"type": "str", "required": True}, "statement": {"type": "str", "required": True}},
            },
            "shadow_percent": {"type": "float", "default": 20.0},
            "shadow_floor_ms": {"type": "float", "default": 0.5},
            "slower_reads": {"type": "str", "default": "refuse", "choices": ["refuse", "allow"]},
            "patience": {"type": "int", "default": 300},
            "feed_file": {"type": "path"},
            "watch_seconds": {"type": "int", "default": 0},
            "confirm": {"type": "str"},
        },
        required_if=(("state", "contracted", ("confirm",)),),
    )
)


@explained
def work(context: Context) -> Outcome:
    """Give the name to the new table, back to the old one, or end the shift."""
    parameters = context.parameters
    table = table_of(parameters)
    with connect(parameters, application="pg_cutover") as connection, state.only_one(connection, table):
        if parameters["state"] == "contracted":
            return _contract(connection, context)
        to_live = parameters["state"] == "live"
        job = state.find(connection, table)
        if job is None and not to_live:
            return outcome([], state="absent")
        if job is None or (to_live and job.state not in (state.VERIFIED, state.LIVE)):
            job = state.require(connection, table, states=(state.VERIFIED, state.LIVE))
        if (job.state == state.LIVE) == to_live:
            return outcome([], state=job.state, epoch=job.epoch)
        return _swap(connection, job, context, to_live=to_live)


def _swap(connection: Connection, job: Job, context: Context, *, to_live: bool) -> Outcome:
    parameters = context.parameters
    source, target = described(connection, job.source), described(connection, job.target)
    same_columns(job, source)
    same_columns(job, target)
    gone = mirror.missing(connection, job)
    if gone:
        raise switch.mirror_broken(job, gone)
    space = ranges.key_space(connection, job.source_oid, job.source_key)
    results: list[shadow.Result] = []
    if to_live:
        _ready(connection, job, source, target, context)
        if not context.check_mode:
            connection.execute(sql.SQL("ANALYZE {}").format(job.target.identifier))
        results = _shadow(connection, job, context)
    plan = switch.steps(job, source, target, space, to_live=to_live)
    reads = [
        {"name": one.name, "old_ms": round(one.old_ms, 4), "new_ms": round(one.new_ms, 4), "rounds": one.rounds, "slower": one.slower}
        for one in results
    ]
    after = state.LIVE if to_live else state.VERIFIED
    if context.check_mode:
        return outcome(plan, state=after, epoch=job.epoch + 1, shadow_reads=reads)
    if reads:
        state.record(connection, job, "shadow reads", reads=reads)
    watched = feed_of(parameters, job, space) if parameters["watch_seconds"] else None
    try:
        moved, done = _watched_swap(connection, job, space, watched, parameters, to_live=to_live)
    finally:
        if watched:
            watched.close()
    return outcome(
        plan, state=moved.state, epoch=moved.epoch, locked_ms=round(done.locked_milliseconds, 2), waits=len(done.waits), shadow_reads=reads
    )


def _watched_swap(
    connection: Connection, job: Job, space: ranges.KeySpace, watched: Feed | None, parameters: t.Mapping[str, t.Any], *, to_live: bool
) -> tuple[Job, switch.Swap]:
    """The swap, with what the foreground felt before it and around it as slots."""
    if watched is None:
        return switch.swap(connection, job, space, to_live=to_live, patience=parameters["patience"])
    seconds = float(parameters["watch_seconds"])
    phase = "cutover" if to_live else "rollback"
    quiet = [observe(watched, seconds / 4, "hold") for _number in range(4)]
    watched.take()
    started = time.time()
    done = switch.swap(connection, job, space, to_live=to_live, patience=parameters["patience"])
    time.sleep(seconds)
    ended = time.time()
    time.sleep(0.3)
    samples = watched.take()
    edges = [started + (ended - started) * part / 4 for part in range(5)]
    save(connection, job, phase, quiet + [slot_of(samples, "swap", low, high) for low, high in itertools.pairwise(edges)])
    return done


def _ready(connection: Connection, job: Job, source: Description, target: Description, context: Context) -> None:
    """Everything that must hold before the name moves.

    :raises Refusals: what does not.
    """
    within = context.parameters["verified_within_minutes"]
    row = connection.execute("SELECT clock_timestamp() - %s::timestamptz", (job.verified_at,)).fetchone()
    age = row[0] if row else None
    if age is None or age > datetime.timedelta(minutes=within):
        raise Refusal(
            str(job.live),
            expected=f"a comparison of both tables without a difference in the last {within} minutes",
            found="none" if age is None else f"one from {int(age.total_seconds() // 60)} minutes ago",
            remedy="Run pg_reconcile with again=true.",
            code="not_verified",
        )
    found = of_description(source, parse(job.layout))
    if found:
        raise Refusals(found)
    lacking = converge.lacking(connection, job, source, target)
    if lacking:
        raise Refusal(
            str(job.target),
            expected="all that the old table has by now",
            found=f"lacking: {'; '.join(step.text() for step in lacking)}",
            remedy="Run pg_partition with state=present: it carries them over.",
            code="not_carried",
        )


def _shadow(connection: Connection, job: Job, context: Context) -> list[shadow.Result]:
    parameters = context.parameters
    declared = parameters["shadow_reads"]
    reads = (
        shadow.usual_reads(job.source_key, job.target_key)
        if declared is None
        else [shadow.Read(read["name"], read["statement"]) for read in declared]
    )
    results = shadow.compare(connection, job.source, job.target, reads, Limit(parameters["shadow_percent"], parameters["shadow_floor_ms"]))
    slower = [result for result in results if result.slower]
    if slower and parameters["slower_reads"] == "refuse":
        raise Refusals(
            [
                Refusal(
                    f"shadow read {one.name!r}",
                    expected=f"at most {parameters['shadow_percent']:g} % or {parameters['shadow_floor_ms']:g} ms slower than before",
                    found=f"{one.old_ms:.3f} ms on the old layout, {one.new_ms:.3f} ms on the new one (medians of {one.rounds})",
                    remedy="Give the statement the column the table is divided by, add an index, or allow it (slower_reads=allow).",
                    code="slower_read",
                )
                for one in slower
            ]
        )
    return results


def _contract(connection: Connection, context: Context) -> Outcome:
    job = state.find(connection, table_of(context.parameters))
    if job is None:
        return outcome([], state=state.CONTRACTED)
    if job.state != state.LIVE:
        raise Refusal(
            str(job.live),
            expected="a new layout that is live",
            found=f"state {job.state}",
            remedy="Cut over first; to give up, take mirror and partitions away instead.",
            code="wrong_state",
        )
    if context.parameters["confirm"] != job.retired_name:
        raise Refusal(
            "confirm",
            expected=f"the name of the table that will be dropped ({job.retired_name})",
            found=repr(context.parameters["confirm"]),
            remedy="This cannot be taken back: write that name when you are sure.",
            code="not_confirmed",
        )
    steps = switch.contract_steps(job)
    if not context.check_mode:

        def drop() -> None:
            execute(connection, steps)
            state.move(connection, job, state.CONTRACTED)

        when_free(connection, [job.source_oid, job.target_oid], drop, thing=str(job.live), patience=context.parameters["patience"])
    return outcome(steps, state=state.CONTRACTED)
