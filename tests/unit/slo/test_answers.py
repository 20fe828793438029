# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of any shape: what is not exactly one series of numbers from the asked moments never becomes a value."""

from __future__ import annotations

import json
import math
import typing as t

import hypothesis.strategies as st
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import words
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus import answers
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus.answers import Points
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus.grid import Grid
from ansible_collections.governed.delivery.plugins.module_utils._common.web import Answer, Unusable
from ansible_collections.governed.delivery.plugins.module_utils._slo.prometheus import lookback, measures
from ansible_collections.governed.delivery.plugins.module_utils._slo.prometheus.queries import Query
from hypothesis import example, given

QUERY = Query("errors", "sum(errors)", "1", 300, 15, 30, 95, "last")
MOMENTS = Grid(1_774_864_800_000, 15_000, 20)
ALL = [moment / 1000 for moment in range(MOMENTS.start, MOMENTS.end + 1, MOMENTS.step)]
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["1", "NaN", "+Inf"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["status", "data", "result", "resultType", "values", "value", "metric", "warnings", "errorType", "error"]),
            inner,
        )
    ),
    max_leaves=12,
)


def answer(document: object, status: int = 200, content_type: str = "application/json") -> Answer:
    return Answer(status, content_type, json.dumps(document).encode())


def success(kind: object, result: object, **more: t.Any) -> Answer:
    return answer({"status": "success", "data": {"resultType": kind, "result": result}, **more})


def matrix(*points: t.Any) -> Answer:
    return success("matrix", [{"metric": {"job": "app"}, "values": list(points)}])


def refused(found: Answer) -> str:
    with pytest.raises(Unusable) as why:
        answers.points(found, MOMENTS)
    return why.value.code


@given(st.lists(NUMBERS | st.just(math.nan) | st.none(), min_size=20, max_size=20))
def test_points_are_read_as_they_were_written(written: list[float | None]) -> None:
    shown = [[moment, repr(value).replace("nan", "NaN")] for moment, value in zip(ALL, written, strict=True) if value is not None]
    found = answers.points(matrix(*shown), MOMENTS)
    finite = [value for value in written if value is not None and not math.isnan(value)]
    assert list(found.values.values()) == finite
    assert found.not_a_number == sum(value is not None for value in written) - len(finite)


@given(kind=st.sampled_from(["matrix", "vector", "scalar", "string"]) | ANYTHING, result=ANYTHING)
def test_no_answer_makes_a_traceback_or_a_number_from_elsewhere(kind: object, result: object) -> None:
    for found in (success(kind, result), answer(result), success("matrix", [result]), matrix(result), matrix([ALL[0], result])):
        for read in (answers.clock, answers.refuse_made_up, lambda given: answers.points(given, MOMENTS)):
            try:
                got = read(found)
            except Unusable:
                continue
            if isinstance(got, Points):
                assert all(MOMENTS.holds(moment) and math.isfinite(value) for moment, value in got.values.items())
        assert lookback.of_server(found) > 0


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    assert refused(Answer(200, "application/json", body)) in ("not_json", "error")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (success("matrix", []), "no_data"),
        (success("matrix", [{"metric": {"a": "x"}, "values": []}, {"metric": {"a": "y"}, "values": []}]), "several_series"),
        (success("matrix", [{"metric": {}, "histograms": [[ALL[0], {"count": "1"}]]}]), "histogram"),
        (success("matrix", [{"metric": {}, "values": [[ALL[0], "1"]], "histograms": [[ALL[1], {}]]}]), "histogram"),
        (matrix([ALL[0], "+Inf"]), "infinite"),
        (matrix([ALL[0], "-Inf"]), "infinite"),
        (matrix([ALL[0], "1e999"]), "infinite"),
        (matrix([ALL[0] - 15, "1"]), "wrong_moment"),
        (matrix([ALL[-1] + 15, "1"]), "wrong_moment"),
        (matrix([ALL[0] + 1, "1"]), "wrong_moment"),
        (matrix([ALL[1], "1"], [ALL[0], "1"]), "wrong_moment"),
        (matrix([ALL[0], "1"], [ALL[0], "1"]), "wrong_moment"),
        (matrix([ALL[0], 1]), "unusable"),
        (matrix([ALL[0], "1_0"]), "unusable"),
        (matrix([ALL[0], "0x1p3"]), "unusable"),
        (matrix([ALL[0], " 1"]), "unusable"),
        (matrix([ALL[0], "\u0661"]), "unusable"),
        (matrix([True, "1"]), "unusable"),
        (success("vector", [{"metric": {}, "value": [ALL[0], "1"]}]), "unusable"),
        (success("matrix", [{"metric": {}, "values": [[ALL[0], "1"]]}], warnings=["No StoreAPIs matched"]), "warning"),
        (success("matrix", [{"metric": {}, "values": [[ALL[0], "1"]]}], warnings="partial"), "warning"),
        (answer({"status": "error", "errorType": "timeout", "error": "query timed out"}, 503), "error"),
        (answer({"status": "error", "errorType": "bad_data", "error": "parse error"}, 400), "bad_query"),
        (answer({"status": "error", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": []}]}}), "error"),
        (answer({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": []}]}}, 206), "error"),
        (answer({}, 302), "redirect"),
        (answer({"status": "success"}, 200, "text/html; charset=utf-8"), "not_json"),
        (answer({"status": "success"}, 200, ""), "not_json"),
        (Answer(200, "application/json", b"[" * 200_000), "not_json"),
        (Answer(200, "application/json", b'{"status":"success","data":{"resultType":"matrix","result":[{"met'), "not_json"),
    ],
)
def test_what_is_no_number_says_why(found: Answer, code: str) -> None:
    assert refused(found) == code


def test_infos_do_no_harm() -> None:
    found = success("matrix", [{"metric": {}, "values": [[ALL[0], "1"]]}], infos=["metric might not be a counter"])
    assert answers.points(found, MOMENTS).values == {MOMENTS.start: 1.0}


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (success("vector", []), None),
        (success("scalar", [1, "NaN"]), None),
        (success("vector", [{"metric": {}, "value": [1, "NaN"]}]), None),
        (success("vector", [{"metric": {}, "value": [1, "0"]}]), "answers_without_data"),
        (success("vector", [{"metric": {}, "value": [1, "NaN"]}, {"metric": {}, "value": [1, "+Inf"]}]), "answers_without_data"),
        (success("scalar", [1, "1"]), "answers_without_data"),
        (success("matrix", []), "wrong_type"),
        (success("string", [1, "x"]), "wrong_type"),
        (success("vector", [{"metric": {}, "histogram": [1, {}]}]), "unusable"),
        (success("scalar", [1]), "unusable"),
    ],
)
def test_a_query_that_answers_without_data_is_found(found: Answer, code: str | None) -> None:
    if code is None:
        answers.refuse_made_up(found)
        return
    with pytest.raises(Unusable) as why:
        answers.refuse_made_up(found)
    assert why.value.code == code


def test_the_clock_is_read_to_the_millisecond() -> None:
    assert answers.clock(success("scalar", [1774864800.007, "1774864800.007"])) == 1_774_864_800_007
    for text in ("NaN", "+Inf", "0", "-1", "1e300"):
        with pytest.raises(Unusable):
            answers.clock(success("scalar", [1, text]))


def points(count: int, *, last: bool = True) -> Points:
    """So many points, the newest at the end of the window or a step before it."""
    moments = [round(moment * 1000) for moment in (ALL if last else ALL[:-1])]
    return Points(dict.fromkeys(moments[-count:], 1.0) if count else {})


@pytest.mark.parametrize(
    ("found", "value"), [(points(20), 1.0), (points(19), 1.0), (points(18), None), (points(0), None), (points(19, last=False), None)]
)
def test_a_window_with_gaps_has_no_value(found: Points, value: float | None) -> None:
    measure = measures.measure(QUERY, MOMENTS, found)
    assert (measure["value"], measure["samples"]) == (value, len(found.values))
    assert ("not measured" in measure["how"]) == (value is None)


def test_what_was_before_the_change_does_not_count() -> None:
    seen = [measures.measure(QUERY, MOMENTS, points(20), MOMENTS.start + shift) for shift in (-15_000, -14_999, 0, 1)]
    assert [(measure["value"], measure["samples"]) for measure in seen] == [(1.0, 20), (1.0, 19), (1.0, 19), (None, 18)]
    late = measures.measure(QUERY, MOMENTS, points(20), MOMENTS.end)
    assert (late["value"], late["samples"]) == (None, 0)
    assert "before the change" in late["how"]


@example([5e-324, 5e-324])
@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_reducing_keeps_within_the_points(numbers: list[float]) -> None:
    values = dict(enumerate(numbers))
    assert measures.reduced("last", values) == numbers[-1]
    assert measures.reduced("max", values) == max(numbers)
    assert measures.reduced("min", values) == min(numbers)
    mean = measures.reduced("mean", values)
    slack = max(1e-9 * max(map(abs, numbers)), len(numbers) * math.ulp(0.0))  # the smallest double cannot be divided
    assert min(numbers) - slack <= mean <= max(numbers) + slack
    for percent in (1, 50, 95, 99):
        value = measures.reduced(f"p{percent}", values)
        assert 100 * sum(number <= value for number in numbers) >= percent * len(numbers)
        assert 100 * sum(number < value for number in numbers) < percent * len(numbers)


@given(st.dictionaries(st.sampled_from([round(moment * 1000) for moment in ALL]), NUMBERS), st.sampled_from(["last", "mean", "p50", "max"]))
def test_a_value_is_finite_or_null(values: dict[int, float], reduce: str) -> None:
    query = Query("errors", "sum(errors)", "1", 300, 15, 30, 5, reduce)
    value = measures.measure(query, MOMENTS, Points(dict(sorted(values.items()))))["value"]
    assert value is None or words.is_number(value)


def test_a_curve_is_thinned_and_a_long_query_cut() -> None:
    curve = measures.series(QUERY, {moment * 1000: 1.0 for moment in range(11_000)})
    assert 400 < len(curve["points"]) <= 500
    long = Query("errors", "x" * 5000, "1", 300, 15, 30, 95, "last")
    assert len(measures.not_measured(long, 0, "nothing")["how"]) < 500


@pytest.mark.parametrize(("text", "own"), [("5m", 300), ("1m30s", 90), ("30s", 30), ("250ms", 0.25), ("nonsense", 300), (5, 300)])
def test_the_servers_own_lookback_is_read_from_its_flags(text: object, own: float) -> None:
    assert lookback.of_server(answer({"status": "success", "data": {lookback.FLAG: text}})) == own


def test_a_server_that_hides_gaps_is_refused() -> None:
    assert lookback.is_obeyed(answer({"error": 'error parsing lookback delta duration: cannot parse "nonsense" to a valid duration'}, 400))
    assert not lookback.is_obeyed(answer({"status": "success"}))
    assert not lookback.is_obeyed(answer({"error": "something else"}, 400))
    lookback.refuse_longer(QUERY, None)
    lookback.refuse_longer(QUERY, 30)
    with pytest.raises(Unusable, match=r"query\.lookback-delta=30s"):
        lookback.refuse_longer(QUERY, 31)
