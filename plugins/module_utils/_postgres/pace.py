# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Pace: how much of the time a copy may work, steered by what the foreground feels. Pure."""

from __future__ import annotations

import dataclasses
import math
import operator
import random
import typing as t

from .._common.ranks import percentile

MINIMUM_DUTY = 0.02
RESAMPLES = 200
FEWEST_SLOTS = 4

Samples = t.Sequence[float]  # milliseconds of the transactions of one slot


@dataclasses.dataclass(frozen=True)
class Limit:
    """What the copy may do to the foreground's p95: a share of it, or milliseconds, whichever is more."""

    percent: float
    floor_ms: float

    def allows(self, change: float, baseline: float) -> bool:
        """Whether a change of so many milliseconds over the baseline is within the limit."""
        return change <= max(self.percent / 100 * baseline, self.floor_ms)


def next_duty(duty: float, largest: float, change: float | None, baseline: float | None, limit: Limit) -> float:
    """Additive increase, multiplicative decrease; without samples the duty falls, because nobody says that it hurts no one."""
    if change is None or baseline is None:
        return max(MINIMUM_DUTY, duty * 0.5)
    if not limit.allows(change, baseline):
        return max(MINIMUM_DUTY, duty * 0.7)
    if limit.allows(2 * change, baseline):  # twice the harm would still be allowed
        return min(largest, duty + 0.02)
    return duty


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two p95 over interleaved slots, in milliseconds. The interval of the change is the wider of its own and of A against A."""

    baseline: float
    with_copy: float
    change: float
    low: float
    high: float
    noise_low: float
    noise_high: float
    samples: int


def compare(copying: t.Sequence[Samples], holding: t.Sequence[Samples], *, interleaved: bool = False, seed: int = 17) -> Comparison | None:
    """p95 of the copying slots less p95 of the holding slots, with a 90 % interval by bootstrap over slots.

    :param copying: milliseconds of each slot in which we worked.
    :param holding: milliseconds of each slot in which we did not.
    :param interleaved: the n-th slots of both sides are neighbours in time; they are resampled together, so that what disturbs both cancels out.

    The A/A interval compares the holding slots with each other in the same way: what two equal conditions differ by. The result's interval holds both,
    so no verdict is sharper than the noise. None when either side has fewer than four slots with samples.
    """
    if interleaved:
        pairs = [(one, other) for one, other in zip(copying, holding, strict=False) if one and other]
        copying, holding = [one for one, _other in pairs], [other for _one, other in pairs]
    else:
        copying, holding = [slot for slot in copying if slot], [slot for slot in holding if slot]
    if min(len(copying), len(holding)) < FEWEST_SLOTS:
        return None
    chance = random.Random(seed)
    with_copy, baseline = _p95(copying), _p95(holding)
    low, high = _interval(copying, holding, interleaved, chance)
    noise_low, noise_high = _interval(holding[::2], holding[1::2], interleaved, chance)
    change = with_copy - baseline
    return Comparison(
        baseline=baseline,
        with_copy=with_copy,
        change=change,
        low=min(low, change + noise_low, change),
        high=max(high, change + noise_high, change),
        noise_low=noise_low,
        noise_high=noise_high,
        samples=sum(map(len, copying)) + sum(map(len, holding)),
    )


def _p95(slots: t.Iterable[Samples]) -> float:
    return percentile([value for slot in slots for value in slot], 95) or 0.0


class _Resampled:
    """p95 of the slots' samples when each slot counts as often as it was drawn: sorted once, so that a draw costs a walk over the upper 5 %."""

    def __init__(self, slots: t.Sequence[Samples]) -> None:
        self._sizes = [len(slot) for slot in slots]
        self._descending = sorted(((value, number) for number, slot in enumerate(slots) for value in slot), reverse=True)

    def p95(self, drawn: t.Iterable[int]) -> float:
        times = [0] * len(self._sizes)
        for number in drawn:
            times[number] += 1
        total = sum(map(operator.mul, times, self._sizes))
        above = total - math.ceil(0.95 * total)  # as many samples are larger than the nearest-rank percentile
        for value, number in self._descending:
            above -= times[number]
            if above < 0:
                return value
        return 0.0


def _interval(one: t.Sequence[Samples], other: t.Sequence[Samples], together: bool, chance: random.Random) -> tuple[float, float]:
    """The middle ninety percent of the differences between resampled p95."""
    first, second = _Resampled(one), _Resampled(other)
    differences = []
    for _number in range(RESAMPLES):
        if together:
            drawn = chance.choices(range(min(len(one), len(other))), k=min(len(one), len(other)))
            differences.append(first.p95(drawn) - second.p95(drawn))
        else:
            drawn_first, drawn_second = (chance.choices(range(len(slots)), k=len(slots)) for slots in (one, other))
            differences.append(first.p95(drawn_first) - second.p95(drawn_second))
    return _middle_ninety(sorted(differences))


def _middle_ninety(ordered: t.Sequence[float]) -> tuple[float, float]:
    cut = max(0, int(len(ordered) * 0.05))
    return ordered[cut], ordered[len(ordered) - 1 - cut]
