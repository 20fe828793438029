# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The fence as database objects: what is created in a shard, and the statements that change it.

``assert_route`` is the check in the write path. It takes a shared advisory lock until its transaction ends, which costs no WAL and works
on a standby, and which narrowing waits for. A REPEATABLE READ transaction would see the fence of its snapshot, so it locks the row as
well: an old snapshot then gets 40001 and its client retries, as such clients must.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._common.postgres.driver import sql
from . import routes_fence as fences
from .names import STATE_SCHEMA, state
from .routes_fence import Change, Fence, ranges_from
from .steps import NEW_OBJECT, ROW_EXCLUSIVE, Step

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

    from .routes import TenantMap

LOCK_KEY = 3621489022716  # the advisory lock that says "I have asserted a route"; any number will do, this one stands in _ASSERT_ROUTE too
MAPS_KEPT = 20  # for the way back
TABLES = ("tenant_map", "tenant_fence", "tenant_owner", "route_probe")

_TABLES = {
    "tenant_map": "(version bigint PRIMARY KEY, digest text NOT NULL, document text NOT NULL, reverts bigint, "
    "recorded_at timestamptz NOT NULL DEFAULT clock_timestamp())",
    "tenant_fence": "(only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), shard text NOT NULL, version bigint NOT NULL, "
    "oldest bigint NOT NULL, slots int4multirange NOT NULL)",
    "tenant_owner": '(tenant text COLLATE "C" PRIMARY KEY, shard text)',
    "route_probe": "(only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), value bigint NOT NULL)",
}


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of the fence; applications call it, its owner's rights read the tables."""

    name: str
    arguments: str
    result: str
    language: str
    volatility: str
    body: str

    @property
    def identity(self) -> Composed:
        return sql.SQL("{}({})").format(
            state(self.name), sql.SQL(", ".join(part.split()[1] for part in self.arguments.split(", ") if part))
        )

    def create(self) -> Composed:
        return sql.SQL(
            "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS {result} LANGUAGE {language} {volatility} SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS {body}"
        ).format(
            name=state(self.name),
            arguments=sql.SQL(self.arguments),
            result=sql.SQL(self.result),
            language=sql.SQL(self.language),
            volatility=sql.SQL(self.volatility),
            body=sql.Literal(self.body),
        )


_ROUTE_REFUSAL = """
DECLARE
  fence governed_delivery.tenant_fence;
  owner text;
  owned boolean;
  hash bytea;
BEGIN
  IF tenant IS NULL OR tenant = '' THEN
    RETURN 'TR003';
  END IF;
  SELECT * INTO fence FROM governed_delivery.tenant_fence;
  IF fence IS NULL OR epoch IS NULL OR epoch < fence.oldest THEN
    RETURN 'TR001';
  END IF;
  SELECT o.shard INTO owner FROM governed_delivery.tenant_owner o WHERE o.tenant = route_refusal.tenant;
  IF FOUND THEN
    owned := coalesce(owner = fence.shard, false);
  ELSE
    hash := sha256(convert_to(tenant, 'UTF8'));
    owned := fence.slots @> (((get_byte(hash, 6) & 63) << 8) | get_byte(hash, 7));
  END IF;
  RETURN CASE WHEN owned THEN NULL WHEN epoch < fence.version THEN 'TR001' ELSE 'TR002' END;
END
"""

_ASSERT_ROUTE = """
DECLARE
  refusal text;
  fence governed_delivery.tenant_fence;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(3621489022716);
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') AND current_setting('transaction_read_only') = 'off' THEN
    PERFORM FROM governed_delivery.tenant_fence FOR SHARE;
  END IF;
  refusal := governed_delivery.route_refusal(tenant, epoch);
  IF refusal IS NULL THEN
    RETURN;
  END IF;
  SELECT * INTO fence FROM governed_delivery.tenant_fence;
  RAISE EXCEPTION USING ERRCODE = refusal,
    MESSAGE = CASE refusal
      WHEN 'TR003' THEN 'a tenant id must not be NULL or empty'
      WHEN 'TR001' THEN format('tenant map version %s is stale: shard %s is at version %s', coalesce(epoch::text, 'NULL'), fence.shard, fence.version)
      ELSE format('tenant %L does not live on shard %s, by map version %s', tenant, fence.shard, fence.version) END,
    HINT = CASE refusal
      WHEN 'TR003' THEN 'Every row belongs to a tenant.'
      WHEN 'TR001' THEN 'Read the map again, governed_delivery.current_map() has it, and route again.'
      ELSE 'It lives elsewhere, or is just being moved: read the map again and retry in a moment.' END;
END
"""

_CURRENT_MAP = """
SELECT document FROM governed_delivery.tenant_map WHERE version = (SELECT version FROM governed_delivery.tenant_fence)
"""

_ROUTE_POSITION = """
SELECT shard, version, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, pg_is_in_recovery(),
  pg_current_xact_id_if_assigned() IS NOT NULL,
  current_setting('transaction_isolation') IN ('repeatable read', 'serializable') AND transaction_timestamp() <> statement_timestamp()
FROM governed_delivery.tenant_fence
"""

_POSITION = "TABLE (shard text, version bigint, lsn pg_lsn, is_replica boolean, is_writing boolean, is_snapshot_fixed boolean)"

FUNCTIONS = (
    Function("route_refusal", "tenant text, epoch bigint", "text", "plpgsql", "STABLE", _ROUTE_REFUSAL),
    Function("assert_route", "tenant text, epoch bigint", "void", "plpgsql", "VOLATILE", _ASSERT_ROUTE),
    Function("current_map", "", "text", "sql", "STABLE", _CURRENT_MAP),
    Function("route_position", "", _POSITION, "sql", "VOLATILE", _ROUTE_POSITION),
)


@dataclasses.dataclass(frozen=True)
class Installed:
    """What of the fence is in a database."""

    schema: bool
    tables: frozenset[str]
    functions: t.Mapping[str, str]  # name to source
    callers: frozenset[str]  # roles that may use the schema and call every function

    @property
    def anything(self) -> bool:
        return bool(self.tables or self.functions)


def install(found: Installed, callers: t.Collection[str]) -> list[Step]:
    """What has to be created or replaced so that the fence is whole and these roles may call it; nothing when it is."""
    steps = []
    if not found.schema:
        steps.append(Step(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(STATE_SCHEMA)), NEW_OBJECT, STATE_SCHEMA))
    for name, definition in _TABLES.items():
        if name not in found.tables:
            steps.append(Step(sql.SQL("CREATE TABLE {} " + definition).format(state(name)), NEW_OBJECT, f"{STATE_SCHEMA}.{name}"))
    for function in FUNCTIONS:
        where = f"{STATE_SCHEMA}.{function.name}"
        if found.functions.get(function.name) != function.body:
            steps.append(Step(function.create(), NEW_OBJECT, where))
        if function.name not in found.functions:
            steps.append(Step(sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(function.identity), NEW_OBJECT, where))
    for role in sorted(set(callers) - found.callers):
        schema, caller = sql.Identifier(STATE_SCHEMA), sql.Identifier(role)
        steps.append(Step(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, caller), NEW_OBJECT, STATE_SCHEMA))
        granted = sql.SQL(", ").join(function.identity for function in FUNCTIONS)
        steps.append(Step(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(granted, caller), NEW_OBJECT, STATE_SCHEMA))
    return steps


def remove(found: Installed) -> list[Step]:
    """What has to be dropped so that nothing of the fence is left; the schema stays, others keep their state in it."""
    steps = [
        Step(sql.SQL("DROP FUNCTION {}").format(function.identity), NEW_OBJECT, f"{STATE_SCHEMA}.{function.name}")
        for function in reversed(FUNCTIONS)
        if function.name in found.functions
    ]
    steps += [
        Step(sql.SQL("DROP TABLE {}").format(state(name)), "ACCESS EXCLUSIVE", f"{STATE_SCHEMA}.{name}")
        for name in TABLES
        if name in found.tables
    ]
    return steps


def apply(change: Change, tenants: TenantMap, reverts: int | None) -> list[Step]:
    """The statements of one change of a rollout to ``tenants``, for one transaction."""
    table, why = f"{STATE_SCHEMA}.tenant_fence", f"{change.phase} shard {change.shard}"
    steps = []
    if change.phase in (fences.NARROW, fences.SETTLE):
        # Also while narrowing: whoever comes after a cut run has to know that other shards may have settled on this map.
        remember = sql.SQL(
            "INSERT INTO {} (version, digest, document, reverts) VALUES ({}, {}, {}, {}) ON CONFLICT (version) DO NOTHING"
        ).format(
            state("tenant_map"),
            sql.Literal(tenants.version),
            sql.Literal(tenants.digest),
            sql.Literal(tenants.to_json()),
            sql.Literal(reverts),
        )
        steps.append(Step(remember, ROW_EXCLUSIVE, f"{STATE_SCHEMA}.tenant_map", why))
    if change.phase == fences.SETTLE:
        later = sql.SQL(
            "DELETE FROM {table} WHERE version > {version} OR version IN"
            " (SELECT version FROM {table} WHERE version <= {version} ORDER BY version DESC OFFSET {kept})"
        ).format(table=state("tenant_map"), version=sql.Literal(tenants.version), kept=sql.Literal(MAPS_KEPT))
        steps.append(Step(later, ROW_EXCLUSIVE, f"{STATE_SCHEMA}.tenant_map", why))
    steps.append(Step(_write_fence(change.after), ROW_EXCLUSIVE, table, why))
    steps += [Step(statement, ROW_EXCLUSIVE, f"{STATE_SCHEMA}.tenant_owner", why) for statement in _write_owners(change)]
    return steps


def forget(version: int) -> Step:
    """Take a map out of the record that no shard has settled on."""
    statement = sql.SQL("DELETE FROM {} WHERE version = {}").format(state("tenant_map"), sql.Literal(version))
    return Step(statement, ROW_EXCLUSIVE, f"{STATE_SCHEMA}.tenant_map", "the map is not rolled out")


def _write_fence(fence: Fence) -> Composed:
    slots = "{" + ",".join(f"[{first},{last + 1})" for first, last in ranges_from(fence.slots)) + "}"
    return sql.SQL(
        "INSERT INTO {} (shard, version, oldest, slots) VALUES ({}, {}, {}, {}::int4multirange) ON CONFLICT (only_row)"
        " DO UPDATE SET (shard, version, oldest, slots) = (excluded.shard, excluded.version, excluded.oldest, excluded.slots)"
    ).format(state("tenant_fence"), sql.Literal(fence.shard), sql.Literal(fence.version), sql.Literal(fence.oldest), sql.Literal(slots))


def _write_owners(change: Change) -> t.Iterator[Composed]:
    before = change.before.owners if change.before else {}
    gone = sorted(set(before) - set(change.after.owners))
    if gone:
        yield sql.SQL("DELETE FROM {} WHERE tenant = ANY ({}::text[])").format(state("tenant_owner"), sql.Literal(gone))
    written = {tenant: owner for tenant, owner in change.after.owners.items() if tenant not in before or before[tenant] != owner}
    if written:
        yield sql.SQL(
            "INSERT INTO {} (tenant, shard) SELECT * FROM unnest({}::text[], {}::text[]) ON CONFLICT (tenant) DO UPDATE SET shard = excluded.shard"
        ).format(state("tenant_owner"), sql.Literal(list(written)), sql.Literal(list(written.values())))
