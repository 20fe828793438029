# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a database, to show that nothing was written: every catalog row of its user objects, and every row with its version."""

from __future__ import annotations

import contextlib
import typing as t

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[t.Any, ...]]
Picture = dict[str, set[str]]

FIRST_USER_OID = 16384  # FirstNormalObjectId

# What VACUUM and ANALYZE write into rows of the catalog without anybody asking.
STATISTICS = ["relpages", "reltuples", "relallvisible", "relallfrozen", "relfrozenxid", "relminmxid"]

# Each catalog with the column that says which object a row is about.
CATALOGS = {
    "pg_attrdef": "adrelid",
    "pg_attribute": "attrelid",
    "pg_class": "oid",
    "pg_constraint": "oid",
    "pg_default_acl": "oid",
    "pg_depend": "objid",
    "pg_description": "objoid",
    "pg_index": "indexrelid",
    "pg_inherits": "inhrelid",
    "pg_namespace": "oid",
    "pg_partitioned_table": "partrelid",
    "pg_policy": "oid",
    "pg_proc": "oid",
    "pg_publication_rel": "oid",
    "pg_rewrite": "oid",
    "pg_sequence": "seqrelid",
    "pg_statistic_ext": "oid",
    "pg_trigger": "oid",
    "pg_type": "oid",
}


def catalog(connection: Connection) -> Picture:
    """Every row of the catalog that is about a user's object."""
    picture = {}
    for name, about in CATALOGS.items():
        query = sql.SQL("SELECT (to_jsonb(c) - %s::text[])::text FROM {} AS c WHERE c.{}::oid::int8 >= %s").format(
            sql.Identifier("pg_catalog", name), sql.Identifier(about)
        )
        picture[name] = {text for (text,) in connection.execute(query, [STATISTICS, FIRST_USER_OID])}
    return picture


def rows(connection: Connection) -> Picture:
    """Every row of every user table with its place and version, and where every sequence stands."""
    relations = connection.execute(
        "SELECT n.nspname, c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid >= %s AND c.relkind IN ('r', 'S') AND n.nspname NOT LIKE 'pg\\_%%'",
        [FIRST_USER_OID],
    ).fetchall()
    picture = {}
    for schema, name, kind in relations:
        text = sql.SQL("ROW(last_value, is_called)" if kind == "S" else "ROW(ctid, xmin, xmax, r)")
        found = connection.execute(sql.SQL("SELECT {}::text FROM {} AS r").format(text, sql.Identifier(schema, name)))
        picture[f"{schema}.{name}"] = {text for (text,) in found}
    return picture


def taken(connection: Connection) -> dict[str, Picture]:
    return {"catalog": catalog(connection), "rows": rows(connection)}


@contextlib.contextmanager
def untouched(connection: Connection) -> t.Iterator[None]:
    """Whatever happens inside leaves every catalog row, every table row and every sequence as it was."""
    before = taken(connection)
    yield
    after = taken(connection)
    for what, picture in before.items():
        for name in sorted(picture.keys() | after[what].keys()):
            old, new = picture.get(name, set()), after[what].get(name, set())
            assert new - old == set(), f"written to {name}"
            assert old - new == set(), f"gone from {name}"
