# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a partitioned table cannot carry is refused before a single write, by name, with what to do about it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from playground.postgres import Postgres
from playground.sessions import Connection
from tests.support import pictures
from tests.support.shifts import HASH_BY_TENANT, Layout, Shift

TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), body jsonb, during tstzrange);
INSERT INTO app.docs (tenant_id) SELECT 'tenant ' || i % 5 FROM generate_series(1, 20) AS i;
"""

BY_MONTH: Layout = [{"method": "range", "column": "created_at", "interval": "month", "start": "2026-01-01", "end": "2026-03-01"}]
TWO_TENANTS: Layout = [{"method": "list", "column": "tenant_id", "groups": {"one": ["tenant 1"], "two": ["tenant 2"]}, "default": False}]


@dataclasses.dataclass(frozen=True)
class Case:
    """What is done to the table, what must be refused, and what the message must name."""

    statements: str
    code: str
    names: str
    layout: Layout = dataclasses.field(default_factory=lambda: HASH_BY_TENANT)
    table: str = "docs"
    since: int = 15
    until: int = 99
    options: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    moment: str | None = None  # of one more row


def layout(method: str, column: str, **options: t.Any) -> Layout:
    return [{"method": method, "column": column, **options}]


CASES = {
    # keys
    "no key at all": Case("ALTER TABLE app.docs DROP CONSTRAINT docs_pkey", "no_key", "app.docs"),
    "a partial unique index only": Case(
        "ALTER TABLE app.docs DROP CONSTRAINT docs_pkey; CREATE UNIQUE INDEX ON app.docs (tenant_id, id) WHERE id > 0",
        "no_key",
        "app.docs",
    ),
    "a unique index over a nullable column only": Case(
        "ALTER TABLE app.docs DROP CONSTRAINT docs_pkey; ALTER TABLE app.docs ALTER id DROP NOT NULL; CREATE UNIQUE INDEX ON app.docs (id, tenant_id)",
        "no_key",
        "app.docs",
    ),
    "a deferrable primary key": Case(
        "ALTER TABLE app.docs DROP CONSTRAINT docs_pkey; ALTER TABLE app.docs ADD PRIMARY KEY (id) DEFERRABLE",
        "deferrable_key",
        "docs_pkey",
    ),
    "a deferrable primary key beside a good one": Case(
        "ALTER TABLE app.docs DROP CONSTRAINT docs_pkey; ALTER TABLE app.docs ADD PRIMARY KEY (tenant_id, id) DEFERRABLE INITIALLY DEFERRED;"
        "CREATE UNIQUE INDEX good ON app.docs (tenant_id, id)",
        "deferrable_key",
        "docs_pkey",
    ),
    "a unique index without the tenant": Case("CREATE UNIQUE INDEX slug ON app.docs (created_at, id)", "unique_elsewhere", "slug"),
    "a unique constraint without the tenant": Case(
        "ALTER TABLE app.docs ADD CONSTRAINT slug UNIQUE (created_at, id)", "unique_elsewhere", "slug"
    ),
    "a unique index over an expression": Case("CREATE UNIQUE INDEX slug ON app.docs (lower(tenant_id), id)", "unique_elsewhere", "slug"),
    "an exclusion constraint": Case("ALTER TABLE app.docs ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&)", "exclusion", "apart"),
    "an invalid index": Case(
        "CREATE INDEX broken ON app.docs (created_at); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.broken'::regclass",
        "invalid_index",
        "broken",
    ),
    "an identity that nobody may write, outside of the key": Case(
        "ALTER TABLE app.docs ADD number bigint GENERATED ALWAYS AS IDENTITY", "identity_always", "app.docs.number"
    ),
    "replica identity by an index": Case("ALTER TABLE app.docs REPLICA IDENTITY USING INDEX docs_pkey", "replica_identity", "app.docs"),
    # the columns of the layout
    "a column that is not there": Case("", "no_column", "'tenant'", layout("hash", "tenant", modulus=2)),
    "a tenant that may be NULL": Case("ALTER TABLE app.docs ALTER tenant_id DROP NOT NULL", "nullable_key", "app.docs.tenant_id"),
    "a tenant that is NULL": Case(
        "ALTER TABLE app.docs ALTER tenant_id DROP NOT NULL; INSERT INTO app.docs (tenant_id) VALUES (NULL)",
        "nullable_key",
        "app.docs.tenant_id",
    ),
    "a generated column": Case(
        "ALTER TABLE app.docs ADD half bigint GENERATED ALWAYS AS (id / 2) STORED; ALTER TABLE app.docs ALTER half SET NOT NULL",
        "generated_key",
        "app.docs.half",
        layout("hash", "half", modulus=2),
    ),
    "time by a text": Case("", "key_type", "app.docs.tenant_id", layout("range", "tenant_id", interval="month")),
    "hours by a date": Case(
        "ALTER TABLE app.docs ADD day date NOT NULL DEFAULT current_date",
        "key_type",
        "app.docs.day",
        layout("range", "day", interval="hour"),
    ),
    "hash by json": Case(
        "ALTER TABLE app.docs ADD data json NOT NULL DEFAULT '{}'", "key_type", "app.docs.data", layout("hash", "data", modulus=2)
    ),
    "list by a point": Case(
        "ALTER TABLE app.docs ADD place point NOT NULL DEFAULT '(1,1)'",
        "key_type",
        "app.docs.place",
        layout("list", "place", groups={"a": ["(1,1)"]}),
    ),
    "hash by money": Case(
        "ALTER TABLE app.docs ADD price money NOT NULL DEFAULT 1", "key_type", "app.docs.price", layout("hash", "price", modulus=2)
    ),
    "tenants that ignore case": Case(
        "CREATE EXTENSION citext; ALTER TABLE app.docs ALTER tenant_id TYPE citext", "key_type", "app.docs.tenant_id", until=15
    ),
    "a key with operators that the mirror does not see": Case(
        "CREATE EXTENSION ltree; ALTER TABLE app.docs DROP CONSTRAINT docs_pkey; ALTER TABLE app.docs ADD path public.ltree NOT NULL DEFAULT 'a';"
        "ALTER TABLE app.docs ADD PRIMARY KEY (id, path)",
        "key_type",
        "app.docs.path",
        until=15,
    ),
    "a value that is none of the column's type": Case("", "bad_value", '"first"', layout("list", "id", groups={"a": ["first"]})),
    # rows without a home
    "tenants that no partition takes": Case("", "homeless", "tenant 0", TWO_TENANTS),
    "rows before the first month": Case(
        "",
        "homeless",
        "2025-12-31",
        layout("range", "created_at", interval="month", start="2026-01-01", default=False),
        moment="2025-12-31 23:59:59Z",
    ),
    "rows after the last month": Case(
        "",
        "homeless",
        "2099-03-01",
        layout("range", "created_at", interval="month", start="2020-01-01", ahead=1, default=False),
        moment="2099-03-01Z",
    ),
    "rows from before all time": Case(
        "", "homeless", "-infinity", layout("range", "created_at", interval="month", default=False), moment="-infinity"
    ),
    "months since the Middle Ages": Case(
        "", "lock_table", "max_locks_per_transaction", layout("range", "created_at", interval="month"), moment="0900-01-01"
    ),
    "hours since the Middle Ages": Case(
        "", "bad_layout", "partition_by", layout("range", "created_at", interval="hour"), moment="0900-01-01"
    ),
    "days since long before Christ": Case(
        "", "bad_layout", "partition_by", layout("range", "created_at", interval="day"), moment="4000-01-01 BC"
    ),
    "partitions of the far future only": Case(
        "", "bad_layout", "partition_by[0].start", layout("range", "created_at", interval="month", start="2999-01-01")
    ),
    "the same number spelled twice": Case(
        "", "bad_layout", "partition_by[0].groups", layout("list", "id", groups={"a": ["1"], "b": ["01"]})
    ),
    # what hangs on the table
    "an incoming foreign key": Case(
        "CREATE TABLE app.notes (doc bigint CONSTRAINT of_doc REFERENCES app.docs)", "referenced", "of_doc on app.notes"
    ),
    "a foreign key to itself": Case(
        "ALTER TABLE app.docs ADD parent bigint CONSTRAINT parent REFERENCES app.docs", "referenced", "parent on app.docs"
    ),
    "a foreign key that is not validated": Case(
        "CREATE TABLE app.tenants (id text PRIMARY KEY);"
        "ALTER TABLE app.docs ADD CONSTRAINT of_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants NOT VALID",
        "not_valid",
        "of_tenant",
    ),
    "a check that is not validated": Case("ALTER TABLE app.docs ADD CONSTRAINT late CHECK (id > 5) NOT VALID", "not_valid", "late"),
    "a NOT NULL that is not validated": Case(
        "ALTER TABLE app.docs ADD CONSTRAINT full_body NOT NULL body NOT VALID", "not_valid", "full_body", since=18
    ),
    "a check that is not enforced": Case(
        "ALTER TABLE app.docs ADD CONSTRAINT lax CHECK (id > 5) NOT ENFORCED", "not_valid", "lax", since=18
    ),
    "a trigger": Case(
        "CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
        "CREATE TRIGGER touch BEFORE UPDATE ON app.docs FOR EACH ROW EXECUTE FUNCTION app.touch()",
        "trigger",
        "touch",
    ),
    "a rule": Case("CREATE RULE quiet AS ON DELETE TO app.docs DO ALSO NOTHING", "rule", "quiet"),
    "a publication of the table": Case("CREATE PUBLICATION feed FOR TABLE app.docs", "published", "feed"),
    "a publication of the schema": Case("CREATE PUBLICATION feed FOR TABLES IN SCHEMA app", "published", "feed"),
    "a publication of everything": Case("CREATE PUBLICATION feed FOR ALL TABLES", "published", "feed"),
    "a subscription": Case(
        "CREATE SUBSCRIPTION inflow CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);"
        "INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) SELECT oid, 'app.docs'::regclass, 'r' FROM pg_subscription",
        "subscribed",
        "app.docs",
    ),
    "a materialized view": Case("CREATE MATERIALIZED VIEW app.few AS SELECT * FROM app.docs LIMIT 3", "view", "app.few"),
    "a view that leans on the primary key": Case(
        "CREATE VIEW app.each AS SELECT id, tenant_id, count(*) FROM app.docs GROUP BY id", "view", "app.each"
    ),
    "a view of whole rows": Case("CREATE VIEW app.whole AS SELECT d FROM app.docs d", "dependent", "app.whole"),
    "a rule on another table": Case(
        "CREATE TABLE app.log (id bigint); CREATE RULE copies AS ON INSERT TO app.log DO ALSO DELETE FROM app.docs WHERE id = new.id",
        "dependent",
        "copies",
    ),
    "a function with a parsed body": Case(
        "CREATE FUNCTION app.total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM app.docs; END",
        "dependent",
        "app.total()",
    ),
    "a function of its rows": Case(
        "CREATE FUNCTION app.title(app.docs) RETURNS text LANGUAGE sql RETURN $1.tenant_id || '!'", "dependent", "app.title(app.docs)"
    ),
    "its row type in another table": Case("CREATE TABLE app.archive (doc app.docs)", "dependent", "app.archive"),
    "an array of its rows in another table": Case("CREATE TABLE app.archive (docs app.docs[])", "dependent", "app.archive"),
    "a policy of another table": Case(
        "CREATE TABLE app.notes (doc bigint); CREATE POLICY own ON app.notes USING (doc IN (SELECT id FROM app.docs))", "dependent", "own"
    ),
    "a policy that reads the table itself": Case(
        "CREATE POLICY siblings ON app.docs USING (EXISTS (SELECT FROM app.docs AS o WHERE o.id < 5)); ALTER TABLE app.docs ENABLE ROW LEVEL SECURITY",
        "dependent",
        "siblings",
    ),
    "row security for the owner too": Case(
        "ALTER TABLE app.docs ENABLE ROW LEVEL SECURITY; ALTER TABLE app.docs FORCE ROW LEVEL SECURITY", "force_row_security", "app.docs"
    ),
    # what is no ordinary table
    "a child of another table": Case("CREATE TABLE app.base (id bigint); ALTER TABLE app.docs INHERIT app.base", "inherits", "app.docs"),
    "a parent of another table": Case("CREATE TABLE app.child () INHERITS (app.docs)", "inherits", "app.docs"),
    "an unlogged table": Case("ALTER TABLE app.docs SET UNLOGGED", "not_logged", "app.docs"),
    "a partitioned table": Case(
        "CREATE TABLE app.parts (id bigint, tenant_id text NOT NULL, PRIMARY KEY (id)) PARTITION BY HASH (id)",
        "not_a_table",
        "app.parts",
        table="parts",
    ),
    "a view": Case("CREATE VIEW app.seen AS SELECT * FROM app.docs", "not_a_table", "app.seen", table="seen"),
    "a materialized view as the table": Case(
        "CREATE MATERIALIZED VIEW app.seen AS SELECT 1 AS tenant_id", "not_a_table", "app.seen", table="seen"
    ),
    "a foreign table": Case(
        "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN DATA WRAPPER far; CREATE FOREIGN TABLE app.far (tenant_id text NOT NULL) SERVER far",
        "not_a_table",
        "app.far",
        table="far",
    ),
    "a sequence": Case("", "not_a_table", "app.docs_id_seq", table="docs_id_seq"),
    "no table": Case("", "no_table", "app.Docs", table="Docs"),
    # what is not worth it, or too much
    "too small": Case("", "too_small", "20", options={"minimum_rows": 21}),
    "too little disk": Case("", "disk", "1 MiB", options={"free_disk_bytes": 1 << 20, "minimum_rows": 0}, table="big"),
    "too many partitions for the lock table": Case(
        "", "lock_table", "max_locks_per_transaction", [*layout("hash", "tenant_id", modulus=1024), *layout("hash", "id", modulus=16)]
    ),
    # names that are taken
    "a table of the new one's name": Case("CREATE TABLE app.docs_partitioned (id bigint)", "name_taken", "app.docs_partitioned"),
    "a table of the old one's name to be": Case("CREATE VIEW app.docs_retired AS SELECT 1", "name_taken", "app.docs_retired"),
    "a table of a leaf's name": Case("CREATE TABLE app.docs_partitioned_h1 (id bigint)", "name_taken", "app.docs_partitioned_h1"),
    "a relation of an index's name": Case("CREATE SEQUENCE app.docs_partitioned_pkey", "name_taken", "app.docs_partitioned_pkey"),
}


def prepare(connection: Connection, case: Case) -> None:
    connection.execute(TABLE)
    if case.table == "big":
        connection.execute("CREATE TABLE app.big AS SELECT i AS id, 'a' AS tenant_id, repeat('x', 1000) FROM generate_series(1, 3000) AS i")
        connection.execute("ALTER TABLE app.big ADD PRIMARY KEY (id), ALTER tenant_id SET NOT NULL")
    if case.statements:
        connection.execute(case.statements)
    if case.moment:
        connection.execute("INSERT INTO app.docs (tenant_id, created_at) VALUES ('tenant 1', %s)", [case.moment])


@pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))
def test_refused_before_any_write(database: Postgres, case: Case) -> None:
    if not case.since <= database.version <= case.until:
        pytest.skip(f"for PostgreSQL {case.since} to {case.until}")
    with database.connect(autocommit=True) as connection:
        prepare(connection, case)
        shift = Shift(database, table=case.table, layout=case.layout)
        with pictures.untouched(connection):
            predicted = shift.step("expanded", check=True, fails=True, **case.options)
            result = shift.step("expanded", fails=True, **case.options)
        connection.execute("DROP SUBSCRIPTION IF EXISTS inflow")  # a database with one cannot be dropped
    assert predicted["refusals"] == result["refusals"]
    refusal = next((refusal for refusal in result["refusals"] if refusal["code"] == case.code), None)
    assert refusal is not None, result["msg"]
    assert all(refusal[part] for part in ("object", "expected", "found", "remedy"))
    assert case.names in f"{refusal['object']}, {refusal['found']}"
    assert refusal["object"] in result["msg"]
    assert "exception" not in result
