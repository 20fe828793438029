# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playground on real servers: start, stop, crash, the flights, the foreground load and the concurrent writers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
import yaml

from playground import book, flights, foreground, modules, processes
from playground.account import home, server_account
from playground.concurrent import Writers
from playground.errors import Refusal
from playground.postgres import Postgres, available_versions, find, place, start
from playground.transactions import Client, Statements, sample
from playground.worker import Load, Record

ROOT = Path(__file__).resolve().parents[2]
TABLE = "CREATE TABLE {} (id bigserial PRIMARY KEY, tenant_id text NOT NULL, created_at timestamptz NOT NULL, body jsonb NOT NULL)"
FILL = "INSERT INTO {} (tenant_id, created_at, body) SELECT 'tenant ' || g %% 8, now(), '{{}}' FROM generate_series(1, %s) g"


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)


def make_table(database: Postgres, name: str, rows: int) -> None:
    with database.connect() as session:
        session.execute(TABLE.format(name).encode())
        session.execute(FILL.format(name).encode(), [rows])


@pytest.fixture
def scratch(session_name: str) -> t.Iterator[Path]:
    """The data folder of a server that a test may do anything to."""
    data = place(f"{session_name}-scratch")
    yield data
    server = find(data.name)
    if server is not None:
        server.remove()


# --- the server


def test_start_finds_the_running_server_and_keeps_its_port_over_a_restart(scratch: Path) -> None:
    first = start(16, scratch, profile="small", settings={"work_mem": "7MB"})
    pid = first.pid
    assert start(16, scratch, profile="small") == first
    assert first.pid == pid

    first.restart()
    assert first.pid != pid
    with first.connect() as session:
        assert session.execute("SELECT current_setting('work_mem'), inet_server_port()").fetchone() == ("7MB", first.port)

    first.stop()
    assert first.pid is None
    first.stop()
    assert start(16, scratch, profile="small").port == first.port


def test_settings_are_those_of_a_measurement(postgres: Postgres) -> None:
    with postgres.connect() as session:
        row = session.execute(
            "SELECT current_setting('server_encoding'), current_setting('fsync'), current_setting('wal_level'),"
            " current_setting('listen_addresses'), (SELECT datcollate FROM pg_database WHERE datname = 'template0'),"
            " current_setting('server_version_num')::int / 10000"
        ).fetchone()
    assert row is not None
    assert row[:4] == ("UTF8", "on", "replica", "127.0.0.1")
    assert row[4] in ("C.UTF-8", "C")
    assert row[5] == postgres.version


def test_two_starts_at_once_make_one_server(scratch: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: start(16, scratch, profile="small"), range(4)))
    assert len(set(found)) == 1
    assert found[0].pid is not None


def test_killed_server_comes_back_with_what_was_committed(scratch: Path) -> None:
    server = start(16, scratch, profile="small")
    with server.connect() as session:
        session.execute("CREATE TABLE kept (n int)")
        session.execute("INSERT INTO kept VALUES (1)")
    session = server.connect()
    session.execute("INSERT INTO kept VALUES (2)")
    server.kill()
    assert server.pid is None
    with pytest.raises(psycopg.OperationalError):
        session.commit()
    assert start(16, scratch, profile="small") == server
    with server.connect() as session:
        assert session.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_start_after_the_postmaster_alone_was_killed(scratch: Path) -> None:
    server = start(16, scratch, profile="small")
    with contextlib.closing(server.connect()) as session:
        child = psutil.Process(session.info.backend_pid)
        session.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
        time.sleep(0.2)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)  # its busy child does not notice
        assert start(16, scratch, profile="small") == server
        assert not processes.alive(child), "or it would go on to write where the new server does"


def test_pid_file_that_names_a_stranger_is_not_believed(scratch: Path) -> None:
    server = start(16, scratch, profile="small")
    server.kill()
    pid_file = scratch / "postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    account = server_account()
    identity: dict[str, t.Any] = {} if account.is_ours else {"user": account.uid, "group": account.gid, "extra_groups": []}
    with subprocess.Popen(["/bin/sh", "-c", "read -r line"], cwd="/", stdin=subprocess.PIPE, **identity) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n", encoding="utf-8")
        assert server.pid is None
        server.stop()
        server.kill()
        assert start(16, scratch, profile="small") == server
        assert stranger.poll() is None


def test_bad_starts_say_what_to_do(scratch: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="PostgreSQL 9: expected to be installed"):
        start(9, scratch)
    with pytest.raises(Refusal, match="profile huge: expected one of measure, small"):
        start(16, scratch, profile="huge")
    with pytest.raises(Refusal, match=r"unrecognized configuration parameter .*no_such_setting"):
        start(16, scratch, settings={"no_such_setting": "it's \\ 1"})

    server = start(16, scratch, profile="small")
    with pytest.raises(Refusal, match=f"is on {server.port}. Stop it first"):
        start(16, scratch, port=server.port + 1)
    with pytest.raises(Refusal, match="expected a data folder of PostgreSQL 18, or nothing; found version 16"):
        start(18, scratch)
    server.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Refusal, match="Address already in use"):
            start(16, scratch, port=other.getsockname()[1])

    foreign = home() / "servers" / f"{scratch.name}-foreign"
    foreign.mkdir()
    try:
        (foreign / "letter").write_text("not yours", encoding="utf-8")
        with pytest.raises(Refusal, match="expected a data folder of PostgreSQL 16, or nothing; found something else"):
            start(16, foreign)
        assert (foreign / "letter").read_text(encoding="utf-8") == "not yours"
    finally:
        (foreign / "letter").unlink()
        foreign.rmdir()
        foreign.with_name(f"{foreign.name}.lock").unlink()

    if os.geteuid() == 0:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(Refusal, match="closed to it"):
            start(16, closed / "data")
        assert closed.stat().st_mode & 0o777 == 0o700


def test_command_line(scratch: Path, tmp_path: Path) -> None:
    file = tmp_path / "connection.yml"
    name = ["--name", scratch.name, "--connection", str(file)]
    begun = command("playground.postgres", "start", *name, "--version", "16", "--profile", "small", "--database", "it's mine")
    assert begun.returncode == 0, begun.stderr
    parameters = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert json.loads(begun.stdout) == parameters
    assert list(parameters) == ["login_host", "login_port", "login_user", "login_db"]
    with psycopg.connect(host=parameters["login_host"], port=parameters["login_port"], user=parameters["login_user"], dbname="it's mine"):
        pass

    status = json.loads(command("playground.postgres", "status").stdout)[scratch.name]
    assert (status["version"], status["running"], status["port"]) == (16, True, parameters["login_port"])
    assert command("playground.postgres", "stop", *name).returncode == 0
    assert not file.exists()
    assert json.loads(command("playground.postgres", "status").stdout)[scratch.name]["running"] is False
    assert command("playground.postgres", "remove", *name).returncode == 0
    assert command("playground.postgres", "remove", *name).returncode == 0, "a demo on a fresh machine begins with this"
    gone = command("playground.postgres", "stop", *name)
    assert gone.returncode == 1
    assert gone.stderr.startswith(f"server {scratch.name}: expected to have been started")
    assert "Traceback" not in gone.stderr


# --- the flights


def test_flights_are_loaded_once(postgres_16: Postgres) -> None:
    database = postgres_16.with_database("flights")
    said: list[str] = []
    with database.connect(autocommit=True) as session:
        session.execute('CREATE SCHEMA app CREATE TABLE "the ""table""" (id int) CREATE VIEW on_it AS TABLE "the ""table"""')
        with pytest.raises(Refusal, match=r"found columns id\. .*--replace"):
            flights.load(session, "app", 'the "table"', 400_000)
        loaded = flights.load(session, "app", 'the "table"', 400_000, replace=True, progress=said.append)
        assert (loaded.rows, loaded.changed) == (2 * flights.FLIGHTS, True)
        assert len(said) > flights.SLICES
        again = flights.load(session, "app", 'the "table"', 400_000, progress=said.append)
        assert (again.rows, again.changed) == (loaded.rows, False)

        counted = session.execute(
            'SELECT count(DISTINCT tenant_id), min(created_at)::text, max(created_at)::text, max(id) FROM app."the ""table"""'
        ).fetchone()
        assert counted == (16, "2013-01-01 10:00:00+00", "2014-01-01 04:00:00+00", loaded.rows)
        first = session.execute(
            'SELECT tenant_id, body FROM app."the ""table""" WHERE body @> %s', ['{"flight": 1545, "day": 1, "month": 1}']
        )
        tenant, body = first.fetchone() or (None, {})
        assert (tenant, body["origin"], body["dep_time"], body["tailnum"]) == ("UA", "EWR", 517, "N14228")
        assert "carrier" not in body
        order = session.execute("SELECT correlation FROM pg_stats WHERE attname = 'created_at' AND schemaname = 'app'").fetchone()
        assert order is not None
        assert order[0] > 0.99, "ids grow with time"

        with pytest.raises(Refusal, match=r"at least 900,000 rows; found 673,552 rows\. .*--replace"):
            flights.load(session, "app", 'the "table"', 900_000)
    database.drop_database("flights")


# --- the foreground load


@contextlib.contextmanager
def driving(load: Load) -> t.Iterator[list[Record]]:
    """The load in a thread; its records are in the list afterwards."""
    stopped, ready = threading.Event(), threading.Event()
    records: list[Record] = []
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(foreground.drive, load, stopped, ready.set)
        while not ready.wait(0.05):
            if future.done():
                future.result()
        try:
            yield records
        finally:
            stopped.set()
        records.extend(future.result())


def read_feed(path: Path) -> list[tuple[float, float, str, str]]:
    rows = [line.split(",") for line in path.read_text(encoding="ascii").splitlines()]
    return [(float(end), float(milliseconds), kind, ok) for end, milliseconds, kind, ok in rows]


@pytest.mark.parametrize("isolation", ["read_committed", "mixed"])
def test_load_survives_a_swap_and_its_book_agrees(database: Postgres, tmp_path: Path, isolation: t.Any) -> None:
    make_table(database, "docs", 20_000)
    load = Load(database.dsn, "public", "docs", tmp_path / "feed.csv", rate=400, isolation=isolation)
    with driving(load) as records:
        time.sleep(1)
        with database.connect() as session:
            session.execute("LOCK TABLE docs")
            session.execute("ALTER TABLE docs RENAME TO docs_old")
            session.execute("CREATE TABLE docs (LIKE docs_old INCLUDING DEFAULTS) PARTITION BY LIST (tenant_id)")
            # The rows stay where they are: a copy made here would be invisible to REPEATABLE READ clients that wait at the lock.
            session.execute("ALTER TABLE docs ATTACH PARTITION docs_old DEFAULT")
        time.sleep(1)
    report = foreground.summarise(records, 2.0)
    assert report["failures"] == {}
    assert report["unexpected"] == 0, report["messages"]
    assert all(report["transactions"][kind] > 0 for kind in ("read", "update", "insert", "delete", "rekey"))

    feed = read_feed(load.feed)
    assert len(feed) == report["latency_ms"]["count"] == pytest.approx(800, rel=0.2)
    assert {ok for *_unused, ok in feed} == {"1"}
    assert time.time() - 60 < feed[0][0] <= feed[-1][0] + 1 < time.time() + 1

    entries = [entry for record in records for entry in record.entries]
    with database.connect(autocommit=True) as session:
        findings = book.check(session, "public", "docs", entries)
        assert findings.clean, findings.as_dict()
        assert findings.checked > 10_000

        # The same check, where something is wrong.
        live = [entry for entry in entries if entry[2] is not None]
        dead = [entry for entry in entries if entry[1] is None]
        session.execute("DELETE FROM docs WHERE id = %s", [live[0][0]])
        session.execute("UPDATE docs SET body = '{}' WHERE id = %s", [live[1][0]])
        session.execute("ALTER TABLE docs_old DROP CONSTRAINT docs_pkey")
        session.execute("INSERT INTO docs SELECT id, tenant_id || '!', created_at, body FROM docs WHERE id = %s", [live[2][0]])
        session.execute("INSERT INTO docs VALUES (%s, 'x', now(), '{}')", [dead[0][0]])
        findings = book.check(session, "public", "docs", entries)
    assert (findings.lost, findings.wrong, findings.doubled, findings.risen) == ([live[0][0]], [live[1][0]], [live[2][0]], [dead[0][0]])


def test_load_counts_failures_and_goes_on(database: Postgres, tmp_path: Path) -> None:
    make_table(database, "docs", 1_000)
    load = Load(database.dsn, "public", "docs", tmp_path / "feed.csv", rate=100, lock_timeout_ms=100)
    with driving(load) as records:
        with database.connect() as session:
            session.execute("LOCK TABLE docs")
            time.sleep(1)
        time.sleep(0.5)
    report = foreground.summarise(records, 1.5)
    assert set(report["failures"]) == {"55P03"}
    assert report["latency_ms"]["longest"] > 300, "counted from the scheduled start: they wait for each other, too"
    feed = read_feed(load.feed)
    assert sum(ok == "0" for *_unused, ok in feed) == report["failures"]["55P03"]
    assert [ok for *_unused, ok in feed[-10:]] == ["1"] * 10


def test_load_outlives_a_crash_of_the_server(scratch: Path, tmp_path: Path) -> None:
    server = start(16, scratch, profile="small")
    make_table(server, "docs", 5_000)
    load = Load(server.dsn, "public", "docs", tmp_path / "feed.csv", rate=400)
    with driving(load) as records:
        for _unused in range(3):
            time.sleep(1)
            server.kill()
            server.restart()
        time.sleep(1)
    report = foreground.summarise(records, 4.0)
    assert report["unexpected"] == 0, report["messages"]
    assert report["failures"]
    assert set(report["failures"]) <= {"08006", "57P03", "57P01", "57P02"}
    with server.connect(autocommit=True) as session:
        findings = book.check(session, "public", "docs", (entry for record in records for entry in record.entries))
    assert findings.clean, findings.as_dict()


@pytest.mark.parametrize("kind", ["update", "delete", "rekey", "reuse"])
def test_client_finds_out_what_became_of_a_lost_transaction(database: Postgres, kind: str) -> None:
    make_table(database, "docs", 200)
    statements = Statements.for_table("public", "docs")
    with database.connect(autocommit=True) as session:
        chosen, templates = sample(session, "public", "docs", 0, 1, seed=1)
        client = Client(statements, chosen, templates, "client", seed=1)
        session.execute("DELETE FROM docs WHERE id = %s", [key := min(chosen.rows)])
        chosen.strike(key)
        lost = next(found for found in (client.next() for _unused in range(10_000)) if found.kind == kind)
        assert lost.key is not None
        before = chosen.rows.get(lost.key)

        assert client.resolve(session, lost)
        assert chosen.rows.get(lost.key) == before, "it did not come through"
        session.execute(lost.statement, lost.parameters)
        assert client.resolve(session, lost)
        assert chosen.rows.get(lost.key) == lost.after, "it came through"

        session.execute("DELETE FROM docs WHERE id = %s", [lost.key])
        session.execute("INSERT INTO docs VALUES (%s, 'nobody', now(), '{}')", [lost.key])
        assert not client.resolve(session, lost), "it is neither"


def test_load_without_a_server_ends_by_itself(scratch: Path, tmp_path: Path) -> None:
    server = start(16, scratch, profile="small")
    make_table(server, "docs", 1_000)
    load = Load(server.dsn, "public", "docs", tmp_path / "feed.csv", rate=100, seconds_without_server=1)
    with driving(load) as records:
        time.sleep(0.5)
        server.kill()
        time.sleep(3)
    assert foreground.summarise(records, 3.5)["ended"] == "no server for 1 s"


def test_load_from_the_command_line(postgres_16: Postgres, tmp_path: Path) -> None:
    database = postgres_16.with_database("foreground")
    connection_file = tmp_path / "connection.yml"
    connection_file.write_text(yaml.safe_dump(database.module_parameters()), encoding="utf-8")
    where: list[str | Path] = ["--connection", connection_file, "--schema", "public", "--table", "docs"]
    pid, feed = tmp_path / "load.pid", tmp_path / "feed.csv"

    refused = command("playground.foreground", "start", *where, "--pid", pid, "--feed", feed)
    assert refused.returncode == 1
    assert 'relation "public.docs" does not exist' in refused.stderr
    assert not pid.exists()

    make_table(database, "docs", 1_000)
    begun = command("playground.foreground", "start", *where, "--pid", pid, "--feed", feed, "--rate", "200")
    assert begun.returncode == 0, begun.stderr
    assert int(pid.read_text(encoding="utf-8").split()[0]) == json.loads(begun.stdout)["pid"]
    twice = command("playground.foreground", "start", *where, "--pid", pid, "--feed", feed)
    assert "Stop it first" in twice.stderr
    time.sleep(1)
    ended = command("playground.foreground", "stop", "--pid", pid)
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["ended"] == "stopped"
    assert summary["latency_ms"]["count"] == len(read_feed(feed)) > 100
    assert not pid.exists()
    checked = command("playground.foreground", "check", *where, "--book", summary["book"])
    assert checked.returncode == 0, checked.stdout
    with database.connect() as session:
        session.execute("DELETE FROM docs WHERE body ? 'mark'")
    assert command("playground.foreground", "check", *where, "--book", summary["book"]).returncode == 1
    again = command("playground.foreground", "stop", "--pid", pid)
    assert again.returncode == 1
    assert "no running load" in again.stderr
    database.drop_database("foreground")


# --- the concurrent writers


@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read", "mixed"])
def test_writers_race_and_add_up(database: Postgres, isolation: t.Any) -> None:
    make_table(database, "docs", 300)
    writers = Writers(database.dsn, "public", "docs", seed=7, isolation=isolation)
    with writers:
        time.sleep(1.5)
        counts = writers.stop()
    assert counts.failures == []
    assert counts.transactions > 100
    assert counts.rolled_back > 0
    assert all(counts.operations[kind] > 0 for kind in ("insert", "update", "many", "delete", "rekey", "renumber", "reuse"))
    if isolation != "read_committed":
        assert counts.retries["40001"] > 0, "there was no race"
    with database.connect(autocommit=True) as session:
        assert writers.differences(session) == {"rows": 0, "writes": 0, "doubled": 0}

        # The same sums, where something is wrong.
        session.execute(
            "UPDATE docs SET body = body || jsonb_build_object('n', (body ->> 'n')::int + 1) WHERE id = (SELECT max(id) FROM docs)"
        )
        assert writers.differences(session)["writes"] == 1
        session.execute("DELETE FROM docs WHERE id IN (SELECT id FROM docs WHERE body = '{}' LIMIT 2)")
        assert writers.differences(session)["rows"] == -2


def test_writers_know_what_came_through_when_the_server_is_killed(scratch: Path) -> None:
    server = start(16, scratch, profile="small")
    make_table(server, "docs", 300)
    writers = Writers(server.dsn, "public", "docs", seed=8)
    with writers:
        for _unused in range(5):
            time.sleep(0.4)
            server.kill()
            server.restart()
        time.sleep(0.4)
        counts = writers.stop()
    assert counts.failures == []
    assert counts.lost_connections >= 5
    with server.connect(autocommit=True) as session:
        assert writers.differences(session) == {"rows": 0, "writes": 0, "doubled": 0}


# --- modules


def test_module_runs_here_and_in_a_process_that_can_be_killed(postgres_16: Postgres) -> None:
    options = {**postgres_16.module_parameters(), "login_port": 1, "table": "docs", "schema": "public"}
    here = modules.run("pg_partition_info", options)
    assert here["failed"] is True
    assert "127.0.0.1:1" in here["msg"]
    assert modules.finished(modules.spawn("pg_partition_info", options), timeout=60) == here
    killed = modules.spawn("pg_partition_info", options)
    killed.kill()
    assert modules.finished(killed, timeout=60) is None


def test_versions_are_those_of_the_package_and_of_debian() -> None:
    assert {16, 18} <= set(available_versions())
