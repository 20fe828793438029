# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Signed-rank interval of paired differences: Hodges-Lehmann estimate and its bounds, with no library.

The bounds are order statistics of the Walsh averages (the means of all pairs of differences, each with itself, too), placed by the distribution of
Wilcoxon's signed-rank statistic under no difference: exact up to 60 differences, the normal approximation beyond (Hollander, Wolfe and Chicken,
Nonparametric Statistical Methods, 3.1 to 3.4).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
import typing as t

EXACT_UP_TO = 60


@dataclasses.dataclass(frozen=True)
class Interval:
    """The estimate, and bounds that the true value passes on either side with a probability of at most ``alpha``; infinite where none can be told."""

    estimate: float
    lower: float
    upper: float

    @property
    def half_width(self) -> float:
        return (self.upper - self.lower) / 2


def interval(differences: t.Sequence[float], alpha: float) -> Interval:
    """The interval of one or more finite differences, ``alpha`` on each side."""
    averages = sorted((a + b) / 2 for index, a in enumerate(differences) for b in differences[index:])
    outside = critical(len(differences), alpha)
    if outside is None:
        return Interval(statistics.median(averages), -math.inf, math.inf)
    return Interval(statistics.median(averages), averages[outside], averages[-1 - outside])


@functools.cache
def critical(count: int, alpha: float) -> int | None:
    """The largest k for which the signed-rank statistic of ``count`` differences is at most k with a probability of at most ``alpha``; None without any.

    So many Walsh averages lie outside of each bound.
    """
    if count > EXACT_UP_TO:
        middle, deviation = count * (count + 1) / 4, math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        found = math.floor(middle + statistics.NormalDist().inv_cdf(alpha) * deviation - 0.5)
        return found if found >= 0 else None
    below, found = 0, -1
    for ways in _ways(count):
        below += ways
        if below > alpha * 2**count:
            break
        found += 1
    return found if found >= 0 else None


def _ways(count: int) -> list[int]:
    """How many of the 2**count subsets of the ranks 1 .. count have each sum."""
    ways = [1] + [0] * (count * (count + 1) // 2)
    for rank in range(1, count + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return ways
