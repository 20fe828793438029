# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module pg_partition."""

from __future__ import annotations

import dataclasses
import datetime
import time
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal, Refusals
from .._common.frame import Context, Outcome
from .._common.postgres.connect import connect
from .._common.postgres.driver import errors, sql
from . import catalog, converge, keys, layout, partition, preflight, shadow, state
from .failures import explained
from .locks import when_free
from .names import Table, columns
from .pace import Limit
from .steps import ACCESS_SHARE, NEW_OBJECT, Step, execute
from .table import TABLE_SPEC, described, outcome, table_of

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .layout import Level, Partition
    from .state import Job

REHEARSAL_MARK = "governed.delivery rehearsal, to be dropped"

SPEC = TABLE_SPEC.merge(
    ArgumentSpec(
        options={
            "state": {"type": "str", "default": "present", "choices": ["present", "absent", "rehearsed"]},
            "partition_by": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "method": {"type": "str", "required": True, "choices": list(layout.METHODS)},
                    "column": {"type": "str", "required": True},
                    "groups": {"type": "dict"},
                    "modulus": {"type": "int"},
                    "interval": {"type": "str", "choices": list(layout.INTERVALS)},
                    "start": {"type": "str"},
                    "end": {"type": "str"},
                    "ahead": {"type": "int"},
                    "default": {"type": "bool"},
                },
            },
            "minimum_rows": {"type": "int", "default": 10000},
            "free_disk_bytes": {"type": "int"},
            "patience": {"type": "int", "default": 300},
            "rehearse_rows": {"type": "int", "default": 50000},
        },
        required_if=(("state", "present", ("partition_by",)), ("state", "rehearsed", ("partition_by",))),
    )
)


@explained
def work(context: Context) -> Outcome:
    """Make the new layout, take it away, or rehearse it on a sample."""
    parameters = context.parameters
    table = table_of(parameters)
    with connect(parameters, application="pg_partition") as connection, state.only_one(connection, table):
        if parameters["state"] == "absent":
            return _absent(connection, table, context)
        levels = layout.parse(parameters["partition_by"])
        if parameters["state"] == "rehearsed":
            return _rehearsed(connection, table, levels, context)
        job = state.find(connection, table) or state.contracted(connection, table)
        return _expand(connection, table, levels, context) if job is None else _converge(connection, job, levels, context)


def _now(connection: Connection) -> datetime.datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    return t.cast(datetime.datetime, row[0]) if row else datetime.datetime.now(datetime.UTC)


def _with_starts(connection: Connection, source: Description, levels: t.Sequence[Level], now: datetime.datetime) -> tuple[Level, ...]:
    """Levels by time without a start begin with the oldest row, or now when all are younger."""
    made = []
    for level in levels:
        column = source.column(level.column)
        if level.method == "range" and level.start is None and column:
            utc = sql.SQL("" if column.type.endswith("with time zone") else "::timestamp AT TIME ZONE 'UTC'")
            query = sql.SQL("SELECT greatest(min({0}){1}, '0002-01-08 00:00:00+00') FROM {2} WHERE isfinite({0})").format(
                sql.Identifier(level.column), utc, source.table.identifier
            )
            row = connection.execute(query).fetchone()
            level = dataclasses.replace(level, start=layout.floor(min(row[0], now) if row and row[0] else now, level.interval))
        made.append(level)
    return tuple(made)


def _examined(
    connection: Connection, table: Table, levels: t.Sequence[Level], root: str, context: Context
) -> tuple[Description, tuple[Level, ...], list[Partition]]:
    """The table's description, the levels with their starts and all partitions, once nothing stands in the way.

    :raises Refusals: everything that does.
    """
    source = described(connection, table)
    found = preflight.of_description(source, levels)
    partitions: list[Partition] = []
    if not found:
        now = _now(connection)
        levels = _with_starts(connection, source, levels, now)
        partitions = layout.tree(levels, root, now)
        limits = preflight.Limits(context.parameters["minimum_rows"], context.parameters["free_disk_bytes"])
        found, warnings = preflight.of_server(connection, source, levels, partitions, limits, now)
        for warning in warnings:
            context.warn(warning)
    if found:
        raise Refusals(found)
    return source, tuple(levels), partitions


def _expand(connection: Connection, table: Table, levels: t.Sequence[Level], context: Context) -> Outcome:
    parameters = context.parameters
    target, retired = table.sibling("partitioned"), table.sibling("retired")
    source, levels, partitions = _examined(connection, table, levels, target.name, context)
    names = [*partition.planned_names(source, target, partitions), retired.name]
    for name in catalog.taken(connection, table.schema, names):
        raise converge.name_taken(Table(table.schema, name))
    key = keys.source_key(source)
    source_key = key.columns if key else ()
    target_key = keys.target_key(source, levels)
    steps = partition.expand(source, target, levels, partitions, source_key, target_key)
    facts: dict[str, t.Any] = {
        "partitions": len(partitions),
        "target": str(target),
        "target_key": list(target_key),
        "state": state.EXPANDED,
    }
    if context.check_mode:
        return outcome(steps, **facts)

    def create() -> None:
        state.install(connection)
        execute(connection, steps)
        made = described(connection, target)
        state.create(
            connection,
            table=table,
            target=target,
            retired=retired,
            source_oid=source.oid,
            target_oid=made.oid,
            layout=layout.as_data(levels),
            source_key=source_key,
            target_key=target_key,
            fingerprint=source.fingerprint,
        )

    referenced = [foreign_key.referenced_oid for foreign_key in source.foreign_keys]
    when_free(connection, referenced, create, thing=str(target), patience=parameters["patience"])
    return outcome(steps, **facts)


def _converge(connection: Connection, job: Job, levels: t.Sequence[Level], context: Context) -> Outcome:
    """A shift is under way, or was: add what is missing, above all partitions for the time to come."""
    plan = converge.plan(connection, job, levels, _now(connection))
    facts: dict[str, t.Any] = {
        "partitions": plan.partitions,
        "target": str(job.target),
        "target_key": list(job.target_key),
        "state": job.state,
    }
    if not context.check_mode and plan.steps:

        def add() -> None:
            execute(connection, plan.steps)
            state.record(connection, job, "converged", statements=len(plan.steps))

        when_free(connection, plan.locked_oids, add, thing=str(job.target), patience=context.parameters["patience"])
    return outcome(plan.steps, **facts)


def _absent(connection: Connection, table: Table, context: Context) -> Outcome:
    left = _left_by_rehearsals(connection, table)
    job = state.find(connection, table)
    if job is None:
        if not context.check_mode:
            execute(connection, left)
        return outcome(left, state="absent")
    if job.state != state.EXPANDED:
        raise Refusal(
            str(table),
            expected="a shift whose mirror is off (state expanded)",
            found=f"state {job.state}",
            remedy="Take pg_cutover back (state=rolled_back) if it is live, then pg_mirror with state=absent.",
            code="wrong_state",
        )
    steps = [
        *left,
        Step(
            sql.SQL("DROP TABLE IF EXISTS {}").format(job.target.identifier),
            NEW_OBJECT,
            str(job.target),
            "empty or no longer mirrored; the live table keeps every row",
        ),
    ]
    if not context.check_mode:

        def drop() -> None:
            execute(connection, steps)
            for name in ("event", "slot"):
                connection.execute(sql.SQL("DELETE FROM {} WHERE job = %s").format(sql.Identifier("governed_delivery", name)), (job.id,))
            connection.execute("DELETE FROM governed_delivery.job WHERE id = %s", (job.id,))

        when_free(connection, [job.target_oid], drop, thing=str(job.target), patience=context.parameters["patience"])
    return outcome(steps, state="absent")


def _rehearsed(connection: Connection, table: Table, levels: t.Sequence[Level], context: Context) -> Outcome:
    """A sample of the rows in the new layout and, beside it, in a plain copy of the old one: do they fit, are they equal, how fast are reads?"""
    target, plain = _rehearsal_tables(table)
    source, levels, partitions = _examined(connection, table, levels, target.name, context)
    key = keys.source_key(source)
    source_key, target_key = key.columns if key else (), keys.target_key(source, levels)
    steps = _rehearsal_steps(source, plain, target, levels, partitions, source_key, target_key, context.parameters["rehearse_rows"])
    drops = [Step(sql.SQL("DROP TABLE IF EXISTS {}").format(name.identifier), NEW_OBJECT, str(name)) for name in (target, plain)]
    if context.check_mode:
        return outcome([*steps, *drops], changed=False, state="rehearsed")
    _drop_rehearsal(connection, (target, plain), drops)
    started = time.monotonic()
    try:
        with connection.transaction():
            execute(connection, steps)
        seconds = time.monotonic() - started
        facts = _look_at_rehearsal(connection, plain, target, source, source_key, target_key, partitions)
    except (errors.CheckViolation, errors.ProgramLimitExceeded, errors.InvalidTableDefinition, errors.FeatureNotSupported) as error:
        raise Refusal(
            str(target),
            expected="a layout that takes every row of the sample",
            found=" ".join(str(error).split()),
            remedy="Change the layout.",
            code="server_refused",
        ) from error
    finally:
        _drop_rehearsal(connection, (target, plain), drops)
    return outcome(
        [*steps, *drops], changed=False, state="rehearsed", rehearsal={**facts, "seconds": round(seconds, 3), "partitions": len(partitions)}
    )


def _rehearsal_steps(
    source: Description,
    plain: Table,
    target: Table,
    levels: t.Sequence[Level],
    partitions: t.Sequence[Partition],
    source_key: t.Sequence[str],
    target_key: t.Sequence[str],
    rows: int,
) -> list[Step]:
    names = columns(source.stored_columns)
    sample = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} LIMIT {}").format(
        plain.identifier, names, names, source.table.identifier, sql.Literal(rows)
    )
    shift = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
        target.identifier, names, names, plain.identifier
    )
    made = [
        Step(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY)").format(plain.identifier, source.table.identifier),
            ACCESS_SHARE,
            str(source.table),
        ),
        Step(sql.SQL("COMMENT ON TABLE {} IS {}").format(plain.identifier, sql.Literal(REHEARSAL_MARK)), NEW_OBJECT, str(plain)),
        Step(sample, ACCESS_SHARE, str(source.table), "a sample"),
    ]
    # No foreign keys: a rehearsal must not lock the tables they point to.
    made += [
        step
        for step in partition.expand(source, target, levels, partitions, source_key, target_key)
        if step.lock in (ACCESS_SHARE, NEW_OBJECT)
    ]
    made.append(Step(sql.SQL("COMMENT ON TABLE {} IS {}").format(target.identifier, sql.Literal(REHEARSAL_MARK)), NEW_OBJECT, str(target)))
    made.append(Step(shift, NEW_OBJECT, str(target), "the rows find their partitions"))
    made += [Step(sql.SQL("ANALYZE {}").format(name.identifier), NEW_OBJECT, str(name)) for name in (plain, target)]
    return made


def _rehearsal_tables(table: Table) -> tuple[Table, Table]:
    return table.sibling("rehearsal"), table.sibling("rehearsal_plain")


def _left_by_rehearsals(connection: Connection, table: Table) -> list[Step]:
    """Drops what a rehearsal left that was killed."""
    found = [(name, catalog.describe(connection, name)) for name in _rehearsal_tables(table)]
    return [
        Step(sql.SQL("DROP TABLE {}").format(name.identifier), NEW_OBJECT, str(name), "left by a rehearsal that was killed")
        for name, there in found
        if there is not None and there.comment == REHEARSAL_MARK
    ]


def _drop_rehearsal(connection: Connection, tables: t.Sequence[Table], drops: t.Sequence[Step]) -> None:
    for table in tables:
        there = catalog.describe(connection, table)
        if there is not None and there.comment != REHEARSAL_MARK:
            raise Refusal(
                str(table),
                expected="a free name for the rehearsal",
                found="a table that no rehearsal made",
                remedy="Rename or drop it.",
                code="name_taken",
            )
    execute(connection, drops)


def _look_at_rehearsal(
    connection: Connection,
    plain: Table,
    target: Table,
    source: Description,
    source_key: t.Sequence[str],
    target_key: t.Sequence[str],
    partitions: t.Sequence[Partition],
) -> dict[str, t.Any]:
    stored = source.stored_columns
    side = sql.SQL("SELECT ROW({})::text AS body FROM {}")
    both = [side.format(columns(stored), table.identifier) for table in (plain, target)]
    query = sql.SQL(
        "SELECT (SELECT count(*) FROM {plain}), (SELECT count(*) FROM ({old} EXCEPT ALL {new}) x) + (SELECT count(*) FROM ({new} EXCEPT ALL {old}) y)"
    ).format(plain=plain.identifier, old=sql.SQL("({})").format(both[0]), new=sql.SQL("({})").format(both[1]))
    row = connection.execute(query).fetchone()
    in_default = sum(_count(connection, Table(target.schema, partition_.name)) for partition_ in layout.leaves_of_defaults(partitions))
    results = (
        shadow.compare(connection, plain, target, shadow.usual_reads(source_key, target_key), Limit(20, 0.5)) if row and row[0] else []
    )
    return {
        "rows": row[0] if row else 0,
        "mismatches": row[1] if row else None,
        "default_rows": in_default,
        "shadow_reads": [
            {
                "name": result.name,
                "old_ms": round(result.old_ms, 4),
                "new_ms": round(result.new_ms, 4),
                "rounds": result.rounds,
                "slower": result.slower,
            }
            for result in results
        ],
    }


def _count(connection: Connection, table: Table) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.identifier)).fetchone()
    return row[0] if row else 0
