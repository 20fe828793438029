# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a shift remembers, in the database it works on: the schema ``governed_delivery``."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import sql
from .names import STATE_SCHEMA, Table, state

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection

EXPANDED = "expanded"  # the new table stands, empty
MIRRORED = "mirrored"  # every write reaches both tables
COPIED = "copied"  # every older row was copied too
VERIFIED = "verified"  # both tables were compared and are equal
LIVE = "live"  # the new table carries the name; writes go back to the old one
CONTRACTED = "contracted"  # the old table is gone

_SCHEMA = """
CREATE TABLE IF NOT EXISTS {schema}.job (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_name text NOT NULL, table_name text NOT NULL, target_name text NOT NULL, retired_name text NOT NULL,
  source_oid oid NOT NULL, target_oid oid NOT NULL,
  state text NOT NULL, epoch bigint NOT NULL DEFAULT 0,
  layout jsonb NOT NULL, source_key text[] NOT NULL, target_key text[] NOT NULL, fingerprint text[] NOT NULL,
  paused boolean NOT NULL DEFAULT false, duty_percent real,
  verify_started_at timestamptz, verify_cursor bigint, verify_mismatches bigint, verify_rows bigint, verified_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(), changed_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE UNIQUE INDEX IF NOT EXISTS job_one_at_a_time ON {schema}.job (schema_name, table_name) WHERE state <> 'contracted';
CREATE TABLE IF NOT EXISTS {schema}.event (
  job integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(), what text NOT NULL, detail jsonb NOT NULL DEFAULT '{{}}');
CREATE INDEX IF NOT EXISTS event_by_job ON {schema}.event (job, at);
CREATE TABLE IF NOT EXISTS {schema}.slot (
  job integer NOT NULL, phase text NOT NULL, kind text NOT NULL,
  started_at timestamptz NOT NULL, ended_at timestamptz NOT NULL,
  milliseconds real[] NOT NULL, failed integer NOT NULL DEFAULT 0, rows bigint NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS slot_by_job ON {schema}.slot (job, started_at);
CREATE TABLE IF NOT EXISTS {schema}.probe (id integer PRIMARY KEY, at timestamptz NOT NULL);
"""

_JOB_COLUMNS = """id, schema_name, table_name, target_name, retired_name, source_oid::int8, target_oid::int8, state, epoch, layout, source_key, target_key,
fingerprint, paused, duty_percent, verify_started_at, verify_cursor, verify_mismatches, verify_rows, verified_at"""


@dataclasses.dataclass(frozen=True)
class Job:
    """One table on its way. ``source`` and ``target`` are the old and the new layout under the names they bear now."""

    id: int
    schema_name: str
    table_name: str
    target_name: str
    retired_name: str
    source_oid: int
    target_oid: int
    state: str
    epoch: int
    layout: list[dict[str, t.Any]]
    source_key: list[str]
    target_key: list[str]
    fingerprint: list[str]
    paused: bool
    duty_percent: float | None
    verify_started_at: t.Any
    verify_cursor: int | None
    verify_mismatches: int | None
    verify_rows: int | None
    verified_at: t.Any

    @property
    def live(self) -> Table:
        """The table as the application names it."""
        return Table(self.schema_name, self.table_name)

    @property
    def source(self) -> Table:
        return Table(self.schema_name, self.retired_name if self.state == LIVE else self.table_name)

    @property
    def target(self) -> Table:
        return Table(self.schema_name, self.table_name if self.state in (LIVE, CONTRACTED) else self.target_name)

    @property
    def setting(self) -> str:
        """The session setting that is on while a mirror writes, so that the other direction stays quiet."""
        return f"{STATE_SCHEMA}.applying_{self.id}"

    @property
    def ranges(self) -> str:
        return f"range_{self.id}"


def installed(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{STATE_SCHEMA}.probe",)).fetchone()
    return bool(row and row[0])


def install(connection: Connection) -> None:
    """Create the schema and its tables where they are missing; two at once wait for each other. A schema that is there may be another's gift."""
    if installed(connection):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('governed_delivery install', 0))")
        there = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", (STATE_SCHEMA,)).fetchone()
        if not (there and there[0]):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(STATE_SCHEMA)))
        connection.execute(sql.SQL(_SCHEMA).format(schema=sql.Identifier(STATE_SCHEMA)))


def find(connection: Connection, table: Table) -> Job | None:
    """The open job of the table, if there is one."""
    if not installed(connection):
        return None
    query = sql.SQL("SELECT {columns} FROM {job} WHERE (schema_name, table_name) = (%s, %s) AND state <> 'contracted'").format(
        columns=sql.SQL(_JOB_COLUMNS), job=state("job")
    )
    row = connection.execute(query, (table.schema, table.name)).fetchone()
    return _job(row) if row else None


def contracted(connection: Connection, table: Table) -> Job | None:
    """The shift that made the table what it is and was ended for good, if there is one."""
    if not installed(connection):
        return None
    query = sql.SQL(
        "SELECT {columns} FROM {job} WHERE (schema_name, table_name) = (%s, %s) AND state = 'contracted'"
        " AND target_oid = to_regclass(format('%%I.%%I', schema_name, table_name)) ORDER BY id DESC LIMIT 1"
    ).format(columns=sql.SQL(_JOB_COLUMNS), job=state("job"))
    row = connection.execute(query, (table.schema, table.name)).fetchone()
    return _job(row) if row else None


def _job(row: tuple[t.Any, ...]) -> Job:
    return Job(*row)


def require(connection: Connection, table: Table, *, states: t.Sequence[str]) -> Job:
    """The open job of the table, in one of the states.

    :raises Refusal: when there is none, or it is in another state.
    """
    job = find(connection, table)
    if job is None:
        raise Refusal(
            str(table),
            expected="a shift under way",
            found="no row for it in governed_delivery.job",
            remedy="Run pg_partition with state=present first.",
            code="no_job",
        )
    if job.state not in states:
        raise Refusal(
            str(table),
            expected=f"a shift in state {' or '.join(states)}",
            found=f"state {job.state}",
            remedy=_NEXT[job.state],
            code="wrong_state",
        )
    return job


_NEXT = {
    EXPANDED: "Run pg_mirror with state=present next.",
    MIRRORED: "Run pg_backfill next.",
    COPIED: "Run pg_reconcile next.",
    VERIFIED: "It is ready for pg_cutover with state=live.",
    LIVE: "The new layout is live already; pg_cutover with state=rolled_back takes it back.",
}


def create(
    connection: Connection,
    *,
    table: Table,
    target: Table,
    retired: Table,
    source_oid: int,
    target_oid: int,
    layout: t.Sequence[t.Mapping[str, t.Any]],
    source_key: t.Sequence[str],
    target_key: t.Sequence[str],
    fingerprint: t.Sequence[str],
) -> Job:
    """Write the job's row, state ``expanded``, in the caller's transaction."""
    query = sql.SQL(
        "INSERT INTO {job} (schema_name, table_name, target_name, retired_name, source_oid, target_oid, state, layout, source_key, target_key, fingerprint)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
    ).format(job=state("job"))
    values = (table.schema, table.name, target.name, retired.name, source_oid, target_oid, EXPANDED, json.dumps(list(layout)))
    row = connection.execute(query, (*values, list(source_key), list(target_key), list(fingerprint))).fetchone()
    job = find(connection, table)
    if row is None or job is None:
        raise RuntimeError("the job's row is not there after its INSERT")
    record(connection, job, EXPANDED)
    return job


def update(connection: Connection, job: Job, **values: t.Any) -> Job:
    """Set columns of the job's row and read it again."""
    assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
    query = sql.SQL("UPDATE {job} SET {assignments}, changed_at = clock_timestamp() WHERE id = %s RETURNING {columns}").format(
        job=state("job"), assignments=assignments, columns=sql.SQL(_JOB_COLUMNS)
    )
    row = connection.execute(query, (*values.values(), job.id)).fetchone()
    if row is None:
        raise Refusal(
            str(job.live),
            expected="its job's row",
            found="none",
            remedy="Someone removed it meanwhile: look before you go on.",
            code="job_gone",
        )
    return _job(row)


def move(connection: Connection, job: Job, to: str, **detail: t.Any) -> Job:
    """Change the state and say so in the events, in the caller's transaction."""
    moved = update(connection, job, state=to)
    record(connection, job, to, **detail)
    return moved


def record(connection: Connection, job: Job, what: str, **detail: t.Any) -> None:
    """Append an event; ``detail`` must be JSON-able."""
    connection.execute(
        sql.SQL("INSERT INTO {} (job, what, detail) VALUES (%s, %s, %s)").format(state("event")), (job.id, what, json.dumps(detail))
    )


def events(connection: Connection, job: Job) -> list[dict[str, t.Any]]:
    """All events of the job in order: ``at`` (epoch seconds), ``what``, ``detail``."""
    query = sql.SQL("SELECT extract(epoch FROM at)::float8, what, detail FROM {} WHERE job = %s ORDER BY at").format(state("event"))
    return [{"at": at, "what": what, "detail": detail} for at, what, detail in connection.execute(query, (job.id,)).fetchall()]


@contextlib.contextmanager
def only_one(connection: Connection, table: Table, *, shared: bool = False, patience: float = 5.0) -> t.Iterator[None]:
    """Keep a second run on the same table out; ``shared`` lets several of the same kind (copying slices) in together.

    The lock belongs to the session, so it ends with the connection, also after kill -9; ``patience`` (seconds) covers the moment the server needs for that.

    :raises Refusal: when another run holds it.
    """
    function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
    key = f"{STATE_SCHEMA} {table.schema}.{table.name}"
    deadline = time.monotonic() + patience
    while True:
        row = connection.execute(f"SELECT {function}(hashtextextended(%s, 0))", (key,)).fetchone()
        if row and row[0]:
            break
        if time.monotonic() > deadline:
            raise Refusal(
                str(table),
                expected="no other run at work on it",
                found=_holders(connection, key),
                remedy="Wait until it is done, or stop it; both may be started again at any time.",
                code="busy",
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"SELECT {function.replace('try_', '').replace('lock', 'unlock')}(hashtextextended(%s, 0))", (key,))


def _holders(connection: Connection, key: str) -> str:
    query = """
        SELECT string_agg(format('pid %%s (%%s)', l.pid, coalesce(nullif(a.application_name, ''), 'unnamed')), ', ')
        FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid), hashtextextended(%s, 0) k
        WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
          AND l.classid::int8 = ((k >> 32) & 4294967295) AND l.objid::int8 = (k & 4294967295) AND l.objsubid = 1
    """
    row = connection.execute(query, (key,)).fetchone()
    return str(row[0]) if row and row[0] else "another session"
