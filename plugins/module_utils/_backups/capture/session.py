# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Sessions that read a database's content: pinned, so that a row is the same text on the source and on its copy."""

from __future__ import annotations

import contextlib
import typing as t

from ..._common.postgres.connect import connect
from ..._common.postgres.driver import sql

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

# Opens a session in the database of that name.
Connect: t.TypeAlias = "t.Callable[[str], Connection]"

# Whatever changes the text of a value, or lets a count be taken from something else than the table.
PINNED: t.Mapping[str, str] = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",  # money
    "quote_all_identifiers": "off",
    "search_path": "",
    "row_security": "off",  # a policy is an error instead of fewer rows
    "jit": "off",
    # The heap itself is read, never an index that may still be whole where the table is not.
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "off",
    "enable_seqscan": "on",
    "enable_tidscan": "on",
    "max_parallel_workers_per_gather": "0",  # as many processes as the caller has asked for
    # A long transaction is what this is for; a lock somebody holds for hours is not.
    "statement_timeout": "0",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}


def connector(parameters: t.Mapping[str, t.Any], application: str) -> Connect:
    """How to open a session in any database of one server.

    :param parameters: the options of ``CONNECTION_SPEC``; ``login_db`` is replaced.
    """

    def open_in(database: str) -> Connection:
        return connect({**parameters, "login_db": database}, application=application)

    return open_in


def pin(connection: Connection) -> None:
    """Let the session read rows as everywhere else. Settings that the server does not know are left out."""
    connection.execute(
        "SELECT set_config(s.name, own.value, false) FROM unnest(%s::text[], %s::text[]) AS own (name, value)"
        " JOIN pg_settings s ON lower(s.name) = own.name",
        (list(PINNED), list(PINNED.values())),
    )


@contextlib.contextmanager
def reading(connection: Connection, snapshot: str | None) -> t.Iterator[None]:
    """A read-only transaction that sees what the exported snapshot sees; without one, what is there now."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        if snapshot is not None:
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
        yield
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


def only_row(connection: Connection, query: t.Any) -> tuple[t.Any, ...]:
    """The one row that the query always has."""
    found = connection.execute(query).fetchone()
    return found if found is not None else ()
