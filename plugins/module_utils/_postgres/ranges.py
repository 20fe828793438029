# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The ranges of a copy: the old table's key space cut into pieces of equal row count.

A range is three things in one row: a unit of work, the memory of what is done, and the fence that a delete waits at (see ``mirror``).
Ranges are written before the mirror's trigger exists, so that a trigger always finds them, or knows that its snapshot is too old.
Row 0 says that the plan is complete: keys above the last range belong to the mirror alone.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._common.postgres.driver import sql
from .names import columns, row, state, verbatim

if t.TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from .._common.postgres.connect import Connection
    from .state import Job

PLAN_CHUNK_ROWS = 100_000


@dataclasses.dataclass(frozen=True)
class KeySpace:
    """The source's key: its columns, and their types as the server prints them."""

    names: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def bounds(self) -> tuple[str, ...]:
        """The columns of a range's upper bound (inclusive)."""
        return tuple(f"hi_{number}" for number in range(1, len(self.names) + 1))

    def values(self) -> Composed:
        """Placeholders for one key, bound as text and cast by the server to the key's own types."""
        casts = (verbatim("%s::" + type_.replace("%", "%%")) for type_ in self.types)
        return sql.SQL("({})").format(sql.SQL(", ").join(casts))

    def between(self, low: Key | None, high: Key | None, alias: str | None = None) -> tuple[Composed, list[str]]:
        """Condition and values for ``low < key <= high``; None is open."""
        key = row(self.names, alias)
        parts: list[Composable] = []
        values: list[str] = []
        for operator, bound in ((">", low), ("<=", high)):
            if bound is not None:
                parts.append(sql.SQL("{} {} {}").format(key, sql.SQL(operator), self.values()))
                values += bound
        return sql.SQL(" AND ").join(parts or [sql.SQL("true")]), values


Key = t.Sequence[str]


def key_space(connection: Connection, relation_oid: int, names: t.Sequence[str]) -> KeySpace:
    query = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s AND attname = ANY (%s)"
    types: dict[str, str] = dict(connection.execute(query, (relation_oid, list(names))).fetchall())
    return KeySpace(tuple(names), tuple(types[name] for name in names))


def create_statements(job: Job, space: KeySpace) -> list[Composed]:
    """Make the job's range table; its bounds have the key's own types and collations."""
    table = state(job.ranges)
    bounds = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(sql.Identifier(name), sql.Identifier(bound))
        for name, bound in zip(space.names, space.bounds, strict=False)
    )
    return [
        sql.SQL(
            "CREATE TABLE {table} WITH (fillfactor = 50) AS"
            " SELECT 0::bigint AS number, {bounds}, false AS done, NULL::bigint AS copied FROM ONLY {source} WHERE false"
        ).format(table=table, bounds=bounds, source=job.source.identifier),
        sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (number), ALTER done SET DEFAULT false, ALTER done SET NOT NULL").format(table),
        sql.SQL("CREATE UNIQUE INDEX ON {} ({})").format(table, columns(space.bounds)),
        sql.SQL("CREATE INDEX ON {} (number) WHERE NOT done").format(table),
    ]


def plan_chunk(connection: Connection, job: Job, space: KeySpace, range_rows: int) -> int:
    """Cut the next ``PLAN_CHUNK_ROWS`` rows into ranges; the number of ranges made, 0 when less than one range is left.

    Starts after the last range there is, so a plan that was cut off goes on where it was.
    """
    number, last = last_bound(connection, job, space)
    condition, values = space.between(last, None)
    query = sql.SQL(
        "INSERT INTO {ranges} (number, {bounds})"
        " SELECT %s + row_number() OVER (ORDER BY counted.position), {bounds} FROM"
        " (SELECT chunk.*, row_number() OVER (ORDER BY {bounds}) FROM"
        "  (SELECT {key} FROM ONLY {source} WHERE {condition} ORDER BY {key} LIMIT %s) AS chunk ({bounds})) AS counted ({bounds}, position)"
        " WHERE counted.position %% %s = 0"
    ).format(
        ranges=state(job.ranges), bounds=columns(space.bounds), key=columns(space.names), source=job.source.identifier, condition=condition
    )
    return connection.execute(query, [number, *values, PLAN_CHUNK_ROWS - PLAN_CHUNK_ROWS % range_rows, range_rows]).rowcount


def last_bound(connection: Connection, job: Job, space: KeySpace) -> tuple[int, list[str] | None]:
    """Number and upper bound of the last range; (0, None) when there is none."""
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(bound)) for bound in space.bounds)
    query = sql.SQL("SELECT number, {} FROM {} WHERE number > 0 ORDER BY number DESC LIMIT 1").format(texts, state(job.ranges))
    found = connection.execute(query).fetchone()
    return (0, None) if found is None else (found[0], list(found[1:]))


def close_plan(connection: Connection, job: Job, space: KeySpace) -> None:
    """In the transaction that starts the mirror: one more range for what came since, and row 0."""
    number, last = last_bound(connection, job, space)
    condition, values = space.between(last, None)
    descending = sql.SQL(", ").join(sql.SQL("{} DESC").format(sql.Identifier(name)) for name in space.names)
    rest = sql.SQL(
        "INSERT INTO {ranges} (number, {bounds}) SELECT %s, {key} FROM ONLY {source} WHERE {condition} ORDER BY {descending} LIMIT 1"
    ).format(
        ranges=state(job.ranges),
        bounds=columns(space.bounds),
        key=columns(space.names),
        source=job.source.identifier,
        condition=condition,
        descending=descending,
    )
    connection.execute(rest, [number + 1, *values])
    connection.execute(sql.SQL("INSERT INTO {} (number, done) VALUES (0, true)").format(state(job.ranges)))


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a copy is: ranges in all, done, and rows that the copy itself wrote (the mirror writes the rest)."""

    ranges: int
    done: int
    copied: int

    @property
    def complete(self) -> bool:
        return self.done == self.ranges


def progress(connection: Connection, job: Job, part: tuple[int, int] = (1, 1)) -> Progress:
    low, high = part_bounds(connection, job, part)
    query = sql.SQL(
        "SELECT count(*), count(*) FILTER (WHERE done), coalesce(sum(copied), 0)::bigint FROM {} WHERE number > %s AND number <= %s"
    ).format(state(job.ranges))
    found = connection.execute(query, (low, high)).fetchone()
    return Progress(*(found or (0, 0, 0)))


def part_bounds(connection: Connection, job: Job, part: tuple[int, int]) -> tuple[int, int]:
    """The range numbers (low, high] that part ``index`` of ``count`` is responsible for."""
    index, count = part
    found = connection.execute(sql.SQL("SELECT coalesce(max(number), 0) FROM {}").format(state(job.ranges))).fetchone()
    last = found[0] if found else 0
    return last * (index - 1) // count, last * index // count
