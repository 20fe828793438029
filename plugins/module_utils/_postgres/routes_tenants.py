# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A map says where tenants live; it moves nobody. So a map that leaves rows on the wrong shard is refused."""

from __future__ import annotations

import typing as t

from .._common.errors import Refusal, Refusals
from . import routes_shard as shard_database
from .routes import TenantMap
from .routes_fence import loses, settled
from .routes_world import speaking_of

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .routes_shard import Observation, TenantColumn
    from .routes_world import World

_SHOWN = 10  # tenants named in a message


def require_home(
    connections: t.Mapping[str, Connection],
    world: World,
    tenants: TenantMap,
    columns: t.Sequence[TenantColumn],
    moved: t.Collection[str],
) -> None:
    """Look through the tenant tables of every shard that the map takes something from, and of every shard that gets its first fence.

    :param moved: tenants whose rows were copied already; what their old shard still holds is a leftover.
    :raises Refusals: when one holds a tenant that the map gives to another shard, or a row without a tenant.
    """
    at_risk = [name for name, shard in world.shards.items() if _is_at_risk(name, shard, tenants)]
    if not at_risk:
        return
    _require_tables(connections, columns)
    mistakes: list[Refusal] = []
    for name in at_risk:
        for column in columns:
            with speaking_of(name):
                if shard_database.exists(connections[name], column):
                    mistakes += _mistakes(connections, name, column, tenants, set(moved))
    if mistakes:
        raise Refusals(mistakes)


def _is_at_risk(name: str, shard: Observation, tenants: TenantMap) -> bool:
    if shard.current is None:
        return True
    # By the map it settled on, not by its fence: a run that was cut may have narrowed the fence without looking at the tables.
    return loses(settled(shard.current.tenants, name, 0), tenants)


def _require_tables(connections: t.Mapping[str, Connection], columns: t.Iterable[TenantColumn]) -> None:
    """A table that no shard has is a misspelt one, and would be looked through in vain."""
    for column in columns:
        found = False
        for name, connection in connections.items():
            with speaking_of(name):
                found = shard_database.exists(connection, column) or found
        if not found:
            raise Refusal(
                str(column.table),
                expected="a table in at least one shard",
                found="it in none",
                remedy="Correct tenant_tables; names are spelled as the catalog spells them, without quotes.",
                code="no_table",
            )


def _mistakes(
    connections: t.Mapping[str, Connection], name: str, column: TenantColumn, tenants: TenantMap, moved: set[str]
) -> t.Iterator[Refusal]:
    connection, where = connections[name], f"{column.table} on shard {name}"
    if shard_database.has_homeless(connection, column):
        yield Refusal(
            where,
            expected=f"a tenant in {column.column} of every row",
            found="rows where it is NULL or empty",
            remedy="Give them a tenant: without one they have no shard.",
            code="no_tenant",
        )
    elsewhere = [tenant for tenant in shard_database.tenants_of(connection, column) if tenant and tenants.shard_for(tenant) != name]
    unmoved = [tenant for tenant in elsewhere if tenant not in moved]
    if unmoved:
        listed = ", ".join(f"{tenant} (to {tenants.shard_for(tenant)})" for tenant in unmoved[:_SHOWN])
        yield Refusal(
            where,
            expected="no tenant that the new map gives to another shard",
            found=f"{len(unmoved)}: {listed}{' …' if len(unmoved) > _SHOWN else ''}",
            remedy="A map moves no rows. Move theirs first and name them in moved_tenants, or keep them here by overrides.",
            code="tenants_would_move",
            details={"tenants": unmoved[:1000]},
        )
    for tenant in elsewhere:
        if tenant in moved:
            target = tenants.shard_for(tenant)
            with speaking_of(target):
                if not shard_database.exists(connections[target], column) or not shard_database.has_rows(
                    connections[target], column, tenant
                ):
                    yield Refusal(
                        f"tenant {tenant}",
                        expected=f"rows in {column.table} on shard {target}, because moved_tenants names it",
                        found=f"none there, and some on shard {name}",
                        remedy="Move its rows first.",
                        code="not_moved",
                    )
