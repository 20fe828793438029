# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How long something was seen healthy: time credited between observations, not time elapsed. Pure.

Between two neighbouring healthy observations of the same digest, the largest group of clocks that agree says how long it was, and the slowest of
that group is believed. While no more than one clock lies and two are asked for, the credit never exceeds the true time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._common import words
from . import clocks

SPREAD_ALLOWED = 30.0  # seconds by which clocks may differ over one interval and still agree
Kind = t.Literal["left_out", "gap", "disagreement", "backwards", "reset"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something about the interval that ends with observation ``index``, which a person should know."""

    index: int
    at: str
    kind: Kind
    detail: str

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Interval:
    """The time between observations ``start`` and ``end``: seconds by the clocks that agree (None: they do not), and seconds credited."""

    start: int
    end: int
    seconds: float | None
    credited: float

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Soak:
    """What has been credited. ``since`` and ``last`` are the ``at`` of the first and last healthy observation that it comes from, empty without any.

    ``observations`` counts these; ``findings`` and ``intervals`` are of all that was looked at, also before the credit was lost.
    """

    seconds: float
    since: str
    last: str
    observations: int
    findings: tuple[Finding, ...]
    intervals: tuple[Interval, ...]

    def as_dict(self) -> dict[str, t.Any]:
        plain = {"seconds": self.seconds, "since": self.since, "last": self.last, "observations": self.observations}
        return {
            **plain,
            "findings": [finding.as_dict() for finding in self.findings],
            "intervals": [interval.as_dict() for interval in self.intervals],
        }


@dataclasses.dataclass(frozen=True)
class Agreement:
    """What the clocks say about an interval. ``seconds`` is None without enough that agree; ``left_out`` are those that say something else."""

    seconds: float | None
    agreeing: t.Mapping[str, float]
    left_out: t.Mapping[str, float]


@dataclasses.dataclass
class _Watch:
    """The fold's state. Positions are seconds on the time line of the clocks that agreed; time is credited once, whatever the order."""

    credit: float = 0.0
    since: str = ""
    observations: int = 0
    before: t.Mapping[str, t.Any] | None = None
    place: int = 0
    position: float = 0.0
    covered: float = 0.0


def credit(
    observations: t.Sequence[t.Mapping[str, t.Any]],
    digest: str,
    max_gap: float,
    clocks_at_least: int,
    spread_allowed: float = SPREAD_ALLOWED,
) -> Soak:
    """The soak of ``digest`` after the observations, in the ledger's order.

    An observation has ``healthy``, ``digest``, ``clocks`` (a reading), ``at`` and, where it is known, ``index``, its place in the ledger. Anything but
    ``healthy: true`` of exactly this digest takes all credit away. A gap above ``max_gap`` seconds, clocks that disagree by more than
    ``spread_allowed`` seconds, fewer than ``clocks_at_least`` of them (never fewer than 2), or clocks that went backwards: the interval is
    credited with nothing, and there is a finding.
    """
    watch = _Watch()
    findings: list[Finding] = []
    intervals: list[Interval] = []
    for number, observation in enumerate(observations):
        place = observation.get("index", number)
        place, at = (place if isinstance(place, int) else number), str(observation.get("at", ""))
        broken = _broken(observation, digest)
        if broken:
            if watch.observations:
                lost = f"{broken}; {words.number(watch.credit)} s of credit are lost"
                findings.append(Finding(place, at, "reset", lost))
            watch = _Watch()
            continue
        if watch.before is not None:
            agreement = agree(clocks.deltas(_reading(watch.before), _reading(observation)), max(2, clocks_at_least), spread_allowed)
            earned, found = _earned(agreement, max_gap, max(2, clocks_at_least), watch)
            watch.credit += earned
            findings += [Finding(place, at, kind, detail) for kind, detail in found]
            intervals.append(Interval(watch.place, place, agreement.seconds, earned))
        watch.since = watch.since or at
        watch.before, watch.place, watch.observations = observation, place, watch.observations + 1
    last = str(watch.before.get("at", "")) if watch.before is not None else ""
    return Soak(watch.credit, watch.since, last, watch.observations, tuple(findings), tuple(intervals))


def agree(deltas: t.Mapping[str, float], at_least: int, spread_allowed: float) -> Agreement:
    """The largest group of clocks within ``spread_allowed`` seconds of each other; of equally large ones the slowest. The slowest of it is believed."""
    ordered = sorted(deltas.items(), key=lambda entry: (entry[1], entry[0]))
    best: list[tuple[str, float]] = []
    for number, (_name, slowest) in enumerate(ordered):
        group = [entry for entry in ordered[number:] if entry[1] - slowest <= spread_allowed]
        best = group if len(group) > len(best) else best
    agreeing = dict(best)
    left_out = {name: delta for name, delta in deltas.items() if name not in agreeing}
    return Agreement(best[0][1] if len(best) >= at_least else None, agreeing, left_out)


def _earned(agreement: Agreement, max_gap: float, at_least: int, watch: _Watch) -> tuple[float, list[tuple[Kind, str]]]:
    """Seconds that the interval is credited with, and what there is to say about it; moves the watch's position on."""
    seconds = agreement.seconds
    if seconds is None:
        seen = _listed({**agreement.agreeing, **agreement.left_out}) or "no clock could be compared"
        return 0.0, [("disagreement", f"fewer than {at_least} clocks agree: {seen}; nothing is credited")]
    found: list[tuple[Kind, str]] = []
    if agreement.left_out:
        said = f"{_listed(agreement.left_out)}, while {_listed(agreement.agreeing)}; left out"
        found.append(("left_out", said))
    start = watch.position
    watch.position += seconds
    if seconds <= 0:
        found.append(("backwards", f"the clocks went {words.number(seconds)} s; nothing is credited"))
        return 0.0, found
    if seconds > max_gap:
        found.append(("gap", f"nobody looked for {words.number(seconds)} s, more than {words.number(max_gap)} s; nothing is credited"))
        return 0.0, found
    earned = max(0.0, watch.position - max(start, watch.covered))
    watch.covered = max(watch.covered, watch.position)
    return earned, found


def _broken(observation: t.Mapping[str, t.Any], digest: str) -> str:
    """Why an observation takes the credit away, or nothing."""
    if observation.get("digest") != digest or not digest:
        return f"another digest ({words.described(observation.get('digest'))})"
    return "" if observation.get("healthy") is True else "not healthy"


def _reading(observation: t.Mapping[str, t.Any]) -> clocks.Reading:
    found = observation.get("clocks")
    return found if isinstance(found, t.Mapping) else {}


def _listed(deltas: t.Mapping[str, float]) -> str:
    return ", ".join(f"{name} went {words.number(delta)} s" for name, delta in deltas.items())
