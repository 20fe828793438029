# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paired comparison: the interval is the textbook's, the error rates are as promised, and no data never passes."""

from __future__ import annotations

import collections
import itertools
import math
import random
import statistics
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._promotion import pairs, signed_rank
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pairs import LOOKS, compare
from hypothesis import given
from hypothesis import strategies as st

Pairs = list[tuple[float, float]]
TRIALS = 400


class Machine:
    """A machine to measure on: 4 % noise from run to run, a slow drift of 5 % (autoregressive, 0.9), and one run in twenty that takes 30 % longer."""

    def __init__(self, seed: int, noise: float = 0.04) -> None:
        self.chance = random.Random(seed)
        self.noise = noise
        self.drift = 0.0

    def run(self, change: float) -> float:
        self.drift = 0.9 * self.drift + self.chance.gauss(0, 0.05 * math.sqrt(1 - 0.9**2))
        outlier = 0.3 if self.chance.random() < 0.05 else 0.0
        return 100 * (1 + change) * math.exp(self.drift + self.chance.gauss(0, self.noise)) * (1 + outlier)

    def measure(self, count: int, change: float = 0.0) -> Pairs:
        """Pairs of control and candidate, in random order within each."""
        found = []
        for _pair in range(count):
            if self.chance.random() < 0.5:
                control = self.run(0.0)
                found.append((control, self.run(change)))
            else:
                candidate = self.run(change)
                found.append((self.run(0.0), candidate))
        return found


QUIET = Machine(0, 0.01).measure(16)


def judged(change: float, noise: float = 0.04, margin: float = 5) -> dict[str, float]:
    """Shares of verdicts over many trials, each with its own A/A pairs of the same machine."""
    counts: collections.Counter[str] = collections.Counter()
    for seed in range(TRIALS):
        machine = Machine(seed, noise)
        guard = machine.measure(24)
        counts[compare(machine.measure(LOOKS[-1], change), guard, margin).result.value] += 1
    return {name: counts[name] / TRIALS for name in ("PASS", "FAIL", "INCONCLUSIVE")}


def test_no_change_passes_and_a_large_one_does_not() -> None:
    same, worse, much_worse = judged(0.0), judged(0.10), judged(0.15)
    assert same["PASS"] >= 0.9, same
    assert same["FAIL"] <= 0.01, same
    assert worse["PASS"] <= 0.01, worse
    assert worse["FAIL"] >= 0.85, worse
    assert much_worse["FAIL"] >= 0.95, much_worse


def test_at_the_margin_itself_errors_stay_within_alpha() -> None:
    at = judged(0.05)
    assert max(at["PASS"], at["FAIL"]) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / TRIALS), at


def test_a_noisy_machine_decides_nothing() -> None:
    for change in (0.0, 0.3):
        found = judged(change, noise=0.3)
        assert found["INCONCLUSIVE"] >= 0.95, found


def test_an_improvement_passes() -> None:
    assert judged(-0.1)["PASS"] >= 0.9


def by_hand(differences: t.Sequence[float], alpha: float) -> tuple[float, float]:
    """The bounds by trying every sign of every rank, and every shift."""
    count = len(differences)
    sums = sorted(sum(rank for rank, up in enumerate(signs, 1) if up) for signs in itertools.product((False, True), repeat=count))
    averages = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(differences, 2))
    allowed = [k for k in range(len(averages)) if sum(total <= k for total in sums) / 2**count <= alpha]
    return (averages[allowed[-1]], averages[::-1][allowed[-1]]) if allowed else (-math.inf, math.inf)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.sampled_from([0.0125, 0.05, 0.1, 0.25]))
def test_the_bounds_are_those_of_trying_everything(differences: list[float], alpha: float) -> None:
    found = signed_rank.interval(differences, alpha)
    assert (found.lower, found.upper) == by_hand(differences, alpha)
    assert found.lower <= found.estimate <= found.upper


@pytest.mark.parametrize(
    ("count", "alpha", "expected"),
    # tables of Wilcoxon's signed-rank test, one-sided
    [
        (4, 0.05, None),
        (5, 0.05, 0),
        (8, 0.05, 5),
        (8, 0.025, 3),
        (8, 0.01, 1),
        (10, 0.05, 10),
        (20, 0.025, 52),
        (30, 0.01, 120),
        (50, 0.05, 466),
    ],
)
def test_critical_values_are_the_tables(count: int, alpha: float, expected: int | None) -> None:
    assert signed_rank.critical(count, alpha) == expected


@pytest.mark.parametrize("alpha", [0.0125, 0.05])
def test_the_approximation_meets_the_exact_values(alpha: float, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = signed_rank.critical(60, alpha)
    assert exact
    signed_rank.critical.cache_clear()
    monkeypatch.setattr(signed_rank, "EXACT_UP_TO", 0)
    near = signed_rank.critical(60, alpha)
    signed_rank.critical.cache_clear()
    assert near
    assert abs(near - exact) <= 6


def test_the_interval_covers_as_often_as_it_says() -> None:
    chance, misses = random.Random(7), 0
    for _trial in range(2000):
        found = signed_rank.interval([chance.gauss(0, 1) for _difference in range(16)], 0.05)
        misses += found.lower > 0
    assert misses / 2000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


NUMBERS = st.floats(-1, 1, allow_nan=False)


@given(st.lists(NUMBERS, min_size=8, max_size=30), NUMBERS)
def test_a_shift_shifts_everything(differences: list[float], by: float) -> None:
    here, there = signed_rank.interval(differences, 0.05), signed_rank.interval([one + by for one in differences], 0.05)
    assert [there.lower, there.estimate, there.upper] == pytest.approx([here.lower + by, here.estimate + by, here.upper + by], abs=1e-9)


def noisy(ratio: float, count: int, spread: float = 0.01) -> Pairs:
    chance = random.Random(3)
    return [(100.0, 100.0 * ratio * math.exp(chance.gauss(0, spread))) for _pair in range(count)]


def test_a_verdict_says_what_it_rests_on() -> None:
    found = compare(noisy(1.0, 8), QUIET, 5)
    assert (found.result.value, found.pairs, found.wanted) == ("PASS", 8, 0)
    assert found.estimate is not None
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < found.estimate < found.upper < 5
    assert found.noise is not None
    assert found.reason.endswith("from 8 pairs, margin 5 %")
    assert found.as_dict()["result"] == "PASS"
    assert compare(noisy(1.3, 8), QUIET, 5).result.value == "FAIL"


def test_fewer_than_the_first_look_never_decide() -> None:
    for count in range(8):
        found = compare(noisy(1.0, count), QUIET, 5)
        assert (found.result.value, found.wanted, found.estimate) == ("INCONCLUSIVE", 8, None)


def test_between_looks_nothing_is_looked_at() -> None:
    doubtful = noisy(1.05, 15)
    found = compare(doubtful, QUIET, 5)
    assert (found.result.value, found.pairs, found.wanted) == ("INCONCLUSIVE", 8, 16)
    assert compare([*doubtful[:8], *noisy(0.5, 7)], QUIET, 5) == found
    last = compare(noisy(1.05, 60, 0.05), QUIET, 5)
    assert (last.result.value, last.pairs, last.wanted) == ("INCONCLUSIVE", 40, 0)


def test_the_first_look_that_decides_is_the_verdict() -> None:
    assert compare([*noisy(1.3, 8), *noisy(0.5, 32)], QUIET, 5).result.value == "FAIL"


def test_without_a_guard_nothing_passes() -> None:
    for guard in ([], QUIET[:7]):
        found = compare(noisy(1.0, 40), guard, 5)
        assert found.result.value == "INCONCLUSIVE"
        assert "control against control" in found.reason


def test_a_control_that_differs_from_itself_decides_nothing() -> None:
    found = compare(noisy(1.0, 40), noisy(1.2, 16), 5)
    assert found.result.value == "INCONCLUSIVE"
    assert "differs from itself" in found.reason
    assert compare(noisy(1.0, 40), noisy(0.8, 16), 5).result.value == "INCONCLUSIVE"


def test_measures_that_stand_still_decide_nothing() -> None:
    for value in (1.0, 2.0):
        found = compare([(1.0, value)] * 40, QUIET, 5)
        assert (found.result.value, "stands still" in found.reason) == ("INCONCLUSIVE", True)


BAD: list[t.Any] = [math.nan, math.inf, -math.inf, 0, 0.0, -1, None, "100", True, 10**400, []]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad)[:10])
@pytest.mark.parametrize("side", [0, 1])
def test_one_bad_value_is_an_error(bad: t.Any, side: int) -> None:
    broken = noisy(1.0, 40)
    pair: list[t.Any] = [100.0, 100.0]
    pair[side] = bad
    assert compare([*broken[:39], pair], QUIET, 5).result.value == "ERROR"
    assert compare(broken, [*QUIET, pair], 5).result.value == "ERROR"


@pytest.mark.parametrize("junk", [None, "pairs", 5, {}, [1, 2], [[1]], [[1, 2, 3]], ["ab"], [None]])
def test_what_are_no_pairs_is_an_error(junk: object) -> None:
    found = [compare(junk, QUIET, 5), compare(noisy(1.0, 40), junk, 5)]
    assert [one.result.value for one in found] == ["ERROR", "ERROR"]
    assert all(one.reason for one in found)


@pytest.mark.parametrize(
    "settings",
    [{"margin": 0}, {"margin": -5}, {"margin": math.nan}, {"margin": None}, {"looks": ()}, {"looks": (16, 8)}, {"looks": (8, 8)}, {"looks": (0, 8)},
     {"looks": (4, 8)}, {"looks": (8.5,)}, {"alpha": 0}, {"alpha": 1}, {"alpha": math.nan}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_an_error(settings: dict[str, t.Any]) -> None:
    assert compare(noisy(1.0, 40), QUIET, **{"margin": 5, **settings}).result.value == "ERROR"


@given(st.lists(st.tuples(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300)), max_size=45), st.floats(0.1, 50))
def test_whatever_passes_has_a_median_ratio_within_the_margin(found: Pairs, margin: float) -> None:
    comparison = compare(found, QUIET, margin)
    if comparison.result.value == "PASS":
        logs = [math.log(candidate) - math.log(control) for control, candidate in found[: comparison.pairs]]
        averages = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(logs, 2)]
        assert statistics.median(averages) < math.log1p(margin / 100)
        assert comparison.pairs >= 8


def test_percent_tells_no_bound_apart() -> None:
    assert pairs.percent(math.inf) is None
    assert pairs.percent(0.0) == 0
    assert pairs.percent(math.log(1.05)) == pytest.approx(5)
