# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table's portrait: everything the catalog says of it that an application could miss, told without its name, its key and its partitions.

It owes nothing to the code under test, so that two portraits that are equal show that everything was carried.
"""

from __future__ import annotations

import typing as t

import psycopg

Connection = psycopg.Connection[tuple[t.Any, ...]]
Portrait = dict[str, t.Any]

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text,
       a.attcollation::regcollation::text, a.attstorage::text, a.attcompression::text, nullif(a.attstattarget, -1), col_description(a.attrelid, a.attnum),
       ARRAY(SELECT format('%%s %%s %%s', g.grantee::regrole, g.privilege_type, g.is_grantable) FROM aclexplode(a.attacl) g ORDER BY 1)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

TABLE = """
SELECT pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity, relreplident::text, obj_description(oid, 'pg_class'),
       (SELECT spcname FROM pg_tablespace s WHERE s.oid = reltablespace),
       ARRAY(SELECT format('%%s %%s %%s', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END, g.privilege_type, g.is_grantable)
             FROM aclexplode(relacl) g WHERE g.grantee <> relowner ORDER BY 1)
FROM pg_class WHERE oid = %s::regclass
"""

INDEXES = """
SELECT regexp_replace(pg_get_indexdef(x.indexrelid), '^CREATE (UNIQUE )?INDEX .* ON (ONLY )?.* USING', '\\1USING'),
       regexp_replace(pg_get_constraintdef(k.oid), '^PRIMARY KEY', 'UNIQUE'), obj_description(i.oid, 'pg_class'), obj_description(k.oid, 'pg_constraint'),
       (SELECT spcname FROM pg_tablespace s WHERE s.oid = i.reltablespace)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype IN ('p', 'u')
WHERE x.indrelid = %s::regclass AND NOT x.indisprimary ORDER BY 1, 2
"""

CONSTRAINTS = """
SELECT conname, contype::text, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') FROM pg_constraint
WHERE conrelid = %s::regclass AND contype IN ('c', 'f') ORDER BY 1
"""

POLICIES = """
SELECT polname, polpermissive, ARRAY(SELECT r::regrole::text FROM unnest(polroles) r ORDER BY 1), polcmd::text,
       pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
       obj_description(oid, 'pg_policy')
FROM pg_policy WHERE polrelid = %s::regclass ORDER BY 1
"""

STATISTICS = """
SELECT stxkind::text, pg_get_statisticsobjdef_columns(oid), obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext
WHERE stxrelid = %s::regclass ORDER BY 1, 2
"""

SEQUENCES = """
SELECT a.attname, s.seqtypid::regtype::text, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle FROM pg_sequence s
JOIN pg_depend d ON d.objid = s.seqrelid AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.refobjid = %s::regclass ORDER BY 1
"""

LEAF = """
SELECT pg_get_userbyid(c.relowner), c.relreplident::text, coalesce(c.reloptions, '{}'), coalesce(o.reloptions, '{}'), c.relacl IS NULL OR NOT EXISTS
       (SELECT FROM aclexplode(c.relacl) g WHERE g.grantee <> c.relowner), (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
       ARRAY(SELECT format('%%s %%s %%s %%s', attname, attstorage, attcompression, nullif(attstattarget, -1)) FROM pg_attribute
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)
FROM pg_class c LEFT JOIN pg_class o ON o.oid = c.reltoastrelid WHERE c.oid = %s::regclass
"""


def portrait(connection: Connection, table: str) -> Portrait:
    """Of a table, by its name as SQL has it."""
    parts = {
        "columns": COLUMNS,
        "table": TABLE,
        "indexes": INDEXES,
        "constraints": CONSTRAINTS,
        "policies": POLICIES,
        "statistics": STATISTICS,
        "identity": SEQUENCES,
    }
    return {name: connection.execute(query, [table]).fetchall() for name, query in parts.items()}


def leaf_portraits(connection: Connection, table: str) -> dict[str, t.Any]:
    """Of each table that holds rows, by name: the partitions, or the table itself: what a partition does not show by its parent."""
    names = connection.execute("SELECT relid::regclass::text FROM pg_partition_tree(%s::regclass) WHERE isleaf", [table]).fetchall()
    return {name: connection.execute(LEAF, [name]).fetchone() for (name,) in names or [(table,)]}
