# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing out: fair by weight within one slot, no slot moves that need not, and the same input gives the same map."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import SLOTS, TenantMap, moves
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out
from hypothesis import example, given
from hypothesis import strategies as st

NAMES = [f"s{number}" for number in range(8)]
WEIGHTS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 50), min_size=1).filter(lambda weights: any(weights.values()))


def owners(tenants: TenantMap) -> list[str]:
    found = [""] * SLOTS
    for part in tenants.ranges:
        for slot in range(part.first, part.last + 1):
            found[slot] = part.shard
    return found


def counts(tenants: TenantMap) -> dict[str, int]:
    found = owners(tenants)
    return {shard: found.count(shard) for shard in tenants.shards}


@given(WEIGHTS)
def test_shares_follow_the_weights_within_one_slot(weights: dict[str, int]) -> None:
    for shard, count in counts(share_out(None, weights)).items():
        assert abs(count - SLOTS * weights[shard] / sum(weights.values())) < 1
        assert weights[shard] or not count


@given(WEIGHTS, WEIGHTS)
@example(dict.fromkeys(NAMES[:3], 1), dict.fromkeys(NAMES[:4], 1))
@example(dict.fromkeys(NAMES[:3], 1), dict.fromkeys(NAMES[1:3], 1))
def test_only_slots_that_must_move_do(before: dict[str, int], after: dict[str, int]) -> None:
    old = share_out(None, before)
    new = share_out(old, after)
    held, given_out = counts(old), counts(new)
    moved = sum(was != now for was, now in zip(owners(old), owners(new), strict=True))
    assert moved == sum(max(0, count - held.get(shard, 0)) for shard, count in given_out.items()), (
        "no more than what the gaining shards lack"
    )


@given(st.integers(1, 7), st.integers(1, 9))
def test_a_new_shard_is_the_only_one_that_gains(shards: int, weight: int) -> None:
    old = share_out(None, dict.fromkeys(NAMES[:shards], 3))
    new = share_out(old, {**dict.fromkeys(NAMES[:shards], 3), "new": weight})
    assert {move["target"] for move in moves(old, new)} == {"new"}


@given(WEIGHTS, WEIGHTS)
def test_sharing_out_again_changes_nothing(first: dict[str, int], second: dict[str, int]) -> None:
    reached = share_out(share_out(None, first), second)
    assert share_out(reached, second).digest == reached.digest


def test_the_same_input_gives_the_same_map_in_any_order() -> None:
    assert share_out(None, {"b": 2, "a": 1, "c": 3}).digest == share_out(None, {"c": 3, "a": 1, "b": 2}).digest


def test_taking_a_shard_back_restores_the_map() -> None:
    two = share_out(None, {"a": 1, "b": 1})
    three = share_out(two, {"a": 1, "b": 1, "c": 1})
    assert share_out(three, {"a": 1, "b": 1}).digest == two.digest


def test_an_emptied_shard_stays_in_the_map() -> None:
    tenants = share_out(share_out(None, {"a": 1, "b": 1}), {"a": 1, "b": 0})
    assert tenants.shards == ("a", "b")
    assert counts(tenants) == {"a": SLOTS, "b": 0}


@pytest.mark.parametrize("weights", [{"a": -1, "b": 1}, {"a": 0}, {}])
def test_weights_that_share_nothing_out_are_refused(weights: dict[str, int]) -> None:
    with pytest.raises(Refusal) as caught:
        share_out(None, weights)
    assert caught.value.code == "bad_weight"
