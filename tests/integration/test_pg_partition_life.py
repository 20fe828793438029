# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application's life goes on: cascades reach both tables, row security holds, odd rows and odd settings do not matter, storage stays where it is."""

from __future__ import annotations

import typing as t

import psycopg
import pytest
from psycopg import sql

from playground.postgres import Postgres
from playground.sessions import Connection
from tests.support.portraits import leaf_portraits
from tests.support.shifts import Layout, Shift

TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.tenants (id text PRIMARY KEY);
CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL REFERENCES app.tenants ON DELETE CASCADE ON UPDATE CASCADE, owner text
  REFERENCES app.tenants ON DELETE SET NULL, n int);
INSERT INTO app.tenants SELECT 'tenant ' || i FROM generate_series(0, 9) AS i;
INSERT INTO app.docs (tenant_id, owner, n) SELECT 'tenant ' || i % 7, 'tenant ' || 7 + i % 3, i FROM generate_series(1, 70) AS i;
"""


@pytest.fixture
def connection(database: Postgres) -> t.Iterator[Connection]:
    with database.connect(autocommit=True) as session:
        yield session


def test_cascades_reach_both_tables(database: Postgres, connection: Connection) -> None:
    connection.execute(TABLE)
    shift = Shift(database)
    left = 70
    for number, state in enumerate(("mirrored", "copied", "live")):
        shift.to("mirrored") if state == "mirrored" else shift.step(state)
        connection.execute("DELETE FROM app.tenants WHERE id = %s", [f"tenant {number}"])
        connection.execute("UPDATE app.tenants SET id = id || '!' WHERE id = %s", [f"tenant {number + 3}"])
        connection.execute("DELETE FROM app.tenants WHERE id = %s", [f"tenant {number + 7}"])
        left -= 10
        assert connection.execute("SELECT count(*), count(*) FILTER (WHERE tenant_id LIKE '%!') FROM app.docs").fetchone() == (
            left,
            10 * (number + 1),
        )
        if state != "mirrored":
            result = shift.run("pg_reconcile", again=True)
            assert (result["mismatches"], result["rows_compared"]) == (0, left)
    assert connection.execute("SELECT count(owner) FROM app.docs").fetchone() == (0,)
    shift.back()
    assert shift.run("pg_reconcile", again=True)["mismatches"] == 0


def test_row_security_holds_and_partitions_are_no_way_round(database: Postgres, connection: Connection) -> None:
    connection.execute(TABLE)
    connection.execute("DROP ROLE IF EXISTS life_reader; CREATE ROLE life_reader LOGIN")
    try:
        connection.execute("GRANT USAGE ON SCHEMA app TO life_reader; GRANT SELECT, INSERT, UPDATE, DELETE ON app.docs TO life_reader")
        connection.execute(
            "GRANT USAGE ON SEQUENCE app.docs_id_seq TO life_reader; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO life_reader, PUBLIC"
        )
        connection.execute("CREATE POLICY own ON app.docs TO life_reader USING (tenant_id = 'tenant 1')")
        connection.execute("ALTER TABLE app.docs ENABLE ROW LEVEL SECURITY")
        shift = Shift(database)
        for state in ("expanded", "mirrored", "copied", "verified", "live", "back"):
            shift.back() if state == "back" else shift.step(state)
            with database.connect(autocommit=True, user="life_reader") as reader:
                seen = reader.execute("SELECT count(*), min(tenant_id), max(tenant_id) FROM app.docs").fetchone()
                assert seen is not None
                assert seen[1:] == ("tenant 1", "tenant 1")
                reader.execute("INSERT INTO app.docs (tenant_id) VALUES ('tenant 1')")
                reader.execute("DELETE FROM app.docs WHERE id = (SELECT min(id) FROM app.docs)")
                assert reader.execute("UPDATE app.docs SET n = -n").rowcount == seen[0]
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute("UPDATE app.docs SET tenant_id = 'tenant 3'")
                # The twin has the same grants, for the swap, and the same policies: through it, too, a reader sees what it may.
                other = "app.docs_retired" if state == "live" else "app.docs_partitioned"
                others = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id <> 'tenant 1'").format(sql.Identifier(*other.split(".")))
                assert reader.execute(others).fetchone() == (0,)
                leaves = leaf_portraits(connection, "app.docs" if state == "live" else "app.docs_partitioned")
                assert leaves
                for name in leaves:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        reader.execute(f"SELECT FROM {name} WHERE false")
            if state not in ("expanded", "mirrored"):
                assert shift.run("pg_reconcile", again=True)["mismatches"] == 0
    finally:
        connection.execute("DROP OWNED BY life_reader; DROP ROLE life_reader")


WITH_SHADOW_READS: dict[str, t.Any] = {"shadow_reads": None, "slower_reads": "allow"}

ODD = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-5",
    "bytea_output": "escape",
    "search_path": "",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
    "row_security": "off",
    "lc_monetary": "C",
    "enable_indexscan": "off",
    "plpgsql.variable_conflict": "error",
}


def test_settings_that_somebody_made_for_the_database(database: Postgres, connection: Connection) -> None:
    """Bounds of ranges travel as text: they must mean the same to whoever reads them."""
    for name, value in ODD.items():
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(sql.Identifier(database.database), sql.SQL(name), sql.Literal(value))
        )
    connection.execute(
        "CREATE TABLE public.docs (a float8, at timestamptz, b bytea, every interval, tenant_id text NOT NULL, n int, PRIMARY KEY (a, at, b, every))"
    )
    insert = (
        "INSERT INTO public.docs SELECT i / 7.0, timestamptz '2026-03-29 00:30:00Z' + i * interval '10 minutes 1 microsecond', sha256(i::text::bytea),"
        " i * interval '1 day 1 hour', 'tenant ''' || chr(92) || i %% 5, i FROM generate_series(%s::int, %s::int) AS i"
    )
    connection.execute(insert, [1, 100])
    shift = Shift(database, schema="public", layout=[{"method": "range", "column": "at", "interval": "day"}])
    shift.to("mirrored")
    connection.execute("DELETE FROM public.docs WHERE n % 3 = 0; UPDATE public.docs SET a = a * 1.1 WHERE n % 5 = 0")
    connection.execute(insert, [201, 230])
    for state in ("copied", "verified", "live"):
        shift.step(state, **(WITH_SHADOW_READS if state == "live" else {}))
    connection.execute("DELETE FROM public.docs WHERE n % 4 = 0; UPDATE public.docs SET at = at + interval '3 days' WHERE n % 5 = 0")
    connection.execute(insert, [301, 330])
    assert shift.run("pg_reconcile", again=True)["mismatches"] == 0
    shift.back()
    shift.absent()


def test_moments_without_end(database: Postgres, connection: Connection) -> None:
    """Infinite moments, and years that Python has no name for, in the key, in the layout's column and in shadow reads."""
    connection.execute("CREATE TABLE public.docs (id timestamptz PRIMARY KEY, at date NOT NULL, until timestamp, every interval)")
    connection.execute(
        "INSERT INTO public.docs SELECT now() + i * interval '1 hour', current_date, 'infinity', '1 day' FROM generate_series(1, 20) AS i"
    )
    connection.execute(
        "INSERT INTO public.docs VALUES ('infinity', 'infinity', '-infinity', '100000000 years'), ('-infinity', '-infinity', NULL, NULL),"
        " ('4000-01-01 BC', '4000-01-01 BC', '20000-01-01', '-1 microsecond'), ('12345-06-07', '12345-06-07', '4000-01-01 BC', NULL)"
    )
    months: Layout = [{"method": "range", "column": "at", "interval": "month", "start": "2026-01-01"}]
    shift = Shift(database, schema="public", layout=months)
    shift.run("pg_partition", state="rehearsed", partition_by=months, minimum_rows=0)
    for state in ("expanded", "mirrored", "copied", "verified", "live"):
        shift.step(state, **(WITH_SHADOW_READS if state == "live" else {}))
        connection.execute("UPDATE public.docs SET at = at WHERE at IN ('infinity', '-infinity')")
    assert shift.run("pg_reconcile", again=True)["mismatches"] == 0
    assert shift.run("pg_partition_info")["default_rows"] == 4
    shift.layout = [{**months[0], "ahead": 5}]
    assert shift.step("expanded")["changed"]


def test_a_tablespace_of_its_own(database: Postgres, connection: Connection) -> None:
    connection.execute("SET allow_in_place_tablespaces = on")
    connection.execute("CREATE TABLESPACE life_table LOCATION ''")
    connection.execute("CREATE TABLESPACE life_index LOCATION ''")
    try:
        connection.execute(TABLE + "ALTER TABLE app.docs SET TABLESPACE life_table; ALTER INDEX app.docs_pkey SET TABLESPACE life_index")
        connection.execute("CREATE INDEX docs_n ON app.docs (n) TABLESPACE life_index WHERE n > 5")
        connection.execute("ALTER TABLE app.docs ADD CONSTRAINT once UNIQUE (id, tenant_id, n) USING INDEX TABLESPACE life_index")
        days: Layout = [{"method": "range", "column": "day", "interval": "day", "ahead": 1, "default": False}]
        connection.execute("ALTER TABLE app.docs ADD day date NOT NULL DEFAULT current_date, DROP CONSTRAINT once")
        shift = Shift(database, layout=days)
        shift.to("live")
        shift.layout = [{**days[0], "ahead": 3}]
        assert shift.step("expanded")["changed"]
        where = connection.execute(
            "SELECT c.relkind, s.spcname, count(*) FROM pg_partition_tree('app.docs') t JOIN pg_class c ON c.oid = t.relid"
            " LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace GROUP BY 1, 2 UNION ALL"
            " SELECT i.relkind, s.spcname, count(*) FROM pg_partition_tree('app.docs') t JOIN pg_index x ON x.indrelid = t.relid"
            " JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_tablespace s ON s.oid = i.reltablespace WHERE x.indisprimary OR x.indpred IS NOT NULL"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
        assert where == [("I", "life_index", 2), ("i", "life_index", 8), ("p", "life_table", 1), ("r", "life_table", 4)]
    finally:
        connection.execute("DROP SCHEMA app CASCADE")
        for name in ("life_table", "life_index"):
            connection.execute(sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(name)))
