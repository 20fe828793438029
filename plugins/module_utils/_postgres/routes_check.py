# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module tenant_map_check: ask the shards as applications do, and count what they answer."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import random
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.frame import Context, Outcome
from .._common.postgres.connect import connect
from .._common.postgres.driver import sql
from . import routes_shard as shard_database
from .names import state
from .routes_fence import settled
from .routes_router import NotOwner, Route, StaleMap, assert_route, can_serve, token_after_write
from .routes_world import SHARDS_SPEC, World, by_name, look, replica_parameters, sessions, speaking_of, tenant_columns

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .routes import TenantMap
    from .routes_shard import TenantColumn
    from .routes_world import Parameters

SPEC = SHARDS_SPEC.merge(
    ArgumentSpec(
        options={
            "sample_size": {"type": "int", "default": 1000},
            "write_rounds": {"type": "int", "default": 20},
            "replica_wait": {"type": "float", "default": 1.0},
            "seed": {"type": "int", "default": 1},
        }
    )
)

_STALE_ATTEMPTS = 20  # on each shard; each is a transaction of its own


@dataclasses.dataclass(frozen=True)
class _Located:
    """A tenant, and the shard in whose tables it was found; None for an id that was made up."""

    tenant: str
    found_on: str | None


def work(context: Context) -> Outcome:
    """Measure the routing; nothing is changed but the one row of ``governed_delivery.route_probe``, and not even that in check mode."""
    parameters = context.parameters
    shards = by_name(parameters["shards"])
    with contextlib.ExitStack() as stack:
        connections = stack.enter_context(sessions(shards, application="tenant_map_check", read_only=True))
        world = look(connections, [])
        if world.settled is None:
            return Outcome(changed=False, facts={"version": 0, "digest": "", "measures": _nothing()})
        tenants = world.settled.tenants
        fenced = {name: connection for name, connection in connections.items() if world.shards[name].fence is not None}
        sample = _sample(connections, tenant_columns(parameters), parameters["sample_size"], parameters["seed"])
        measures = [
            _at_version(world, tenants),
            _routed_wrong(connections, fenced, tenants, sample, tenant_columns(parameters)),
            _stale_refused(fenced, world, tenants, sample),
            _read_your_writes(context, {name: shards[name] for name in fenced}, stack),
        ]
    return Outcome(changed=False, facts={"version": tenants.version, "digest": tenants.digest, "measures": measures})


def _measure(name: str, value: float | None, unit: str, samples: int, how: str) -> dict[str, t.Any]:
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"name": name, "value": value, "unit": unit, "samples": samples, "at": at, "how": how}


def _nothing() -> list[dict[str, t.Any]]:
    units = {"shards_at_version": "%", "routed_wrong": "tenants", "stale_router_refused": "%", "read_your_writes_violations": "reads"}
    return [_measure(name, None, unit, 0, "not observed: no shard has a map") for name, unit in units.items()]


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _at_version(world: World, tenants: TenantMap) -> dict[str, t.Any]:
    arrived = [
        name
        for name, shard in world.shards.items()
        if shard.fence is not None and shard.fence == settled(tenants, name, shard.fence.oldest)
    ]
    how = f"shards whose fence lets in exactly what map version {tenants.version} gives them"
    return _measure("shards_at_version", _percent(len(arrived), len(world.shards)), "%", len(world.shards), how)


def _sample(connections: t.Mapping[str, Connection], columns: t.Sequence[TenantColumn], size: int, seed: int) -> list[_Located]:
    """Half of it tenants that have rows, as many as there are, evenly from the shards; the rest made up."""
    chance = random.Random(seed)
    located: list[_Located] = []
    for name, connection in connections.items():
        with speaking_of(name):
            here = {
                tenant
                for column in columns
                if shard_database.exists(connection, column)
                for tenant in shard_database.tenants_of(connection, column)
                if tenant
            }
        chosen = chance.sample(sorted(here), min(len(here), max(1, size // 2 // len(connections))))
        located += [_Located(tenant, name) for tenant in chosen]
    made_up = [_Located(f"check {chance.getrandbits(64):016x}", None) for _number in range(max(0, size - len(located)))]
    return located + made_up


def _routed_wrong(
    connections: t.Mapping[str, Connection],
    fenced: t.Mapping[str, Connection],
    tenants: TenantMap,
    sample: t.Sequence[_Located],
    columns: t.Sequence[TenantColumn],
) -> dict[str, t.Any]:
    """A shard without a fence lets nobody in, because nobody can ask it."""
    ids = sorted({located.tenant for located in sample})
    let_in: dict[str, set[str]] = {tenant: set() for tenant in ids}
    query = "SELECT tenant FROM unnest(%s::text[]) AS tenant WHERE governed_delivery.route_refusal(tenant, %s) IS NULL"
    for name, connection in fenced.items():
        with speaking_of(name):
            for (tenant,) in connection.execute(query, (ids, tenants.version)):
                let_in[tenant].add(name)
    wrong = {tenant for tenant in ids if let_in[tenant] != {tenants.shard_for(tenant)}}
    for located in sample:
        owner = tenants.shard_for(located.tenant)
        if located.found_on not in (None, owner) and not _lives_at(connections, owner, columns, located.tenant):
            wrong.add(located.tenant)
    how = "tenants that another shard than the router's lets in, or that the router's does not, or whose rows are elsewhere"
    return _measure("routed_wrong", len(wrong), "tenants", len(ids), how)


def _lives_at(connections: t.Mapping[str, Connection], shard: str, columns: t.Sequence[TenantColumn], tenant: str) -> bool:
    if shard not in connections:
        return False
    with speaking_of(shard):
        return any(
            shard_database.exists(connections[shard], column) and shard_database.has_rows(connections[shard], column, tenant)
            for column in columns
        )


def _stale_refused(
    connections: t.Mapping[str, Connection], world: World, tenants: TenantMap, sample: t.Sequence[_Located]
) -> dict[str, t.Any]:
    """Play a router that has missed changes, against every shard, for tenants that do live there and for others."""
    attempts = refused = 0
    for name, connection in connections.items():
        fence = world.shards[name].fence
        if fence is None:
            continue
        own = [located.tenant for located in sample if tenants.shard_for(located.tenant) == name][: _STALE_ATTEMPTS // 2]
        others = [located.tenant for located in sample if tenants.shard_for(located.tenant) != name][: _STALE_ATTEMPTS // 2]
        for tenant in [*own, *others]:
            attempts += 1
            with speaking_of(name):
                refused += _is_refused(connection, Route(tenant, name, fence.oldest - 1))
    how = "transactions with an older map version than the shards accept that got SQLSTATE TR001"
    return _measure("stale_router_refused", _percent(refused, attempts), "%", attempts, how)


def _is_refused(connection: Connection, route: Route) -> bool:
    try:
        with connection.transaction():
            assert_route(connection, route)
    except StaleMap:
        return True
    except NotOwner:
        return False
    return False


def _read_your_writes(context: Context, shards: t.Mapping[str, Parameters], stack: contextlib.ExitStack) -> dict[str, t.Any]:
    """Write on each shard, then read where the router may, and see whether the write is there."""
    name, unit = "read_your_writes_violations", "reads"
    if context.check_mode:
        return _measure(name, None, unit, 0, "not observed: check mode writes nothing")
    reads = violations = by_replica = 0
    for shard, parameters in shards.items():
        with speaking_of(shard):
            primary = stack.enter_context(connect(parameters, application=f"tenant_map_check {shard}"))
            replicas = [
                stack.enter_context(connect(replica_parameters(parameters, replica), application=f"tenant_map_check {shard} replica"))
                for replica in parameters["replicas"]
            ]
            for number in range(context.parameters["write_rounds"]):
                written = _write_probe(primary)
                token = token_after_write(primary)
                replica = replicas[number % len(replicas)] if replicas else None
                served = replica is not None and can_serve(replica, token, wait=context.parameters["replica_wait"])
                reads += 1
                by_replica += served
                violations += _read_probe(replica if served and replica is not None else primary) < written
    how = f"reads after a write, where its token allowed: {by_replica} on replicas, {reads - by_replica} on primaries"
    return _measure(name, violations, unit, reads, how)


def _write_probe(connection: Connection) -> int:
    query = "INSERT INTO {} AS probe (value) VALUES (1) ON CONFLICT (only_row) DO UPDATE SET value = probe.value + 1 RETURNING value"
    row = connection.execute(sql.SQL(query).format(state("route_probe"))).fetchone()
    return int(row[0]) if row else 0


def _read_probe(connection: Connection) -> int:
    row = connection.execute(sql.SQL("SELECT value FROM {}").format(state("route_probe"))).fetchone()
    return int(row[0]) if row else 0
