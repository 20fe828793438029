# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Strong locks without a queue: look who is there, wait outside, come in only for a moment."""

from __future__ import annotations

import random
import time
import types
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import errors

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection

LOCK_TIMEOUT_MILLISECONDS = 50  # far below deadlock_timeout (1 s): whoever runs into us never pays for it, we do
SILENT_MILLISECONDS = (
    1000  # a client that is silent for so long with a strong lock in its hands (frozen, cut off) is thrown out by the server
)
LONG_SECONDS = 0.1  # a transaction that lives longer than this is waited for from outside
# Failures that mean "someone else was there first": roll back, and try again or elsewhere.
GIVE_WAY = ("LockNotAvailable", "DeadlockDetected", "SerializationFailure", "QueryCanceled")

Result = t.TypeVar("Result")

_HOLDERS = """
SELECT l.virtualtransaction, l.pid, a.usename::text, a.application_name, a.state, l.mode, EXISTS (SELECT FROM pg_stat_activity v
       WHERE v.pid = l.pid AND v.backend_type = 'autovacuum worker')
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.relation = ANY (%s::oid[]) AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def long_holders(connection: Connection, oids: t.Sequence[int]) -> list[str]:
    """Who holds any lock on one of the tables for longer than ``LONG_SECONDS``, one line each.

    Looks twice instead of reading ``xact_start``, which a plain role may not see of others.
    """
    first = {row[0] for row in connection.execute(_HOLDERS, (list(oids),)).fetchall()}
    if not first:
        return []
    time.sleep(LONG_SECONDS)
    found = {}
    for transaction, pid, user, application, state, mode, autovacuum in connection.execute(_HOLDERS, (list(oids),)).fetchall():
        if transaction in first:
            who = "autovacuum" if autovacuum else f"user {user}, application {application or 'unnamed'}, {state or 'state not visible'}"
            found[transaction] = f"pid {pid} ({who}) holds {mode.removesuffix('Lock')}" if pid else "a prepared transaction"
    return sorted(found.values())


# A session without a transaction holds no virtualxid; autovacuum's belongs to no user. Of others a plain role may see neither state nor xmin.
_SNAPSHOTS = """
SELECT l.virtualtransaction, a.backend_xmin::text, a.pid, a.usename::text, a.application_name, a.state
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid' AND l.granted AND l.pid <> pg_backend_pid() AND a.usesysid IS NOT NULL AND a.datname = current_database()
  AND (a.backend_xmin IS NOT NULL OR a.state IS NULL)
"""


def snapshots(connection: Connection) -> dict[tuple[str, str | None], str]:
    """The snapshots that transactions of this database hold now, each with who holds it."""
    found = {}
    for transaction, xmin, pid, user, application, state in connection.execute(_SNAPSHOTS).fetchall():
        who = f"user {user}, application {application or 'unnamed'}, {state or 'state not visible'}"
        found[transaction, xmin] = f"pid {pid} ({who}) holds a snapshot from before"
    return found


def when_free(
    connection: Connection,
    oids: t.Sequence[int],
    work: t.Callable[[], Result],
    *,
    thing: str,
    patience: float,
    tries: list[str] | None = None,
    outlive: t.Mapping[tuple[str, str | None], str] = types.MappingProxyType({}),
) -> Result:
    """Run ``work`` in a transaction with a short lock timeout, at a moment when nobody holds the tables for long.

    :param oids: the tables that ``work`` locks.
    :param patience: seconds after which to give up; nothing was changed then.
    :param tries: gets a line for each time somebody was in the way.
    :param outlive: snapshots (as ``snapshots`` gave them) that must be gone first.
    :raises Refusal: code ``busy_table`` when the patience is over, naming who was in the way last.
    """
    deadline = time.monotonic() + patience
    attempts = 0
    while True:
        holders = long_holders(connection, oids)
        if not holders and outlive:
            holders = sorted(outlive[snapshot] for snapshot in snapshots(connection) if snapshot in outlive)
        if not holders:
            try:
                with connection.transaction():
                    connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}")
                    connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {SILENT_MILLISECONDS}")
                    return work()
            except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
                attempts += 1
                holders = [f"someone with a conflicting lock ({type(error).__name__}, attempt {attempts})"]
        if tries is not None:
            tries.append(holders[0])
        if time.monotonic() > deadline:
            raise Refusal(
                thing,
                expected="a moment without a long transaction on it",
                found=f"after {patience:.0f} s still: {'; '.join(holders)}",
                remedy="Nothing was changed and nobody was made to wait. End that transaction, or run again when it is over.",
                code="busy_table",
                details={"holders": holders},
            )
        time.sleep(random.uniform(0.1, 0.4) if len(holders) == 1 and "attempt" in holders[0] else 0.25)
