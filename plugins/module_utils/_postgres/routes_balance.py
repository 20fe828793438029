# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How slots are shared out by weight, moving no more of them than must move."""

from __future__ import annotations

import itertools
import typing as t

from .._common.errors import Refusal
from .routes import SLOTS, SlotRange, TenantMap


def share_out(
    current: TenantMap | None, weights: t.Mapping[str, int], overrides: t.Mapping[str, str] | None = None, *, version: int = 1
) -> TenantMap:
    """A map in which every shard owns slots in proportion to its weight, within one slot.

    Starts from the current map: a shard only gives up what it has too much, and only shards that have too little get it. The same input
    gives the same map; sharing out a map that is fair already changes nothing.

    :param weights: shard to weight; 0 empties a shard but keeps it in the map. Shards of the current map that are missing lose everything.
    :param overrides: tenant to shard, as the new map shall have them.
    :raises Refusal: when a weight is negative, or all are 0.
    :raises Refusals: when the map that results has mistakes, such as bad names.
    """
    _require_weights(weights)
    owners = _owners(current)
    targets = _targets(weights, {shard: owners.count(shard) for shard in weights})
    surplus: list[int] = []
    room = dict(targets)
    for slot, owner in enumerate(owners):
        if room.get(owner, 0) > 0:
            room[owner] -= 1
        else:
            surplus.append(slot)
    for shard in sorted(room):
        taken, surplus = surplus[: room[shard]], surplus[room[shard] :]
        for slot in taken:
            owners[slot] = shard
    return TenantMap(version, tuple(weights), tuple(_ranges(owners)), dict(overrides or {}))


def _ranges(owners: t.Iterable[str]) -> t.Iterator[SlotRange]:
    first = 0
    for owner, slots in itertools.groupby(owners):
        last = first + len(list(slots)) - 1
        yield SlotRange(first, last, owner)
        first = last + 1


def _owners(current: TenantMap | None) -> list[str]:
    owners = [""] * SLOTS
    for part in current.ranges if current else ():
        owners[part.first : part.last + 1] = [part.shard] * (part.last - part.first + 1)
    return owners


def _targets(weights: t.Mapping[str, int], held: t.Mapping[str, int]) -> dict[str, int]:
    """Slots for each shard: its exact share rounded down, and the few that are left to those that hold one more already."""
    total = sum(weights.values())
    targets = {shard: SLOTS * weight // total for shard, weight in weights.items()}
    left = SLOTS - sum(targets.values())
    with_remainder = [shard for shard, weight in weights.items() if SLOTS * weight % total]
    with_remainder.sort(key=lambda shard: (held[shard] <= targets[shard], -(SLOTS * weights[shard] % total), shard))
    for shard in with_remainder[:left]:
        targets[shard] += 1
    return targets


def _require_weights(weights: t.Mapping[str, int]) -> None:
    for shard, weight in weights.items():
        if weight < 0:
            raise Refusal(
                f"weight of shard {shard}",
                expected="0 or more",
                found=str(weight),
                remedy="Use 0 to empty a shard.",
                code="bad_weight",
            )
    if not any(weights.values()):
        raise Refusal(
            "weights", expected="one above 0", found="none", remedy="Give a weight to a shard that may hold tenants.", code="bad_weight"
        )
