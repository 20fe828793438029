# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether a candidate is worse than its control by more than a margin: interleaved pairs, judged at declared looks.

The run (block) is the unit, not the request: requests of one run are not independent. Of each pair the logarithm of candidate over control is taken;
larger is worse. Bounds by ``signed_rank``, whose probability of error is split evenly over the looks.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

from .._common import words
from . import signed_rank
from .results import Result

LOOKS = (8, 16, 24, 40)
ALPHA = 0.05  # at most this probability of a wrong PASS, and of a wrong FAIL, over all looks together
Pair = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What the pairs come to. Changes are in percent of the control: ``estimate``, and the bounds at the look that decided, or the last one made.

    ``pairs`` stand behind the bounds; ``wanted`` is how many pairs the next look needs, 0 when there is none. ``noise`` is the A/A half width in percent.
    """

    result: Result
    reason: str
    margin: float
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    pairs: int = 0
    wanted: int = 0
    noise: float | None = None

    def as_dict(self) -> dict[str, t.Any]:
        return {**dataclasses.asdict(self), "result": self.result.value}


class _Unusable(Exception):
    """Which pair is none, and why."""


def compare(pairs: object, control_pairs: object, margin: float, looks: t.Sequence[int] = LOOKS, alpha: float = ALPHA) -> Comparison:
    """The verdict on ``[(control, candidate), ...]`` in the order they were measured.

    PASS: at a look, the upper bound lies below the margin. FAIL: the lower bound lies above it. The first look that decides is the verdict, whatever
    comes later. INCONCLUSIVE: no look has decided, every ratio is the same (a measure that stands still), or the A/A guard does not hold.
    ERROR: a value is not finite or not above 0, something is no pair, or margin, looks or alpha make no sense.

    :param control_pairs: ``[(control, control), ...]``, measured in the same way before; the guard. They need as many as the first look, their interval
        no wider than the margin to either side, and not all of it beyond the margin.
    :param margin: in percent, above 0.
    """
    wrong = _wrong_settings(margin, looks, alpha)
    if wrong:
        return Comparison(Result.ERROR, wrong, margin if words.is_number(margin) else 0.0)
    margin = words.plain(margin)
    try:
        changes, guard = _changes(pairs, "pairs"), _changes(control_pairs, "control_pairs")
    except _Unusable as problem:
        return Comparison(Result.ERROR, str(problem), margin)
    noise, noisy = _guard(guard, margin, looks[0], alpha)
    made = [look for look in looks if look <= len(changes)]
    if not made:
        reason = f"{len(changes)} pairs; the first look needs {looks[0]}"
        return Comparison(Result.INCONCLUSIVE, reason, margin, pairs=len(changes), wanted=looks[0], noise=noise)
    found = Comparison(Result.INCONCLUSIVE, "", margin)
    for look in made:
        found = _look(changes[:look], margin, alpha / len(looks))
        if found.result is not Result.INCONCLUSIVE:
            break
    wanted = next((look for look in looks if look > len(changes)), 0) if found.result is Result.INCONCLUSIVE else 0
    found = dataclasses.replace(found, noise=noise, wanted=wanted)
    return dataclasses.replace(found, result=Result.INCONCLUSIVE, reason=f"{noisy}; {found.reason}", wanted=0) if noisy else found


def _look(changes: t.Sequence[float], margin: float, alpha: float) -> Comparison:
    """One look at the first pairs, ``alpha`` on each side."""
    bounds, limit = signed_rank.interval(changes, alpha), math.log1p(margin / 100)
    found = Comparison(
        Result.INCONCLUSIVE, "", margin, percent(bounds.estimate), percent(bounds.lower), percent(bounds.upper), len(changes)
    )
    told = f"{_signed(found.estimate)} % [{_signed(found.lower)} … {_signed(found.upper)}] from {len(changes)} pairs, margin {words.number(margin)} %"
    if max(changes) == min(changes):
        return dataclasses.replace(found, reason=f"{told}: every pair has exactly the same ratio, so the measure stands still")
    if bounds.upper < limit:
        return dataclasses.replace(found, result=Result.PASS, reason=told)
    if bounds.lower > limit:
        return dataclasses.replace(found, result=Result.FAIL, reason=told)
    return dataclasses.replace(found, reason=f"{told}: the interval reaches over the margin")


def _guard(changes: t.Sequence[float], margin: float, at_least: int, alpha: float) -> tuple[float | None, str]:
    """The half width of control against control in percent, and why the machine cannot tell a change of the margin's size, or nothing.

    One look, so ``alpha`` is not split.
    """
    if len(changes) < at_least:
        return None, f"only {len(changes)} pairs of control against control, and the guard needs {at_least}"
    bounds, limit = signed_rank.interval(changes, alpha), math.log1p(margin / 100)
    noise = percent(bounds.half_width)
    if noise is None or bounds.half_width > limit:
        return noise, f"control against control varies by {_signed(noise)} %, more than the margin of {words.number(margin)} %: too noisy"
    if bounds.lower > limit or bounds.upper < -limit:
        return noise, f"control differs from itself by {_signed(percent(bounds.estimate))} %: the order of measuring matters"
    return noise, ""


def percent(change: float) -> float | None:
    """A change of logarithms in percent; None where there is no bound."""
    return math.expm1(change) * 100 if math.isfinite(change) and change < 700 else None


def _changes(found: object, name: str) -> list[float]:
    """The logarithms of second over first."""
    if not isinstance(found, (list, tuple)):
        raise _Unusable(f"{name}: expected a list of pairs; found {words.described(found)}")
    return [_change(pair, f"{name}[{index}]") for index, pair in enumerate(found)]


def _change(pair: object, name: str) -> float:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise _Unusable(f"{name}: expected two numbers; found {words.described(pair)}")
    for value in pair:
        if not words.is_number(value) or value <= 0:
            raise _Unusable(f"{name}: expected finite numbers above 0; found {words.described(value)}")
    return math.log(pair[1]) - math.log(pair[0])


def _wrong_settings(margin: object, looks: t.Sequence[int], alpha: float) -> str:
    """What is wrong with the settings, or nothing. A first look that cannot decide at this ``alpha`` is wrong, too."""
    if not words.is_number(margin) or not 0 < margin <= 1000:
        return f"margin: expected percent above 0; found {words.described(margin)}"
    if not words.is_number(alpha) or not 0 < alpha <= 0.5:
        return f"alpha: expected a probability up to 0.5; found {words.described(alpha)}"
    whole = [look for look in looks if isinstance(look, int) and not isinstance(look, bool) and look > 0]
    if not looks or len(whole) != len(looks) or sorted(set(whole)) != whole:
        return f"looks: expected growing numbers of pairs; found {', '.join(words.described(look) for look in looks) or 'none'}"
    if signed_rank.critical(looks[0], alpha / len(looks)) is None:
        return f"looks: {looks[0]} pairs can never decide with an error of {alpha} over {len(looks)} looks"
    return ""


def _signed(change: float | None) -> str:
    return "unbounded" if change is None else words.number(change)
