# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a careless tool trips over go the whole way, there and back, with writes in every state."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from psycopg import sql

from playground.postgres import Postgres
from playground.sessions import Connection
from tests.support.shifts import Layout, Shift

NASTY = "we\"ird 'T%s{x}\\ Ö); DROP TABLE docs;--$$"


@dataclasses.dataclass(frozen=True)
class Named:
    """A table under some names. ``columns`` are its key, tenant, time and body."""

    schema: str
    table: str
    columns: tuple[str, str, str, str]
    index: str
    tenants: tuple[str, ...]
    layout: Layout

    def statement(self, text: t.LiteralString) -> sql.Composed:
        key, tenant, time, body = map(sql.Identifier, self.columns)
        tenants = sql.SQL("(ARRAY[{}])").format(sql.SQL(", ").join(map(sql.Literal, self.tenants)))
        return sql.SQL(text).format(
            table=sql.Identifier(self.schema, self.table), key=key, tenant=tenant, time=time, body=body, tenants=tenants
        )


def named(
    schema: str, table: str, columns: tuple[str, str, str, str], layout: Layout, tenants: tuple[str, ...] = ("a", "b", "c", "d")
) -> Named:
    return Named(schema, table, columns, f"x{table}"[:32], tenants, layout)


def by_hash(column: str) -> Layout:
    return [{"method": "hash", "column": column, "modulus": 7}]


def by_tenant_and_month(tenant: str, time: str, groups: dict[str, list[str]]) -> Layout:
    month = {"method": "range", "column": time, "interval": "month", "start": "2026-01-01", "end": "2026-04-01"}
    return [{"method": "list", "column": tenant, "groups": groups}, month]


NASTY_COLUMNS = (f"i{NASTY}", f"t{NASTY}", f"c{NASTY}", f"b{NASTY}")
NASTY_TENANTS = ("plain", "o'clock", 'quo"te', NASTY, "%s", "{}", "\\", "")
LONG = "n" * 63
LONG_COLUMNS = ("i" * 63, "t" * 63, "c" * 63, "b" * 63)

NAMES = {
    "quotes, spaces, percent signs, braces and SQL": named(
        NASTY, NASTY, NASTY_COLUMNS, by_tenant_and_month(NASTY_COLUMNS[1], NASTY_COLUMNS[2], {NASTY: ["o'clock", NASTY], "%": ["%s", ""]}), NASTY_TENANTS
    ),
    "the same by hash": named(NASTY, NASTY, NASTY_COLUMNS, by_hash(NASTY_COLUMNS[1]), NASTY_TENANTS),
    "63 bytes": named(LONG, LONG, LONG_COLUMNS, by_tenant_and_month(LONG_COLUMNS[1], LONG_COLUMNS[2], {LONG + "1": ["a"], LONG + "2": ["b"]})),
    "63 bytes, not a character each": named("ä" * 31, "ß" * 31, ("é" * 31, "ö" * 31, "ü" * 31, "í" * 31), by_hash("ö" * 31)),
    "capitals": named("App", "Docs", ("Id", "TenantId", "CreatedAt", "Body"), by_hash("TenantId")),
    "words of SQL": named("table", "select", ("done", "from", "where", "order"), by_hash("from")),
    "names that the mirror uses": named("mirrored", "new", ("found", "new", "tg_op", "old"), by_hash("new")),
    "names that ranges and comparison use": named("fence", "compared", ("position", "excluded", "hi_1", "compared"), by_hash("excluded")),
}  # fmt: skip


def create(connection: Connection, names: Named) -> None:
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(names.schema)))
    connection.execute(
        names.statement(
            "CREATE TABLE {table} ({key} bigserial PRIMARY KEY, {tenant} text NOT NULL, {time} timestamptz NOT NULL DEFAULT '2026-02-03', {body} text)"
        )
    )
    connection.execute(
        names.statement(
            "INSERT INTO {table} ({tenant}, {body})"
            " SELECT {tenants}[1 + i % cardinality({tenants})], i::text FROM generate_series(1, 40) AS i"
        )
    )
    index = sql.SQL("CREATE INDEX {} ").format(sql.Identifier(names.index))
    connection.execute(index + names.statement("ON {table} ({tenant}, {time})"))


def write(connection: Connection, names: Named) -> None:
    """Every kind of write: insert, update, tenant change, key change, delete."""
    for text in (
        "INSERT INTO {table} ({tenant}, {body}) SELECT {tenant}, 'new' FROM {table} LIMIT 5",
        "UPDATE {table} SET {body} = {body} || '!' WHERE {key} % 5 = 0",
        "UPDATE {table} SET {tenant} = {tenants}[1] WHERE {key} % 7 = 0",
        "UPDATE {table} SET {key} = {key} + 100000 WHERE {key} % 11 = 0",
        "DELETE FROM {table} WHERE {key} % 13 = 0",
    ):
        connection.execute(names.statement(text))


@pytest.mark.parametrize("names", list(NAMES.values()), ids=list(NAMES))
def test_the_whole_way_there_and_back(database: Postgres, names: Named) -> None:
    shift = Shift(database, names.schema, names.table, names.layout)
    with database.connect(autocommit=True) as connection:
        create(connection, names)

        def same_after_writes() -> None:
            write(connection, names)
            compared = shift.run("pg_reconcile", again=True)
            assert compared["mismatches"] == 0
            assert compared["rows_compared"] == count(connection, names)

        assert shift.run("pg_partition", state="rehearsed", partition_by=shift.layout, minimum_rows=0)["rehearsal"]["mismatches"] == 0
        assert shift.step("expanded", check=True)["plan"] == shift.step("expanded")["plan"]
        shift.step("mirrored")
        write(connection, names)
        shift.step("copied")
        same_after_writes()
        shift.step("verified", again=True)
        assert [read["name"] for read in shift.step("live", shadow_reads=None, slower_reads="allow")["shadow_reads"]] == [
            "by the old key alone",
            "by the new key",
        ]
        same_after_writes()
        assert leaves(connection, names) > 1
        assert shift.back()["state"] == "verified"
        same_after_writes()
        damage(connection, names)
        assert shift.run("pg_reconcile", again=True, repair=True)["repaired"] == 2
        same_after_writes()
        assert shift.absent()["state"] == "absent"
        assert relations(connection, names.schema) == {names.table, names.index, *relations_of_table(connection, names)}
        shift.to("live")
        shift.contracted()
        assert count(connection, names) > 30


def count(connection: Connection, names: Named) -> int:
    found = connection.execute(names.statement("SELECT count(*) FROM {table}")).fetchone()
    return found[0] if found else 0


def leaves(connection: Connection, names: Named) -> int:
    """How many partitions hold rows."""
    return len(connection.execute(names.statement("SELECT DISTINCT tableoid FROM {table}")).fetchall())


def damage(connection: Connection, names: Named) -> None:
    """Two rows that the copy gets wrong, behind the mirror's back."""
    with connection.transaction():
        connection.execute("SELECT set_config('governed_delivery.applying_' || id, 'on', true) FROM governed_delivery.job")
        connection.execute(names.statement("DELETE FROM {table} WHERE {key} = (SELECT min({key}) FROM {table})"))
        connection.execute(names.statement("UPDATE {table} SET {body} = 'damaged' WHERE {key} = (SELECT max({key}) FROM {table})"))


def relations(connection: Connection, schema: str) -> set[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)", [schema]
    )
    return {name for (name,) in rows}


def relations_of_table(connection: Connection, names: Named) -> set[str]:
    """Its primary key and its sequence, which the server named."""
    table = names.statement("{table}").as_string(connection)
    rows = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_depend ON objid = pg_class.oid AND relkind = 'S' WHERE refobjid = %s::regclass"
        " UNION ALL SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'",
        [table, table],
    )
    return {name for (name,) in rows}
