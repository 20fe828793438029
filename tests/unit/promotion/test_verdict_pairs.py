"""A goal that compares a candidate with its control: interleaved pairs decide, never a bare value."""

from __future__ import annotations

import random
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import goal, verdict

GOAL = {"measure": "p95", "worse_by_at_most": 5, "samples_at_least": 8}


def pairs(count: int, change: float, seed: int = 1) -> list[tuple[float, float]]:
    chance = random.Random(seed)
    return [(10 * chance.gauss(1, 0.01), 10 * (1 + change) * chance.gauss(1, 0.01)) for _number in range(count)]


def judged(**measure: t.Any) -> verdict.Verdict:
    [found] = verdict.judge([{"name": "p95", "value": 0.0, "unit": "ms", "samples": 40, **measure}], [GOAL])
    return found


@pytest.mark.parametrize(("change", "result"), [(0.0, "PASS"), (-0.2, "PASS"), (0.2, "FAIL")])
def test_pairs_decide(change: float, result: str) -> None:
    found = judged(pairs=pairs(40, change), control_pairs=pairs(24, 0, seed=2))
    assert found.result.value == result
    assert found.needed == "worse by at most 5 %"
    assert found.interval is not None
    assert found.samples == 8  # the first look decided


@pytest.mark.parametrize(
    "measure",
    [
        {},
        {"pairs": [], "control_pairs": []},
        {"pairs": pairs(40, 0)},  # no guard
        {"pairs": pairs(4, 0), "control_pairs": pairs(24, 0)},
        {"pairs": [(0, 0)] * 40, "control_pairs": pairs(24, 0)},
        {"pairs": [(1, float("nan"))] * 40, "control_pairs": pairs(24, 0)},
        {"pairs": [(1, 1)] * 40, "control_pairs": [(1, 1)] * 40},
    ],
)
def test_no_data_in_any_shape_never_passes(measure: dict[str, t.Any]) -> None:
    assert judged(**measure).result.value in ("ERROR", "INCONCLUSIVE")


def test_missing_or_doubled_is_an_error() -> None:
    assert verdict.judge([], [GOAL])[0].result.value == "ERROR"
    assert verdict.judge([{"name": "p95"}, {"name": "p95"}], [GOAL])[0].result.value == "ERROR"


@pytest.mark.parametrize("limit", [0, -5, {"percent": 5, "of": "p95"}])
def test_a_margin_is_percent_above_nothing(limit: object) -> None:
    with pytest.raises(Refusal, match="worse_by_at_most"):
        goal.parse({**GOAL, "worse_by_at_most": limit}, "goals[0]")
