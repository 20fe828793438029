"""Measures against goals: only what was seen, and is well within the goal, passes."""

from __future__ import annotations

import math
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._promotion import verdict
from ansible_collections.governed.delivery.plugins.module_utils._promotion.verdict import Result, judge, overall
from hypothesis import example, given
from hypothesis import strategies as st

Mapping = dict[str, t.Any]

NUMBERS = st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9, allow_nan=False))
BOUNDS = st.sampled_from(["at_most", "at_least", "equals"])
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=6)),
    max_leaves=12,
)


def measure(value: object = 0, samples: object = 100, **more: object) -> Mapping:
    return {"name": "errors", "value": value, "unit": "ms", "samples": samples, "at": "2026-03-30T10:00:00+00:00", "how": "counted", **more}


def goal(samples: object = 1, **bound: object) -> Mapping:
    return {"measure": "errors", "samples_at_least": samples, **(bound or {"at_most": 0})}


def results(measures: object, *goals: object) -> list[str]:
    return [found.result.value for found in judge(measures, list(goals))]


@pytest.mark.parametrize(
    ("value", "interval", "bound", "expected"),
    [
        (0, None, {"at_most": 0}, "PASS"),
        (1, None, {"at_most": 0}, "FAIL"),
        (5, None, {"at_least": 5}, "PASS"),
        (4, None, {"at_least": 5}, "FAIL"),
        (7, None, {"equals": 7}, "PASS"),
        (7.5, None, {"equals": 7}, "FAIL"),
        (0.3, [0.1, 0.5], {"at_most": 0.5}, "PASS"),
        (0.3, [0.1, 0.6], {"at_most": 0.5}, "INCONCLUSIVE"),
        (0.6, [0.4, 0.7], {"at_most": 0.5}, "INCONCLUSIVE"),
        (0.6, [0.51, 0.7], {"at_most": 0.5}, "FAIL"),
        (9, [8, 10], {"at_least": 5}, "PASS"),
        (4, [3, 6], {"at_least": 5}, "INCONCLUSIVE"),
        (4, [3, 4.5], {"at_least": 5}, "FAIL"),
        (7, [7, 7], {"equals": 7}, "PASS"),
        (7, [6, 8], {"equals": 7}, "INCONCLUSIVE"),
        (9, [8, 10], {"equals": 7}, "FAIL"),
        (0.3, [0.6, 0.7], {"at_most": 0.5}, "INCONCLUSIVE"),  # a value outside its own interval helps nobody
    ],
)
def test_the_verdict_follows_value_and_interval(value: object, interval: object, bound: Mapping, expected: str) -> None:
    assert results([measure(value, interval=interval)], goal(**bound)) == [expected]


@pytest.mark.parametrize(
    "value",
    [None, math.nan, math.inf, -math.inf, "0", "", True, False, [], [0], {}, 10**400, "NaN", b"0"],
    ids=lambda value: repr(value)[:20],
)
def test_a_value_that_is_no_number_is_an_error(value: object) -> None:
    assert results([measure(value)], goal()) == ["ERROR"]


@pytest.mark.parametrize("samples", [None, -1, 1.5, 3.0, "100", True, math.nan, [], 10**400])
def test_a_number_of_samples_that_is_none_is_an_error(samples: object) -> None:
    assert results([measure(samples=samples)], goal()) == ["ERROR"]


@pytest.mark.parametrize(
    "interval", [[], [0], [0, 1, 2], "0 1", [1, 0], [0, math.nan], [math.nan, 0], [None, 1], [0, math.inf], [False, True], {}, 0]
)
def test_an_interval_that_is_none_is_an_error(interval: object) -> None:
    assert results([measure(interval=interval)], goal(at_most=9)) == ["ERROR"]


@pytest.mark.parametrize("name", ["value", "samples"])
def test_a_measure_that_lacks_a_member_is_an_error(name: str) -> None:
    assert results([{key: value for key, value in measure().items() if key != name}], goal()) == ["ERROR"]


def test_too_few_samples_are_inconclusive_even_for_a_bad_value() -> None:
    assert results([measure(0, samples=9)], goal(samples=10)) == ["INCONCLUSIVE"]
    assert results([measure(5, samples=9)], goal(samples=10)) == ["INCONCLUSIVE"]
    assert results([measure(0, samples=10)], goal(samples=10)) == ["PASS"]
    assert results([measure(0, samples=0)], goal(samples=1)) == ["INCONCLUSIVE"]


def test_a_measure_must_be_there_once() -> None:
    assert results([], goal()) == ["ERROR"]
    assert results([measure(), measure()], goal()) == ["ERROR"]
    (found,) = judge([measure(), measure()], [goal()])
    assert found.reason == "errors: expected at most 0; found 2 measures of that name."


@pytest.mark.parametrize("measures", [None, "errors", 7, {}, {"errors": 0}])
def test_measures_that_are_no_list_are_an_error(measures: object) -> None:
    assert set(results(measures, goal())) == {"ERROR"}


@pytest.mark.parametrize("stray", [None, 7, {}, {"name": ""}, {"name": 7, "value": 0}, []])
def test_a_measure_without_a_name_spoils_the_whole(stray: object) -> None:
    found = judge([measure(), stray], [goal()])
    assert [one.result.value for one in found] == ["PASS", "ERROR"]
    assert overall(one.result for one in found) is Result.ERROR


@pytest.mark.parametrize("goals", [[], None, "goals", {}, 0])
def test_no_goals_are_an_error(goals: object) -> None:
    found = judge([measure()], goals)
    assert overall(one.result for one in found) is Result.ERROR


@pytest.mark.parametrize(
    "spelt",
    [
        {},
        None,
        {"measure": "errors", "at_most": 0},
        goal(samples=0),
        goal(samples=True),
        goal(at_most=0, at_least=0),
        {"measure": "errors", "samples_at_least": 1},
        goal(at_most="0"),
        goal(at_most=math.nan),
        goal(at_most=math.inf),
        goal(at_most=None),
        goal(at_most=True),
        {**goal(), "atmost": 1},
        goal(equals={"percent": 5, "of": "errors"}),
        goal(at_most={"percent": -5, "of": "errors"}),
        goal(at_most={"percent": 5, "of": "errors", "floor": -1}),
        goal(at_most={"percent": 5}),
        goal(at_most={"percent": math.inf, "of": "errors"}),
    ],
)
def test_a_goal_that_makes_no_sense_is_an_error(spelt: object) -> None:
    assert results([measure()], spelt) == ["ERROR"]


# --- limits that follow another measure ---------------------------------------------------------------------------------------


def share(value: object, base: object, base_samples: object = 500, base_unit: str = "ms", **limit: object) -> verdict.Verdict:
    base_measure = {"name": "baseline", "value": base, "unit": base_unit, "samples": base_samples}
    (found,) = judge([measure(value), base_measure], [goal(at_most={"percent": 5, "of": "baseline", **limit})])
    return found


def test_the_limit_is_the_larger_of_percentage_and_floor() -> None:
    assert share(0.5, 0.72, floor=0.5).result is Result.PASS
    assert share(0.51, 0.72, floor=0.5).result is Result.FAIL
    assert share(5, 100, floor=0.5).result is Result.PASS
    assert share(5.1, 100, floor=0.5).result is Result.FAIL
    assert share(0.036, 0.72).limit == pytest.approx(0.036)
    assert share(0.6, 0.72, floor=0.5).reason == (
        "errors: expected at most 0.5 ms (5 % of baseline, no less than 0.5 ms); found 0.6 ms, 100 samples."
    )


@pytest.mark.parametrize("base", [None, 0, -1, math.nan, "0.72", True, 1.7e308])
def test_a_base_that_is_none_is_an_error_and_not_the_floor(base: object) -> None:
    assert share(0, base, floor=0.5, percent=500).result is Result.ERROR


def test_a_base_that_nobody_observed_or_of_another_unit_is_an_error() -> None:
    assert share(0, 0.72, base_samples=0, floor=0.5).result is Result.ERROR
    assert share(0, 0.72, base_unit="s", floor=0.5).result is Result.ERROR
    assert results([measure(0)], goal(at_most={"percent": 5, "of": "baseline", "floor": 9})) == ["ERROR"]
    two = [{"name": "baseline", "value": 1, "unit": "ms", "samples": 5}] * 2
    assert results([measure(0), *two], goal(at_most={"percent": 5, "of": "baseline", "floor": 9})) == ["ERROR"]


# --- wide inputs --------------------------------------------------------------------------------------------------------------


@given(
    value=NUMBERS,
    spread=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
    bound=BOUNDS,
    limit=NUMBERS,
    samples=st.integers(0, 50),
    least=st.integers(1, 50),
)
@example(value=0, spread=(0.0, 0.0), bound="equals", limit=-0.0, samples=1, least=1)
def test_the_verdict_is_what_the_definition_says(
    value: float, spread: tuple[float, float], bound: str, limit: float, samples: int, least: int
) -> None:
    low, high = value - spread[0], value + spread[1]
    keeps = {"at_most": (low <= limit, high <= limit), "at_least": (low >= limit, high >= limit), "equals": (low == limit, high == limit)}[
        bound
    ]
    holds = low <= limit <= high
    if samples < least:
        expected = "INCONCLUSIVE"
    elif all(keeps):
        expected = "PASS"
    elif any(keeps) or (bound == "equals" and holds):
        expected = "INCONCLUSIVE"
    else:
        expected = "FAIL"
    assert results([measure(value, samples=samples, interval=[low, high])], goal(samples=least, **{bound: limit})) == [expected]


@given(value=NUMBERS, spread=st.floats(0, 1e6), wider=st.floats(0, 1e6), bound=BOUNDS, limit=NUMBERS)
def test_less_certainty_never_passes_what_did_not_pass(value: float, spread: float, wider: float, bound: str, limit: float) -> None:
    narrow = results([measure(value, interval=[value - spread, value + spread])], goal(**{bound: limit}))
    wide = results([measure(value, interval=[value - spread - wider, value + spread + wider])], goal(**{bound: limit}))
    fewer = results([measure(value, samples=99, interval=[value - spread, value + spread])], goal(samples=100, **{bound: limit}))
    assert fewer == ["INCONCLUSIVE"]
    if wide == ["PASS"]:
        assert narrow == ["PASS"]
    if narrow == ["FAIL"]:
        assert wide != ["PASS"]


@given(measures=JUNK, goals=JUNK)
def test_junk_is_judged_and_never_passes(measures: object, goals: object) -> None:
    found = judge(measures, goals)
    assert found
    assert all(one.result is Result.ERROR for one in found)
    assert all(one.reason for one in found)


@given(changed=st.sampled_from(["name", "value", "samples"]), junk=JUNK)
def test_a_measure_spoilt_in_one_place_never_passes_unseen(changed: str, junk: object) -> None:
    spoilt = {**measure(0, samples=100), changed: junk}
    valid = {
        "name": junk == "errors",
        "value": isinstance(junk, (int, float)) and not isinstance(junk, bool) and math.isfinite(junk) and junk <= 0
        if not _is_huge(junk)
        else False,
        "samples": isinstance(junk, int) and not isinstance(junk, bool) and junk >= 1 and not _is_huge(junk),
    }[changed]
    passed = overall(one.result for one in judge([spoilt], [goal()])) is Result.PASS
    assert passed == valid


def _is_huge(found: object) -> bool:
    try:
        return isinstance(found, int) and not math.isfinite(found)
    except OverflowError:
        return True


@given(found=st.lists(st.sampled_from(list(Result))))
def test_the_worst_decides(found: list[Result]) -> None:
    worst = overall(found)
    assert (worst is Result.PASS) == (bool(found) and set(found) == {Result.PASS})
    for result in (Result.FAIL, Result.ERROR, Result.INCONCLUSIVE):
        if result in found:
            assert worst is result
            break


def test_an_unknown_verdict_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="pass"):
        overall(["PASS", "pass"])


def test_a_number_just_over_its_limit_can_be_told_from_it() -> None:
    (found,) = judge([measure(0.50004)], [goal(at_most=0.5)])
    assert found.reason == "errors: expected at most 0.5 ms; found 0.50004 ms, 100 samples."


def test_a_forecast_knows_only_what_cannot_be_met() -> None:
    told = verdict.forecast([goal(), {"measure": "errors"}])
    assert [one["verdict"] for one in told] == ["UNKNOWN", "ERROR"]
    assert [one["verdict"] for one in verdict.forecast([])] == ["ERROR"]
