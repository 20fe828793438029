# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shard a tenant lives on: tenant → slot → shard. Needs the standard library only.

A tenant's slot is the first eight bytes, big-endian, of the SHA-256 of its id in UTF-8, modulo 16384. A map gives every slot to one
shard; an override gives one tenant to a shard, whatever its slot. Ids are taken as they are: no case folding, no Unicode normalisation.
"""

from __future__ import annotations

import array
import dataclasses
import functools
import hashlib
import json
import re
import typing as t
from types import MappingProxyType

from .._common.errors import Refusal, Refusals

SLOTS = 1 << 14
HASH = "first 8 bytes of sha256, big-endian, modulo 16384"
FORMAT = 1
LARGEST_VERSION = (1 << 63) - 1  # a bigint in the shards

_SHARD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_CONSOLE = "pgbouncer"  # PgBouncer's own database; a shard of that name could not be reached


@dataclasses.dataclass(frozen=True, order=True)
class SlotRange:
    """Slots ``first`` to ``last``, both included, and the shard that owns them."""

    first: int
    last: int
    shard: str


@dataclasses.dataclass(frozen=True)
class TenantMap:
    """Where every tenant lives. Immutable; a change is a new map with a higher version.

    Shards and ranges are sorted, and neighbouring ranges of one shard are joined, so that equal maps are equal objects.

    :param version: the map's epoch, 1 or more; it only grows.
    :param shards: names; a shard may own nothing.
    :param ranges: every slot exactly once.
    :param overrides: tenant id to shard.
    :raises Refusals: with one refusal for each mistake.
    """

    version: int
    shards: tuple[str, ...]
    ranges: tuple[SlotRange, ...]
    overrides: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        mistakes = [
            *_version_mistakes(self.version),
            *_shard_mistakes(self.shards),
            *_range_mistakes(self.ranges, self.shards),
            *_override_mistakes(self.overrides, self.shards),
        ]
        if mistakes:
            raise Refusals(mistakes)
        object.__setattr__(self, "shards", tuple(sorted(self.shards)))
        object.__setattr__(self, "ranges", _joined(self.ranges))
        object.__setattr__(self, "overrides", MappingProxyType(dict(sorted(self.overrides.items()))))

    def shard_for(self, tenant: str) -> str:
        """The shard that the tenant lives on.

        :raises Refusal: when the id is not a non-empty string.
        """
        slot = slot_of(tenant)
        return self.overrides.get(tenant) or self.shards[self._owners[slot]]

    def ranges_of(self, shard: str) -> list[tuple[int, int]]:
        """The shard's slots as ``(first, last)``, ascending."""
        return [(part.first, part.last) for part in self.ranges if part.shard == shard]

    @functools.cached_property
    def _owners(self) -> array.array[int]:
        number = {shard: index for index, shard in enumerate(self.shards)}
        owners = array.array("H", bytes(2 * SLOTS))
        for part in self.ranges:
            owners[part.first : part.last + 1] = array.array("H", [number[part.shard]]) * (part.last - part.first + 1)
        return owners

    @functools.cached_property
    def content(self) -> dict[str, t.Any]:
        """What the map says, without its version."""
        return {"slots": SLOTS, "shards": {shard: self.ranges_of(shard) for shard in self.shards}, "overrides": dict(self.overrides)}

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the content: two maps that say the same have the same digest, whatever their versions."""
        canonical = json.dumps(self.content, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def as_dict(self) -> dict[str, t.Any]:
        """The map as a document of JSON types, as ``from_dict`` reads it."""
        shards = {shard: [list(part) for part in self.ranges_of(shard)] for shard in self.shards}
        return {"format": FORMAT, "version": self.version, "digest": self.digest, "hash": HASH, **self.content, "shards": shards}

    def to_json(self) -> str:
        """The document as one line of JSON."""
        return json.dumps(self.as_dict(), separators=(",", ":"))

    @classmethod
    def from_dict(cls, document: object) -> TenantMap:
        """Read a document as ``as_dict`` gives it.

        :raises Refusal: when it is no such document, or was changed after it was made.
        :raises Refusals: when it is one, but the map in it has mistakes.
        """
        try:
            return _read(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refusal(
                "tenant map",
                expected=f"a mapping with format {FORMAT}, version, digest, slots, shards and overrides",
                found=f"{type(error).__name__}: {error}",
                remedy="Take the map that the module tenant_map made.",
                code="no_map",
            ) from error

    @classmethod
    def from_json(cls, text: str) -> TenantMap:
        """Read a document from its JSON text; raises as ``from_dict`` does."""
        try:
            return cls.from_dict(json.loads(text))
        except ValueError as error:
            raise Refusal(
                "tenant map", expected="JSON", found=str(error), remedy="Take the map that the module tenant_map made.", code="no_map"
            ) from error


def slot_of(tenant: str) -> int:
    """The tenant's slot, 0 to 16383; the same in every process, on every machine, in every release.

    :raises Refusal: when the id is not a non-empty string.
    """
    try:
        if tenant and "\0" not in tenant:
            return int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:8], "big") % SLOTS
    except (AttributeError, TypeError, UnicodeEncodeError):
        pass
    raise Refusal(
        "tenant id",
        expected="a non-empty string that PostgreSQL can hold as text",
        found=_shown(tenant),
        remedy="Quote ids that look like numbers; a row without a tenant has no shard.",
        code="bad_tenant",
    )


def moves(before: TenantMap | None, after: TenantMap) -> list[dict[str, t.Any]]:
    """What changes its shard: ``slots`` or ``tenant``, ``source`` and ``target``. Nothing when there was no map before."""
    if before is None:
        return []
    moved: list[dict[str, t.Any]] = []
    for slot in range(SLOTS):
        source, target = before.shards[before._owners[slot]], after.shards[after._owners[slot]]
        last = moved[-1] if moved else None
        if source != target and last and last["slots"][1] == slot - 1 and (last["source"], last["target"]) == (source, target):
            last["slots"][1] = slot
        elif source != target:
            moved.append({"slots": [slot, slot], "source": source, "target": target})
    for tenant in sorted({*before.overrides, *after.overrides}):
        source, target = before.shard_for(tenant), after.shard_for(tenant)
        if source != target:
            moved.append({"tenant": tenant, "source": source, "target": target})
    return moved


def _read(document: t.Any) -> TenantMap:
    if document["format"] != FORMAT or document["slots"] != SLOTS:
        raise ValueError(f"format {document['format']} with {document['slots']} slots")
    ranges = [SlotRange(first, last, shard) for shard, parts in document["shards"].items() for first, last in parts]
    read = TenantMap(document["version"], tuple(document["shards"]), tuple(ranges), dict(document["overrides"]))
    if document["digest"] != read.digest:
        raise Refusal(
            f"tenant map version {read.version}",
            expected=f"the digest of its content, {read.digest}",
            found=str(document["digest"]),
            remedy="It was changed by hand or cut short: make maps with the module tenant_map.",
            code="digest_differs",
        )
    return read


def _joined(ranges: t.Iterable[SlotRange]) -> tuple[SlotRange, ...]:
    joined: list[SlotRange] = []
    for part in sorted(ranges):
        if joined and joined[-1].shard == part.shard:
            part = SlotRange(joined.pop().first, part.last, part.shard)
        joined.append(part)
    return tuple(joined)


def _version_mistakes(version: object) -> t.Iterator[Refusal]:
    if not _is_whole(version) or not 1 <= t.cast("int", version) <= LARGEST_VERSION:
        yield Refusal(
            "version",
            expected=f"a whole number from 1 to {LARGEST_VERSION}",
            found=_shown(version),
            remedy="Count versions up from 1.",
            code="bad_version",
        )


def _shard_mistakes(shards: t.Sequence[object]) -> t.Iterator[Refusal]:
    if not shards:
        yield Refusal("shards", expected="at least one", found="none", remedy="Name the shards.", code="no_shards")
    seen: set[object] = set()
    for shard in shards:
        if not isinstance(shard, str) or not _SHARD_NAME.fullmatch(shard) or shard.lower() == _CONSOLE:
            yield Refusal(
                f"shard {_shown(shard)}",
                expected=f"1 to 63 letters, digits, _ or -, not starting with -, and not {_CONSOLE}",
                found=_shown(shard),
                remedy="The name is also PgBouncer's name for the database: choose a plain one, like shard_1.",
                code="bad_shard_name",
            )
        elif shard in seen:
            yield Refusal(
                f"shard {shard}", expected="to be named once", found="it twice", remedy="Give every shard its own name.", code="shard_twice"
            )
        seen.add(shard)


def _range_mistakes(ranges: t.Iterable[SlotRange], shards: t.Collection[str]) -> t.Iterator[Refusal]:
    sound = []
    for part in ranges:
        where = f"slots {_shown(part.first)} to {_shown(part.last)}"
        if not _is_whole(part.first) or not _is_whole(part.last) or not 0 <= part.first <= part.last < SLOTS:
            yield Refusal(
                where, expected=f"first <= last, both whole numbers from 0 to {SLOTS - 1}", found=where, remedy="Mend it.", code="bad_range"
            )
            continue
        sound.append(part)
        if part.shard not in shards:
            yield _unknown_shard(where, part.shard, shards)
    free = 0  # the first slot that nobody was seen to own
    owner = ""
    for part in sorted(sound, key=lambda part: (part.first, part.last)):
        if part.first > free:
            yield _uncovered(free, part.first - 1)
        if part.first < free:
            yield Refusal(
                f"slot {part.first}",
                expected="one shard that owns it",
                found=f"{owner} and {part.shard}",
                remedy="Give every slot to exactly one shard.",
                code="slots_twice",
            )
        if part.last >= free:
            free, owner = part.last + 1, part.shard
    if free < SLOTS:
        yield _uncovered(free, SLOTS - 1)


def _uncovered(first: int, last: int) -> Refusal:
    return Refusal(
        f"slots {first} to {last}",
        expected="a shard that owns them",
        found="none",
        remedy="Give every slot to exactly one shard.",
        code="slots_uncovered",
    )


def _override_mistakes(overrides: t.Mapping[str, str], shards: t.Collection[str]) -> t.Iterator[Refusal]:
    for tenant, shard in overrides.items():
        try:
            slot_of(tenant)
        except Refusal as refusal:
            yield refusal
        if shard not in shards:
            yield _unknown_shard(f"override of tenant {_shown(tenant)}", shard, shards)


def _unknown_shard(where: str, shard: object, shards: t.Iterable[object]) -> Refusal:
    return Refusal(
        where,
        expected=f"a shard of the map ({', '.join(sorted(map(str, shards)))})",
        found=_shown(shard),
        remedy="Name the shard in the map, or correct its name.",
        code="unknown_shard",
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    """A value as a person can recognise it in a message, however long or odd it is."""
    if value is None:
        return "nothing"
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
