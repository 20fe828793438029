# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What Prometheus' HTTP API answered, read so that nothing but a number from the asked moments is taken for one.

The shapes are those of https://prometheus.io/docs/prometheus/latest/querying/api/. Anything may be wrong in an answer: it came over a network,
perhaps from a proxy's login page.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import typing as t

from ..web import Answer, Unusable
from .grid import Grid

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
MARKED: t.Mapping[str, float] = {"NaN": math.nan, "Inf": math.inf, "+Inf": math.inf, "-Inf": -math.inf}
LATEST = 1 << 53  # milliseconds beyond which a float is no longer exact
LONGEST_TEXT = 300


@dataclasses.dataclass(frozen=True)
class Points:
    """The one series of an answer: finite values by moment in milliseconds, and how many points were not a number."""

    values: t.Mapping[int, float]
    not_a_number: int = 0


def clock(answer: Answer) -> int:
    """The server's clock in milliseconds, from the answer to the instant query ``time()``.

    :raises Unusable: it is no such answer.
    """
    kind, result = _data(answer)
    value = _value(result[1]) if kind == "scalar" and isinstance(result, list) and len(result) == 2 else math.nan
    if not 0 < value * 1000 < LATEST:  # also false for NaN
        raise Unusable("no time in the answer to time()")
    return round(value * 1000)


@dataclasses.dataclass(frozen=True)
class Sample:
    """An element of an instant vector; its value may be NaN or infinite."""

    labels: t.Mapping[str, str]
    value: float


def vector(answer: Answer) -> list[Sample]:
    """The elements that an instant query answered, a scalar as one without labels; in the order of their labels.

    :raises Unusable: it gave something else, a histogram, or no sound answer at all.
    """
    kind, result = _data(answer)
    if kind == "scalar" and len(result) == 2:
        return [Sample({}, _value(result[1]))]
    if kind != "vector":
        raise Unusable(f"an expression that gives a {kind}, not a vector", "wrong_type")
    found = [Sample(_metric(entry), _value(_sample(entry))) for entry in result]
    return sorted(found, key=lambda sample: sorted(sample.labels.items()))


def refuse_made_up(answer: Answer) -> None:
    """Look at a query's answer for a moment of 1970, before any data: it may parse, and must not have a number.

    ``or vector(0)``, ``absent()`` and a fixed ``@`` have one; such a query would also have one when what it watches is gone.

    :raises Unusable: it cannot be evaluated as a range query, or it answers without data.
    """
    kind, result = _data(answer)
    if kind not in ("vector", "scalar"):
        raise Unusable(f"an expression that gives a {kind}, not a number: put a function such as rate() around it", "wrong_type")
    texts = [result[1]] if kind == "scalar" and isinstance(result, list) and len(result) == 2 else [_sample(entry) for entry in result]
    made_up = [str(text) for text in texts if not math.isnan(_value(text))]
    if made_up:
        raise Unusable(
            f"{_shortened(made_up[0])} for a moment in 1970: the expression answers without data, as `or vector(0)`, `absent()` and `@` do, "
            "so it would when what it watches is gone; `or 0 * sum(up)` needs data to say 0",
            "answers_without_data",
        )


def points(answer: Answer, moments: Grid) -> Points:
    """The points of the one series that a range query answered.

    :raises Unusable: no series, several, a histogram, an infinite value, a moment that was not asked for, or no sound answer at all.
    """
    result = _matrix(answer)
    if not result:
        raise Unusable("no data: the query's answer is empty", "no_data")
    if len(result) > 1:
        shown = " and ".join(_labels(series) for series in result[:2])
        raise Unusable(f"{len(result)} series where one is needed ({shown}): aggregate them in the query, as by sum()", "several_series")
    return _points(result[0], moments)


def curves(answer: Answer, moments: Grid) -> list[tuple[dict[str, str], Points]]:
    """All series that a range query answered, none or many, with their labels and in the order of these.

    :raises Unusable: a histogram, an infinite value, a moment that was not asked for, or no sound answer at all.
    """
    found = [(_metric(series), _points(series, moments)) for series in _matrix(answer)]
    return sorted(found, key=lambda curve: sorted(curve[0].items()))


def _matrix(answer: Answer) -> list[t.Any]:
    kind, result = _data(answer)
    if kind != "matrix":
        raise Unusable(f"a {kind} in answer to a range query")
    return result


def _points(series: object, moments: Grid) -> Points:
    if not isinstance(series, dict) or series.get("histograms"):
        raise Unusable("a native histogram, not a number: use histogram_quantile() or histogram_avg() in the query", "histogram")
    values: dict[int, float] = {}
    not_a_number, before = 0, -1
    for entry in _listed(series.get("values")):
        moment, value = _point(entry)
        if moment <= before or not moments.holds(moment):
            raise Unusable(f"a point at {moment / 1000:.3f}, which was not asked for or came twice", "wrong_moment")
        if math.isinf(value):
            raise Unusable("an infinite value: guard the query against a division by zero", "infinite")
        before = moment
        if math.isnan(value):
            not_a_number += 1
        else:
            values[moment] = value
    return Points(values, not_a_number)


def _data(answer: Answer) -> tuple[str, list[t.Any]]:
    """The type and the result of a whole, successful answer."""
    document = _document(answer)
    if answer.status != 200 or document.get("status") != "success":
        kind, text = document.get("errorType"), document.get("error")
        said = f", {kind}: {_shortened(str(text))}" if kind or text else ""
        raise Unusable(f"HTTP {answer.status}{said}", "bad_query" if kind == "bad_data" else "error")
    if document.get("warnings"):
        first = document["warnings"][0] if isinstance(document["warnings"], list) else document["warnings"]
        raise Unusable(f"the warning {_shortened(repr(str(first)))}: the answer may be partial", "warning")
    data = document.get("data")
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(result, list):
        raise Unusable("an answer without a result")
    return kind, result


def _document(answer: Answer) -> dict[str, t.Any]:
    if 300 <= answer.status < 400:
        raise Unusable(f"HTTP {answer.status}, a redirect, which is not followed: name the place itself in url", "redirect")
    if answer.content_type.partition(";")[0].strip().lower() != "application/json":
        raise Unusable(f"HTTP {answer.status} with content of type {_shortened(answer.content_type) or 'unknown'}, not JSON", "not_json")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Unusable(f"HTTP {answer.status} with a body that is not JSON", "not_json") from None
    if not isinstance(document, dict):
        raise Unusable(f"HTTP {answer.status} with JSON that is no object", "not_json")
    return document


def _sample(entry: object) -> object:
    """The value of an instant vector's element, as text."""
    found = entry.get("value") if isinstance(entry, dict) else None
    if not isinstance(found, list) or len(found) != 2:
        raise Unusable("an element without a number")
    return found[1]


def _metric(entry: object) -> dict[str, str]:
    found = entry.get("metric") if isinstance(entry, dict) else None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Unusable("an element without labels")
    return dict(found)


def _point(entry: object) -> tuple[int, float]:
    if not isinstance(entry, list) or len(entry) != 2:
        raise Unusable("a point that is no pair")
    moment, text = entry
    if isinstance(moment, bool) or not isinstance(moment, (int, float)) or not 0 <= moment < LATEST / 1000:
        raise Unusable("a point without a time")
    return round(moment * 1000), _value(text)


def _value(text: object) -> float:
    if not isinstance(text, str) or not (text in MARKED or NUMBER.match(text)):
        raise Unusable(f"{_shortened(repr(text))} where a number should be")
    return MARKED.get(text, math.nan) if text in MARKED else float(text)


def _listed(found: object) -> list[t.Any]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unusable("a series without points")
    return found


def _labels(series: object) -> str:
    metric = series.get("metric") if isinstance(series, dict) else None
    return _shortened(json.dumps(metric, ensure_ascii=False, sort_keys=True)) if isinstance(metric, dict) else "{}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
