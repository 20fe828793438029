# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where the recovery time goes, and when growth takes it over its goal.

Model: recovery time = fixed + bytes fetched x seconds a byte + write-ahead log x seconds a byte, each at least 0, by least squares. With three
unknowns, trying every set of those that are above 0 finds the exact solution of the non-negative least squares problem (Lawson and Hanson, 1974);
a part has to earn its place by the Bayesian information criterion (Schwarz, 1978), or chance would name what eats the budget.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import math
import operator
import statistics
import typing as t

FEWEST_TO_FIT = 5
FEWEST_TO_FORECAST = 14
FARTHEST_DAYS = 5 * 365
TINY = 1e-9


@dataclasses.dataclass(frozen=True)
class Point:
    """One recovery: the night, bytes fetched, bytes of log replayed, seconds."""

    night: datetime.date
    fetched: float
    wal: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Model:
    """Seconds, seconds a byte fetched, seconds a byte replayed, and the standard deviation of what is left."""

    fixed: float
    fetch: float
    replay: float
    deviation: float
    points: int

    def seconds(self, fetched: float, wal: float) -> float:
        return self.fixed + self.fetch * fetched + self.replay * wal


@dataclasses.dataclass(frozen=True)
class Forecast:
    """When the recovery time crosses its goal; ``earliest`` allows for two standard deviations. ``growth`` in bytes a day.

    ``why_not`` says why there is no day.
    """

    day: datetime.date | None
    earliest: datetime.date | None
    growth: float | None
    why_not: str = ""


def fit(points: t.Sequence[Point]) -> Model | None:
    """None for too few points."""
    if len(points) < FEWEST_TO_FIT:
        return None
    scales = (1.0, max(point.fetched for point in points) or 1.0, max(point.wal for point in points) or 1.0)
    rows = [(1.0, point.fetched / scales[1], point.wal / scales[2]) for point in points]
    values = [point.seconds for point in points]
    smallest = TINY * math.fsum(value * value for value in values) or TINY
    best, error, factors = math.inf, 0.0, [0.0, 0.0, 0.0]
    for count in (1, 2, 3):
        for chosen in itertools.combinations(range(3), count):
            solved = _least_squares([[row[index] for index in chosen] for row in rows], values)
            if solved is None or min(solved) < 0:
                continue
            tried = [0.0, 0.0, 0.0]
            for index, factor in zip(chosen, solved, strict=True):
                tried[index] = factor
            left = math.fsum((value - math.fsum(map(operator.mul, tried, row))) ** 2 for row, value in zip(rows, values, strict=True))
            criterion = len(rows) * math.log(max(left, smallest) / len(rows)) + count * math.log(len(rows))
            if criterion < best:
                best, error, factors = criterion, left, tried
    fixed, fetch, replay = (factor / scale for factor, scale in zip(factors, scales, strict=True))
    freedom = len(points) - sum(factor > 0 for factor in factors)
    return Model(fixed, fetch, replay, math.sqrt(error / max(1, freedom)), len(points))


def forecast(points: t.Sequence[Point], model: Model | None, goal: float) -> Forecast:
    """By the growth of what is fetched; the log to replay stays what it is in the median."""
    if model is None or len(points) < FEWEST_TO_FORECAST:
        return Forecast(None, None, None, f"{len(points)} recoveries are too few for a forecast, which takes {FEWEST_TO_FORECAST}")
    first = min(point.night for point in points)
    days = [float((point.night - first).days) for point in points]
    sizes = [point.fetched for point in points]
    growth = _growth(days, sizes)
    if growth is None:
        return Forecast(None, None, None, "no growth of the backup stands out from its scatter")
    if model.fetch <= 0:
        return Forecast(None, None, growth, "the recovery time does not follow the size of the backup")
    wal = statistics.median(point.wal for point in points)
    today = max(days)
    size = statistics.fmean(sizes) + growth * (today - statistics.fmean(days))
    now = model.seconds(size, wal)

    def crossing(seconds: float) -> datetime.date | None:
        ahead = max(0.0, seconds - now) / (model.fetch * growth)
        return first + datetime.timedelta(days=math.ceil(today + ahead)) if ahead <= FARTHEST_DAYS else None

    day = crossing(goal)
    return Forecast(day, crossing(goal - 2 * model.deviation), growth, "" if day else "it stays below the goal for the next five years")


def _growth(days: t.Sequence[float], sizes: t.Sequence[float]) -> float | None:
    """Bytes a day by least squares; None unless it is more than twice its own standard error."""
    middle, mean = statistics.fmean(days), statistics.fmean(sizes)
    spread = sum((day - middle) ** 2 for day in days)
    if spread == 0:
        return None
    slope = sum((day - middle) * (size - mean) for day, size in zip(days, sizes, strict=True)) / spread
    left = sum((size - mean - slope * (day - middle)) ** 2 for day, size in zip(days, sizes, strict=True))
    error = math.sqrt(left / max(1, len(days) - 2) / spread)
    return slope if slope > 2 * error and slope > 0 else None


def _least_squares(rows: t.Sequence[t.Sequence[float]], values: t.Sequence[float]) -> list[float] | None:
    """By the normal equations; None where columns say the same. The columns are scaled to about 1, and there are three at most."""
    size = len(rows[0])
    matrix = [
        [sum(row[i] * row[j] for row in rows) for j in range(size)] + [sum(row[i] * value for row, value in zip(rows, values, strict=True))]
        for i in range(size)
    ]
    for index in range(size):
        pivot = max(range(index, size), key=lambda line: abs(matrix[line][index]))
        if abs(matrix[pivot][index]) < TINY * len(rows):
            return None
        matrix[index], matrix[pivot] = matrix[pivot], matrix[index]
        for line in range(size):
            if line != index:
                factor = matrix[line][index] / matrix[index][index]
                matrix[line] = [found - factor * above for found, above in zip(matrix[line], matrix[index], strict=True)]
    return [matrix[index][size] / matrix[index][index] for index in range(size)]
