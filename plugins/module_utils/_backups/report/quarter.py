# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a quarter's validations came to, from the ledger alone: nights, goals, drills, and what is still to be put right.

A quarter is compliant when no planned night is missing, the ledger is sound, every goal is met and every failure has been put right, which a
later run that passed has to show.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._common import ranks
from ..._common.errors import Refusal
from ..findings import ORDER
from . import records, runs, trend
from .period import Period
from .runs import Entry, Run
from .trend import Forecast, Model, Point

MISSING, AHEAD = "missing", "ahead"  # beside the four verdicts: nothing was said of the night; it has not come yet
COMPLIANT, NOT_COMPLIANT, IN_PROGRESS = "compliant", "not compliant", "in progress"
MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the report is about. ``today`` is the first day whose night is not over; goals in seconds."""

    period: Period
    weekdays: tuple[str, ...]
    cluster: str
    engine: str
    rto: float
    rpo: float
    today: datetime.date


@dataclasses.dataclass(frozen=True)
class Corrective:
    """What somebody says about a failed run, or about a missing night, which goes by its date."""

    run: str
    cause: str = ""
    action: str = ""
    retest: str = ""


@dataclasses.dataclass(frozen=True)
class Night:
    """A planned night, or one with a run: the worst of its runs, for a green retry must not hide a red night."""

    day: datetime.date
    state: str  # a verdict, MISSING or AHEAD
    runs: tuple[Run, ...]


@dataclasses.dataclass(frozen=True)
class Goal:
    """One promise: its limit in seconds, and the measured values' worst, median and 95th percentile (nearest rank); ``n`` of ``of`` runs have one."""

    name: str
    limit: float
    result: str
    n: int
    of: int
    worst: float | None = None
    p50: float | None = None
    p95: float | None = None
    night: datetime.date | None = None  # of the worst


@dataclasses.dataclass(frozen=True)
class Failure:
    """A night that did not go well: its run, or None where it is missing; and why it is still open, empty when it is not."""

    name: str
    day: datetime.date
    state: str
    run: Run | None
    corrective: Corrective
    open: str


@dataclasses.dataclass(frozen=True)
class Quarter:
    """All that the report shows. ``in_the_way`` is what keeps it from being compliant, in words."""

    wanted: Wanted
    nights: tuple[Night, ...]
    runs: tuple[Run, ...]
    goals: tuple[Goal, ...]
    failures: tuple[Failure, ...]
    drills: tuple[Run, ...]
    failovers: tuple[Entry, ...]
    accepted: tuple[Entry, ...]
    points: tuple[Point, ...]
    model: Model | None
    forecast: Forecast
    in_the_way: tuple[str, ...]

    @property
    def standing(self) -> str:
        if self.in_the_way:
            return NOT_COMPLIANT
        return IN_PROGRESS if any(night.state == AHEAD for night in self.nights) else COMPLIANT

    def count(self, state: str) -> int:
        return sum(night.state == state for night in self.nights)

    @property
    def counts(self) -> dict[str, int]:
        """Of nights: planned, done, passed, failed, error, inconclusive, missing, ahead."""
        states = {"passed": "PASS", "failed": "FAIL", "error": "ERROR", "inconclusive": "INCONCLUSIVE", "missing": MISSING, "ahead": AHEAD}
        counted = {name: self.count(state) for name, state in states.items()}
        return {"planned": len(self.nights), "done": len(self.nights) - counted["missing"] - counted["ahead"], **counted}


def about(entries: t.Sequence[Entry], cluster: str | None, engine: str | None) -> tuple[str, str]:
    """The one cluster and engine that are meant.

    :raises Refusal: the ledger speaks of none, or of several and it was not said which.
    """
    found = [pair for pair in runs.who(entries) if cluster in (None, pair[0]) and engine in (None, pair[1])]
    if len(found) == 1:
        return found[0]
    if not found and cluster and engine:
        return cluster, engine
    listed = ", ".join(f"{name} by {by}" for name, by in found) or "none"
    raise Refusal(
        "cluster",
        expected="one cluster and engine that were validated",
        found=listed,
        remedy="Name cluster and engine.",
        code="which_cluster",
    )


def make(entries: t.Sequence[Entry], wanted: Wanted, correctives: t.Sequence[Corrective], ledger_fault: str) -> Quarter:
    """The quarter as the ledger tells it.

    :param ledger_fault: what its verification found, empty when it is sound.
    :raises Refusal: a corrective action is about something that did not fail.
    """
    everything = runs.fold(entries, wanted.cluster, wanted.engine, wanted.today)
    inside = tuple(run for run in everything if run.night in wanted.period)
    nights = _nights(wanted, inside)
    failures = _failures(nights, everything, correctives)
    nightly = [run for run in inside if not run.is_drill]
    goals = _goals(nightly, wanted)
    points = tuple(point for point in map(_point, nightly) if point is not None)
    model = trend.fit(points)
    return Quarter(
        wanted,
        nights,
        inside,
        goals,
        failures,
        tuple(run for run in inside if run.is_drill),
        _within(entries, wanted, runs.FAILED_OVER),
        _within(entries, wanted, runs.ACCEPTED),
        points,
        model,
        trend.forecast(points, model, wanted.rto),
        tuple(_in_the_way(nights, goals, failures, ledger_fault)),
    )


def _nights(wanted: Wanted, inside: t.Sequence[Run]) -> tuple[Night, ...]:
    days = sorted({*wanted.period.nights(wanted.weekdays), *(run.night for run in inside)})
    return tuple(_night(day, tuple(run for run in inside if run.night == day), wanted.today) for day in days)


def _night(day: datetime.date, found: tuple[Run, ...], today: datetime.date) -> Night:
    if found:
        return Night(day, next(verdict for verdict in ORDER if verdict in {run.verdict for run in found}), found)
    return Night(day, AHEAD if day >= today else MISSING, ())


def _failures(nights: t.Sequence[Night], everything: t.Sequence[Run], correctives: t.Sequence[Corrective]) -> tuple[Failure, ...]:
    said = {one.run: one for one in correctives}
    found = []
    for night in nights:
        if night.state == MISSING:
            found.append(_failure(night.day.isoformat(), night.day, MISSING, None, said, everything))
        found += [_failure(run.name, run.night, run.verdict, run, said, everything) for run in night.runs if run.verdict != "PASS"]
    known = {failure.name for failure in found}
    for name in said:
        if name not in known:
            raise Refusal(
                f"corrective_actions: {name}",
                expected=f"a run that did not pass or a missing night: {', '.join(sorted(known)) or 'there is none'}",
                found="neither",
                remedy="Correct the name.",
                code="nothing_to_correct",
            )
    return tuple(found)


def _failure(
    name: str, day: datetime.date, state: str, run: Run | None, said: t.Mapping[str, Corrective], everything: t.Sequence[Run]
) -> Failure:
    corrective = said.get(name, Corrective(name))
    missing = [
        part
        for part, text in (("cause", corrective.cause), ("action", corrective.action), ("re-test", corrective.retest))
        if not text.strip()
    ]
    if missing:
        return Failure(name, day, state, run, corrective, f"open: no {', no '.join(missing)}")
    retest = next((one for one in everything if one.name == corrective.retest), None)
    if retest is None:
        return Failure(name, day, state, run, corrective, "open: the re-test is not in the ledger")
    later = retest.entry.index > run.entry.index if run is not None else retest.night > day
    if not later:
        return Failure(name, day, state, run, corrective, "open: the re-test ran before")
    return Failure(name, day, state, run, corrective, "" if retest.verdict == "PASS" else f"open: the re-test ended with {retest.verdict}")


def _goals(nightly: t.Sequence[Run], wanted: Wanted) -> tuple[Goal, ...]:
    goals = [
        _goal("Recovery time", nightly, ("rto", "seconds"), wanted.rto),
        _goal("Loss, by heartbeat", nightly, ("rpo", "seconds"), wanted.rpo),
    ]
    if wanted.engine != "pg_dump":  # a dump has no write-ahead log that could lag
        goals.append(_goal("Longest upload gap in 24 hours", nightly, ("rpo", "worst_24h_seconds"), wanted.rpo))
    return tuple(goals)


def _goal(name: str, nightly: t.Sequence[Run], keys: tuple[str, str], limit: float) -> Goal:
    """Met when every run that passed has a value, and no run's is over the limit."""
    measured = [(run.number(*keys), run) for run in nightly]
    found = [(value, run) for value, run in measured if value is not None]
    silent = [run for value, run in measured if value is None and run.verdict == "PASS"]
    if not found:
        return Goal(name, limit, NOT_MEASURED, 0, len(nightly))
    values = [value for value, _run in found]
    worst, run = max(found, key=lambda one: one[0])
    result = MISSED if worst > limit else NOT_MEASURED if silent else MET
    return Goal(name, limit, result, len(found), len(nightly), worst, ranks.percentile(values, 50), ranks.percentile(values, 95), run.night)


def _point(run: Run) -> Point | None:
    fetched, wal, seconds = run.number("bytes", "fetched"), run.number("bytes", "wal"), run.number("rto", "seconds")
    if fetched is None or seconds is None or run.verdict not in ("PASS", "FAIL"):
        return None
    return Point(run.night, fetched, wal or 0.0, seconds)


def _within(entries: t.Sequence[Entry], wanted: Wanted, kind: str) -> tuple[Entry, ...]:
    """Statements of that kind about the cluster, or about none by name, from the period."""
    ours = [one for one in entries if one.kind == kind and one.said.get("cluster") in (None, "", wanted.cluster)]
    moments = [(one, records.moment(one.said.get("at"))) for one in ours]
    return tuple(one for one, at in moments if at is not None and at.astimezone(datetime.UTC).date() in wanted.period)


def _in_the_way(nights: t.Sequence[Night], goals: t.Sequence[Goal], failures: t.Sequence[Failure], ledger_fault: str) -> t.Iterator[str]:
    if ledger_fault:
        yield f"the ledger is not sound: {ledger_fault}"
    missing = sum(night.state == MISSING for night in nights)
    if missing:
        yield f"{missing} {'night is' if missing == 1 else 'nights are'} missing"
    if any(night.state != AHEAD for night in nights):
        for goal in goals:
            if goal.result != MET:
                yield f"{goal.name[:1].lower()}{goal.name[1:]}: goal {goal.result}"
    still = sum(bool(failure.open) for failure in failures)
    if still:
        yield f"{still} {'failure is' if still == 1 else 'failures are'} not put right"
