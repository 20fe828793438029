# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Shadow reads: the application's statements on both layouts, side by side, before anyone depends on the new one."""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import psycopg, sql
from .._common.ranks import percentile
from .names import verbatim
from .pace import Limit

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

    from .._common.postgres.connect import Connection
    from .names import Table

ROUNDS = 60
WARM_UP = 10


@dataclasses.dataclass(frozen=True)
class Read:
    """A statement with ``{table}`` where the table stands, and ``%(column)s`` where a value of a sampled row goes."""

    name: str
    statement: str


@dataclasses.dataclass(frozen=True)
class Result:
    """Median milliseconds on the old and the new layout over ``rounds`` interleaved executions."""

    name: str
    old_ms: float
    new_ms: float
    rounds: int
    slower: bool


def usual_reads(source_key: t.Sequence[str], target_key: t.Sequence[str]) -> list[Read]:
    """What nearly every application asks: a row by its old key alone, and by the new one."""
    reads = [("by the old key alone", source_key)]
    if set(source_key) != set(target_key):
        reads.append(("by the new key", target_key))
    return [Read(name, sql.SQL("SELECT * FROM {{table}} WHERE {}").format(_equals(key)).as_string(None)) for name, key in reads]


def _equals(key: t.Sequence[str]) -> Composed:
    """``"column" = %(column)s`` for each, spelled so that it survives being a template."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(verbatim(_name(column)), verbatim(f"%({_placeholder(column)})s")) for column in key
    )


def _placeholder(column: str) -> str:
    """What stands for the column's value: its name, or where that would end the placeholder too soon, the name in hexadecimal."""
    return column if re.fullmatch(r"\w+", column) else column.encode().hex()


def _name(column: str) -> str:
    return sql.Identifier(column).as_string(None).replace("%", "%%").replace("{", "{{").replace("}", "}}")


def compare(connection: Connection, old: Table, new: Table, reads: t.Sequence[Read], limit: Limit) -> list[Result]:
    """Run each read on both tables, taking turns, with values of rows that are there.

    :raises Refusal: when there is nothing to sample, or a statement fails.
    """
    query = sql.SQL("SELECT * FROM {} TABLESAMPLE SYSTEM (1) LIMIT %s").format(old.identifier)
    cursor = connection.execute(query, (ROUNDS,))
    rows = cursor.fetchall() or connection.execute(sql.SQL("SELECT * FROM {} LIMIT %s").format(old.identifier), (ROUNDS,)).fetchall()
    names = [column.name for column in cursor.description or ()]
    if not rows:
        raise Refusal(
            str(old),
            expected="rows to try the reads with",
            found="an empty table",
            remedy="Shadow reads need data: leave them out or load some.",
            code="nothing_to_read",
        )
    names += [_placeholder(name) for name in names]
    values = [dict(zip(names, row + row, strict=True)) for row in rows]
    return [_compare_one(connection, old, new, read, values, limit) for read in reads]


def _compare_one(connection: Connection, old: Table, new: Table, read: Read, values: t.Sequence[dict[str, t.Any]], limit: Limit) -> Result:
    try:
        statements = [sql.SQL(read.statement).format(table=table.identifier) for table in (old, new)]
    except (IndexError, KeyError, ValueError) as error:
        raise Refusal(
            f"shadow read {read.name!r}",
            expected="{table} where the table stands and no other braces (double them)",
            found=read.statement,
            remedy="Mend the statement.",
            code="bad_read",
        ) from error
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + ROUNDS):
        value = values[number % len(values)]
        for side in (0, 1) if number % 2 else (1, 0):
            spent = _timed(connection, read, statements[side], value)
            if number >= WARM_UP:
                times[side].append(spent)
    old_ms, new_ms = (percentile(side, 50) or 0.0 for side in times)
    return Result(read.name, old_ms, new_ms, ROUNDS, not limit.allows(new_ms - old_ms, old_ms))


def _timed(connection: Connection, read: Read, statement: Composed, value: dict[str, t.Any]) -> float:
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("SET LOCAL search_path TO DEFAULT")  # the statement is the application's, and may lean on it
            connection.execute("SET LOCAL statement_timeout = '10s'")
            started = time.monotonic()
            connection.execute(statement, value, prepare=True).fetchall()
            return (time.monotonic() - started) * 1000
    except psycopg.Error as error:
        if connection.closed:
            raise
        raise Refusal(
            f"shadow read {read.name!r}",
            expected="a statement that runs on both layouts",
            found=" ".join(str(error).split()),
            remedy="Mend the statement, or the layout.",
            code="bad_read",
        ) from error
