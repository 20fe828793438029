# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What is asked of Prometheus, as a person wrote it."""

from __future__ import annotations

import dataclasses
import fractions
import re
import typing as t

from ..._common import shape, words
from ..._common.prometheus.grid import Grid

DURATION = re.compile(r"(\d+)(s|m|h|d)\Z")
SECONDS: t.Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
REDUCE = re.compile(r"last|min|max|mean|p[1-9]\d?\Z")
MOST_POINTS = 11_000  # Prometheus answers no range query with more points a series


@dataclasses.dataclass(frozen=True)
class Query:
    """A PromQL expression, and how the points of its window become one number. Times in seconds, coverage in percent."""

    name: str
    expression: str
    unit: str
    window: int
    step: int
    lookback: int
    coverage_at_least: float
    reduce: str

    @property
    def expected(self) -> int:
        """How many points the window has."""
        return self.window // self.step

    def moments(self, now: int) -> Grid:
        """Those of the window, on multiples of its step as caches before Prometheus align them; the last is one to two steps old.

        :param now: in milliseconds.
        """
        step = self.step * 1000
        return Grid((now - step) // step * step, step, self.expected)

    def is_covered_by(self, points: int) -> bool:
        """Whether so many points are enough; reckoned exactly."""
        return fractions.Fraction(points * 100, self.expected) >= fractions.Fraction(str(self.coverage_at_least))


def parse(found: object) -> list[Query]:
    """The queries, every name once.

    :raises Refusal: it names the path of what is wrong.
    """
    queries = [_query(entry, f"queries[{index}]") for index, entry in enumerate(shape.sequence(found, "queries"))]
    shape.unique([query.name for query in queries], "queries")
    return queries


def seconds(found: object, path: str) -> int:
    """``90s``, ``15m``, ``24h`` or ``2d`` in seconds.

    :raises Refusal: it is none of these, or 0.
    """
    written = DURATION.match(found) if isinstance(found, str) else None
    value = int(written[1]) * SECONDS[written[2]] if written else 0
    if value <= 0:
        raise shape.wrong(path, "a duration like 90s, 15m, 24h, 2d", words.described(found), "Correct it.")
    return value


def _query(found: object, path: str) -> Query:
    entries = shape.mapping(
        found, path, required=("name", "query"), optional=("unit", "window", "step", "lookback", "coverage_at_least", "reduce")
    )
    given = {key: value for key, value in entries.items() if value is not None}
    step = seconds(given.get("step", "15s"), f"{path}.step")
    window = seconds(given.get("window", "30m"), f"{path}.window")
    lookback = seconds(given["lookback"], f"{path}.lookback") if "lookback" in given else 2 * step
    if window % step or not 2 <= window // step <= MOST_POINTS:
        raise shape.wrong(
            f"{path}.window",
            f"2 to {MOST_POINTS:,} whole steps",
            f"{window} s at steps of {step} s",
            "Make the window a multiple of the step.",
        )
    if lookback > window:
        raise shape.wrong(f"{path}.lookback", f"no more than the window, {window} s", f"{lookback} s", "Correct it.")
    coverage = shape.number(given.get("coverage_at_least", 95), f"{path}.coverage_at_least")
    if not 0 < coverage <= 100:
        raise shape.wrong(f"{path}.coverage_at_least", "a percentage above 0, up to 100", words.number(coverage), "Correct it.")
    reduce = given.get("reduce", "last")
    if not isinstance(reduce, str) or not REDUCE.match(reduce):
        raise shape.wrong(f"{path}.reduce", "last, min, max, mean, or p1 to p99", words.described(reduce), "Correct it.")
    return Query(
        name=shape.name(entries["name"], f"{path}.name"),
        expression=shape.text(entries["query"], f"{path}.query"),
        unit=shape.text(given.get("unit", "1"), f"{path}.unit"),
        window=window,
        step=step,
        lookback=lookback,
        coverage_at_least=coverage,
        reduce=str(reduce),
    )
