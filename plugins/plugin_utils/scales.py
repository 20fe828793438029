# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Scales of a chart: where a value or a moment stands, and what the axis says."""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common import words

BREAK_WIDTH = 26.0  # what a cut of the time axis takes
NARROWEST_SPAN = 48.0
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclasses.dataclass(frozen=True)
class Span:
    """A stretch of time without a cut, and where it lies: seconds and user units."""

    started: float
    ended: float
    left: float
    right: float

    def position(self, moment: float) -> float:
        return self.left + (moment - self.started) / (self.ended - self.started) * (self.right - self.left)


@dataclasses.dataclass(frozen=True)
class TimeScale:
    """Time from left to right; long stretches in which nothing happened are cut out."""

    spans: tuple[Span, ...]

    def position(self, moment: float) -> float:
        """Where a moment stands; one inside a cut stands at its nearer edge."""
        before = [span for span in self.spans if span.started <= moment]
        span = before[-1] if before else self.spans[0]
        return span.position(min(max(moment, span.started), span.ended))

    @property
    def start(self) -> float:
        return self.spans[0].started

    def ticks(self, apart: float) -> list[float]:
        """Round moments since the start, at least ``apart`` user units from each other, and one in every span that has room for it."""
        moments: list[float] = []
        for span in self.spans:
            needed = apart * (span.ended - span.started) / (span.right - span.left)
            step = next((step for step in _TIME_STEPS if step >= needed), math.ceil(needed))
            first = math.ceil((span.started - self.start) / step - 1e-9)
            last = math.floor((span.ended - self.start) / step + 1e-9)
            round_moments = [self.start + index * step for index in range(first, last + 1)]
            for moment in round_moments or [span.started]:
                if not moments or self.position(moment) - self.position(moments[-1]) >= apart * 0.99:
                    moments.append(moment)
        return moments


def time_scale(extents: t.Iterable[tuple[float, float]], left: float, right: float) -> TimeScale:
    """A scale that holds every extent (start and end in seconds); at least one has to be given.

    Gaps of more than a minute, and of more than a tenth of the time covered, are cut out.
    """
    covered: list[list[float]] = []
    for started, ended in sorted(extents):
        if covered and started <= covered[-1][1]:
            covered[-1][1] = max(covered[-1][1], ended)
        else:
            covered.append([started, ended])
    longest_gap = max(60.0, sum(ended - started for started, ended in covered) / 10)
    merged: list[list[float]] = []
    for started, ended in covered:
        if merged and started - merged[-1][1] <= longest_gap:
            merged[-1][1] = ended
        else:
            merged.append([started, ended])
    for extent in merged:
        if extent[1] - extent[0] < 1.0:  # a single moment: a second around it
            extent[0] -= 0.5
            extent[1] += 0.5
    return TimeScale(tuple(_laid_out(merged, left, right)))


def _laid_out(extents: t.Sequence[t.Sequence[float]], left: float, right: float) -> t.Iterator[Span]:
    """Spans as wide as they are long, but none too narrow to be seen."""
    cut = min(BREAK_WIDTH, (right - left) / (4 * len(extents)))
    room = right - left - cut * (len(extents) - 1)
    narrowest = min(NARROWEST_SPAN, room / len(extents))
    lengths = [ended - started for started, ended in extents]
    rest = room - narrowest * len(extents)
    position = left
    for (started, ended), length in zip(extents, lengths, strict=True):
        width = narrowest + rest * length / sum(lengths)
        yield Span(started, ended, position, position + width)
        position += width + cut


def round_steps(top: float, bottom: float = 0.0, count: int = 5) -> list[float]:
    """Round numbers from at most ``bottom`` to at least ``top``: about ``count`` of them, never more than two more."""
    span = top - bottom if top - bottom > 1e-12 else 1.0
    magnitude = 10.0 ** math.floor(math.log10(span / count))
    enough = span * (1 - 1e-12)  # a power of ten may be off in its last bit
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude * count >= enough)
    first, last = math.floor(bottom / step + 1e-9), math.ceil(top / step - 1e-9)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def clipped_top(values: t.Sequence[float], anchors: t.Sequence[float] = ()) -> float:
    """Where a chart should end so that a few spikes do not press everything else flat.

    The largest value, unless it is far beyond what 97 of 100 values (of ten, nine) and the anchors (baselines) reach.
    """
    if not values:
        return max(anchors, default=1.0)
    ordered = sorted(values)
    last = len(ordered) - 1
    usual = max([ordered[last if last < 9 else min(math.ceil(0.97 * last), last - 1)], *anchors])
    largest = max([ordered[-1], *anchors])
    return largest if usual <= 0 or largest <= usual * 2 else usual * 1.6


def compact(value: float) -> str:
    """``2500000`` as ``2.5 M``: an axis has little room."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{words.number(float(f'{value / (size if size > 1e4 else 1e3):.4g}'))} {sign}"
    return words.number(float(f"{value:.10g}"))


def clock(seconds: float) -> str:
    """``125`` as ``02:05``, from an hour on ``1:02:05``."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes:02}:{left:02}"


def duration(seconds: float) -> str:
    """``0.0026`` as ``2.6 ms``, ``75`` as ``1 min 15 s``, ``10800`` as ``3 h``."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"
