# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_partition run again: partitions for the time to come in every state, also after the cutover and the end, and what the old table got meanwhile."""

from __future__ import annotations

import typing as t

import pytest

from playground.postgres import Postgres
from playground.sessions import Connection
from tests.support import pictures
from tests.support.portraits import leaf_portraits
from tests.support.shifts import STATES, Layout, Shift, codes

TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.tenants (id text PRIMARY KEY);
INSERT INTO app.tenants SELECT 'tenant ' || i FROM generate_series(0, 4) AS i;
CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL CONSTRAINT of_tenant REFERENCES app.tenants, at timestamptz NOT NULL, body text)
  WITH (fillfactor = 70);
ALTER TABLE app.docs REPLICA IDENTITY FULL;
CREATE INDEX docs_body ON app.docs (body);
INSERT INTO app.docs (tenant_id, at)
  SELECT 'tenant ' || i % 5, date_trunc('day', now()) - interval '1 day' + i * interval '1 hour' FROM generate_series(0, 40) AS i;
"""


def days(ahead: int, *, default: bool = False) -> Layout:
    return [{"method": "range", "column": "at", "interval": "day", "ahead": ahead, "default": default}]


BY_TENANT: Layout = [{"method": "hash", "column": "tenant_id", "modulus": 2}]
GROUPS: Layout = [{"method": "list", "column": "tenant_id", "groups": {"one": ["tenant 1"]}}]

NESTED: dict[str, t.Callable[[int], Layout]] = {
    "range": days,
    "range and hash": lambda ahead: [*days(ahead), *BY_TENANT],
    "list and range": lambda ahead: [*GROUPS, *days(ahead)],
}
# Leaves that one day more makes.
PER_DAY = {"range": 1, "range and hash": 2, "list and range": 2}


@pytest.fixture
def connection(database: Postgres) -> t.Iterator[Connection]:
    with database.connect(autocommit=True) as session:
        session.execute(TABLE)
        yield session


def to(shift: Shift, state: str) -> None:
    shift.to(state if state in STATES else "live")
    if state == "rolled back":
        shift.back()
    elif state == "contracted":
        shift.contracted()


MOMENTS = [("range", state) for state in (*STATES, "rolled back", "contracted")] + [
    (nesting, state) for nesting in ("range and hash", "list and range") for state in ("mirrored", "live", "contracted")
]


@pytest.mark.parametrize(("nesting", "state"), MOMENTS, ids=[f"{nesting}, {state}" for nesting, state in MOMENTS])
def test_partitions_for_the_time_to_come(database: Postgres, connection: Connection, nesting: str, state: str) -> None:
    shift = Shift(database, layout=NESTED[nesting](1))
    to(shift, state)
    live = state in ("live", "contracted")
    table = "app.docs" if live else "app.docs_partitioned"
    before = leaf_portraits(connection, table)
    shift.layout = NESTED[nesting](4)
    with pictures.untouched(connection):
        predicted = shift.step("expanded", check=True)
    with database.connect() as reader:  # a reader and a writer in the middle of something keep nobody waiting, and are not kept
        reader.execute("SELECT count(*) FROM app.docs")
        reader.execute("INSERT INTO app.docs (tenant_id, at) VALUES ('tenant 1', now())") if state != "expanded" else None
        made = shift.step("expanded", patience=2)
        reader.commit()
    assert made["plan"] == predicted["plan"]
    assert (predicted["changed"], made["changed"]) == (True, True)
    assert made["partitions"] == len(connection.execute("SELECT FROM pg_partition_tree(%s::regclass) WHERE level > 0", [table]).fetchall())
    assert shift.step("expanded")["changed"] is False
    after = leaf_portraits(connection, table)
    assert len(after) == len(before) + 3 * PER_DAY[nesting]
    assert {str(leaf) for leaf in after.values()} == {str(leaf) for leaf in before.values()}
    if state == "contracted":
        connection.execute("INSERT INTO app.docs (tenant_id, at) VALUES ('tenant 1', now() + interval '3 days')")
        return
    if state == "expanded":
        shift.step("mirrored")
    assert shift.run("pg_partition_info")["mirror_missing"] == []
    new = next(name for name in sorted(after) if name not in before)
    with pytest.raises(Exception, match="cannot be truncated by itself"):
        connection.execute(f"TRUNCATE {new}")
    connection.execute(
        "INSERT INTO app.docs (tenant_id, at) SELECT 'tenant ' || i, now() + interval '3 days' FROM generate_series(0, 4) AS i"
    )
    connection.execute("DELETE FROM app.docs WHERE tenant_id = 'tenant 2' AND at > now() + interval '2 days'")
    for passed in ("copied", "verified"):
        shift.step(passed) if not live else None
    assert shift.run("pg_reconcile", again=True)["mismatches"] == 0
    assert connection.execute("SELECT count(*) FROM app.docs WHERE at > now() + interval '2 days'").fetchone() == (4,)


@pytest.mark.parametrize("state", ["mirrored", "live", "contracted"])
def test_rows_in_the_default_partition_that_belong_elsewhere(database: Postgres, connection: Connection, state: str) -> None:
    shift = Shift(database, layout=days(1, default=True))
    to(shift, state)
    connection.execute(
        "INSERT INTO app.docs (tenant_id, at) SELECT 'tenant 1', date_trunc('day', now()) + interval '2 days' FROM generate_series(1, 7)"
    )
    shift.layout = days(4, default=True)
    with pictures.untouched(connection):
        for check in (True, False):
            result = shift.step("expanded", check=check, fails=True)
            assert codes(result) == ["default_holds_rows"]
            assert result["refusals"][0]["object"] == "app.docs_partitioned_default"
            assert result["refusals"][0]["found"].startswith("7,")
    # What the message says to do.
    connection.execute("CREATE TEMP TABLE moved AS SELECT * FROM app.docs WHERE at >= date_trunc('day', now()) + interval '2 days'")
    connection.execute("DELETE FROM app.docs WHERE at >= date_trunc('day', now()) + interval '2 days'")
    assert shift.step("expanded")["changed"]
    connection.execute("INSERT INTO app.docs SELECT * FROM moved")
    assert shift.run("pg_partition_info")["default_rows"] == 0


def test_a_long_transaction_on_the_default_partition_is_waited_for(database: Postgres, connection: Connection) -> None:
    """Attaching beside it takes a lock on the default partition that would make everybody queue."""
    shift = Shift(database, layout=days(1, default=True))
    shift.to("live")
    shift.layout = days(2, default=True)
    with database.connect() as reader:
        reader.execute("SELECT count(*) FROM app.docs")
        with pictures.untouched(connection):
            result = shift.step("expanded", fails=True, patience=1)
        assert codes(result) == ["busy_table"]
        assert f"pid {reader.info.backend_pid}" in result["msg"]
        reader.commit()
    assert shift.step("expanded", patience=5)["changed"]


# What takes a scan of the new table, each with its undoing; and what takes a moment.
STRUCTURE = {
    "CREATE INDEX docs_at ON app.docs (at DESC) WHERE body IS NOT NULL": "DROP INDEX app.docs_at",
    "ALTER TABLE app.docs ADD CONSTRAINT once UNIQUE (at, id, tenant_id)": "ALTER TABLE app.docs DROP CONSTRAINT once",
    "ALTER TABLE app.docs ADD CONSTRAINT positive CHECK (id > 0)": "ALTER TABLE app.docs DROP CONSTRAINT positive",
    "ALTER TABLE app.docs ADD CONSTRAINT again FOREIGN KEY (tenant_id) REFERENCES app.tenants ON DELETE CASCADE": "ALTER TABLE app.docs DROP CONSTRAINT again",
}
TRIMMINGS = (
    "ALTER TABLE app.docs DROP CONSTRAINT of_tenant",
    "ALTER TABLE app.docs ALTER body SET DEFAULT 'empty {} %'",
    "GRANT SELECT, UPDATE (body) ON app.docs TO PUBLIC",
    "CREATE POLICY own ON app.docs USING (tenant_id <> 'x')",
    "ALTER TABLE app.docs ENABLE ROW LEVEL SECURITY",
    "COMMENT ON TABLE app.docs IS 'changed'",
    "ALTER TABLE app.docs REPLICA IDENTITY DEFAULT",
    "ALTER TABLE app.docs DISABLE ROW LEVEL SECURITY",
    "DROP POLICY own ON app.docs",
    "REVOKE SELECT ON app.docs FROM PUBLIC",
)


def test_what_the_old_table_got_meanwhile(database: Postgres, connection: Connection) -> None:
    shift = Shift(database, layout=days(1))
    shift.step("expanded")
    for statement in (*STRUCTURE, *TRIMMINGS):
        connection.execute(statement)
        assert shift.step("expanded", check=True)["plan"] == shift.step("expanded")["plan"] != [], statement
        assert not shift.step("expanded")["changed"], statement
    for state in STATES[1:]:
        shift.step(state)


def test_what_the_old_table_got_while_rows_are_mirrored(database: Postgres, connection: Connection) -> None:
    """What takes a moment is carried; what would lock writers out for long is refused, with what to do."""
    shift = Shift(database, layout=days(1))
    shift.to("verified")
    for statement, undoing in STRUCTURE.items():
        connection.execute(statement)
        with pictures.untouched(connection):
            assert codes(shift.step("live", fails=True)) == ["not_carried"], statement
            assert codes(shift.step("expanded", fails=True)) == ["too_late"], statement
        connection.execute(undoing)
    for statement in TRIMMINGS:
        connection.execute(statement)
        with pictures.untouched(connection):
            assert codes(shift.step("live", fails=True)) == ["not_carried"], statement
        plan = shift.step("expanded")["plan"]
        assert {step["lock"] for step in plan} == {"ACCESS EXCLUSIVE"}, statement
        assert not shift.step("expanded")["changed"], statement
    shift.step("live")


def test_an_index_made_by_hand_on_every_partition_counts(database: Postgres, connection: Connection) -> None:
    shift = Shift(database, layout=days(1))
    shift.to("verified")
    connection.execute("CREATE INDEX docs_at ON app.docs (at, body) WHERE body <> ''")
    assert codes(shift.step("expanded", fails=True)) == ["too_late"]
    connection.execute("CREATE INDEX by_hand ON ONLY app.docs_partitioned (at, body) WHERE body <> ''")
    for number, leaf in enumerate(leaf_portraits(connection, "app.docs_partitioned")):
        connection.execute(f"CREATE INDEX CONCURRENTLY by_hand_{number} ON {leaf} (at, body) WHERE body <> ''")
        connection.execute(f"ALTER INDEX app.by_hand ATTACH PARTITION app.by_hand_{number}")
    assert not shift.step("expanded")["changed"]
    shift.step("live")


@pytest.mark.parametrize("state", [*STATES, "contracted"])
def test_another_layout_is_refused(database: Postgres, connection: Connection, state: str) -> None:
    shift = Shift(database, layout=days(1))
    to(shift, state)
    shift.layout = BY_TENANT
    with pictures.untouched(connection):
        assert codes(shift.step("expanded", fails=True)) == ["other_layout"]


def test_a_name_that_somebody_took_meanwhile(database: Postgres, connection: Connection) -> None:
    shift = Shift(database, layout=days(1))
    shift.to("live")
    (create,) = connection.execute(
        "SELECT format('CREATE TABLE app.docs_partitioned_%s (id int)', to_char(now() AT TIME ZONE 'UTC' + interval '2 days', 'YYYYMMDD'))"
    ).fetchone() or ("",)
    connection.execute(create)
    shift.layout = days(2)
    with pictures.untouched(connection):
        assert codes(shift.step("expanded", fails=True)) == ["name_taken"]
