# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Make a differing row of the copy as the truth has it, while the application goes on writing.

The truth's row is written again as it is, which changes nothing but its version: nobody else can change it until we are done, and a transaction whose
snapshot is older, to which the repaired row is invisible, gets 40001 when it deletes the row, instead of leaving the copy's behind.
"""

from __future__ import annotations

import time
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import psycopg, sql
from .locks import GIVE_WAY, LOCK_TIMEOUT_MILLISECONDS, SILENT_MILLISECONDS
from .mirror import upsert
from .names import columns
from .state import LIVE, record

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .digest import Difference
    from .state import Job

TRIES = 200  # a row that is locked this often in a row: tell which
LONGEST_PAUSE_SECONDS = 0.2


def repair(connection: Connection, job: Job, source: Description, difference: Difference) -> None:
    """Repair one row and write an event, in one transaction. Looks at the row as it is now: it may be right by now.

    :raises Refusal: code ``row_blocked`` when somebody keeps the row locked.
    """
    for attempt in range(TRIES):
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}")
                connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {SILENT_MILLISECONDS}")
                _repair(connection, job, source, difference)
            return
        except psycopg.Error as error:
            if type(error).__name__ not in GIVE_WAY:
                raise
        time.sleep(min(LONGEST_PAUSE_SECONDS, 0.01 * 2 ** min(attempt, 5)))
    raise Refusal(
        f"{job.live}, row {difference.key}",
        expected="a row that comes free within a moment",
        found=f"one that stayed locked through {TRIES} tries",
        remedy="A long transaction holds it. Run again when it is over.",
        code="row_blocked",
    )


def _repair(connection: Connection, job: Job, source: Description, difference: Difference) -> None:
    truth, copy = (job.target, job.source) if job.state == LIVE else (job.source, job.target)
    key = [difference.key[name] for name in job.target_key]
    same = _same(job.target_key)
    # First of all: neither mirror may pass on what is written here.
    connection.execute(sql.SQL("SELECT set_config({}, 'on', true)").format(sql.Literal(job.setting)))
    written_again = sql.SQL("UPDATE {table} AS compared SET {column} = compared.{column} WHERE {same}").format(
        table=truth.identifier, column=sql.Identifier(_writable(source, job)), same=same
    )
    there = connection.execute(written_again, key).rowcount
    if not there:
        connection.execute(sql.SQL("DELETE FROM {} AS compared WHERE {}").format(copy.identifier, same), key)
        # Whoever inserted the row meanwhile may have written it to the copy just before it was deleted there.
        there = connection.execute(written_again, key).rowcount
    if there:
        names = columns(source.stored_columns)
        rows = sql.SQL("SELECT {} FROM {} AS compared WHERE {}").format(names, truth.identifier, same)
        if copy == job.source:  # its key is narrower: what else has it must make room
            narrow = [difference.key[name] for name in job.source_key]
            connection.execute(sql.SQL("DELETE FROM {} AS compared WHERE {}").format(copy.identifier, _same(job.source_key)), narrow)
            connection.execute(sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE {}").format(copy.identifier, names, rows), key)
        else:
            connection.execute(upsert(job, source, rows), key)
    record(connection, job, "repaired", kind=difference.kind, key=difference.key)


def _same(names: t.Sequence[str]) -> Composed:
    return sql.SQL(" AND ").join(sql.SQL("compared.{} = %s").format(sql.Identifier(name)) for name in names)


def _writable(source: Description, job: Job) -> str:
    """A column that can be set to what it is, one outside of the keys where there is one."""
    names = [column.name for column in source.columns if not column.generated and column.identity != "a"]
    return next((name for name in names if name not in (*job.target_key, *job.source_key)), names[0])
