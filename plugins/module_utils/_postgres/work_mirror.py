# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module pg_mirror."""

from __future__ import annotations

import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal
from .._common.frame import Context, Outcome
from .._common.postgres.connect import connect
from .._common.postgres.driver import sql
from . import feed, mirror, ranges, state
from .failures import explained
from .locks import when_free
from .steps import ACCESS_SHARE, NEW_OBJECT, Step, execute
from .switch import mirror_broken
from .table import TABLE_SPEC, described, outcome, same_columns, table_of

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .state import Job

SPEC = TABLE_SPEC.merge(
    ArgumentSpec(
        options={
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "range_rows": {"type": "int", "default": 100},
            "patience": {"type": "int", "default": 300},
            "feed_file": {"type": "path"},
            "baseline_seconds": {"type": "int", "default": 10},
        }
    )
)


@explained
def work(context: Context) -> Outcome:
    """Start mirroring, or stop it and forget the copy."""
    table = table_of(context.parameters)
    with connect(context.parameters, application="pg_mirror") as connection, state.only_one(connection, table):
        if context.parameters["state"] == "absent":
            return _absent(connection, context)
        job = state.require(connection, table, states=(state.EXPANDED, state.MIRRORED, state.COPIED, state.VERIFIED, state.LIVE))
        source = described(connection, job.source)
        same_columns(job, source)
        if job.state != state.EXPANDED:
            gone = mirror.missing(connection, job)
            if gone:
                raise mirror_broken(job, gone)
            return outcome([], state=job.state)
        return _start(connection, job, source, context)


def _start(connection: Connection, job: Job, source: Description, context: Context) -> Outcome:
    range_rows = context.parameters["range_rows"]
    if not 1 <= range_rows <= 10000:
        raise Refusal(
            "range_rows", expected="1 to 10000 rows", found=str(range_rows), remedy="100 suits nearly every table.", code="bad_option"
        )
    space = ranges.key_space(connection, job.source_oid, job.source_key)
    leaves = _leaves(connection, job)
    functions = [Step(function, NEW_OBJECT, "the mirror's functions") for function in mirror.functions(job, source, space)]
    triggers = mirror.install_steps(job, leaves)
    making = [Step(statement, ACCESS_SHARE, str(job.source), "the copy's ranges") for statement in ranges.create_statements(job, space)]
    facts: dict[str, t.Any] = {"state": state.MIRRORED}
    if context.check_mode:
        return outcome([*making, *functions, *triggers], **facts)
    _observe_before(connection, job, space, context)
    _prepare(connection, job, making)
    while ranges.plan_chunk(connection, job, space, range_rows):
        pass

    def install() -> None:
        # Whoever wrote before this lock is in the ranges, whoever writes after it fires the trigger.
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(job.source.identifier))
        execute(connection, [*functions, *triggers])
        ranges.close_plan(connection, job, space)
        state.move(connection, job, state.MIRRORED)

    waits: list[str] = []
    when_free(connection, [job.source_oid], install, thing=str(job.live), patience=context.parameters["patience"], tries=waits)
    connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("governed_delivery", job.ranges)))
    return outcome([*making, *functions, *triggers], waits=len(waits), **facts)


def _prepare(connection: Connection, job: Job, making: t.Sequence[Step]) -> None:
    """The range table; one that a run left behind is used further. A target that is not empty holds an older attempt: start it over."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"governed_delivery.{job.ranges}",)).fetchone()
    if not (row and row[0]):
        with connection.transaction():
            execute(connection, making)
    filled = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(job.target.identifier)).fetchone()
    if filled and filled[0]:
        connection.execute(sql.SQL("TRUNCATE {}").format(job.target.identifier))
        state.record(connection, job, "emptied", why="rows of an attempt whose mirror was taken away")


def _leaves(connection: Connection, job: Job) -> list[tuple[str, str]]:
    query = """
        SELECT n.nspname::text, c.relname::text FROM pg_partition_tree(%s) p JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE p.isleaf AND p.level > 0 ORDER BY 2
    """
    leaves: list[tuple[str, str]] = connection.execute(query, (job.target_oid,)).fetchall()
    return leaves


def _observe_before(connection: Connection, job: Job, space: ranges.KeySpace, context: Context) -> None:
    """What the foreground feels while nothing of ours is there: the outer baseline."""
    seconds = context.parameters["baseline_seconds"]
    if seconds <= 0 or any(phase == "before" for phase, _slot in feed.saved(connection, job)):
        return
    source = feed_of(context.parameters, job, space)
    try:
        feed.save(connection, job, "before", [feed.observe(source, 2.0, "before") for _number in range(max(1, round(seconds / 2.3)))])
    finally:
        source.close()


def feed_of(parameters: t.Mapping[str, t.Any], job: Job, space: ranges.KeySpace) -> feed.Feed:
    """The application's feed where one is given, else a probe on a connection of its own."""
    if parameters["feed_file"]:
        return feed.FileFeed(parameters["feed_file"])
    return feed.ProbeFeed(connect(parameters, application="probe"), job, space)


def _absent(connection: Connection, context: Context) -> Outcome:
    job = state.find(connection, table_of(context.parameters))
    if job is None or job.state == state.EXPANDED:
        return outcome([], state=job.state if job else "absent")
    if job.state == state.LIVE:
        raise Refusal(
            str(job.live),
            expected="the old table to be the live one",
            found="the new one is live, and the mirror is its way back",
            remedy="Run pg_cutover with state=rolled_back first, or with state=contracted to end the shift.",
            code="wrong_state",
        )
    steps = mirror.remove_steps(job)
    steps.append(Step(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("governed_delivery", job.ranges)), NEW_OBJECT, job.ranges))
    steps.append(
        Step(sql.SQL("TRUNCATE {}").format(job.target.identifier), NEW_OBJECT, str(job.target), "without a mirror its rows grow stale")
    )
    if not context.check_mode:

        def remove() -> None:
            execute(connection, steps)
            state.update(connection, job, state=state.EXPANDED, verified_at=None, verify_cursor=None, verify_started_at=None)
            state.record(connection, job, "mirror removed")

        when_free(connection, [job.source_oid, job.target_oid], remove, thing=str(job.live), patience=context.parameters["patience"])
    return outcome(steps, state=state.EXPANDED)
