# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One shard's database: what its fence says now, who lives there, and the moment at which it may be narrowed."""

from __future__ import annotations

import dataclasses
import random
import time
import typing as t

from .._common.errors import Refusal
from .._common.postgres.connect import connect
from .._common.postgres.driver import errors, sql
from . import routes_objects as objects
from .locks import LOCK_TIMEOUT_MILLISECONDS, LONG_SECONDS
from .names import STATE_SCHEMA, Table, state
from .routes import TenantMap
from .routes_fence import Fence, slots_from
from .steps import execute

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .steps import Step

READ_LOCK_SECONDS = 30  # how long to wait for a table that somebody rewrites, before looking through it


@dataclasses.dataclass(frozen=True)
class TenantColumn:
    """A column that says whose row it is."""

    table: Table
    column: str


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A map that the shard settled on at some time, and the version that it took back, if it did."""

    tenants: TenantMap
    reverts: int | None


@dataclasses.dataclass(frozen=True)
class Observation:
    """What was found in a shard's database."""

    installed: objects.Installed
    fence: Fence | None
    history: t.Mapping[int, Recorded]

    @property
    def current(self) -> Recorded | None:
        """The map that the fence settled on."""
        return self.history.get(self.fence.version) if self.fence else None


def open_shard(name: str, parameters: t.Mapping[str, t.Any], *, application: str, read_only: bool) -> Connection:
    """A session on the primary of a shard that can write nothing when ``read_only``, and never sees half a table by row security.

    :raises Refusal: when it cannot be reached, or is a replica.
    """
    connection = connect(parameters, application=f"{application} {name}")
    connection.execute("SET search_path = pg_catalog, pg_temp")
    connection.execute("SET row_security = off")
    connection.execute(f"SET lock_timeout = {READ_LOCK_SECONDS * 1000}")
    connection.execute("SET default_transaction_isolation = 'read committed'")
    if read_only:
        connection.execute("SET default_transaction_read_only = on")
    row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    if row and row[0]:
        connection.close()
        raise Refusal(
            f"shard {name}",
            expected="the primary of the shard",
            found="a replica",
            remedy="Point login_host at the primary; list copies in replicas.",
            code="replica",
        )
    return connection


def identity(connection: Connection) -> tuple[t.Any, ...]:
    """What tells one database from every other, also behind two host names."""
    query = "SELECT c.system_identifier, d.oid FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()"
    return connection.execute(query).fetchone() or ()


def observe(connection: Connection, callers: t.Collection[str]) -> Observation:
    """Read everything that the fence has in this database, in one snapshot.

    :raises Refusal: when one of the roles does not exist, or a recorded map was changed by hand.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        installed = _installed(connection, callers)
        complete = installed.tables.issuperset(objects.TABLES)
        return Observation(installed, _fence(connection) if complete else None, _history(connection) if complete else {})


def _installed(connection: Connection, callers: t.Collection[str]) -> objects.Installed:
    known = {row[0] for row in connection.execute("SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%s)", (list(callers),))}
    for role in sorted(set(callers) - known):
        raise Refusal(
            f"role {role}",
            expected="a role of this server",
            found=f"no such role in database {connection.info.dbname}",
            remedy="Create it, or correct application_roles.",
            code="no_role",
        )
    schema = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", (STATE_SCHEMA,)).fetchone()
    tables = connection.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' AND relname = ANY (%s)",
        (STATE_SCHEMA, list(objects.TABLES)),
    ).fetchall()
    names = [function.name for function in objects.FUNCTIONS]
    functions = connection.execute(
        "SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = to_regnamespace(%s) AND proname = ANY (%s)", (STATE_SCHEMA, names)
    ).fetchall()
    # A role may call it all when it may use the schema and execute every one of the functions.
    may = connection.execute(
        """SELECT r.rolname::text FROM pg_roles r, to_regnamespace(%s) n
           WHERE r.rolname = ANY (%s) AND n IS NOT NULL AND has_schema_privilege(r.oid, n, 'USAGE') AND %s = (SELECT count(*) FROM pg_proc p
             WHERE p.pronamespace = n AND p.proname = ANY (%s) AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))""",
        (STATE_SCHEMA, list(callers), len(names), names),
    ).fetchall()
    return objects.Installed(
        bool(schema and schema[0]), frozenset(row[0] for row in tables), dict(functions), frozenset(row[0] for row in may)
    )


def _fence(connection: Connection) -> Fence | None:
    row = connection.execute(
        sql.SQL(
            "SELECT shard, version, oldest, ARRAY(SELECT ARRAY[lower(r), upper(r) - 1] FROM unnest(slots) r ORDER BY lower(r)) FROM {}"
        ).format(state("tenant_fence"))
    ).fetchone()
    if row is None:
        return None
    shard, version, oldest, ranges = row
    owners = connection.execute(sql.SQL("SELECT tenant, shard FROM {} ORDER BY tenant").format(state("tenant_owner"))).fetchall()
    return Fence(shard, version, oldest, slots_from((first, last) for first, last in ranges), dict(owners))


def _history(connection: Connection) -> dict[int, Recorded]:
    rows = connection.execute(sql.SQL("SELECT version, document, reverts FROM {} ORDER BY version").format(state("tenant_map"))).fetchall()
    return {version: Recorded(TenantMap.from_json(document), reverts) for version, document, reverts in rows}


def tenants_of(connection: Connection, column: TenantColumn) -> t.Iterator[str]:
    """Every tenant that has a row in the table, once. With an index that starts with the column, one probe a tenant; else one scan."""
    names = {"column": sql.Identifier(column.column), "table": column.table.identifier}
    if _leads_an_index(connection, column):
        query = sql.SQL(
            "WITH RECURSIVE tenant (id) AS ("
            "(SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1) UNION ALL "
            "SELECT (SELECT {column} FROM {table} WHERE {column} > tenant.id ORDER BY {column} LIMIT 1) FROM tenant WHERE tenant.id IS NOT NULL"
            ") SELECT id::text FROM tenant WHERE id IS NOT NULL"
        ).format(**names)
    else:
        query = sql.SQL("SELECT DISTINCT {column}::text FROM {table} WHERE {column} IS NOT NULL").format(**names)
    for (tenant,) in connection.execute(query):
        yield tenant


def has_rows(connection: Connection, column: TenantColumn, tenant: str) -> bool:
    """Whether the tenant has a row in the table."""
    # A literal, not a parameter: psycopg would take a % in a name for a placeholder.
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {}::text = {})")
    row = connection.execute(query.format(column.table.identifier, sql.Identifier(column.column), sql.Literal(tenant))).fetchone()
    return bool(row and row[0])


def has_homeless(connection: Connection, column: TenantColumn) -> bool:
    """Whether the table has a row without a tenant, NULL or empty."""
    name = sql.Identifier(column.column)
    query = sql.SQL("SELECT EXISTS (SELECT FROM {table} WHERE {column} IS NULL) OR EXISTS (SELECT FROM {table} WHERE {column}::text = '')")
    row = connection.execute(query.format(table=column.table.identifier, column=name)).fetchone()
    return bool(row and row[0])


def exists(connection: Connection, column: TenantColumn) -> bool:
    """Whether the database has the table.

    :raises Refusal: when it has the table, but not the column.
    """
    row = connection.execute(
        """SELECT count(a.attname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = %s AND a.attnum > 0 AND NOT a.attisdropped
           WHERE n.nspname = %s AND c.relname = %s GROUP BY c.oid""",
        (column.column, column.table.schema, column.table.name),
    ).fetchone()
    if row and not row[0]:
        raise Refusal(
            str(column.table),
            expected=f"a column {column.column}",
            found="none of that name",
            remedy="Correct tenant_tables.",
            code="no_column",
        )
    return row is not None


def _leads_an_index(connection: Connection, column: TenantColumn) -> bool:
    row = connection.execute(
        """SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
           WHERE i.indrelid = (SELECT t.oid FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = %s AND t.relname = %s)
             AND m.amname = 'btree' AND i.indisvalid AND i.indpred IS NULL AND a.attname = %s)""",
        (column.table.schema, column.table.name, column.column),
    ).fetchone()
    return bool(row and row[0])


_HOLDERS = """
SELECT l.virtualtransaction, l.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), coalesce(a.state, 'state not visible')
FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid() AND l.objsubid = 1
  AND l.classid::int8 = ((%(key)s::int8 >> 32) & 4294967295) AND l.objid::int8 = (%(key)s::int8 & 4294967295)
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def _long_holders(connection: Connection) -> list[str]:
    """Transactions that have asserted a route and are open for longer than ``LONG_SECONDS``, one line each."""
    key = {"key": objects.LOCK_KEY}
    first = {row[0] for row in connection.execute(_HOLDERS, key)}
    if not first:
        return []
    time.sleep(LONG_SECONDS)
    return [
        f"pid {pid} (application {application}, {doing})"
        for transaction, pid, application, doing in connection.execute(_HOLDERS, key)
        if transaction in first
    ]


def when_quiet(connection: Connection, steps: t.Sequence[Step], *, shard: str, patience: float) -> None:
    """Run the steps in a transaction while no transaction that has asserted a route is open; such wait for it 50 ms at most.

    :param patience: seconds after which to give up; nothing was changed then.
    :raises Refusal: code ``busy_shard`` when the patience is over, naming who was in the way last.
    """
    deadline = time.monotonic() + patience
    while True:
        holders = _long_holders(connection)
        if not holders:
            try:
                with connection.transaction():
                    connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}")
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (objects.LOCK_KEY,))
                    execute(connection, steps)
                    return
            except (errors.LockNotAvailable, errors.DeadlockDetected):
                holders = ["short transactions without a gap between them"]
        if time.monotonic() > deadline:
            raise Refusal(
                f"shard {shard}",
                expected="a moment without an open transaction that has asserted a route",
                found=f"after {patience:.0f} s still: {'; '.join(holders)}",
                remedy="Nothing was changed. End that transaction, or run again when it is over.",
                code="busy_shard",
                details={"holders": holders},
            )
        time.sleep(random.uniform(0.05, 0.2))
