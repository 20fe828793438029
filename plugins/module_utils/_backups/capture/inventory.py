# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a database holds beside its rows: which tables, how large, sequences, large objects, extensions, collations."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

from ..._common.postgres.driver import sql
from .checksum import sums
from .fragments import complete
from .session import only_row

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

    from ..._common.postgres.connect import Connection

BLOCK = 8192

_TABLES = """
SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname), c.relkind::text, c.relpersistence::text, c.relispopulated,
  coalesce(am.amname, ''), coalesce(pg_relation_size(c.oid), 0), coalesce(pg_table_size(c.oid), 0), e.extname,
  c.relfilenode, pg_relation_filenode(c.oid),
  (SELECT coalesce(json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), co.collname) ORDER BY a.attname COLLATE "C"), '[]')
     FROM pg_attribute a LEFT JOIN pg_collation co ON co.oid = a.attcollation WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT coalesce(array_agg(a.attname::text ORDER BY a.attname COLLATE "C"), '{{}}')
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE c.relkind IN ('r', 'm', 'f') AND c.relpersistence <> 't' AND {users}
ORDER BY 4
"""

_SEQUENCES = """
SELECT format('%I.%I', n.nspname, c.relname), pg_sequence_last_value(c.oid)::text, s.seqincrement::text, s.seqcache::text, s.seqcycle
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'p' AND {users}
ORDER BY 1
"""

_PROPERTIES = """
SELECT pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datlocprovider::text, d.datcollversion, pg_database_collation_actual_version(d.oid)
FROM pg_database d WHERE d.datname = current_database()
"""

_COLLATIONS = """
SELECT DISTINCT format('%I.%I', cn.nspname, co.collname), pg_collation_actual_version(co.oid)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_collation co ON co.oid = a.attcollation JOIN pg_namespace cn ON cn.oid = co.collnamespace
WHERE c.relkind IN ('r', 'm', 'i') AND {users} AND co.collname NOT IN ('default', 'C', 'POSIX') ORDER BY 1
"""

# Pages without the zeros at their ends: a dump fills the holes of a large object with them.
_LARGE_OBJECT_PAGES = """
(SELECT loid, pageno, rtrim(data, '\\x00'::bytea) AS data FROM pg_catalog.pg_largeobject) AS t WHERE length(t.data) > 0
"""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table or materialized view with rows of its own. ``name`` is quoted where it has to be; ``columns`` and ``key`` are sorted."""

    schema: str
    relation: str
    name: str
    materialized: bool
    heap: bool
    blocks: int
    bytes: int
    columns: tuple[str, ...]
    columns_sha256: str
    key: tuple[str, ...]

    @property
    def identifier(self) -> Composed:
        return sql.SQL("{}").format(sql.Identifier(self.schema, self.relation))


@dataclasses.dataclass(frozen=True)
class Inventory:
    """The tables by name, those left out with the reason, and those whose storage was replaced since the snapshot."""

    tables: dict[str, Table]
    excluded: dict[str, str]
    rewritten: tuple[str, ...]


def tables(connection: Connection) -> Inventory:
    """All that holds rows, as the transaction sees it."""
    found: dict[str, Table] = {}
    excluded: dict[str, str] = {}
    rewritten: list[str] = []
    for row in connection.execute(complete(_TABLES)).fetchall():
        schema, relation, name, kind, persistence, populated, method, size, total, extension, seen, current, columns, key = row[1:]
        why = _left_out(kind, persistence, populated, extension)
        if why is not None:
            excluded[name] = why
            continue
        # TRUNCATE and rewrites do not respect an older snapshot: it would find the table empty.
        if seen and current is not None and seen != current:
            rewritten.append(name)
        found[name] = Table(
            schema=schema,
            relation=relation,
            name=name,
            materialized=kind == "m",
            heap=method == "heap",
            blocks=size // BLOCK,
            bytes=total,
            columns=tuple(column for column, _type, _collation in columns),
            columns_sha256=hashlib.sha256(json.dumps(columns, separators=(",", ":")).encode()).hexdigest(),
            key=tuple(key),
        )
    return Inventory(found, excluded, tuple(rewritten))


def _left_out(kind: str, persistence: str, populated: bool, extension: str | None) -> str | None:
    if kind == "f":
        return "foreign: its rows are elsewhere"
    if persistence == "u":
        return "unlogged: empty after a restore"
    if extension is not None:
        return f"belongs to the extension {extension}"
    if not populated:
        return "not populated"
    return None


def hold(connection: Connection, inventory: Inventory) -> None:
    """Keep everybody from dropping, truncating or rewriting these until the transaction ends; readers and writers are not disturbed."""
    plain = [table.identifier for table in inventory.tables.values() if not table.materialized]
    for start in range(0, len(plain), 100):
        named = sql.SQL(", ").join(sql.SQL("ONLY {}").format(one) for one in plain[start : start + 100])
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(named))
    for table in inventory.tables.values():
        if table.materialized:  # LOCK TABLE takes none; reading it locks it just so
            connection.execute(sql.SQL("SELECT FROM {} LIMIT 0").format(table.identifier))


def sequences(connection: Connection) -> dict[str, dict[str, t.Any]]:
    """Where each sequence stands, at this moment: sequences know no snapshot. ``value`` is null before the first use."""
    return {
        name: {"value": value, "increment": increment, "cache": cache, "cycle": cycle}
        for name, value, increment, cache, cycle in connection.execute(complete(_SEQUENCES)).fetchall()
    }


def properties(connection: Connection) -> dict[str, t.Any]:
    """Encoding, collations with the versions their libraries have here, and extensions."""
    encoding, collate, ctype, provider, recorded, actual = only_row(connection, _PROPERTIES)
    return {
        "encoding": encoding,
        "collate": collate,
        "ctype": ctype,
        "locale_provider": provider,
        "collation_version": actual,
        "collation_recorded": recorded,
        "collations": dict(connection.execute(complete(_COLLATIONS)).fetchall()),
        "extensions": dict(connection.execute("SELECT extname, extversion FROM pg_extension ORDER BY 1").fetchall()),
    }


def large_objects(connection: Connection, *, strong: bool) -> tuple[dict[str, t.Any], str | None]:
    """How many large objects, and the lanes over their pages; and why they could not be read, if so."""
    (count,) = only_row(connection, "SELECT count(*) FROM pg_largeobject_metadata")
    (readable,) = only_row(connection, "SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')")
    if count and not readable:
        return {"count": count, "lanes": None}, "only a superuser may read pg_largeobject"
    if not count:
        return {"count": 0, "lanes": ["0", "0"]}, None
    text = sql.SQL('ROW(t.loid, t.pageno, t.data)::text COLLATE "C"')
    _rows, _summed, first, second = only_row(connection, sums(sql.SQL(_LARGE_OBJECT_PAGES), text, strong=strong))
    return {"count": count, "lanes": [first, second]}, None
