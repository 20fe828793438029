# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode writes nothing: no row of the catalog, no row of a table, and no word of write-ahead log about anything in the database.

That what it predicts then comes true, in every state, is in test_shift_states.
"""

from __future__ import annotations

import contextlib
import subprocess
import typing as t

import pytest

from playground.postgres import Postgres
from playground.sessions import Connection
from tests.support import pictures
from tests.support.shifts import HASH_BY_TENANT, STATES, STEPS, Shift

TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.tenants (id text PRIMARY KEY);
INSERT INTO app.tenants SELECT 'tenant ' || i FROM generate_series(0, 4) AS i;
CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL REFERENCES app.tenants, body text);
INSERT INTO app.docs (tenant_id, body) SELECT 'tenant ' || i % 5, repeat('x', 20) FROM generate_series(1, 60) AS i;
CREATE VIEW app.seen AS SELECT id, body FROM app.docs;
"""

# Everything that could act, once in a state where it may.
ACTS: dict[str, list[tuple[str, dict[str, t.Any]]]] = {
    "absent": [
        ("pg_partition", {"partition_by": HASH_BY_TENANT, "minimum_rows": 0}),
        ("pg_partition", {"state": "rehearsed", "partition_by": HASH_BY_TENANT, "minimum_rows": 0}),
    ],
    "expanded": [("pg_mirror", dict(STEPS["mirrored"][1])), ("pg_partition", {"state": "absent"})],
    "mirrored": [("pg_backfill", {}), ("pg_mirror", {"state": "absent"})],
    "copied": [("pg_reconcile", {"repair": True, "workers": 2})],
    "verified": [("pg_cutover", {"slower_reads": "allow"})],
    "live": [("pg_cutover", {"state": "rolled_back"}), ("pg_cutover", {"state": "contracted", "confirm": "docs_retired"})],
}


@contextlib.contextmanager
def quiet(connection: Connection) -> t.Iterator[None]:
    """A server that does nothing of its own: no autovacuum, and all hint bits set, which a first read would set and log with the page."""
    connection.execute("ALTER SYSTEM SET autovacuum = off")
    connection.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        connection.execute("ALTER SYSTEM RESET autovacuum")
        connection.execute("SELECT pg_reload_conf()")


def log_position(connection: Connection) -> str:
    return str((connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone() or ("",))[0])


def written_about(database: Postgres, connection: Connection, start: str) -> list[str]:
    """The records since then that touch a relation of the database. A running server also notes, without being asked, which transactions run."""
    end = log_position(connection)
    if end == start:
        return []
    connection.execute("SELECT pg_switch_wal()")  # so that it is on disk
    (oid,) = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone() or (0,)
    command = [str(database.program("pg_waldump")), "-p", str(database.data / "pg_wal"), "-s", start, "-e", end]
    dump = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "desc:" in dump.stdout, dump.stderr
    return [line for line in dump.stdout.splitlines() if f"/{oid}/" in line]


@pytest.mark.parametrize("state", list(ACTS))
def test_nothing_is_written(database: Postgres, state: str) -> None:
    with database.connect(autocommit=True) as connection, quiet(connection):
        connection.execute(TABLE)
        shift = Shift(database)
        for passed in STATES[: STATES.index(state) + 1] if state in STATES else ():
            shift.step(passed)
        if state == "copied":
            damage(connection)
        connection.execute("VACUUM ANALYZE")
        with pictures.untouched(connection):
            for module, options in ACTS[state]:
                first = shift.run(module, check=True, diff=True, **options)
                start = log_position(connection)
                again = shift.run(module, check=True, diff=True, **options)
                assert written_about(database, connection, start) == [], module
                assert again["changed"] == first["changed"] == (module != "pg_reconcile" and options.get("state") != "rehearsed"), module
                if module == "pg_reconcile":
                    assert [one["kind"] for one in again["differences"]] == ["changed", "missing"]
                elif module == "pg_backfill":
                    assert again["diff"] == {"before": "0 of 6 ranges copied\n", "after": "6 of 6 ranges copied\n"}
                else:
                    statements = [step["sql"] for step in again["plan"]]
                    assert all(statement in again["diff"]["after"] for statement in statements)
                    assert all(step["lock"] and step["table"] for step in again["plan"])


def damage(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT set_config('governed_delivery.applying_1', 'on', true)")
        connection.execute("UPDATE app.docs_partitioned SET body = 'other' WHERE id = 7")
        connection.execute("DELETE FROM app.docs_partitioned WHERE id = 8")


def test_the_negative_control(database: Postgres) -> None:
    """What does write is found by the same means."""
    with database.connect(autocommit=True) as connection, quiet(connection):
        connection.execute(TABLE)
        start = log_position(connection)
        connection.execute("UPDATE app.docs SET body = 'x' WHERE id = 1")
        assert any("Heap" in record for record in written_about(database, connection, start))


def test_the_plan_can_be_pasted(database: Postgres) -> None:
    """The diff of check mode is SQL: run by hand in one transaction it makes the same table."""
    with database.connect(autocommit=True) as connection:
        connection.execute(TABLE)
        shift = Shift(database)
        text = shift.step("expanded", check=True)["plan"]
        diff = shift.run("pg_partition", check=True, diff=True, partition_by=HASH_BY_TENANT, minimum_rows=0)["diff"]["after"]
        connection.execute("BEGIN; " + diff + "COMMIT")
        by_hand = "SELECT relname FROM pg_class WHERE relname LIKE 'docs_partitioned%%' ORDER BY 1"
        made = connection.execute(by_hand).fetchall()
        connection.execute("DROP TABLE app.docs_partitioned")
        assert shift.step("expanded")["plan"] == text
        assert connection.execute(by_hand).fetchall() == made
