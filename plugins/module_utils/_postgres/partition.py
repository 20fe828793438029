# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The new, partitioned table: what to create so that it carries all the old one has."""

from __future__ import annotations

import itertools
import typing as t

from .._common.postgres.driver import sql
from . import carry, keys
from .layout import DefaultBound, HashBound, Level, ListBound, Partition, RangeBound
from .names import Table, columns, shortened
from .steps import ACCESS_SHARE, NEW_OBJECT, SHARE_UPDATE_EXCLUSIVE, Step

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

    from .catalog import Description
    from .layout import Bound


def expand(
    source: Description,
    target: Table,
    levels: t.Sequence[Level],
    partitions: t.Sequence[Partition],
    source_key: t.Sequence[str],
    target_key: t.Sequence[str],
) -> list[Step]:
    """Create the target with every partition, key, index, constraint, grant, policy and comment of the source."""
    create = sql.SQL("CREATE TABLE {target} (LIKE {source} INCLUDING ALL EXCLUDING INDEXES) {divided}").format(
        target=target.identifier, source=source.table.identifier, divided=_divided(levels[0])
    )
    if source.tablespace:
        create += sql.SQL(" TABLESPACE {}").format(sql.Identifier(source.tablespace))
    tables = [Table(target.schema, partition.name) for partition in partitions]
    key_names = _key_names(source, target, partitions)
    names = carry.index_names(source, target, [*key_names, target.name, *(table.name for table in tables)])
    return [
        Step(create, ACCESS_SHARE, str(source.table), "columns, defaults, identity, checks, storage, their comments, statistics"),
        *(add_partition(target.schema, partition, source.options) for partition in partitions),
        *carry.nobodys(source, [target, *tables]),
        *_keys(source, target, key_names, source_key, target_key),
        *carry.structure(source, target, names),
        *carry.trimmings(source, target, tables),
    ]


def planned_names(source: Description, target: Table, partitions: t.Sequence[Partition]) -> list[str]:
    """Every name that ``expand`` gives to a table or index."""
    own = [target.name, *(partition.name for partition in partitions), *_key_names(source, target, partitions)]
    return [*own, *carry.index_names(source, target, own).values()]


def _key_names(source: Description, target: Table, partitions: t.Sequence[Partition]) -> tuple[str, str]:
    """The names of the target's key, and of its index over the old key alone. A partition may be called pkey."""
    taken = {partition.name for partition in partitions}
    wanted = ("pkey" if source.primary_key else "key", "by_key")
    first, second = (next(name for name in _attempts(f"{target.name}_{suffix}") if name not in taken) for suffix in wanted)
    return first, second


def _attempts(name: str) -> t.Iterator[str]:
    yield shortened(name)
    for number in itertools.count(1):
        yield shortened(f"{name}_{number}")


def _divided(level: Level) -> Composed:
    return sql.SQL("PARTITION BY {method} ({column})").format(method=sql.SQL(level.method.upper()), column=sql.Identifier(level.column))


def add_partition(schema: str, partition: Partition, options: t.Sequence[str] = ()) -> Step:
    """Create one partition in its parent."""
    parts: list[Composed] = [
        sql.SQL("CREATE TABLE {} PARTITION OF {} {}").format(
            sql.Identifier(schema, partition.name), sql.Identifier(schema, partition.parent), bound_clause(partition.bound)
        )
    ]
    if partition.divided_by is not None:
        parts.append(_divided(partition.divided_by))
    else:
        parts += _with(options)
    return Step(sql.SQL(" ").join(parts), NEW_OBJECT, f"{schema}.{partition.name}")


def attach_partitions(source: Description, schema: str, partitions: t.Sequence[Partition]) -> list[Step]:
    """Create the first partition with all below it beside the parent, then attach it: the gentle way when the parent is in use."""
    first, below = partitions[0], partitions[1:]
    tables = [Table(schema, partition.name) for partition in partitions]
    parent = Table(schema, first.parent)
    like = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY)").format(tables[0].identifier, parent.identifier)
    ending = [_divided(first.divided_by)] if first.divided_by else _with(source.options)
    if source.tablespace:
        ending.append(sql.SQL("TABLESPACE {}").format(sql.Identifier(source.tablespace)))
    attach = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} {}").format(parent.identifier, tables[0].identifier, bound_clause(first.bound))
    return [
        Step(sql.SQL(" ").join([like, *ending]), ACCESS_SHARE, str(parent)),
        *(add_partition(schema, partition, source.options) for partition in below),
        *(step for table in tables for step in carry.of_partition(source, table)),
        Step(
            attach,
            SHARE_UPDATE_EXCLUSIVE,
            str(parent),
            "readers and writers go on; a default partition is locked while it is looked through",
        ),
    ]


def _with(options: t.Sequence[str]) -> list[Composed]:
    return [sql.SQL("WITH ({})").format(carry.storage(options))] if options else []


def bound_clause(bound: Bound) -> Composed:
    """``FOR VALUES …`` or ``DEFAULT``, as CREATE and ATTACH take it."""
    if isinstance(bound, DefaultBound):
        return sql.SQL("DEFAULT").format()
    if isinstance(bound, HashBound):
        return sql.SQL("FOR VALUES WITH (MODULUS {}, REMAINDER {})").format(sql.Literal(bound.modulus), sql.Literal(bound.remainder))
    if isinstance(bound, ListBound):
        return sql.SQL("FOR VALUES IN ({})").format(sql.SQL(", ").join(sql.Literal(value) for value in bound.values))
    if isinstance(bound, RangeBound):
        start, end = (sql.Literal(moment.isoformat(sep=" ")) for moment in (bound.start, bound.end))
        return sql.SQL("FOR VALUES FROM ({}) TO ({})").format(start, end)
    raise TypeError(f"not a bound: {bound!r}")


def _keys(
    source: Description, target: Table, names: tuple[str, str], source_key: t.Sequence[str], target_key: t.Sequence[str]
) -> t.Iterator[Step]:
    index = keys.source_key(source)
    if index is None:
        raise ValueError(f"{source.table} has no key")
    name, by_key = names
    clause = carry.constraint_clause("PRIMARY KEY" if source.primary_key else "UNIQUE", index, target_key)
    add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(target.identifier, sql.Identifier(name), clause)
    yield Step(add, NEW_OBJECT, str(target), "the key, with the columns the table is divided by")
    yield from carry.comment("INDEX", sql.Identifier(target.schema, name), index.comment, target)
    yield from carry.constraint_comment(name, index.constraint_comment, target)
    if tuple(target_key[: len(source_key)]) != tuple(source_key):
        create = sql.SQL("CREATE INDEX {} ON {} ({})").format(sql.Identifier(by_key), target.identifier, columns(source_key))
        yield Step(create, NEW_OBJECT, str(target), "look-ups and comparisons by the old key alone")
