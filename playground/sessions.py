# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all database clients of the playground share."""

from __future__ import annotations

import typing as t

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[t.Any, ...]]
Isolation = t.Literal["read_committed", "repeatable_read", "mixed"]

RETRIED = ("40001", "40P01")  # serialization failure, deadlock: every client has to be ready for them
LOST = "08006"  # connection failure


def isolation_level(isolation: Isolation, number: int) -> psycopg.IsolationLevel:
    """The level of connection ``number``; ``mixed`` alternates."""
    repeatable = isolation == "repeatable_read" or (isolation == "mixed" and number % 2 == 1)
    return psycopg.IsolationLevel.REPEATABLE_READ if repeatable else psycopg.IsolationLevel.READ_COMMITTED


def set_lock_timeout(connection: Connection, milliseconds: int) -> None:
    """For the whole session; 0 waits for ever."""
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])


def one_row(
    connection: Connection, statement: t.LiteralString | sql.SQL | sql.Composed, parameters: t.Sequence[t.Any] = ()
) -> tuple[t.Any, ...]:
    """The first row of an answer that always has one."""
    row = connection.execute(statement, parameters).fetchone()
    if row is None:
        raise LookupError("the statement gave no row")
    return row


def in_one_line(error: BaseException) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split())
