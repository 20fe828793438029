# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map of three shards is in force: an application writes where the published map says, and nowhere else."""

from __future__ import annotations

import json
import typing as t

Insert = t.Callable[[str, str, int], str]
SHARDS = ("shard_a", "shard_b", "shard_c")


def test_every_airline_is_let_in_by_its_shard_alone(published: dict[str, str], insert: Insert) -> None:
    from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import TenantMap

    tenants = TenantMap.from_json(published["tenant_map.json"])
    assert tenants.shards == SHARDS
    for airline in ("9E", "AA", "AS", "B6", "DL", "EV", "UA", "new one"):
        for shard in SHARDS:
            wanted = "" if shard == tenants.shard_for(airline) else "TR002"
            assert insert(shard, airline, tenants.version) == wanted, (airline, shard)


def test_a_router_with_the_map_of_two_shards_is_refused(published: dict[str, str], insert: Insert, moved: list[str]) -> None:
    version = json.loads(published["tenant_map.json"])["version"]
    for airline in (*moved, "9E"):
        assert {insert(shard, airline, version - 1) for shard in SHARDS} == {"TR001"}


def test_the_published_addresses_hold_no_user_and_no_password(published: dict[str, str]) -> None:
    addresses = json.loads(published["shards.json"])
    assert sorted(addresses) == list(SHARDS)
    assert {key for address in addresses.values() for key in address} == {"host", "port", "database"}
