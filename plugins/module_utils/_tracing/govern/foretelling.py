# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a sampler would keep of recorded traces: the replay's numbers with their intervals, and the goals held against them."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common import intervals, words
from ..._common.errors import Refusal
from ..otlp import reading
from ..policies import config
from ..policies.versions import Version
from ..replay import classes
from ..replay.classes import Rules
from ..replay.outcome import Amount, Late, Replay, Tally
from ..replay.replay import replay
from . import editing, goals, sizing, solver
from .findings import Finding, warning
from .goals import Goals
from .subject import Raw, Subject


@dataclasses.dataclass(frozen=True)
class Solved:
    """Goals with the baseline that reaches them, in percent."""

    goals: Goals
    baseline_percentage: float


@dataclasses.dataclass(frozen=True)
class Foretold:
    """What a replay came to. ``kept`` holds the share of decided traces that are kept, at either time; ``findings`` what to know of the recordings."""

    facts: dict[str, t.Any]
    kept: tuple[float, float]
    findings: tuple[Finding, ...]


def solved(asked: Goals, traces: t.Sequence[str], version: Version, base: t.Mapping[str, t.Any]) -> Solved:
    """The baseline: as told, or the largest with which the goals are reached on the recorded traces.

    :param base: what ``editing.settings`` takes but the policies.
    :raises Refusal: it is neither told nor can be found, or the goals cannot be reached.
    """
    if asked.baseline_percentage is None and not traces:
        raise Refusal(
            "traces",
            expected="recorded traces to find the baseline in, or goals.baseline_percentage",
            found="neither",
            remedy="Record an hour in front of the sampler, with the collector's file exporter.",
            code="no_traces",
        )

    def replayed(percentage: float) -> Replay:
        settings, _size = editing.settings(goals.policies(asked, percentage), **base)
        return _replayed(settings, traces, version, _rules(asked, version), measure_bytes=False)

    return Solved(asked, solver.solve(asked, replayed))


def foretold(subject: Subject, traces: t.Sequence[str], incident: t.Sequence[str], found: Solved | None, *, routed: bool) -> Foretold:
    """What the sampler of this configuration keeps of the traces, and what is lost on the way.

    :param incident: traces of another time, with errors; none when there are none.
    :param routed: whether all spans of a trace reach the same replica.
    :raises Refusal: there are none, they are none, or the goals are missed.
    """
    rules = Rules() if found is None else _rules(found.goals, subject.version)

    def replayed(paths: t.Sequence[str]) -> Replay:
        return _replayed(
            subject.sampler, paths, subject.version, rules, measure_bytes=True, path=subject.path, replicas=subject.replicas, routed=routed
        )

    usual = replayed(traces)
    unusual = replayed(incident) if incident else None
    if found is not None:
        solver.refuse_missed(found.goals, usual, unusual)
    shares = [_share_kept(replay) for replay in (usual, unusual) if replay is not None]
    facts = {
        "baseline_percentage": None if found is None else found.baseline_percentage,
        "ordinary": _facts(usual),
        "incident": None if unusual is None else _facts(unusual),
    }
    told = [("traces", usual), *([] if unusual is None else [("incident_traces", unusual)])]
    behind = tuple(_overlapping(option, outcome.behind) for option, outcome in told if outcome.behind)
    return Foretold(facts, (min(low for low, _high in shares), max(high for _low, high in shares)), behind)


def _overlapping(option: str, spans: int) -> Finding:
    return warning(
        "recordings_overlap",
        option,
        expected="one recording in the order of time",
        found=f"{words.number(spans)} spans recorded more than decision_wait after they had ended, which are replayed as if they came so late",
        remedy="Where several files were recorded at the same time, merge them by time first; else look which sender holds spans back.",
    )


def _share_kept(outcome: Replay) -> tuple[float, float]:
    """Interval of the share of decided traces that are kept; wider by what cannot be foretold."""
    total = outcome.tally()
    decided = total.all.traces - total.too_early.traces - total.too_large.traces
    low, _high = intervals.wilson(total.kept.traces, decided)
    _low, high = intervals.wilson(total.kept.traces + total.unknown.traces, decided)
    return low, high


def _replayed(
    settings: Raw,
    traces: t.Sequence[str],
    version: Version,
    rules: Rules,
    *,
    measure_bytes: bool,
    path: str = "tail_sampling",
    replicas: int = 1,
    routed: bool = True,
) -> Replay:
    sampling = config.parse(settings, version, path)
    return replay(
        sampling, reading.read(traces), version, rules=rules, replicas=replicas, routed_by_trace_id=routed, measure_bytes=measure_bytes
    )


def _rules(asked: Goals, version: Version) -> Rules:
    forced, dropped = (
        config.parse_policies([{"name": one.name, "type": "string_attribute", "string_attribute": one.block} for one in matches], version)
        for matches in (asked.always_keep, asked.never_keep)
    )
    return Rules(asked.slow_milliseconds, forced, dropped)


def _facts(outcome: Replay) -> dict[str, t.Any]:
    total = outcome.tally()
    volume = _volume(total, outcome.late)
    return {
        "classes": [{"class": name, **_rate(outcome.tally(name))} for name in classes.CLASSES],
        "routes": [
            {"class": name, "service": service, "route": route, **_rate(tally)}
            for (name, service, route), tally in sorted(outcome.classes.items())
        ],
        "all": _rate(total),
        "volume": volume,
        "cut": {unit: _cut(counted["all"], counted["kept"]) for unit, counted in volume.items()},
        "policies": {name: {"decisive": ballot.decisive} for name, ballot in sorted(outcome.policies.items())},
        "never_decisive": solver.shadowed(outcome),
        "lost": {
            "too_early": _amount(total.too_early),
            "too_large": _amount(total.too_large),
            "error_spans_late": outcome.late.errors_lost,
        },
        "late": {"spans": outcome.late.all.spans, "kept": outcome.late.kept.spans},
        "decided_again": outcome.decided_again,
        "split": None if outcome.split is None else dataclasses.asdict(outcome.split),
        "peak_traces": outcome.peak_traces,
        "peak_memory_bytes": sizing.waiting_bytes(outcome.peak_traces * total.all.spans / total.all.traces) if total.all.traces else 0,
        "seconds": outcome.seconds,
    }


def _rate(tally: Tally) -> dict[str, t.Any]:
    """Traces of a class, how many are kept, and the share with its 95 % interval; wider by what cannot be foretold."""
    everything, kept, unknown = tally.all.traces, tally.kept.traces, tally.unknown.traces
    low, high = intervals.wilson(kept, everything)[0], intervals.wilson(kept + unknown, everything)[1]
    return {
        "traces": everything,
        "kept": kept,
        "unknown": unknown,
        "rate": kept / everything if everything else None,
        "interval": [low, high] if everything else None,
        "spans": tally.all.spans,
        "spans_kept": tally.kept.spans,
        "bytes": tally.all.bytes,
        "bytes_kept": tally.kept.bytes,
    }


def _volume(total: Tally, late: Late) -> dict[str, dict[str, int]]:
    """What came and what may be kept: late spans that only a decision cache knows are of no tally; what cannot be foretold is taken for kept."""
    return {
        unit: {
            "all": getattr(total.all, unit) + getattr(late.by_cache, unit),
            "kept": getattr(total.kept, unit) + getattr(total.unknown, unit) + getattr(late.kept_by_cache, unit),
        }
        for unit in ("traces", "spans", "bytes")
    }


def _amount(amount: Amount) -> dict[str, int]:
    return dataclasses.asdict(amount)


def _cut(everything: int, kept: int) -> float | None:
    return 1 - kept / everything if everything else None
