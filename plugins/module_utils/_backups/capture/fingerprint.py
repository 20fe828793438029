# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The schema of a database, object by object: ``<kind> <identity>`` with the SHA-256 of its definition.

So a restore that was cut short (all rows, no primary keys) is told from a whole one, and what differs has a name. Objects that belong to an
extension are the extension's version's. Names are printed with their schema, as the session's search_path is empty.
"""

from __future__ import annotations

import hashlib
import typing as t

from .definition import normalised
from .fragments import complete

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection


# Kind, and the query of identities and definitions. Definitions are parts in a JSON array, so that none runs into the next.
OBJECTS: t.Mapping[str, str] = {
    "schema": """
        SELECT format('%I', n.nspname), json_build_array(pg_get_userbyid(n.nspowner), {grants_schema})
        FROM pg_namespace n WHERE {users} AND {own_namespace}""",
    "relation": """
        SELECT {relation}, json_build_array(c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.relforcerowsecurity,
          (SELECT array_agg(o ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o), pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
          (SELECT array_agg(i.inhparent::regclass::text ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid))
        FROM pg_class c {relations}""",
    "grants": """
        SELECT {relation}, json_build_array(pg_get_userbyid(c.relowner), {grants_relation},
          (SELECT json_agg(json_build_array(a.attname, {grants_column}) ORDER BY a.attname COLLATE "C")
             FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped))
        FROM pg_class c {relations} AND c.relkind <> 'c'""",
    "column": """
        SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), json_build_array(format_type(a.atttypid, a.atttypmod), a.attnotnull,
          nullif(a.attcollation, 0)::regcollation::text, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attstorage, a.attcompression)
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        JOIN pg_class c ON c.oid = a.attrelid {relations} AND a.attnum > 0 AND NOT a.attisdropped""",
    "view": """
        SELECT {relation}, json_build_array(pg_get_viewdef(c.oid)) FROM pg_class c {relations} AND c.relkind IN ('v', 'm')""",
    "constraint": """
        SELECT format('%I.%I.%I', n.nspname, c.relname, o.conname), json_build_array(pg_get_constraintdef(o.oid), o.convalidated)
        FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid {relations}""",
    # As pg_dump: what a failed CREATE INDEX CONCURRENTLY left is no index.
    "index": """
        SELECT format('%I.%I', n.nspname, x.relname), json_build_array(pg_get_indexdef(i.indexrelid), i.indisclustered, i.indisreplident)
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid {relations} AND (i.indisvalid OR c.relkind = 'p')""",
    "trigger": """
        SELECT format('%I.%I.%I', n.nspname, c.relname, g.tgname), json_build_array(pg_get_triggerdef(g.oid), g.tgenabled)
        FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid {relations} AND NOT g.tgisinternal""",
    "policy": """
        SELECT format('%I.%I.%I', n.nspname, c.relname, p.polname), json_build_array(p.polcmd, p.polpermissive,
          (SELECT array_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r) END ORDER BY 1) FROM unnest(p.polroles) r),
          pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid {relations}""",
    "rule": """
        SELECT format('%I.%I.%I', n.nspname, c.relname, w.rulename), json_build_array(pg_get_ruledef(w.oid), w.ev_enabled)
        FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class {relations} AND w.rulename <> '_RETURN'""",
    "statistics": """
        SELECT format('%I.%I', n.nspname, s.stxname), json_build_array(pg_get_statisticsobjdef(s.oid), s.stxstattarget)
        FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {users}""",
    "function": """
        SELECT p.oid::regprocedure::text,
          json_build_array(pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner), {grants_function})
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind <> 'a' AND {users} AND {own_proc}""",
    "aggregate": """
        SELECT p.oid::regprocedure::text, json_build_array(a.aggkind, a.aggtransfn::regprocedure::text, a.aggfinalfn::regproc::text,
          format_type(a.aggtranstype, NULL), a.agginitval, pg_get_userbyid(p.proowner))
        FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE {users} AND {own_proc}""",
    "operator": """
        SELECT o.oid::regoperator::text, json_build_array(o.oprcode::regproc::text, o.oprresult::regtype::text, o.oprcanmerge, o.oprcanhash)
        FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE {users} AND {own_operator}""",
    "sequence": """
        SELECT {relation}, json_build_array(s.seqtypid::regtype::text, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
          pg_get_userbyid(c.relowner), {grants_sequence})
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relpersistence <> 't' AND {users} AND {own_class}""",
    "type": """
        SELECT t.oid::regtype::text, json_build_array(t.typtype, pg_get_userbyid(t.typowner), {grants_type},
          (SELECT array_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
          CASE t.typtype WHEN 'd' THEN json_build_array(format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
            nullif(t.typcollation, 0)::regcollation::text) END,
          (SELECT json_build_array(r.rngsubtype::regtype::text, r.rngcanonical::regproc::text, r.rngsubdiff::regproc::text)
             FROM pg_range r WHERE r.rngtypid = t.oid))
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r') AND {users} AND {own_type}""",
    "domain constraint": """
        SELECT format('%s %I', o.contypid::regtype, o.conname), json_build_array(pg_get_constraintdef(o.oid), o.convalidated)
        FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE {users} AND {own_type}""",
    "event trigger": """
        SELECT format('%I', v.evtname), json_build_array(v.evtevent, v.evtfoid::regprocedure::text, v.evtenabled, v.evttags)
        FROM pg_event_trigger v WHERE {own_event_trigger}""",
    "publication": """
        SELECT format('%I', p.pubname), json_build_array(p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot,
          (SELECT array_agg(format('%I.%I', m.schemaname, m.tablename) ORDER BY 1) FROM pg_publication_tables m WHERE m.pubname = p.pubname))
        FROM pg_publication p WHERE {own_publication}""",
}
# Their definitions hold expressions that a restore prints otherwise.
NORMALISED = ("column", "view", "constraint", "domain constraint", "index", "trigger", "policy", "rule", "statistics", "relation")


def fingerprint(connection: Connection) -> dict[str, str]:
    """Every object of the database, as the transaction sees it."""
    found: dict[str, str] = {}
    for kind, query in OBJECTS.items():
        for identity, parts in connection.execute(complete(query)).fetchall():
            text = repr([_plain(part) if kind in NORMALISED else part for part in parts])
            found[f"{kind} {identity}"] = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return found


def _plain(part: t.Any) -> t.Any:
    return normalised(part) if isinstance(part, str) else part
