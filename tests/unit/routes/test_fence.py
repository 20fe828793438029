# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout: however maps follow each other and wherever runs are cut, no two shards ever let in the same tenant."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_fence as fences
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import SLOTS, TenantMap
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_fence import Change, Fence
from hypothesis import given, settings
from hypothesis import strategies as st

SHARDS = ("a", "b", "c", "d")
TENANTS = ("acme", "globex", "initech", "umbrella", "Umbrella", "é")
MAPS = st.tuples(
    st.fixed_dictionaries({shard: st.integers(0, 3) for shard in SHARDS}).filter(lambda weights: any(weights.values())),
    st.dictionaries(st.sampled_from(TENANTS), st.sampled_from(SHARDS)),
)
# A run: what it wants, whether it refuses stale routers, after how many steps it is cut.
RUNS = st.lists(st.tuples(MAPS, st.booleans(), st.integers(0, 14)), min_size=1, max_size=5)


def require_disjoint(world: t.Mapping[str, Fence | None]) -> None:
    present = [fence for fence in world.values() if fence is not None]
    for tenant in TENANTS:
        letting_in = [fence.shard for fence in present if fence.lets_in(tenant)]
        assert len(letting_in) <= 1, f"{tenant} is let in by {letting_in}"
    for one, other in itertools.combinations(present, 2):
        assert one.slots & other.slots == 0, f"{one.shard} and {other.shard} share slots"


def follow(world: dict[str, Fence | None], changes: t.Iterable[Change]) -> None:
    for change in changes:
        assert world[change.shard] == change.before
        world[change.shard] = change.after
        require_disjoint(world)


@settings(max_examples=300)
@given(RUNS)
def test_no_two_shards_ever_let_in_the_same_tenant(runs: list[tuple[t.Any, bool, int]]) -> None:
    world: dict[str, Fence | None] = dict.fromkeys(SHARDS)
    maps: dict[int, TenantMap] = {}
    for version, ((weights, overrides), refuse_stale, steps) in enumerate(runs, start=1):
        settled = max((fence.version for fence in world.values() if fence), default=0)
        maps[version] = share_out(maps.get(settled), weights, overrides, version=version)
        follow(world, fences.rollout(world, maps[version], refuse_stale=refuse_stale)[:steps])

    last = max(maps)
    follow(world, fences.rollout(world, maps[last], refuse_stale=True))
    for shard, fence in world.items():
        assert fence == fences.settled(maps[last], shard, last)
    for tenant in TENANTS:
        assert [shard for shard, fence in world.items() if fence and fence.lets_in(tenant)] == [maps[last].shard_for(tenant)]
    assert fences.rollout(world, maps[last], refuse_stale=True) == []


def test_in_another_order_they_would() -> None:
    before = share_out(None, {"a": 1, "b": 0}, {"acme": "a"})
    after = share_out(before, {"a": 1, "b": 1}, {"acme": "b"}, version=2)
    world: dict[str, Fence | None] = {shard: fences.settled(before, shard, 1) for shard in ("a", "b")}
    settle_first = sorted(fences.rollout(world, after, refuse_stale=False), key=lambda change: change.shard, reverse=True)
    assert settle_first[0].phase == fences.SETTLE
    with pytest.raises(AssertionError, match="acme is let in by"):
        follow(world, settle_first)


def test_who_loses_nothing_is_not_narrowed() -> None:
    before = share_out(None, {"a": 1, "b": 1, "c": 1})
    after = share_out(before, {"a": 1, "b": 1, "c": 1}, {"acme": "b"}, version=2)
    owner = before.shard_for("acme")
    assert owner != "b"
    world = {shard: fences.settled(before, shard, 1) for shard in "abc"}
    changes = fences.rollout(world, after, refuse_stale=True)
    assert [change.shard for change in changes if change.phase == fences.NARROW] == [owner]
    assert [change.phase for change in changes] == [fences.NARROW, *[fences.SETTLE] * 3, *[fences.RETIRE] * 3]


def test_who_gives_nothing_up_settles_first() -> None:
    before = share_out(None, {"a": 1, "z": 1})
    after = share_out(before, {"a": 1, "z": 2}, version=2)
    changes = fences.rollout({shard: fences.settled(before, shard, 1) for shard in "az"}, after, refuse_stale=False)
    assert [(change.phase, change.shard) for change in changes] == [(fences.NARROW, "a"), (fences.SETTLE, "z"), (fences.SETTLE, "a")]


def test_routers_are_retired_only_after_every_shard_has_settled() -> None:
    before = share_out(None, {"a": 1, "b": 1})
    after = share_out(before, {"a": 1, "b": 2}, version=2)
    world = {shard: fences.settled(before, shard, 1) for shard in "ab"}
    kept = fences.rollout(world, after, refuse_stale=False)
    assert {change.after.oldest for change in kept} == {1}
    everything = fences.rollout(world, after, refuse_stale=True)
    assert everything[: len(kept)] == kept
    assert [(change.phase, change.after.oldest) for change in everything[len(kept) :]] == [(fences.RETIRE, 2)] * 2


def test_a_shard_that_the_map_does_not_name_lets_nobody_in() -> None:
    fence = fences.settled(share_out(None, {"a": 1}), "gone", 1)
    assert fence.slots == 0
    assert not any(map(fence.lets_in, TENANTS))


def test_between_two_shards_nobody_is_let_in() -> None:
    before = share_out(None, {"a": 1, "b": 0}, {"acme": "a"})
    after = share_out(before, {"a": 1, "b": 0}, {"acme": "b"}, version=2)
    narrow = fences.narrowed(fences.settled(before, "a", 1), after)
    assert narrow.owners == {"acme": None}
    assert not narrow.lets_in("acme")
    assert (narrow.version, narrow.oldest) == (1, 1), "nothing new is promised yet"
    assert dataclasses.replace(narrow, owners={}) == fences.settled(share_out(None, {"a": 1, "b": 0}), "a", 1)


@given(st.sets(st.integers(0, SLOTS - 1), max_size=40))
def test_slots_as_bits_and_as_ranges_are_the_same(slots: set[int]) -> None:
    bits = sum(1 << slot for slot in slots)
    ranges = fences.ranges_from(bits)
    assert {slot for first, last in ranges for slot in range(first, last + 1)} == slots
    assert all(later[0] - earlier[1] > 1 for earlier, later in itertools.pairwise(ranges)), "ascending, and no two touch"
    assert fences.slots_from(ranges) == bits
