# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A layout that is there already: the partitions for the time to come, and what the old table got meanwhile."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import sql
from . import carry, catalog, layout, partition
from .layout import DefaultBound, RangeBound
from .mirror import leaf_steps
from .names import Table, verbatim
from .state import CONTRACTED, EXPANDED, LIVE
from .steps import ACCESS_EXCLUSIVE, Step
from .table import described, same_columns

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .layout import Level, Partition
    from .state import Job


@dataclasses.dataclass(frozen=True)
class Plan:
    """The steps that are missing, the tables that they lock against others, and how many partitions there will be."""

    steps: list[Step]
    locked_oids: list[int]
    partitions: int


def plan(connection: Connection, job: Job, levels: t.Sequence[Level], now: datetime.datetime) -> Plan:
    """What the layout of a shift lacks today.

    :raises Refusal: when another layout is declared, or something has to be done by hand.
    """
    declared = _declared(job, levels)
    target = described(connection, job.target)
    there = catalog.partitions(connection, job.target_oid)
    model = _model(connection, job, target)
    wanted = [_renamed(job, one) for one in layout.tree(declared, job.target_name, now)]
    families = _families(wanted, there)
    _free_names(connection, job, [one.name for family in families for one in family])
    steps: list[Step] = []
    locked: list[int] = []
    for family in families:
        default = next((one for one in wanted if (one.parent, one.bound) == (family[0].parent, DefaultBound()) and one.name in there), None)
        if default:
            column = target.column(_divider(declared, wanted, family[0]))
            locked += _without_rows_of(connection, job, family[0], default, column)
        steps += _attach(job, model, family)
    if job.state in (LIVE, CONTRACTED):
        return Plan(steps, locked, len(there) + sum(map(len, families)))
    source = model
    names = carry.index_names(source, job.target, _names_of(job, target, there), target)
    structure = carry.structure(source, job.target, names, target)
    if structure and job.state != EXPANDED:
        raise _too_late(job, structure)
    trimmings = carry.trimmings(source, job.target, [Table(job.schema_name, name) for name in there], target)
    if trimmings and job.state != EXPANDED:
        locked += [job.target_oid, *catalog.leaf_oids(connection, job.target_oid)]
        trimmings = [dataclasses.replace(step, lock=ACCESS_EXCLUSIVE) for step in trimmings]
    if structure:
        locked += [key.referenced_oid for key in source.foreign_keys]
    return Plan([*steps, *structure, *trimmings], locked, len(there) + sum(map(len, families)))


def lacking(connection: Connection, job: Job, source: Description, target: Description) -> list[Step]:
    """What the old table has by now and the new one has not."""
    there = catalog.partitions(connection, job.target_oid)
    names = carry.index_names(source, job.target, _names_of(job, target, there), target)
    tables = [Table(job.schema_name, name) for name in there]
    return [*carry.structure(source, job.target, names, target), *carry.trimmings(source, job.target, tables, target)]


def _declared(job: Job, levels: t.Sequence[Level]) -> tuple[Level, ...]:
    known = layout.parse(job.layout)
    declared = tuple(dataclasses.replace(level, start=level.start or old.start) for level, old in zip(levels, known, strict=False))
    if len(levels) != len(known) or [_shape(level) for level in declared] != [_shape(level) for level in known]:
        raise Refusal(
            str(job.live),
            expected=f"the layout this shift began with: {job.layout}",
            found=f"{layout.as_data(levels)}",
            remedy="Declare that one, or take this shift away first (state=absent), which works until it is ended.",
            code="other_layout",
        )
    return declared


def _shape(level: Level) -> tuple[t.Any, ...]:
    """What cannot change under way; the order of groups and of their values says nothing (jsonb does not keep it)."""
    groups = sorted((name, sorted(values)) for name, values in level.groups)
    return level.method, level.column, groups, level.modulus, level.interval


def _model(connection: Connection, job: Job, target: Description) -> Description:
    """The table whose owner, storage and replica identity a new partition gets: the old one, or once that is gone, a leaf."""
    if job.state != CONTRACTED:
        source = described(connection, job.source)
        same_columns(job, source)
        return source
    query = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY (%s::oid[]) ORDER BY c.oid LIMIT 1"
    row = connection.execute(query, (catalog.leaf_oids(connection, job.target_oid),)).fetchone()
    leaf = catalog.describe(connection, Table(*row)) if row else None
    return dataclasses.replace(target, options=leaf.options) if leaf else target


def _renamed(job: Job, one: Partition) -> Partition:
    """With the parent's name of today: after the cutover the root bears the old table's."""
    return dataclasses.replace(one, parent=job.target.name) if one.parent == job.target_name else one


def _families(wanted: t.Sequence[Partition], there: t.Container[str]) -> list[list[Partition]]:
    """Each missing partition whose parent is there, with all that belongs below it."""
    families: list[list[Partition]] = []
    home: dict[str, list[Partition]] = {}
    for one in wanted:  # parents come first
        if one.name in there:
            continue
        if one.parent not in home:
            families.append([])
        family = home.get(one.parent, families[-1])
        family.append(one)
        home[one.name] = family
    return families


def _free_names(connection: Connection, job: Job, names: t.Sequence[str]) -> None:
    for name in catalog.taken(connection, job.schema_name, names)[:1]:
        raise name_taken(Table(job.schema_name, name))


def name_taken(table: Table) -> Refusal:
    return Refusal(
        str(table),
        expected="a free name for the new layout",
        found="a relation that no shift of ours made",
        remedy="It may be someone's half-done attempt: look at it, then rename or drop it.",
        code="name_taken",
    )


def _divider(declared: t.Sequence[Level], wanted: t.Sequence[Partition], one: Partition) -> str:
    """The column that the partition's parent is divided by."""
    parent = next((other for other in wanted if other.name == one.parent), None)
    level = parent.divided_by if parent and parent.divided_by else declared[0]
    return level.column


def _without_rows_of(connection: Connection, job: Job, new: Partition, default: Partition, column: catalog.Column | None) -> list[int]:
    """The oids of the default partition, once it is known to hold no row that belongs into the new one.

    :raises Refusal: code ``default_holds_rows`` when it does.
    """
    table = Table(job.schema_name, default.name)
    if isinstance(new.bound, RangeBound) and column:
        query = sql.SQL("SELECT count(*) FROM (SELECT FROM {0} WHERE {1} >= %s::{2} AND {1} < %s::{2} LIMIT 100000) AS held").format(
            table.identifier, sql.Identifier(column.name), verbatim(column.type.replace("%", "%%"))
        )
        held = connection.execute(query, (new.bound.start.isoformat(sep=" "), new.bound.end.isoformat(sep=" "))).fetchone()
        if held and held[0]:
            raise Refusal(
                str(table),
                expected=f"no rows that belong into the new partition {new.name}",
                found=f"{held[0] if held[0] < 100000 else '100000 or more'}, written before it was there",
                remedy="In one transaction, delete them from the default partition into a temporary table (DELETE … RETURNING), commit; run again; insert"
                " them again. To spare that, keep more partitions ahead.",
                code="default_holds_rows",
            )
    row = connection.execute(
        "SELECT oid::int8 FROM pg_class WHERE oid = %s::regclass", (table.identifier.as_string(connection),)
    ).fetchone()
    return [row[0], *catalog.leaf_oids(connection, row[0])] if row else []


def _attach(job: Job, model: Description, family: t.Sequence[Partition]) -> list[Step]:
    *making, attach = partition.attach_partitions(model, job.schema_name, family)
    guards = [] if job.state in (EXPANDED, CONTRACTED) else [one for one in family if one.is_leaf]
    return [*making, *(step for leaf in guards for step in leaf_steps(job, job.schema_name, leaf.name)), attach]


def _names_of(job: Job, target: Description, there: t.Iterable[str]) -> list[str]:
    return [job.target_name, *there, *(index.name for index in target.indexes)]


def _too_late(job: Job, structure: t.Sequence[Step]) -> Refusal:
    return Refusal(
        str(job.live),
        expected="indexes and constraints from before the mirror was started",
        found=f"new ones: {'; '.join(step.text() for step in structure)}",
        remedy="Now that the new table holds rows, making them would lock every writer out. Drop them until the cutover is done; or make an index by hand"
        " (CREATE INDEX ON ONLY, then CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION); or take the mirror away, run this again, and"
        " begin the copy anew.",
        code="too_late",
    )
