# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The write-ahead log's arithmetic: positions, segment names, timelines, and the chain that a restore needs.

Names as PostgreSQL makes them (src/include/access/xlog_internal.h): eight hexadecimal digits each of timeline, high and low part of the segment's number.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

SEGMENT_BYTES = 16 * 1024 * 1024
SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.gz)?\Z")
HISTORY = re.compile(r"([0-9A-F]{8})\.history(\.gz)?\Z")
HISTORY_LINE = re.compile(r"\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)")


@dataclasses.dataclass(frozen=True, order=True)
class Segment:
    """One file of the log. ``number`` counts from the log's beginning, whatever the timeline."""

    number: int
    timeline: int

    def name(self, size: int = SEGMENT_BYTES) -> str:
        each = 0x100000000 // size
        return f"{self.timeline:08X}{self.number // each:08X}{self.number % each:08X}"

    def begins(self, size: int = SEGMENT_BYTES) -> int:
        """Its first position."""
        return self.number * size

    def next(self) -> Segment:
        return Segment(self.number + 1, self.timeline)


@dataclasses.dataclass(frozen=True)
class Gap:
    """The first segment that is not there although later ones are, and the last one before it (None: nothing before it)."""

    first_missing: Segment
    last_present: Segment | None
    later: int


@dataclasses.dataclass(frozen=True)
class Chain:
    """The segments that a restore will ask for, in order, and the gap that ends it, if it does not end at the archive's end."""

    segments: tuple[Segment, ...]
    gap: Gap | None


def position(text: str) -> int:
    """``16/B374D848`` as a number.

    :raises ValueError: it is none.
    """
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no position in the write-ahead log")
    return (int(high, 16) << 32) + int(low, 16)


def written(place: int) -> str:
    """A position as PostgreSQL writes it."""
    return f"{place >> 32:X}/{place & 0xFFFFFFFF:X}"


def parse(name: str, size: int = SEGMENT_BYTES) -> Segment | None:
    """The segment that a file of the archive holds, also compressed; None for anything else (history, ``.backup``, ``.partial``)."""
    found = SEGMENT.match(name)
    if not found:
        return None
    timeline, high, low = (int(part, 16) for part in found.groups()[:3])
    return Segment(high * (0x100000000 // size) + low, timeline)


def holding(place: int, timeline: int, size: int = SEGMENT_BYTES) -> Segment:
    """The segment that the byte at this position is in."""
    return Segment(place // size, timeline)


def switches(history: str) -> dict[int, int]:
    """Where each earlier timeline was left, from a history file."""
    lines = (HISTORY_LINE.match(line) for line in history.splitlines() if not line.lstrip().startswith("#"))
    return {int(found.group(1)): position(found.group(2)) for found in lines if found}


def chain(
    start: int,
    timeline: int,
    present: t.Container[Segment],
    *,
    last: int,
    histories: t.Mapping[int, t.Mapping[int, int]] | None = None,
    size: int = SEGMENT_BYTES,
) -> Chain:
    """What a restore from ``start`` on ``timeline`` needs of the archive, along the newest timeline that comes from it.

    :param present: the segments that the archive holds.
    :param last: the highest segment number in the archive, on any timeline.
    :param histories: by timeline, where its ancestors were left.
    """
    ancestors = _newest(timeline, start, histories or {})
    found: list[Segment] = []
    segment = Segment(start // size, timeline)
    while segment.number <= last:
        segment = _on(segment.number, timeline, ancestors, size)
        if segment not in present:
            later = sum(_on(number, timeline, ancestors, size) in present for number in range(segment.number + 1, last + 1))
            if not later:
                break
            return Chain(tuple(found), Gap(segment, found[-1] if found else None, later))
        found.append(segment)
        segment = segment.next()
    return Chain(tuple(found), None)


def _newest(timeline: int, start: int, histories: t.Mapping[int, t.Mapping[int, int]]) -> dict[int, int]:
    """Timelines after the backup's own with the position where each begins, for the newest one that left ours behind the backup."""
    for newest in sorted(histories, reverse=True):
        left = histories[newest]
        if timeline in left and left[timeline] >= start:
            path = sorted([one for one in left if one >= timeline])
            return dict(zip([*path[1:], newest], (left[one] for one in path), strict=True))
    return {}


def _on(number: int, timeline: int, begins: t.Mapping[int, int], size: int) -> Segment:
    """The segment of that number on the newest timeline that has begun by then: the server reads the switch itself there, too."""
    current = max((one for one, place in begins.items() if place // size <= number), default=timeline)
    return Segment(number, current)
