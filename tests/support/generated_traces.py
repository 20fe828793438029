# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces that hypothesis thinks up, by seed: values at the edges of what policies look at, in every type that an attribute can have."""

from __future__ import annotations

import hashlib
import json
import typing as t

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Raw: t.TypeAlias = "dict[str, t.Any]"

MILLISECOND = 1_000_000
END = 1_774_864_800_000_000_000  # 2026-03-30T10:00:00Z: all spans end within its first tenth of a second

# Drawn from lists only: for free numbers hypothesis also tries those of whatever modules are loaded, so that a seed alone would not say which.
# Around the thresholds of the policies: 1 s, 2 s, and whole milliseconds just missed.
DURATIONS = st.sampled_from(
    [0, 1, MILLISECOND, 999 * MILLISECOND, 999_999_999, 1000 * MILLISECOND, 1_000_000_001, 1001 * MILLISECOND, 2000 * MILLISECOND]
) | st.sampled_from(range(0, 2500 * MILLISECOND, 7_654_321))
STRINGS = st.sampled_from(["", "true", "500", "acme", "ACME", "/docs", "/searching", "naïve"])
INTEGERS = st.sampled_from([-(2**63), -1, 0, 1, 200, 399, 400, 499, 500, 599, 600, 2**63 - 1])
DOUBLES = st.sampled_from([-1.0, 0.0, 0.5, 399.9, 400.0, 500.0, 599.5, 1e300])
VALUES = st.one_of(
    STRINGS.map(lambda value: {"stringValue": value}),
    INTEGERS.map(lambda value: {"intValue": str(value)}),
    DOUBLES.map(lambda value: {"doubleValue": value}),
    st.booleans().map(lambda value: {"boolValue": value}),
    st.just({"arrayValue": {"values": [{"stringValue": "acme"}]}}),
    st.just({"kvlistValue": {"values": [{"key": "acme", "value": {"intValue": "500"}}]}}),
    st.just({}),
)
# What a key usually has, and now and then anything.
USUAL = {
    "http.route": st.sampled_from(["/docs", "/docs/", "/docs/x", "/v2/docs/x", "/search"]).map(lambda value: {"stringValue": value}),
    "http.response.status_code": st.sampled_from(["200", "404", "500", "503"]).map(lambda value: {"intValue": value}),
    "tenant": st.sampled_from(["acme", "ACME", "other"]).map(lambda value: {"stringValue": value}),
    "forced": st.booleans().map(lambda value: {"boolValue": value}),
    "exemplar": st.just({"stringValue": "true"}),
}
ATTRIBUTES = st.fixed_dictionaries({}, optional={key: usual | usual | VALUES for key, usual in USUAL.items()}).map(
    lambda found: [{"key": key, "value": value} for key, value in found.items()]
)
TRACE_STATES = st.sampled_from(
    ["", "vendor=acme", "vendor=other", "other=1,vendor=acme", "vendor=", "ot=th:8", "not a state", "vendor=acme,vendor=other"]
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["exception", "retry", ""]), ATTRIBUTES).map(
        lambda drawn: {"timeUnixNano": str(END), "name": drawn[0], "attributes": drawn[1]}
    ),
    max_size=2,
)


@st.composite
def span(draw: st.DrawFn) -> Raw:
    """A span without identifiers."""
    end = END + draw(st.sampled_from(range(101))) * MILLISECOND
    return {
        "name": draw(st.sampled_from(["GET /search", "GET /docs", "SELECT", ""])),
        "kind": draw(st.sampled_from(range(6))),
        "flags": draw(st.sampled_from([0, 1, 2, 256, 257, 769])),
        "traceState": draw(TRACE_STATES),
        "startTimeUnixNano": str(end - draw(DURATIONS)),
        "endTimeUnixNano": str(end),
        "attributes": draw(ATTRIBUTES),
        "events": draw(EVENTS),
        "status": draw(st.sampled_from([{}, {"code": 1}, {"code": 2}, {"code": 2, "message": "gone"}])),
    }


# A trace is what several resources have of it, each in one or two scopes.
SCOPES = st.lists(st.lists(span(), min_size=1, max_size=3), min_size=1, max_size=2)
TRACES = st.lists(st.tuples(ATTRIBUTES, SCOPES), min_size=1, max_size=3)
TRACE_SETS = st.lists(TRACES, min_size=1, max_size=4)


def trace_sets(count: int, number: int) -> list[list[str]]:
    """As many trace sets by this seed, each a list of requests in OTLP/JSON, one a trace; no two traces of all sets have the same identifier."""
    found: list[t.Any] = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=False,
    )
    @given(TRACE_SETS)
    def collect(drawn: t.Any) -> None:
        found.append(drawn)

    collect()
    return [[_request(f"{number} {one} {two}", drawn) for two, drawn in enumerate(traces)] for one, traces in enumerate(found[:count])]


def _request(name: str, trace: t.Sequence[tuple[list[Raw], list[list[Raw]]]]) -> str:
    """All of a trace in one request, so that the collector takes it in at once. Its first span is the root."""
    trace_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    spans = [span for _resource, scopes in trace for scope in scopes for span in scope]
    identified = {
        id(span): {
            "traceId": trace_id,
            "spanId": f"{position + 1:016x}",
            "parentSpanId": "" if position == 0 else f"{position:016x}",
            **span,
        }
        for position, span in enumerate(spans)
    }
    resources = [
        {
            "resource": {"attributes": attributes},
            "scopeSpans": [{"scope": {}, "spans": [identified[id(span)] for span in scope]} for scope in scopes],
        }
        for attributes, scopes in trace
    ]
    return json.dumps({"resourceSpans": resources})


def in_two_parts(requests: t.Sequence[str], seconds: int) -> tuple[list[str], list[str]]:
    """What a resource has of each trace, and what the others have of it so many seconds later. Of every second trace the root comes late."""
    parts: tuple[list[str], list[str]] = ([], [])
    for number, request in enumerate(requests):
        resources = json.loads(request)["resourceSpans"]
        if number % 2:
            resources.reverse()
        parts[0].append(json.dumps({"resourceSpans": resources[:1]}))
        if len(resources) > 1:
            parts[1].append(json.dumps({"resourceSpans": [_later(resource, seconds) for resource in resources[1:]]}))
    return parts


def _later(resource: Raw, seconds: int) -> Raw:
    for scope in resource["scopeSpans"]:
        for one in scope["spans"]:
            for key in ("startTimeUnixNano", "endTimeUnixNano"):
                one[key] = str(int(one[key]) + seconds * 1000 * MILLISECOND)
    return resource
