# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``trace_coverage`` does."""

from __future__ import annotations

import time
import typing as t

from ..._common import intervals, shape, web, words
from ..._common.argument_spec import ArgumentSpec
from ..._common.frame import Context, Outcome
from ..otlp import reading
from ..otlp.garbage import uncollected
from . import judging, paths, volume
from .grouping import Counts, Grouping
from .judging import Result, Results
from .paths import UserPath

MOST_LATE = 0.01  # share of spans; with more, traces were taken apart by the limit on memory

SPEC = ArgumentSpec(
    options={
        "files": {"type": "list", "elements": "path"},
        "paths": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "services": {"type": "list", "elements": "str", "required": True},
                "route": {"type": "str"},
                "span": {"type": "str"},
                "database": {"type": "bool", "default": True},
                "external_parent": {"type": "bool", "default": False},
            },
        },
        "most_spans": {"type": "int", "default": 500_000},
        "prometheus": {
            "type": "dict",
            "options": dict(web.OPTIONS),
            "mutually_exclusive": list(web.EXCLUSIVE),
            "required_together": list(web.TOGETHER),
        },
        "volumes": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "spans": {"type": "str", "required": True},
                "requests": {"type": "str", "required": True},
            },
        },
    },
    required_one_of=(("files", "prometheus"),),
    required_together=(("files", "paths"), ("prometheus", "volumes")),
)


def work(context: Context) -> Outcome:
    """Look at the recorded traces, at Prometheus, or at both.

    :raises Refusal: an option is not as it must be, a file cannot be read, or its traces were sampled.
    """
    told = context.parameters
    at = words.iso(int(time.time()))
    facts: dict[str, t.Any] = {"measures": [], "paths": [], "lost_between": [], "orphans": []}
    if told["files"] is not None:
        facts = structural(told["files"], paths.parse(told["paths"]), told["most_spans"], at)
    if told["prometheus"] is not None:
        facts["measures"] += volume.measures(web.server(told["prometheus"]), volume.parse(told["volumes"]), at)
    return Outcome(False, facts)


def structural(files: t.Sequence[str], asked: t.Sequence[UserPath], most_spans: int, at: str) -> dict[str, t.Any]:
    """Measures, and where traces break.

    :raises Refusal: a file cannot be read, or its traces were sampled.
    """
    if most_spans < 1000:
        raise shape.wrong("most_spans", "1000 or more", str(most_spans), "Correct it.")
    grouping = Grouping(asked, most_spans)
    with uncollected():
        results = judging.judge(grouping.traces(reading.read(files)), asked)
    late = grouping.counts.late > MOST_LATE * grouping.counts.spans
    by_path = [
        _measure(f"trace_continuity_{path.name}", result, grouping.counts, late, at)
        for path, result in zip(asked, results.paths, strict=True)
    ]
    return {
        "measures": [_lowest(by_path), *by_path, _labelled(results, late, at)],
        "paths": [_told(path, result) for path, result in zip(asked, results.paths, strict=True)],
        "lost_between": _pairs(results),
        "orphans": [{"service": service, "traces": count} for service, count in _largest(results.orphans)],
    }


def _measure(name: str, result: Result, counts: Counts, late: bool, at: str) -> dict[str, t.Any]:
    measure: dict[str, t.Any] = {"name": name, "value": None, "unit": "%", "samples": result.entered, "at": at}
    if not result.entered:
        return {**measure, "how": f"not measured: none of {counts.traces} traces entered this path"}
    if late:
        how = f"not measured: {counts.late} of {counts.spans} spans came after their trace had been judged; raise most_spans"
        return {**measure, "how": how}
    how = f"{result.whole} of {result.entered} traces whole from the gateway to the database, before sampling; Wilson's interval"
    return {**measure, **intervals.percentage(result.whole, result.entered), "how": how}


def _lowest(by_path: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """The worst path's, and null when any path could not be measured."""
    worst = min(by_path, key=lambda measure: -1.0 if measure["value"] is None else measure["value"])
    return {**worst, "name": "trace_continuity", "how": f"lowest of {len(by_path)} paths, {worst['name']}: {worst['how']}"}


def _labelled(results: Results, late: bool, at: str) -> dict[str, t.Any]:
    measure: dict[str, t.Any] = {"name": "database_spans_labelled", "value": None, "unit": "%", "samples": results.database_spans, "at": at}
    if not results.database_spans or late:
        return {**measure, "how": "not measured: no database spans" if not late else "not measured: raise most_spans"}
    how = f"{results.labelled} of {results.database_spans} database spans name their table and operation"
    return {**measure, **intervals.percentage(results.labelled, results.database_spans), "how": how}


def _told(path: UserPath, result: Result) -> dict[str, t.Any]:
    reasons = [{"reason": reason, "traces": count} for reason, count in _largest(result.reasons)]
    return {"name": path.name, "entered": result.entered, "whole": result.whole, "reasons": reasons}


def _pairs(results: Results) -> list[dict[str, t.Any]]:
    """Pairs of services between which the context is lost, the largest loss first."""
    come: dict[tuple[str, str], list[int]] = {}
    for result in results.paths:
        for hop, (first, second) in result.hops.items():
            sums = come.setdefault(hop, [0, 0])
            sums[0], sums[1] = sums[0] + first, sums[1] + second
    found = [
        {"from": hop[0], "to": hop[1], "traces": first, "lost": first - second} for hop, (first, second) in come.items() if first > second
    ]
    return sorted(found, key=lambda pair: (-pair["lost"], pair["from"], pair["to"]))


def _largest(counted: t.Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
