# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Points at which a source's content can be captured so that a restore can stand at the very same one.

- ``snapshot``: an exported snapshot, for pg_dump, which reads with it.
- ``slot``: the snapshot that a logical slot exports when it is made. It sees exactly the transactions whose commit record lies before the slot's
  consistent point.
- ``standby``: a standby whose replay is paused; its content is that of the last record it replayed.

Never a snapshot and an LSN read next to it: a commit is in the log before it is visible, so that a restore stopped there holds more (measured: 9 of 10
differ). See docs/adr/0092.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import threading
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.connect import libpq_parameters
from ..._common.postgres.driver import psycopg, sql
from ..capture.session import Connect, only_row

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

APPLICATION = "backup_manifest"


@dataclasses.dataclass(frozen=True)
class Point:
    """Where the source is to be read: sessions of ``connect`` that import ``snapshots``, by database; None sees what is there now."""

    method: t.Literal["snapshot", "slot", "standby", "none"]
    lsn: str | None
    exact: bool
    taken: str  # ISO 8601
    connect: Connect
    snapshots: t.Mapping[str, str] | None

    def as_dict(self) -> dict[str, t.Any]:
        """As a manifest has it."""
        return {"method": self.method, "lsn": self.lsn, "exact": self.exact, "taken": self.taken}


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()


@contextlib.contextmanager
def snapshot(connect: Connect, databases: t.Sequence[str], *, exact: bool = True) -> t.Iterator[Point]:
    """A snapshot of each database, kept as long as the context lasts. ``exact`` says whether the backup reads with it."""
    with contextlib.ExitStack() as held:
        exported = {}
        taken = now()
        for database in databases:
            connection = held.enter_context(contextlib.closing(connect(database)))
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            exported[database] = str(only_row(connection, "SELECT pg_export_snapshot()")[0])
        yield Point("snapshot" if exact else "none", None, exact, taken, connect, exported)


@contextlib.contextmanager
def slot(parameters: t.Mapping[str, t.Any], connect: Connect, databases: t.Sequence[str], *, timeout: float) -> t.Iterator[Point]:
    """The snapshot and consistent point of a temporary logical slot. It goes with its session, also when we are killed.

    A slot's snapshot is its own database's, so only one database may hold anything that changes; the others are read as they are.

    :param parameters: the options of ``CONNECTION_SPEC``.
    :param timeout: seconds to wait for the end of every transaction that was running, which is when the point is reached.
    :raises Refusal: the server's wal_level is not logical, no slot is free, or transactions ran on for longer.
    """
    anchored = _one_with_rows(connect, databases)
    arguments = libpq_parameters({**parameters, "login_db": anchored}, application=APPLICATION)
    about = f"slot in {anchored}"
    try:
        # Replication takes no settings but these, and no statement with parameters.
        connection = psycopg.connect(autocommit=True, **{**arguments, "dbname": anchored, "replication": "database"})
    except psycopg.Error as problem:
        raise _refusal(about, "a role that may replicate, and pg_hba.conf to let it", problem) from problem
    with contextlib.closing(connection), snapshot(connect, [name for name in databases if name != anchored]) as others:
        name, point, exported = _create_slot(connection, timeout, about)
        snapshots = {**(others.snapshots or {}), anchored: exported}
        yield Point("slot", point, True, now(), connect, snapshots)
        if connection.closed:
            raise Refusal(
                about, expected=f"the session of {name} to live", found="a lost connection", remedy="Run it again.", code="anchor_lost"
            )


def _create_slot(connection: Connection, timeout: float, about: str) -> tuple[str, str, str]:
    """Name, consistent point and exported snapshot. The server has no timeout for this command, so we have one."""
    name = f"governed_delivery_{connection.info.backend_pid}"
    expired = threading.Event()

    def cancel() -> None:
        expired.set()
        connection.cancel()

    timer = threading.Timer(timeout, cancel)
    timer.start()
    try:
        created = sql.SQL("CREATE_REPLICATION_SLOT {} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')").format(sql.Identifier(name))
        row = connection.execute(created).fetchone()
    except psycopg.Error as problem:
        if expired.is_set():
            raise Refusal(
                about,
                expected=f"all transactions that were running to end within {timeout:g} s",
                found="one that runs on",
                remedy="Look for it in pg_stat_activity (backend_xid), or give anchor_timeout more seconds, or use a standby.",
                code="anchor_timeout",
            ) from problem
        raise _refusal(about, "wal_level=logical and a free slot (max_replication_slots)", problem) from problem
    finally:
        timer.cancel()
    if row is None:
        raise Refusal(about, expected="a consistent point", found="no answer", remedy="Run it again.", code="anchor_lost")
    return str(row[0]), str(row[1]), str(row[2])


def _one_with_rows(connect: Connect, databases: t.Sequence[str]) -> str:
    """The one database that holds rows; the first, where none does.

    :raises Refusal: several do.
    """
    holding = []
    for database in databases:
        with contextlib.closing(connect(database)) as connection:
            (holds,) = only_row(
                connection,
                "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'S')"
                " AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')"
                " OR EXISTS (SELECT FROM pg_largeobject_metadata)",
            )
        if holds:
            holding.append(database)
    if len(holding) > 1:
        raise Refusal(
            "anchor: slot",
            expected="one database with tables, as a slot's snapshot is its database's own",
            found=", ".join(holding),
            remedy="Name the one in databases, or use anchor: standby, which stands still for all.",
            code="anchor_databases",
        )
    return holding[0] if holding else databases[0]


def _refusal(about: str, expected: str, problem: Exception) -> Refusal:
    return Refusal(
        about,
        expected=expected,
        found=" ".join(str(problem).split()),
        remedy="Set it so, or use anchor: standby.",
        code="anchor_refused",
    )
