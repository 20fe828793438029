# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces that hold together, and every way in which one does not."""

from __future__ import annotations

import itertools
import json
import typing as t
from pathlib import Path

import pytest

from playground import modules
from tests.support import recorded_traces
from tests.support.recorded_traces import BROKEN, WHOLE, attributes, request, trace, write

CHECKOUT = {"name": "checkout", "route": "/checkout", "services": ["gateway", "docs-api"]}
REASONS = {
    "lost": "context lost between gateway and docs-api",
    "parent": "a parent is missing",
    "nameless": "a span without service.name",
    "times": "times that cannot be",
    "two_roots": "several roots",
    "no_database": "no database span",
    "unlabelled": "a database span without table or operation",
}


def looked(folder: Path, kinds: t.Sequence[str], *paths: t.Mapping[str, t.Any], most_spans: int = 500_000) -> modules.Result:
    file = write(folder / "traces.json", (request(trace(number, kind)) for number, kind in enumerate(kinds)))
    return modules.run("trace_coverage", {"files": [str(file)], "paths": list(paths or [CHECKOUT]), "most_spans": most_spans})


def values(answer: modules.Result) -> dict[str, t.Any]:
    assert not answer["failed"], answer
    return {measure["name"]: measure["value"] for measure in answer["measures"]}


def test_whole_traces_are_whole(tmp_path: Path) -> None:
    answer = looked(tmp_path, [WHOLE] * 50)
    assert values(answer) == {"trace_continuity": 100, "trace_continuity_checkout": 100, "database_spans_labelled": 100}
    assert (answer["lost_between"], answer["orphans"]) == ([], [])
    [low, high] = answer["measures"][0]["interval"]
    assert (94 < low < 100, high) == (True, 100)


@pytest.mark.parametrize("kind", BROKEN)
def test_each_break_is_named(tmp_path: Path, kind: str) -> None:
    answer = looked(tmp_path, [WHOLE] * 3 + [kind])
    assert values(answer)["trace_continuity"] == 75
    [path] = answer["paths"]
    assert path["reasons"] == [{"reason": REASONS[kind], "traces": 1}]


def test_the_pair_that_loses_the_context_is_named(tmp_path: Path) -> None:
    answer = looked(tmp_path, [WHOLE, "lost", "lost", "no_database"])
    assert answer["lost_between"] == [
        {"from": "gateway", "to": "docs-api", "traces": 4, "lost": 2},
        {"from": "docs-api", "to": "database", "traces": 2, "lost": 1},
    ]
    assert answer["orphans"] == [{"service": "docs-api", "traces": 2}]


def test_spans_of_a_trace_may_come_in_any_order_and_apart(tmp_path: Path) -> None:
    parts = [request([part]) for number in range(20) for part in trace(number)]
    file = write(tmp_path / "traces.json", [*parts[1::2], *parts[::2]])
    answer = modules.run("trace_coverage", {"files": [str(file)], "paths": [CHECKOUT]})
    assert values(answer)["trace_continuity"] == 100


def test_the_worst_path_is_the_measure_and_one_without_traces_makes_it_null(tmp_path: Path) -> None:
    assert (
        values(looked(tmp_path, [WHOLE, "times"], CHECKOUT, {"name": "any", "services": ["gateway"], "database": False}))[
            "trace_continuity"
        ]
        == 50
    )
    found = values(looked(tmp_path, [WHOLE], CHECKOUT, {**CHECKOUT, "name": "search", "route": "/search"}))
    assert (found["trace_continuity"], found["trace_continuity_checkout"]) == (None, 100)


def test_a_parent_that_a_browser_sent_is_allowed_only_where_it_is_said(tmp_path: Path) -> None:
    parts = trace(1)
    parts[0][1][0]["parentSpanId"] = "ab" * 8
    file = write(tmp_path / "traces.json", [request(parts)])
    for external, value in ((False, 0), (True, 100)):
        answer = modules.run("trace_coverage", {"files": [str(file)], "paths": [{**CHECKOUT, "external_parent": external}]})
        assert values(answer)["trace_continuity"] == value


def test_a_circle_of_parents_ends(tmp_path: Path) -> None:
    parts = trace(1)
    parts[1][1][0]["parentSpanId"] = parts[1][1][1]["spanId"]
    file = write(tmp_path / "traces.json", [request(parts)])
    answer = modules.run("trace_coverage", {"files": [str(file)], "paths": [CHECKOUT]})
    assert answer["paths"][0]["reasons"] == [{"reason": REASONS["lost"], "traces": 1}]


@pytest.mark.parametrize("where", ["scope", "span", "tracestate"])
def test_traces_that_were_sampled_are_refused(tmp_path: Path, where: str) -> None:
    parts, policy = trace(1), attributes(tailsampling__policy="errors")
    if where == "span":
        parts[0][1][0]["attributes"] += policy
    elif where == "tracestate":
        parts[0][1][0]["traceState"] = "vendor=1,ot=rv:12345678901234;th:c"
    file = write(tmp_path / "traces.json", [request(parts, policy if where == "scope" else None)])
    answer = modules.run("trace_coverage", {"files": [str(file)], "paths": [CHECKOUT]})
    assert (answer["failed"], answer["refusals"][0]["code"]) == (True, "sampled_input")


def test_a_threshold_of_zero_keeps_all(tmp_path: Path) -> None:
    parts = trace(1)
    parts[0][1][0]["traceState"] = "ot=th:0"
    file = write(tmp_path / "traces.json", [request(parts)])
    assert values(modules.run("trace_coverage", {"files": [str(file)], "paths": [CHECKOUT]}))["trace_continuity"] == 100


def test_with_little_memory_traces_that_end_in_time_are_whole_and_others_are_not_guessed(tmp_path: Path) -> None:
    assert values(looked(tmp_path, [WHOLE] * 1000, most_spans=1000))["trace_continuity"] == 100
    parts = [trace(number) for number in range(1000)]
    late = [request([one]) for one in itertools.chain((first for first, _second in parts), (second for _first, second in parts))]
    file = write(tmp_path / "traces.json", late)
    answer = modules.run("trace_coverage", {"files": [str(file)], "paths": [CHECKOUT], "most_spans": 1000})
    assert values(answer)["trace_continuity"] is None
    assert "raise most_spans" in answer["measures"][0]["how"]


@pytest.mark.parametrize(
    "options",
    [
        {"files": ["/nowhere"], "paths": [CHECKOUT]},
        {"files": ["/nowhere"], "paths": [CHECKOUT, CHECKOUT]},
        {"files": ["/nowhere"], "paths": [{**CHECKOUT, "services": ["gateway", "gateway"]}]},
        {"files": ["/nowhere"], "paths": [CHECKOUT], "most_spans": 1},
    ],
)
def test_a_users_mistake_is_refused(options: dict[str, t.Any]) -> None:
    answer = modules.run("trace_coverage", options)
    assert (answer["failed"], len(answer["refusals"])) == (True, 1), json.dumps(answer)


def test_the_sample_has_every_break() -> None:
    assert set(REASONS) == set(recorded_traces.BROKEN)
