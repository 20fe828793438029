# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a shard's database lets in, and in which order the shards change, so that no two ever let in the same tenant.

A fence only narrows or settles. *Narrow*: let in what both the old fence and the new map allow; this waits for transactions under way.
*Settle*: let in what the new map allows. No shard settles before every shard has been narrowed, so at every moment, also between any two
steps and after a crash at any of them, the fences of all shards are disjoint. ``tests/unit/routes/test_fence.py`` holds the property.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .routes import TenantMap, slot_of

NARROW = "narrow"
SETTLE = "settle"
PUBLISH = "publish"
RETIRE = "retire"


@dataclasses.dataclass(frozen=True)
class Fence:
    """What one shard lets in.

    :param shard: its own name.
    :param version: of the map it settled on.
    :param oldest: routers with an older map than this are refused whatever they ask for.
    :param slots: bit n is set when the shard owns slot n.
    :param owners: tenants that do not follow their slot: their shard, or None while they are between two shards.
    """

    shard: str
    version: int
    oldest: int
    slots: int
    owners: t.Mapping[str, str | None]

    def lets_in(self, tenant: str) -> bool:
        """Whether the shard takes the tenant for its own."""
        if tenant in self.owners:
            return self.owners[tenant] == self.shard
        return bool(self.slots >> slot_of(tenant) & 1)


@dataclasses.dataclass(frozen=True)
class Change:
    """One step of a rollout, on one shard."""

    phase: str
    shard: str
    before: Fence | None
    after: Fence


def settled(tenants: TenantMap, shard: str, oldest: int) -> Fence:
    """The fence of a shard that the map has arrived at. A shard that the map does not name lets nobody in."""
    return Fence(shard, tenants.version, oldest, slots_owned(tenants, shard), dict(tenants.overrides))


def narrowed(fence: Fence, tenants: TenantMap) -> Fence:
    """The fence that lets in what it let in before and what the map allows; version and oldest stay: nothing new is promised yet."""
    owners = {
        tenant: fence.shard if fence.lets_in(tenant) and tenants.shard_for(tenant) == fence.shard else None
        for tenant in sorted({*fence.owners, *tenants.overrides})
    }
    return dataclasses.replace(fence, slots=fence.slots & slots_owned(tenants, fence.shard), owners=owners)


def loses(fence: Fence, tenants: TenantMap) -> bool:
    """Whether the shard lets somebody in whom the map gives to another."""
    after = narrowed(fence, tenants)
    return after.slots != fence.slots or any(fence.lets_in(tenant) and not after.lets_in(tenant) for tenant in after.owners)


def rollout(fences: t.Mapping[str, Fence | None], tenants: TenantMap, *, refuse_stale: bool) -> list[Change]:
    """The steps from these fences to the map, in the only order that is safe; none when it has arrived.

    All ``narrow`` come first, then all ``settle``; the map may be published after the last of these. ``retire`` comes last: then routers
    with an older map are refused altogether. Works from every state that a former rollout, cut short, can have left.
    """
    changes = []
    now = dict(fences)
    for shard, fence in sorted(fences.items()):
        if fence is not None and loses(fence, tenants):
            changes.append(Change(NARROW, shard, fence, narrowed(fence, tenants)))
            now[shard] = changes[-1].after
    # Who gives nothing up comes first: if that shard cannot settle, nobody has, and the narrowing can still be taken back.
    giving_up = {change.shard for change in changes}
    for shard, fence in sorted(now.items(), key=lambda item: (item[0] in giving_up, item[0])):
        goal = settled(tenants, shard, tenants.version if fence is None else fence.oldest)
        if fence != goal:
            changes.append(Change(SETTLE, shard, fence, goal))
            now[shard] = goal
    for shard, fence in sorted(now.items()):
        if refuse_stale and fence is not None and fence.oldest < tenants.version:
            changes.append(Change(RETIRE, shard, fence, dataclasses.replace(fence, oldest=tenants.version)))
    return changes


@functools.lru_cache(maxsize=256)
def _bits(first: int, last: int) -> int:
    return ((1 << (last - first + 1)) - 1) << first


def slots_owned(tenants: TenantMap, shard: str) -> int:
    """The slots that the map gives to the shard, as bits."""
    return slots_from(tenants.ranges_of(shard))


def slots_from(ranges: t.Iterable[tuple[int, int]]) -> int:
    """Ranges ``(first, last)``, both included, as bits."""
    slots = 0
    for first, last in ranges:
        slots |= _bits(first, last)
    return slots


def ranges_from(slots: int) -> list[tuple[int, int]]:
    """Bits as ranges ``(first, last)``, both included, ascending."""
    ranges = []
    first = 0
    while slots:
        skip = (slots & -slots).bit_length() - 1
        slots >>= skip
        length = (~slots & (slots + 1)).bit_length() - 1
        ranges.append((first + skip, first + skip + length - 1))
        slots >>= length
        first += skip + length
    return ranges
