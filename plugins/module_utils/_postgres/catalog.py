# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the catalog says of a table. Reads only; the names of the fields are the catalog's terms."""

from __future__ import annotations

import dataclasses
import typing as t

from .names import Table

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    type: str
    not_null: bool
    generated: bool
    identity: str  # "" none, "a" always, "d" by default
    hashable: bool  # its type has a default hash operator class of the server's own
    sortable: bool  # its type has a default btree operator class of the server's own
    exact: bool  # equal values are the same value, which 1.0 and 1.00 are not
    sequences: tuple[str, ...]  # those that it owns, quoted and schema-qualified; its identity's first
    default: str | None  # as the server prints it; not of generated columns
    statistics: int | None  # its own statistics target
    options: tuple[str, ...]  # n_distinct=…

    @property
    def described(self) -> str:
        return f"{self.name} {self.type}{' not null' if self.not_null else ''}{' generated' if self.generated else ''}"


@dataclasses.dataclass(frozen=True)
class Index:
    name: str
    unique: bool
    primary: bool
    columns: tuple[str, ...]  # key columns; an expression is ""
    included: tuple[str, ...]
    valid: bool
    deferrable: bool
    deferred: bool
    constraint: str | None  # the constraint it stands behind
    exclusion: bool
    builtin: bool  # its operators are the server's own, which the mirror's functions see whatever the search_path
    nulls_not_distinct: bool
    options: tuple[str, ...]
    tablespace: str | None
    definition: str  # from USING up to WHERE: "USING btree (tenant_id, created_at)"
    predicate: str | None
    comment: str | None
    constraint_comment: str | None

    @property
    def partial(self) -> bool:
        return self.predicate is not None


@dataclasses.dataclass(frozen=True)
class Check:
    name: str
    definition: str
    comment: str | None


@dataclasses.dataclass(frozen=True)
class ForeignKey:
    name: str
    definition: str
    referenced: Table
    referenced_oid: int
    comment: str | None


@dataclasses.dataclass(frozen=True)
class Policy:
    name: str
    permissive: bool
    roles: tuple[str, ...]
    command: str
    using: str | None
    check: str | None
    comment: str | None


@dataclasses.dataclass(frozen=True)
class Grant:
    privilege: str
    grantee: str  # "" is PUBLIC
    grantable: bool
    column: str | None


@dataclasses.dataclass(frozen=True)
class View:
    table: Table
    definition: str
    options: tuple[str, ...]
    materialized: bool
    needs_key: bool  # its GROUP BY leans on the primary key


@dataclasses.dataclass(frozen=True)
class Description:
    """Everything of one table that a new layout must carry, or that stands in its way."""

    table: Table
    oid: int
    kind: str
    persistence: str
    owner: str
    owned_by_session: bool
    comment: str | None
    options: tuple[str, ...]  # those of its TOAST table begin with "toast."
    tablespace: str | None  # None is the database's own
    rows_estimate: int
    total_bytes: int
    row_security: bool
    force_row_security: bool
    replica_identity: str
    inherits: bool
    has_children: bool
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]
    checks: tuple[Check, ...]
    foreign_keys: tuple[ForeignKey, ...]
    referencing: tuple[str, ...]  # foreign keys of other tables that point here
    not_valid: tuple[str, ...]  # constraints that older rows may violate, or all rows
    policies: tuple[Policy, ...]
    grants: tuple[Grant, ...]
    default_grantees: tuple[str, ...]  # who gets rights on a table that this session makes in the schema; "" is PUBLIC
    triggers: tuple[str, ...]
    rules: tuple[str, ...]
    publications: tuple[str, ...]
    subscribed: bool
    views: tuple[View, ...]
    other_dependents: tuple[str, ...]

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The columns a statement may write."""
        return tuple(column.name for column in self.columns if not column.generated)

    @property
    def fingerprint(self) -> list[str]:
        """What must not change while a shift is under way."""
        return [column.described for column in self.columns]

    @property
    def primary_key(self) -> Index | None:
        return next((index for index in self.indexes if index.primary), None)


_TABLE = """
SELECT c.oid, c.relkind::text, c.relpersistence::text, pg_get_userbyid(c.relowner), pg_get_userbyid(c.relowner) = current_user,
       obj_description(c.oid, 'pg_class'),
       coalesce(c.reloptions, '{}') || ARRAY(SELECT 'toast.' || o FROM pg_class s CROSS JOIN LATERAL unnest(s.reloptions) o WHERE s.oid = c.reltoastrelid),
       (SELECT spcname::text FROM pg_tablespace s WHERE s.oid = c.reltablespace),
       c.reltuples::bigint, pg_total_relation_size(c.oid), c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text,
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid), EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s
"""

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', a.attidentity::text,
       EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
               WHERE m.amname = 'hash' AND o.opcdefault AND o.opcnamespace = 'pg_catalog'::regnamespace
               AND (o.opcintype = b.base OR (o.opcintype, b.category) IN ((2277, 'A'), (3500, 'E'), (3831, 'R')) OR (o.opcintype = 25 AND b.base = 1043))),
       EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
               WHERE m.amname = 'btree' AND o.opcdefault AND o.opcnamespace = 'pg_catalog'::regnamespace
               AND (o.opcintype = b.base OR (o.opcintype, b.category) IN ((2277, 'A'), (3500, 'E'), (3831, 'R')) OR (o.opcintype = 25 AND b.base = 1043))),
       (b.category = 'E' OR b.base = ANY ('{bool,bytea,"char",name,int8,int2,int4,text,varchar,oid,uuid,date,time,timestamp,timestamptz}'::regtype[]))
       AND coalesce((SELECT n.collisdeterministic FROM pg_collation n WHERE n.oid = a.attcollation), true),
       ARRAY(SELECT format('%%I.%%I', sn.nspname, s.relname) FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_namespace sn ON sn.oid = s.relnamespace WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i') ORDER BY d.deptype DESC, 1),
       (SELECT pg_get_expr(f.adbin, f.adrelid) FROM pg_attrdef f WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum AND a.attgenerated = ''),
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END, coalesce(a.attoptions, '{}')
FROM pg_attribute a
CROSS JOIN LATERAL (SELECT CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END AS base, y.typcategory::text AS category
                    FROM pg_type y WHERE y.oid = a.atttypid) b
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

# pg_get_indexdef writes "CREATE [UNIQUE] INDEX <name> ON <schema>.<table> " in front and the predicate behind; both are known exactly.
_INDEXES = """
SELECT i.relname, x.indisunique, x.indisprimary,
       ARRAY(SELECT coalesce(a.attname::text, '') FROM generate_series(0, x.indnkeyatts - 1) p
             LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[p] ORDER BY p),
       ARRAY(SELECT a.attname::text FROM generate_series(x.indnkeyatts, x.indnatts - 1) p
             JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[p] ORDER BY p),
       x.indisvalid, coalesce(k.condeferrable, false), coalesce(k.condeferred, false), k.conname, x.indisexclusion,
       NOT EXISTS (SELECT FROM pg_opclass o WHERE o.oid = ANY (x.indclass) AND o.opcnamespace <> 'pg_catalog'::regnamespace), x.indnullsnotdistinct,
       coalesce(i.reloptions, '{}'), (SELECT spcname::text FROM pg_tablespace s WHERE s.oid = i.reltablespace),
       substr(left(w.definition, length(w.definition) - length(coalesce(' WHERE ' || w.predicate, ''))),
              length(format('CREATE %%sINDEX %%I ON %%s%%I.%%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname,
                            CASE WHEN t.relkind = 'p' THEN 'ONLY ' END, n.nspname, t.relname)) + 1), w.predicate,
       obj_description(x.indexrelid, 'pg_class'), obj_description(k.oid, 'pg_constraint')
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
CROSS JOIN LATERAL (SELECT pg_get_indexdef(x.indexrelid) AS definition, pg_get_expr(x.indpred, x.indrelid) AS predicate) w
LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x') WHERE x.indrelid = %s ORDER BY i.relname
"""

_CHECKS = """
SELECT conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conrelid = %s AND contype = 'c' ORDER BY 1
"""

_FOREIGN_KEYS = """
SELECT k.conname, pg_get_constraintdef(k.oid), n.nspname, r.relname, r.oid, obj_description(k.oid, 'pg_constraint')
FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid
JOIN pg_namespace n ON n.oid = r.relnamespace WHERE k.conrelid = %s AND k.contype = 'f' ORDER BY k.conname
"""

_REFERENCING = """
SELECT format('%%s on %%s', quote_ident(conname), conrelid::regclass) FROM pg_constraint WHERE confrelid = %s AND contype = 'f' AND conparentid = 0 ORDER BY 1
"""

_NOT_VALID = "SELECT conname::text FROM pg_constraint WHERE conrelid = %s AND NOT convalidated ORDER BY 1"

_POLICIES = """
SELECT p.polname, p.polpermissive,
       CASE WHEN p.polroles = '{0}' THEN '{}' ELSE ARRAY(SELECT rolname::text FROM pg_roles WHERE oid = ANY (p.polroles) ORDER BY 1) END,
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy')
FROM pg_policy p WHERE p.polrelid = %s ORDER BY p.polname
"""

_GRANTS = """
SELECT g.privilege_type, CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END, g.is_grantable, NULL::text
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g WHERE c.oid = %(oid)s AND g.grantee <> c.relowner
UNION ALL
SELECT g.privilege_type, CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END, g.is_grantable, a.attname
FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) g WHERE a.attrelid = %(oid)s AND NOT a.attisdropped ORDER BY 4 NULLS FIRST, 2, 1
"""

_DEFAULT_GRANTEES = """
SELECT DISTINCT CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END
FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) g
WHERE pg_get_userbyid(d.defaclrole) = current_user AND d.defaclobjtype = 'r' AND g.grantee <> d.defaclrole
  AND d.defaclnamespace IN (0, (SELECT relnamespace FROM pg_class WHERE oid = %s)) ORDER BY 1
"""

_VIEWS = """
SELECT DISTINCT n.nspname, v.relname, pg_get_viewdef(v.oid), coalesce(v.reloptions, '{}'), v.relkind = 'm',
       EXISTS (SELECT FROM pg_depend k WHERE k.classid = 'pg_rewrite'::regclass AND k.objid = r.oid AND k.refclassid = 'pg_constraint'::regclass)
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s AND r.rulename = '_RETURN' ORDER BY 1, 2
"""

# Everything else that hangs on the table from outside: SQL-standard function bodies, columns of its row type, policies of other tables …
# A policy of its own is one of them when it reads the table again, which its parsed expression tells.
_OTHER_DEPENDENTS = """
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d
WHERE d.deptype = 'n' AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s)
                           OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN
                               (SELECT unnest(ARRAY[y.oid, y.typarray]) FROM pg_type y WHERE y.typrelid = %(oid)s)))
  AND d.classid NOT IN ('pg_trigger'::regclass, 'pg_publication_rel'::regclass)
  AND NOT (d.classid = 'pg_rewrite'::regclass
           AND EXISTS (SELECT FROM pg_rewrite r WHERE r.oid = d.objid AND (r.ev_class = %(oid)s OR r.rulename = '_RETURN')))
  AND NOT (d.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef a WHERE a.oid = d.objid AND a.adrelid = %(oid)s))
  AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND %(oid)s IN (k.conrelid, k.confrelid)))
  AND NOT (d.classid = 'pg_policy'::regclass AND EXISTS (SELECT FROM pg_policy p WHERE p.oid = d.objid AND p.polrelid = %(oid)s
           AND concat(p.polqual, p.polwithcheck) NOT LIKE format('%%%%:relid %%s %%%%', p.polrelid)))
  AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_index x WHERE x.indexrelid = d.objid AND x.indrelid = %(oid)s)) ORDER BY 1
"""

_TRIGGERS = "SELECT tgname::text FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal AND tgname NOT LIKE '!governed%%' ORDER BY 1"
_RULES = "SELECT rulename::text FROM pg_rewrite WHERE ev_class = %s AND rulename <> '_RETURN' ORDER BY 1"
_PUBLICATIONS = "SELECT pubname::text FROM pg_publication_tables WHERE schemaname = %s AND tablename = %s ORDER BY 1"
_SUBSCRIBED = "SELECT EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = %s)"


def describe(connection: Connection, table: Table) -> Description | None:
    """Everything the catalog says of the table; None when there is no relation of that name."""
    head = connection.execute(_TABLE, (table.schema, table.name)).fetchone()
    if head is None:
        return None
    oid = head[0]

    def rows(query: str) -> list[tuple[t.Any, ...]]:
        return connection.execute(query, {"oid": oid} if "%(oid)s" in query else (oid,)).fetchall()

    return Description(
        table,
        oid,
        kind=head[1],
        persistence=head[2],
        owner=head[3],
        owned_by_session=head[4],
        comment=head[5],
        options=tuple(head[6]),
        tablespace=head[7],
        rows_estimate=head[8],
        total_bytes=head[9],
        row_security=head[10],
        force_row_security=head[11],
        replica_identity=head[12],
        inherits=head[13],
        has_children=head[14],
        columns=tuple(Column(*_tupled(row)) for row in rows(_COLUMNS)),
        indexes=tuple(Index(*_tupled(row)) for row in rows(_INDEXES)),
        checks=tuple(Check(*row) for row in rows(_CHECKS)),
        foreign_keys=tuple(ForeignKey(row[0], row[1], Table(row[2], row[3]), row[4], row[5]) for row in rows(_FOREIGN_KEYS)),
        referencing=tuple(row[0] for row in rows(_REFERENCING)),
        not_valid=tuple(row[0] for row in rows(_NOT_VALID)),
        policies=tuple(Policy(row[0], row[1], tuple(row[2]), *row[3:]) for row in rows(_POLICIES)),
        grants=tuple(Grant(*row) for row in rows(_GRANTS)),
        default_grantees=tuple(row[0] for row in rows(_DEFAULT_GRANTEES)),
        triggers=tuple(row[0] for row in rows(_TRIGGERS)),
        rules=tuple(row[0] for row in rows(_RULES)),
        publications=tuple(row[0] for row in connection.execute(_PUBLICATIONS, (table.schema, table.name)).fetchall()),
        subscribed=rows(_SUBSCRIBED)[0][0],
        views=tuple(View(Table(row[0], row[1]), row[2], tuple(row[3]), row[4], row[5]) for row in rows(_VIEWS)),
        other_dependents=tuple(row[0] for row in rows(_OTHER_DEPENDENTS)),
    )


def _tupled(row: tuple[t.Any, ...]) -> tuple[t.Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)


_GLANCE = """
SELECT ARRAY(SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
                    || CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END
             FROM pg_attribute a WHERE a.attrelid = wanted.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
       (SELECT count(DISTINCT r.ev_class) FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid WHERE d.classid = 'pg_rewrite'::regclass
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = wanted.oid AND r.rulename = '_RETURN')
FROM unnest(%s::oid[]) WITH ORDINALITY AS wanted (oid, place) ORDER BY place
"""


def glance(connection: Connection, oids: t.Sequence[int]) -> list[tuple[list[str], int]]:
    """Fingerprint and number of views of each table, in one query; the fingerprint is spelled as ``Description.fingerprint``."""
    return [(list(row[0]), row[1]) for row in connection.execute(_GLANCE, (list(oids),)).fetchall()]


def partitions(connection: Connection, parent_oid: int) -> dict[str, str]:
    """Name of each partition below the parent, at any depth, to its bound as the catalog prints it."""
    query = """
        SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_partition_tree(%s) t JOIN pg_class c ON c.oid = t.relid WHERE t.level > 0
    """
    return dict(connection.execute(query, (parent_oid,)).fetchall())


def leaf_oids(connection: Connection, parent_oid: int) -> list[int]:
    """The tables below a partitioned table that hold rows."""
    query = "SELECT t.relid::oid::int8 FROM pg_partition_tree(%s) t WHERE t.isleaf AND t.level > 0"
    return [oid for (oid,) in connection.execute(query, (parent_oid,)).fetchall()]


def taken(connection: Connection, schema: str, names: t.Collection[str]) -> list[str]:
    """Which of the names a relation of the schema bears already: a table, an index, a view, a sequence."""
    query = """
        SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = ANY (%s) ORDER BY 1
    """
    return [name for (name,) in connection.execute(query, (schema, list(names))).fetchall()]
