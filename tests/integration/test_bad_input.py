# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people get wrong, and what goes wrong around them: each a clear refusal, nothing half-written, never a traceback.

What is wrong with the table itself is in test_pg_partition_refusals, names in test_pg_partition_names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

import psycopg
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._postgres import state as shift_state
from psycopg import sql

from playground import modules
from playground.account import server_account
from playground.installation import installation, reachable
from playground.postgres import Postgres, available_versions, place, start
from playground.sessions import Connection
from tests.support import pictures
from tests.support.servers import server
from tests.support.shifts import HASH_BY_TENANT, STATES, STEPS, Shift, codes

TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL, body text);
INSERT INTO app.docs (tenant_id, body) SELECT 'tenant ' || i % 5, repeat('x', 20) FROM generate_series(1, 60) AS i;
"""

# Every module with options that are right, so that only what a test makes wrong is wrong.
MODULES: dict[str, dict[str, t.Any]] = {module: dict(options) for module, options in STEPS.values()} | {"pg_partition_info": {}}
MODULES["pg_partition"]["partition_by"] = HASH_BY_TENANT


@pytest.fixture
def connection(database: Postgres) -> t.Iterator[Connection]:
    with database.connect(autocommit=True) as session:
        session.execute(TABLE)
        yield session


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start waits five seconds for the first to end; here, a moment."""
    monkeypatch.setattr(shift_state, "only_one", functools.partial(shift_state.only_one, patience=0.3))


def clear(result: modules.Result, code: str) -> dict[str, str]:
    """The refusal of that code, which tells all it should."""
    assert result["failed"]
    assert "exception" not in result
    assert "Traceback" not in result["msg"]
    refusal: dict[str, str] = next((refusal for refusal in result["refusals"] if refusal["code"] == code), {})
    assert refusal, f"expected {code}: {result['msg']}"
    assert all(refusal[part] for part in ("object", "expected", "found", "remedy"))
    return refusal


# Connections.

WRONG = {
    "port": ({"login_port": 1}, ":1/"),
    "host": ({"login_host": "nowhere.invalid"}, "nowhere.invalid:"),
    "socket folder": ({"login_unix_socket": "/nowhere"}, "/nowhere:"),
    "database": ({"login_db": "no such"}, "/no such"),
    "user": ({"login_user": "no %s such"}, "no %s such"),
    "TLS": ({"ssl_mode": "require"}, "SSL"),
    "parameter of libpq": ({"connect_params": {"no_such_parameter": 1}}, "no_such_parameter"),
}


@pytest.mark.parametrize(("options", "named"), list(WRONG.values()), ids=list(WRONG))
@pytest.mark.parametrize("module", list(MODULES))
def test_no_way_in(postgres_16: Postgres, module: str, options: dict[str, t.Any], named: str) -> None:
    given = {**postgres_16.module_parameters(), "schema": "app", "table": "docs", **MODULES[module], **options}
    refusal = clear(modules.run(module, given), "no_connection")
    assert named in str(refusal)
    assert "login_" in refusal["remedy"]


@pytest.mark.parametrize("module", list(MODULES))
def test_a_server_too_old(database: Postgres, connection: Connection, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """The version number is made up: an older server cannot be had here."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", 140012)
    with pictures.untouched(connection):
        refusal = clear(Shift(database).run(module, fails=True, **MODULES[module]), "server_too_old")
    assert (refusal["expected"], refusal["found"]) == ("PostgreSQL 15 or newer", "server version 14.12")


@pytest.mark.parametrize("module", [module for module in MODULES if module != "pg_partition"])
def test_no_shift(database: Postgres, connection: Connection, module: str) -> None:
    with pictures.untouched(connection):
        result = Shift(database).run(module, fails=module != "pg_partition_info", **MODULES[module])
    assert result["state"] == "absent" if module == "pg_partition_info" else clear(result, "no_job")


@pytest.mark.parametrize("name", ["docs\0", "", "x" * 200])
def test_a_name_that_is_none(database: Postgres, connection: Connection, name: str) -> None:
    with pictures.untouched(connection):
        for module, options in MODULES.items():
            if module != "pg_partition_info":
                result = Shift(database, table=name).run(module, fails=True, **options)
                assert codes(result) in (["no_table"], ["no_job"], ["bad_value"])


# Permissions.

ROLE = "bad input role"


@pytest.fixture
def role(postgres: Postgres) -> t.Iterator[str]:
    with postgres.connect(autocommit=True) as session:
        session.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(ROLE)))
        yield ROLE
        session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def test_not_the_owner(role: str, database: Postgres, connection: Connection) -> None:
    connection.execute('GRANT ALL ON SCHEMA app TO "bad input role"; GRANT ALL ON app.docs TO "bad input role"')
    with pictures.untouched(connection):
        refusal = clear(Shift(database, login={"login_user": role}).step("expanded", fails=True), "not_owner")
    assert role in refusal["found"]


def test_no_right_to_make_anything(role: str, database: Postgres, connection: Connection) -> None:
    connection.execute('ALTER TABLE app.docs OWNER TO "bad input role"; GRANT USAGE ON SCHEMA app TO "bad input role"')
    shift = Shift(database, login={"login_user": role})
    with pictures.untouched(connection):
        result = shift.step("expanded", fails=True)
        assert [refusal["object"] for refusal in result["refusals"]] == ["schema app", f"database {database.database}"]
        clear(result, "no_privilege")
    connection.execute('GRANT CREATE ON SCHEMA app TO "bad input role"')
    with pictures.untouched(connection):
        assert [refusal["object"] for refusal in shift.step("expanded", fails=True)["refusals"]] == [f"database {database.database}"]


def test_the_owner_alone_goes_the_whole_way(role: str, database: Postgres, connection: Connection) -> None:
    """No superuser, no right on the database but a schema that somebody made for it; no right on the application's other tables."""
    connection.execute('ALTER TABLE app.docs OWNER TO "bad input role"; GRANT ALL ON SCHEMA app TO "bad input role"')
    connection.execute('CREATE SCHEMA governed_delivery AUTHORIZATION "bad input role"')
    shift = Shift(database, login={"login_user": role})
    shift.to("live")
    connection.execute("INSERT INTO app.docs (tenant_id) VALUES ('tenant 1')")
    shift.back()
    shift.step("verified", again=True)
    shift.step("live")
    shift.contracted()


@pytest.mark.parametrize("state", STATES)
def test_somebody_else_comes_by(role: str, database: Postgres, connection: Connection, state: str) -> None:
    """A role without rights on what the shift keeps is told so, whatever it runs."""
    Shift(database).to(state)
    shift = Shift(database, login={"login_user": role})
    with pictures.untouched(connection):
        for module in ("pg_mirror", "pg_backfill", "pg_reconcile", "pg_cutover", "pg_partition_info", "pg_partition"):
            clear(shift.run(module, fails=True, **MODULES[module]), "no_privilege")


# The wrong server.


@dataclasses.dataclass(frozen=True)
class Pair:
    primary: Postgres
    standby: Postgres


@pytest.fixture(scope="module")
def pair(postgres_16: Postgres) -> t.Iterator[Pair]:
    """A server and its streaming standby, by pg_basebackup -R."""
    account = server_account()
    data = place(f"tests-{os.getpid()}-bad-input-standby")
    data.mkdir(mode=0o700)
    if not account.is_ours:
        os.chown(data, account.uid, account.gid)
    primary = postgres_16.with_database("bad_input")
    with primary.connect(autocommit=True) as connection:
        connection.execute(TABLE)
    program = reachable(installation(16), account).program("pg_basebackup")
    made = account.run(program, "-D", str(data), "-R", "-X", "stream", "-c", "fast", "-d", primary.dsn)
    assert made.returncode == 0, made.stdout
    standby = start(16, data, profile="small", settings={"max_prepared_transactions": "10"})
    try:
        yield Pair(primary, dataclasses.replace(standby, database=primary.database))
    finally:
        standby.remove()
        postgres_16.drop_database(primary.database)


def test_a_replica(pair: Pair) -> None:
    there, here = Shift(pair.primary), Shift(pair.standby)
    with pair.primary.connect(autocommit=True) as connection, pair.standby.connect(autocommit=True) as replica:

        def caught_up() -> None:
            (lsn,) = connection.execute("SELECT pg_current_wal_lsn()").fetchone() or (None,)
            deadline = time.monotonic() + 20
            while (
                replica.execute("SELECT pg_last_wal_replay_lsn() < %s::pg_lsn", [lsn]).fetchone() == (True,) and time.monotonic() < deadline
            ):
                time.sleep(0.05)

        with pictures.untouched(connection):
            assert clear(here.step("expanded", fails=True), "replica")["remedy"] == "Connect to the primary."
            clear(here.run("pg_partition", state="rehearsed", partition_by=HASH_BY_TENANT, minimum_rows=0, fails=True), "replica")
        for state in STATES:
            if state != "expanded":
                with pictures.untouched(connection):
                    refusal = clear(here.step(state, fails=True), "read_only")
                assert "primary" in refusal["remedy"]
            there.step(state)
            caught_up()
            assert here.state == there.state == state
        with pictures.untouched(connection):
            clear(here.run("pg_cutover", state="rolled_back", fails=True), "read_only")
            clear(here.run("pg_cutover", state="contracted", confirm="docs_retired", fails=True), "read_only")


def test_a_database_that_is_read_only(database: Postgres, connection: Connection) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(sql.Identifier(database.database)))
    with pictures.untouched(connection):
        clear(Shift(database).step("expanded", fails=True), "read_only")


# Upserts.

UPSERTS: list[tuple[str, str, bool]] = [  # the table that is shifted, a statement, and whether it would fail after the cutover
    ("docs", "INSERT INTO app.docs (id, tenant_id) VALUES (1, 'a') ON CONFLICT (id) DO NOTHING", True),
    ("docs", 'insert into "app"."docs" (id, tenant_id) select 2, \'b\' on conflict ( "id" ) do update set body = excluded.body', True),
    ("docs", "INSERT INTO app.docs\n(id, tenant_id) VALUES (1, 'a')\nON CONFLICT ON CONSTRAINT docs_pkey DO NOTHING", True),
    ("docs", "INSERT INTO app.docs (id, tenant_id) VALUES (1, 'a') ON CONFLICT DO NOTHING", False),
    ("docs", "INSERT INTO app.mydocs VALUES (1) ON CONFLICT (id) DO NOTHING", False),
    ("docs", "INSERT INTO other.docs VALUES (1) ON CONFLICT (id) DO NOTHING", False),
    ("docs", "INSERT INTO app.docs_more VALUES (1) ON CONFLICT (id) DO NOTHING", False),
    ("pairs", "INSERT INTO app.pairs VALUES (1, 2, 'a') ON CONFLICT (b, \"a\") DO NOTHING", True),
    ("pairs", "INSERT INTO app.pairs VALUES (1, 2, 'a') ON CONFLICT (tenant_id, a, b) DO NOTHING", False),
    ("wide", "INSERT INTO app.wide VALUES (1, 'a') ON CONFLICT (tenant_id, id) DO NOTHING", False),
    ("wide", "INSERT INTO app.wide VALUES (1, 'a') ON CONFLICT ON CONSTRAINT wide_pkey DO NOTHING", True),
]


def test_on_conflict_over_the_old_key() -> None:
    """Only Debian's 15 brings pg_stat_statements."""
    if 15 not in available_versions():
        pytest.skip("PostgreSQL 15 is not installed")
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    with server("upserts", 15, settings=settings) as database, database.connect(autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements; CREATE SCHEMA other; " + TABLE)
        for name in ("app.mydocs", "other.docs", "app.docs_more"):
            connection.execute(sql.SQL("CREATE TABLE {} (id bigint PRIMARY KEY)").format(sql.Identifier(*name.split("."))))
        connection.execute("CREATE TABLE app.pairs (a int, b int, tenant_id text NOT NULL, PRIMARY KEY (a, b), UNIQUE (tenant_id, a, b))")
        connection.execute("CREATE TABLE app.wide (id int, tenant_id text, PRIMARY KEY (tenant_id, id))")
        for table, statement, refused in UPSERTS:
            connection.execute("SELECT pg_stat_statements_reset()")
            connection.execute(statement)
            result = Shift(database, table=table).step("expanded", check=True, fails=refused)
            assert codes(result) == ["on_conflict"] if refused else not result["warnings"], statement
            assert not refused or " ".join(statement.split())[:12] in result["refusals"][0]["found"]
        connection.execute("CREATE ROLE owner LOGIN; ALTER TABLE app.docs OWNER TO owner; GRANT ALL ON SCHEMA app TO owner")
        connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO owner").format(sql.Identifier(database.database)))
        hidden = Shift(database, login={"login_user": "owner"}).step("expanded", check=True)
        assert any("pg_read_all_stats" in warning for warning in hidden["warnings"])


# In the middle of something.

FOREIGN_KEY = (
    "CREATE TABLE app.tenants (id text PRIMARY KEY); INSERT INTO app.tenants SELECT 'tenant ' || i FROM generate_series(0, 4) AS i;"
    "ALTER TABLE app.docs ADD FOREIGN KEY (tenant_id) REFERENCES app.tenants"
)


@dataclasses.dataclass(frozen=True)
class Work:
    """A module's work, the state it starts from and the one it leads to, and the table on which a long transaction makes it wait."""

    module: str
    options: t.Mapping[str, t.Any]
    begins: str | None
    ends: str
    waits_for: str
    mode: t.LiteralString = "ROW EXCLUSIVE"


WORKS = {
    "pg_partition": Work("pg_partition", MODULES["pg_partition"], None, "expanded", "app.tenants"),
    "pg_partition absent": Work("pg_partition", {"state": "absent"}, "expanded", "absent", "app.docs_partitioned"),
    "pg_mirror": Work("pg_mirror", MODULES["pg_mirror"], "expanded", "mirrored", "app.docs"),
    "pg_mirror absent": Work("pg_mirror", {"state": "absent"}, "mirrored", "expanded", "app.docs"),
    "pg_backfill": Work("pg_backfill", {"max_duty_percent": 100}, "mirrored", "copied", "governed_delivery.range_1", "EXCLUSIVE"),
    "pg_reconcile": Work("pg_reconcile", {}, "copied", "verified", "app.docs_partitioned", "ACCESS EXCLUSIVE"),
    "pg_cutover": Work("pg_cutover", MODULES["pg_cutover"], "verified", "live", "app.docs"),
    "pg_cutover back": Work("pg_cutover", {"state": "rolled_back"}, "live", "verified", "app.docs"),
    "pg_cutover for good": Work("pg_cutover", {"state": "contracted", "confirm": "docs_retired"}, "live", "contracted", "app.docs"),
}


@contextlib.contextmanager
def in_the_middle(shift: Shift, connection: Connection, work: Work) -> t.Iterator[subprocess.Popen[str]]:
    """The work as a process that waits for a long transaction; when the test is done with it, the transaction ends."""
    with shift.database.connect() as holder:
        holder.execute(sql.SQL("LOCK TABLE {} IN " + work.mode + " MODE").format(sql.Identifier(*work.waits_for.split("."))))
        process = modules.spawn(work.module, shift.given(**patient(work)))
        try:
            at_work = f"governed.delivery {work.module}%"
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and process.poll() is None:
                # A query later than the first look at the table shows that it is past all checks.
                if connection.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE %s AND (query LIKE '%%pg_locks%%' OR wait_event_type = 'Lock')",
                    [at_work],
                ).fetchone():
                    break
                time.sleep(0.02)
            time.sleep(0.2)
            assert process.poll() is None, process.communicate()
            yield process
        finally:
            holder.rollback()
            if process.poll() is None:
                process.kill()
                process.communicate()


def patient(work: Work) -> dict[str, t.Any]:
    return {**work.options, "patience": 60} if work.module not in ("pg_backfill", "pg_reconcile") else dict(work.options)


@pytest.fixture
def single(postgres_16: Postgres) -> t.Iterator[Postgres]:
    """A fresh database on one version: processes take their time."""
    fresh = postgres_16.with_database("in_the_middle")
    yield fresh
    fresh.drop_database(fresh.database)


def prepared(database: Postgres, work: Work) -> Shift:
    with database.connect(autocommit=True) as session:
        session.execute(TABLE + FOREIGN_KEY)
    shift = Shift(database)
    if work.begins:
        shift.to(work.begins)
    return shift


@pytest.mark.parametrize("work", list(WORKS.values()), ids=list(WORKS))
def test_a_connection_that_is_lost(single: Postgres, work: Work) -> None:
    shift = prepared(single, work)
    with single.connect(autocommit=True) as connection:
        before = pictures.taken(connection)
        with in_the_middle(shift, connection, work) as process:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'governed.delivery%' AND datname = current_database()"
            )
            result = modules.finished(process, 20)
            assert result is not None
        refusal = clear(result, "server_lost")
        assert single.database in refusal["object"]
        assert "Run again" in refusal["remedy"]
        if work.module in ("pg_partition", "pg_cutover"):
            assert {name: rows for name, rows in pictures.rows(connection).items() if name.startswith("app.")} == {
                name: rows for name, rows in before["rows"].items() if name.startswith("app.")
            }
        assert shift.state == (work.begins or "absent")
        assert not shift.run(work.module, **work.options)["failed"]
        assert shift.state == work.ends


@pytest.mark.usefixtures("impatient")
def test_two_starts_at_once(single: Postgres) -> None:
    work = WORKS["pg_mirror"]
    shift = prepared(single, work)
    with single.connect(autocommit=True) as connection, in_the_middle(shift, connection, work):
        with pictures.untouched(connection):
            for name, other in WORKS.items():
                refusal = clear(shift.run(other.module, fails=True, **other.options), "busy")
                assert refusal["object"] == "app.docs", name
                assert "governed.delivery pg_mirror" in refusal["found"]
        other_table = Shift(single, table="tenants", layout=[{"method": "hash", "column": "id", "modulus": 2}])
        assert set(codes(other_table.step("expanded", check=True, fails=True))) == {"referenced"}


# Columns that change midway.

COLUMN_CHANGES = {
    "added": ("ALTER TABLE app.docs ADD extra int", "ALTER TABLE app.docs DROP extra", "extra integer"),
    "renamed": ("ALTER TABLE app.docs RENAME body TO text", "ALTER TABLE app.docs RENAME text TO body", "text text"),
    "of another type": (
        "ALTER TABLE app.docs ALTER body TYPE varchar(30)",
        "ALTER TABLE app.docs ALTER body TYPE text",
        "character varying(30)",
    ),
    "NOT NULL": ("ALTER TABLE app.docs ALTER body SET NOT NULL", "ALTER TABLE app.docs ALTER body DROP NOT NULL", "body text not null"),
}
NEXT = {
    "expanded": ("pg_partition", "pg_mirror"),
    "mirrored": ("pg_partition", "pg_mirror", "pg_backfill"),
    "copied": ("pg_partition", "pg_mirror", "pg_reconcile"),
    "verified": ("pg_partition", "pg_mirror", "pg_reconcile", "pg_cutover"),
}


@pytest.mark.parametrize("state", list(NEXT))
def test_a_column_that_changes_midway(database: Postgres, connection: Connection, state: str) -> None:
    shift = Shift(database)
    shift.to(state)
    for change, undoing, found in COLUMN_CHANGES.values():
        connection.execute(change)
        with pictures.untouched(connection):
            for module in NEXT[state]:
                for check in (True, False):
                    refusal = clear(shift.run(module, check=check, fails=True, **MODULES[module]), "columns_changed")
                    assert found in refusal["found"], module
        connection.execute(undoing)
    connection.execute(COLUMN_CHANGES["added"][0])
    shift.absent()
    shift.to("live")
    assert connection.execute("SELECT count(*), count(extra) FROM app.docs").fetchone() == (60, 0)


def test_a_column_that_changes_after_the_cutover(database: Postgres, connection: Connection) -> None:
    """On the new table alone there is no way back any more; in both alike there is none of our doing: say so, and end or undo it."""
    shift = Shift(database)
    shift.to("live")
    connection.execute("ALTER TABLE app.docs ADD extra int")
    with pictures.untouched(connection):
        clear(shift.run("pg_cutover", state="rolled_back", fails=True), "columns_changed")
    shift.contracted()
    assert connection.execute("SELECT count(*), count(extra) FROM app.docs").fetchone() == (60, 0)


# Disks.


@pytest.fixture
def small_disk() -> t.Iterator[Path]:
    """A folder on a disk of a few megabytes that belongs to the server's account; needs the right to mount one."""
    folder = place(f"tests-{os.getpid()}-small-disk")
    folder.mkdir()
    account = server_account()
    options = f"size=6m,uid={account.uid},gid={account.gid},mode=0700"
    if not shutil.which("mount") or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False).returncode:
        folder.rmdir()
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def test_a_disk_that_is_full(small_disk: Path, postgres_alone: Postgres) -> None:
    """Known beforehand it is refused; otherwise the copy stops, says so, and goes on where it was once there is room."""
    with postgres_alone.connect(autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(small_disk))))
        connection.execute(
            "CREATE SCHEMA app; CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL, body text) TABLESPACE small"
        )
        connection.execute(
            "INSERT INTO app.docs (tenant_id, body) SELECT 'tenant ' || i % 5, repeat(md5(i::text), 60) FROM generate_series(1, 1800) AS i"
        )
        shift = Shift(postgres_alone)
        with pictures.untouched(connection):
            assert "MiB of free disk" in clear(shift.step("expanded", fails=True), "disk")["expected"]
        shift.step("expanded", free_disk_bytes=1 << 40)
        shift.step("mirrored")
        full = clear(shift.step("copied", fails=True), "disk_full")
        assert "Make room" in full["remedy"]
        assert shift.state == "mirrored"
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        shift.step("copied")
        assert shift.step("verified")["mismatches"] == 0
        shift.step("live")
        assert connection.execute("SELECT count(*) FROM app.docs").fetchone() == (1800,)
