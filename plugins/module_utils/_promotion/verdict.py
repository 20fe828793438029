# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Measures against goals: the only place that judges.

Only ``PASS`` opens a gate. Whatever cannot be looked at, or makes no sense, is ``ERROR``: no data is never ``PASS``.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from .._common import words
from .._common.errors import Refusal
from . import goal as goals_module
from . import pairs, results
from .goal import Bound, Goal, Share

Result = results.Result
OPEN = results.OPEN
UNKNOWN = results.UNKNOWN


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One goal judged. ``reason``, ``why`` (its last part alone), ``needed``, ``measured`` and ``limit_from`` are for people, the rest is for programs."""

    measure: str
    result: Result
    reason: str
    why: str = ""
    needed: str = ""
    measured: str = ""
    value: float | None = None
    bound: str = ""
    limit: float | None = None
    limit_from: str = ""
    unit: str = ""
    samples: int | None = None
    samples_needed: int | None = None
    interval: tuple[float, float] | None = None
    at: str = ""
    how: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        entries = dataclasses.asdict(self)
        entries["verdict"] = entries.pop("result").value
        entries["interval"] = None if self.interval is None else list(self.interval)
        return entries


@dataclasses.dataclass(frozen=True)
class _Measure:
    """A measure that can be judged: finite value, sample count, and the interval that also holds the value itself."""

    value: float
    unit: str
    samples: int
    interval: tuple[float, float] | None


class _Unusable(Exception):
    """Why a measure cannot be judged; ``str()`` ends the sentence "found …"."""


def judge(measures: object, goals: object) -> list[Verdict]:
    """A verdict for every goal, in order; further ``ERROR`` verdicts for measures nobody could tell apart.

    :param measures: list of mappings as docs/architecture.md describes a measure. Anything may be wrong in it.
    :param goals: list of goals as a plan spells them, with numbers (no names of variables).
    """
    named, strays = _by_name(measures)
    if not isinstance(goals, (list, tuple)) or not goals:
        return [_NO_GOALS]
    verdicts = []
    for index, spelt in enumerate(goals):
        try:
            goal = goals_module.parse(spelt, f"goals[{index}]")
        except Refusal as refusal:
            verdicts.append(Verdict(_name_of(spelt) or f"goals[{index}]", Result.ERROR, str(refusal)))
        else:
            verdicts.append(_judge_one(goal, named))
    return verdicts + strays


def forecast(goals: object) -> list[dict[str, t.Any]]:
    """What can be said without measuring: ``UNKNOWN`` for every goal that is well formed, ``ERROR`` for what no measure can meet."""
    if not isinstance(goals, (list, tuple)) or not goals:
        return [_NO_GOALS.as_dict()]
    told = []
    for index, spelt in enumerate(goals):
        try:
            goal = goals_module.parse(spelt, f"goals[{index}]")
        except Refusal as refusal:
            told.append(Verdict(_name_of(spelt) or f"goals[{index}]", Result.ERROR, str(refusal)).as_dict())
        else:
            open_verdict = Verdict(
                goal.measure, Result.ERROR, "", needed=_needed(goal, ""), measured="-", samples_needed=goal.samples_at_least
            )
            told.append({**open_verdict.as_dict(), "verdict": UNKNOWN})
    return told


def overall(results: t.Iterable[Result | str]) -> Result:
    """The worst of all; ``ERROR`` for none at all."""
    ranked = list(Result)
    found = [Result(result) for result in results]
    return max(found, key=ranked.index) if found else Result.ERROR


_NO_GOALS = Verdict("(none)", Result.ERROR, "goals: expected at least one; found none. Nothing was judged, so nothing has passed.")


def _by_name(measures: object) -> tuple[dict[str, list[t.Mapping[str, t.Any]]], list[Verdict]]:
    """Measures by name, and an ``ERROR`` for every entry that has none."""
    named: dict[str, list[t.Mapping[str, t.Any]]] = collections.defaultdict(list)
    strays = []
    if not isinstance(measures, (list, tuple)):
        return named, [Verdict("(measures)", Result.ERROR, f"measures: expected a list; found {words.described(measures)}.")]
    for index, measure in enumerate(measures):
        name = _name_of(measure, key="name")
        if name is not None and isinstance(measure, t.Mapping):
            named[name].append(measure)
        else:
            where = f"measures[{index}]"
            strays.append(Verdict(where, Result.ERROR, f"{where}: expected a mapping with a name; found {words.described(measure)}."))
    return named, strays


def _name_of(found: object, key: str = "measure") -> str | None:
    name = found.get(key) if isinstance(found, t.Mapping) else None
    return str(name) if isinstance(name, str) and name else None


def _judge_one(goal: Goal, named: t.Mapping[str, list[t.Mapping[str, t.Any]]]) -> Verdict:
    reported = named.get(goal.measure, [])
    seen = reported[0] if len(reported) == 1 else {}
    verdict = Verdict(
        goal.measure,
        Result.ERROR,
        "",
        needed=_needed(goal, _text(seen, "unit")),
        limit_from=_origin(goal, _text(seen, "unit")),
        bound=goal.bound,
        unit=_text(seen, "unit"),
        samples_needed=goal.samples_at_least,
        at=_text(seen, "at"),
        how=_text(seen, "how"),
    )

    def error(why: str) -> Verdict:
        return dataclasses.replace(
            verdict, measured="-", why=f"found {why}", reason=f"{goal.measure}: expected {verdict.needed}; found {why}."
        )

    if goal.bound == "worse_by_at_most":
        return _judge_pairs(goal, reported, verdict) if len(reported) == 1 else error(_how_many(reported))
    try:
        measure = _usable(reported)
        limit = _limit_of(goal, measure, named)
    except _Unusable as why:
        return error(str(why))

    found = words.quantity(measure.value, measure.unit, unlike=limit)
    if measure.interval is not None:
        low, high = measure.interval
        found += f" [{words.number(low, unlike=limit)} … {words.number(high, unlike=limit)}]"
    verdict = dataclasses.replace(
        verdict,
        value=measure.value,
        limit=limit,
        samples=measure.samples,
        interval=measure.interval,
        needed=_needed(goal, measure.unit, limit),
        measured=found,
    )

    def judged(result: Result, why: str = "") -> Verdict:
        count = "1 sample" if measure.samples == 1 else f"{measure.samples:,} samples"
        expected = f"{verdict.needed} ({verdict.limit_from})" if verdict.limit_from else verdict.needed
        reason = f"{goal.measure}: expected {expected}; found {found}, {count}"
        return dataclasses.replace(verdict, result=result, why=why, reason=f"{reason}: {why}." if why else f"{reason}.")

    if measure.samples < goal.samples_at_least:
        return judged(Result.INCONCLUSIVE, f"too few, the goal asks for {goal.samples_at_least:,}")
    low, high = measure.interval or (measure.value, measure.value)
    if _keeps(goal.bound, low, limit) and _keeps(goal.bound, high, limit):
        return judged(Result.PASS)
    if _breaks_throughout(goal.bound, low, high, limit):
        return judged(Result.FAIL)
    return judged(Result.INCONCLUSIVE, "the interval reaches over the limit")


def _judge_pairs(goal: Goal, reported: t.Sequence[t.Mapping[str, t.Any]], verdict: Verdict) -> Verdict:
    """A candidate beside its control, by the interleaved pairs that the measure has; their comparison decides, not its value."""
    margin = goal.limit if not isinstance(goal.limit, Share) else float("nan")
    found = pairs.compare(reported[0].get("pairs"), reported[0].get("control_pairs"), margin)
    interval = (found.lower, found.upper) if found.lower is not None and found.upper is not None else None
    result, why = found.result, found.reason
    if result in OPEN and found.pairs < goal.samples_at_least:
        result, why = Result.INCONCLUSIVE, f"too few, the goal asks for {goal.samples_at_least:,}"
    told = "-" if found.estimate is None else f"{words.number(found.estimate)} % worse"
    return dataclasses.replace(
        verdict,
        result=result,
        value=found.estimate,
        limit=margin,
        unit="%",
        samples=found.pairs,
        interval=interval,
        measured=told,
        why=why,
        reason=f"{goal.measure}: expected {verdict.needed}; found {why}.",
    )


def _how_many(reported: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    return f"{len(reported)} measures of that name" if reported else "no such measure"


def _keeps(bound: Bound, value: float, limit: float) -> bool:
    match bound:
        case "at_most" | "worse_by_at_most":
            return value <= limit
        case "at_least":
            return value >= limit
        case "equals":
            return value == limit
        case never:
            t.assert_never(never)


def _breaks_throughout(bound: Bound, low: float, high: float, limit: float) -> bool:
    """Whether no value between ``low`` and ``high`` keeps the bound."""
    match bound:
        case "at_most" | "worse_by_at_most":
            return low > limit
        case "at_least":
            return high < limit
        case "equals":
            return not low <= limit <= high
        case never:
            t.assert_never(never)


def _usable(reported: t.Sequence[t.Mapping[str, t.Any]]) -> _Measure:
    """The one report of a measure, if it is one and makes sense.

    The interval is widened to hold the value: a value outside its own interval is noise, and noise must not help a verdict.
    """
    if len(reported) != 1:
        raise _Unusable(_how_many(reported))
    measure = reported[0]
    value, samples = measure.get("value"), measure.get("samples")
    if not words.is_number(value):
        raise _Unusable(f"{words.described(value)} as its value")
    if isinstance(samples, bool) or not isinstance(samples, int) or not words.is_number(samples) or samples < 0:
        raise _Unusable(f"{words.described(samples)} as its number of samples")
    return _Measure(words.plain(value), _text(measure, "unit"), int(samples), _interval(measure.get("interval"), value))


def _interval(found: object, value: float) -> tuple[float, float] | None:
    if found is None:
        return None
    if not isinstance(found, (list, tuple)) or len(found) != 2:
        raise _Unusable(f"{words.described(found)} as its interval, which needs two numbers")
    low, high = found
    for end in (low, high):
        if not words.is_number(end):
            raise _Unusable(f"{words.described(end)} as an end of its interval")
    if low > high:
        raise _Unusable(f"an interval that ends ({words.number(high)}) before it begins ({words.number(low)})")
    return words.plain(min(low, value)), words.plain(max(high, value))


def _limit_of(goal: Goal, measure: _Measure, named: t.Mapping[str, list[t.Mapping[str, t.Any]]]) -> float:
    """The limit as a number in the measure's unit."""
    if not isinstance(goal.limit, Share):
        return goal.limit
    share = goal.limit
    try:
        base = _usable(named.get(share.of, []))
    except _Unusable as why:
        raise _Unusable(f"{why} for {share.of}, which the goal refers to") from why
    if base.samples < 1 or base.value <= 0:
        raise _Unusable(
            f"{words.number(base.value)} from {base.samples} samples for {share.of}: a percentage needs an observed, positive base"
        )
    if base.unit != measure.unit:
        raise _Unusable(f"the units {measure.unit!r} and {base.unit!r} ({share.of}), which cannot be compared")
    limit = max(base.value * (share.percent / 100), share.floor)
    if not words.is_number(limit):
        raise _Unusable(f"{words.number(base.value)} for {share.of}, of which no percentage can be taken")
    return limit


def _needed(goal: Goal, unit: str, limit: float | None = None) -> str:
    """The bound in words, as far as it is known."""
    if goal.bound == "worse_by_at_most":
        return f"worse by at most {goal.limit} %"
    verb = {"at_most": "at most", "at_least": "at least", "equals": "exactly"}[goal.bound]
    known = goal.limit if limit is None and not isinstance(goal.limit, Share) else limit
    return f"{verb} {_origin(goal, unit) if known is None else words.quantity(known, unit)}"


def _origin(goal: Goal, unit: str) -> str:
    """Where a limit comes from that follows another measure; nothing for a plain number."""
    if not isinstance(goal.limit, Share):
        return ""
    floor = f", no less than {words.quantity(goal.limit.floor, unit)}" if goal.limit.floor else ""
    return f"{words.number(goal.limit.percent)} % of {goal.limit.of}{floor}"


def _text(measure: t.Mapping[str, t.Any], key: str) -> str:
    found = measure.get(key)
    return str(found) if isinstance(found, str) else ""
