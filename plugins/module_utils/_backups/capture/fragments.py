# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Parts that many queries of the system catalogs share."""

from __future__ import annotations

import typing as t

from ..._common.postgres.driver import sql

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

# Ours to look at (n): everything but the system's and temporary tables.
USERS = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
# No extension brought the object: it comes and goes with the extension.
OWN = "NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = {catalog}::regclass AND e.objid = {alias}.oid AND e.deptype = 'e')"
CATALOGS = {
    "pg_class": "c",
    "pg_namespace": "n",
    "pg_proc": "p",
    "pg_operator": "o",
    "pg_type": "t",
    "pg_event_trigger": "v",
    "pg_publication": "p",
}
RELATION = "format('%I.%I', n.nspname, c.relname)"
RELATIONS = (
    "JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' AND {users} AND {own_class}"
)
# Who may do what, in an order of its own; the defaults, where nothing was granted.
GRANTS = """(
  SELECT string_agg(g.line, ',' ORDER BY g.line COLLATE "C") FROM (
    SELECT format('%s=%s%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, a.privilege_type,
      CASE WHEN a.is_grantable THEN '*' ELSE '' END) AS line
    FROM aclexplode(coalesce({acl}, acldefault({kind}, {owner}))) a) g)"""
ACLS = {
    "schema": ("n.nspacl", "n", "n.nspowner"),
    "relation": ("c.relacl", "r", "c.relowner"),
    "column": ("a.attacl", "c", "c.relowner"),
    "sequence": ("c.relacl", "s", "c.relowner"),
    "function": ("p.proacl", "f", "p.proowner"),
    "type": ("t.typacl", "T", "t.typowner"),
}


def complete(query: str) -> Composed:
    """The query with its parts: ``{users}``, ``{own_class}`` … by catalog, ``{grants_schema}`` … by kind, ``{relation}`` (a name), ``{relations}``."""
    parts: dict[str, t.Any] = {"users": sql.SQL(USERS), "relation": sql.SQL(RELATION)}
    for catalog, alias in CATALOGS.items():
        parts[f"own_{catalog.removeprefix('pg_')}"] = sql.SQL(OWN).format(catalog=sql.Literal(catalog), alias=sql.SQL(alias))
    for kind, (acl, letter, owner) in ACLS.items():
        parts[f"grants_{kind}"] = sql.SQL(GRANTS).format(acl=sql.SQL(acl), kind=sql.Literal(letter), owner=sql.SQL(owner))
    parts["relations"] = sql.SQL(RELATIONS).format(users=parts["users"], own_class=parts["own_class"])
    return sql.SQL(query).format(**parts)
