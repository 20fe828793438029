# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A query and its points as a measure."""

from __future__ import annotations

import math
import typing as t

from ..._common import words
from ..._common.prometheus.answers import Points
from ..._common.prometheus.grid import Grid, written
from ..._common.web import Unusable
from .queries import Query

MOST_DRAWN = 500
LONGEST_EXPRESSION = 400


def measure(query: Query, moments: Grid, found: Points, not_before: int | None = None) -> dict[str, t.Any]:
    """The measure. Its value is null when too few points are there, or none at the end of the window.

    :param not_before: milliseconds; a point whose step began earlier counts as missing.
    """
    values = counted(found, moments, not_before)
    of = f"{len(values)} of {query.expected} points, {_percent(len(values), query.expected)}"
    try:
        if not query.is_covered_by(len(values)):
            raise Unusable(f"{of}, where {words.number(query.coverage_at_least)} % are needed{_missing(query, found, values)}")
        if moments.end not in values:
            raise Unusable(f"nothing at the end of the window: the newest point is {(moments.end - max(values)) / 1000:.0f} s older")
        value = reduced(query.reduce, values)
    except Unusable as why:
        return {**not_measured(query, moments.end, str(why)), "samples": len(values)}
    how = f"{query.reduce} of {of}, {query.window} s in steps of {query.step} s, of {_expression(query)}"
    return {"name": query.name, "value": value, "unit": query.unit, "samples": len(values), "at": written(moments.end), "how": how}


def not_measured(query: Query, at: int, why: str) -> dict[str, t.Any]:
    """The measure of a query that could not be looked at, which no goal can pass."""
    how = f"not measured: found {why}; asked for {_expression(query)}"
    return {"name": query.name, "value": None, "unit": query.unit, "samples": 0, "at": written(at), "how": how}


def counted(found: Points, moments: Grid, not_before: int | None) -> dict[int, float]:
    """The points that count, in order of time."""
    return {moment: value for moment, value in found.values.items() if not_before is None or moment - moments.step >= not_before}


def reduced(how: str, values: t.Mapping[int, float]) -> float:
    """One number of many. A percentile is the smallest value that so many percent of the points do not exceed (nearest rank).

    :raises Unusable: there is no finite one.
    """
    ordered = sorted(values.values())
    if not ordered:
        raise Unusable("no points")
    if how == "last":
        value = values[max(values)]
    elif how == "mean":
        value = math.fsum(each / len(ordered) for each in ordered)  # the sum itself might be too large
    elif how in ("min", "max"):
        value = ordered[0] if how == "min" else ordered[-1]
    else:
        value = ordered[-(-len(ordered) * int(how[1:]) // 100) - 1]
    if not math.isfinite(value):
        raise Unusable("values too large for a mean")
    return value


def series(query: Query, values: t.Mapping[int, float]) -> dict[str, t.Any]:
    """The points as a timeline draws them: epoch seconds and value, every so-manieth of more than 500."""
    every = max(1, -(-len(values) // MOST_DRAWN))
    return {"name": query.name, "unit": query.unit, "points": [[moment / 1000, value] for moment, value in list(values.items())[::every]]}


def _missing(query: Query, found: Points, values: t.Mapping[int, float]) -> str:
    """What may help."""
    if found.not_a_number:
        return f"; {found.not_a_number} were not a number (NaN), as 0/0 is"
    if len(values) < len(found.values):
        return f"; {len(found.values) - len(values)} are from before the change"
    return f"; a series scraped less often than every {query.lookback} s needs a longer step"


def _percent(part: int, whole: int) -> str:
    return f"{math.floor(1000 * part / whole) / 10:g} %"


def _expression(query: Query) -> str:
    text = " ".join(query.expression.split())
    return text if len(text) <= LONGEST_EXPRESSION else text[: LONGEST_EXPRESSION - 1] + "…"
