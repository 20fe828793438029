# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows end in the right partition, in every kind of layout."""

from __future__ import annotations

import random
import string
import typing as t
import uuid

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._postgres import layout

from playground.postgres import Postgres
from playground.sessions import Connection
from tests.support import pictures
from tests.support.shifts import Layout, Shift, codes

TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL, created_at timestamptz NOT NULL, day date NOT NULL, body text);
INSERT INTO app.docs (tenant_id, created_at, day)
  SELECT 'tenant ' || i % 6, timestamptz '2026-01-01 00:00:00Z' + (i - 1) * interval '12 hours', date '2026-01-01' + i / 2 FROM generate_series(0, 119) AS i;
"""

TENANTS: Layout = [{"method": "list", "column": "tenant_id", "groups": {"Big One": ["tenant 1"], "pair": ["tenant 2", "tenant 3"]}}]
HASH: Layout = [{"method": "hash", "column": "tenant_id", "modulus": 4}]
MONTHS: Layout = [{"method": "range", "column": "created_at", "interval": "month", "start": "2026-01-01", "end": "2026-03-01"}]
DAYS: Layout = [{"method": "range", "column": "day", "interval": "week", "start": "2026-01-01", "end": "2026-03-10", "default": False}]

BY_GROUP = "CASE tenant_id WHEN 'tenant 1' THEN 'big_one' WHEN 'tenant 2' THEN 'pair' WHEN 'tenant 3' THEN 'pair' ELSE 'default' END"
BY_MONTH = "CASE WHEN created_at >= '2026-01-01Z' AND created_at < '2026-03-01Z' THEN to_char(created_at, 'YYYYMM') ELSE 'default' END"
BY_HASH = "(SELECT r FROM generate_series(0, 3) AS r WHERE satisfies_hash_partition('app.{}'::regclass, 4, r, tenant_id))"

PLACES = {
    "list with default": (
        TENANTS,
        BY_GROUP,
    ),
    "hash": (
        HASH,
        "'h' || (SELECT r FROM generate_series(0, 3) AS r WHERE satisfies_hash_partition('app.docs'::regclass, 4, r, tenant_id))",
    ),
    "range by time": (MONTHS, BY_MONTH),
    "range by weeks of a date": (DAYS, "to_char(date_trunc('week', day), 'YYYYMMDD')"),
    "list and range": (
        [*TENANTS, *MONTHS],
        f"{BY_GROUP} || '_' || {BY_MONTH}",
    ),
    "range and hash": (
        [*MONTHS, *HASH],
        f"{BY_MONTH} || '_h' || {BY_HASH.format('docs_partitioned_202601')}",
    ),
}


@pytest.fixture
def connection(database: Postgres) -> t.Iterator[Connection]:
    with database.connect(autocommit=True) as session:
        session.execute(TABLE)
        yield session


@pytest.mark.parametrize(("declared", "place"), list(PLACES.values()), ids=list(PLACES))
def test_rows_end_in_the_right_partition(database: Postgres, connection: Connection, declared: Layout, place: str) -> None:
    shift = Shift(database, layout=declared)
    rehearsal = shift.run("pg_partition", state="rehearsed", partition_by=declared, minimum_rows=0)["rehearsal"]
    shift.to("live")
    connection.execute("INSERT INTO app.docs (tenant_id, created_at, day) VALUES ('tenant 1', '2026-02-05', '2026-02-05')")
    query = f"SELECT relname, 'docs_partitioned_' || {place} FROM app.docs d JOIN pg_class c ON c.oid = d.tableoid"  # noqa: S608
    rows = connection.execute(query).fetchall()
    assert len(rows) == 121
    assert [row for row in rows if row[0] != row[1]] == []
    assert len({row[0] for row in rows}) > 2
    in_default = sum("default" in row[0] for row in rows)
    assert shift.run("pg_partition_info")["default_rows"] == in_default == rehearsal["default_rows"]


def test_the_guard_of_a_list_is_tight_enough(database: Postgres) -> None:
    """What passes the guard the server takes, whatever the values look like; what the server does not take is refused."""
    chance = random.Random(database.version)
    printable = [character for character in map(chr, range(33, 127)) if character not in "'\\"]
    kinds: dict[str, t.Callable[[], str]] = {
        "5 bytes": lambda: "".join(chance.choices(string.ascii_lowercase + string.digits, k=5)),
        "5 bytes of anything": lambda: "".join(chance.choices(printable, k=5)),
        "UUIDs": lambda: str(uuid.UUID(int=chance.getrandbits(128))),
        "numbers": lambda: str(chance.randrange(10**9)),
        "short numbers": lambda: str(chance.randrange(10**4)),
    }
    shift = Shift(database, schema="public")
    with database.connect() as connection:
        connection.execute("CREATE TABLE docs (id bigint PRIMARY KEY, tenant_id text NOT NULL)")
    for name, value in kinds.items():
        values = list(dict.fromkeys(value() for _number in range(1500)))
        most = max(number for number in range(1, len(values)) if layout.bound_bytes(values[:number]) <= layout.LIST_BOUND_BYTES)
        shift.layout = of_list(values[:most])
        shift.step("expanded")
        shift.run("pg_partition", state="absent")
        assert most > 90, name
        shift.layout = of_list(values[: most + 1])
        result = shift.step("expanded", fails=True)
        assert codes(result) == ["list_too_long"], name
        assert result["refusals"][0]["object"] == "partition_by[0].groups.some"


def test_a_list_that_the_server_does_not_take(database: Postgres, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "LIST_BOUND_BYTES", 1 << 30)
    chance = random.Random(1)
    shift = Shift(database, layout=of_list([f"{chance.getrandbits(128):x}" for _number in range(2000)]))
    with pictures.untouched(connection):
        result = shift.step("expanded", fails=True)
    assert codes(result) == ["server_limit"]
    assert "row is too big" in result["msg"]
    assert result["sqlstate"] == "54000"


def of_list(values: t.Sequence[str]) -> Layout:
    return [{"method": "list", "column": "tenant_id", "groups": {"some": list(values)}, "default": True}]
