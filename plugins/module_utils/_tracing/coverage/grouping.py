# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Spans of recorded files as traces: only what coverage looks at is kept of each, and only so many at a time.

A trace is handed on when the files end, or, where more spans are open than allowed, when it is the one that began longest ago.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ..._common.errors import Refusal
from ..otlp.spans import ResourceSpans, Scope, Span
from .paths import UserPath

SERVER, CLIENT = 2, 3
DATABASE = frozenset({"db.system.name", "db.system"})
TABLE = frozenset({"db.collection.name", "db.sql.table", "db.cassandra.table", "db.mongodb.collection", "db.query.summary"})
OPERATION = frozenset({"db.operation.name", "db.operation", "db.query.summary"})
ROUTE = "http.route"
SAMPLED = ("tailsampling.policy", "tailsampling.composite_policy", "tailsampling.cached_decision", "sampling.policy", "SampleRate")
MOST_HANDED_ON = 500_000  # ids of traces that were handed on early, so that their late spans are known


class Seen(t.NamedTuple):
    """What is kept of a span. ``entries`` are places in the list of paths that it is the entry of; times in nanoseconds."""

    span_id: str
    parent_id: str
    service: str
    start: int
    end: int
    is_database: bool
    is_labelled: bool
    entries: tuple[int, ...]


@dataclasses.dataclass
class Counts:
    """What came in. ``late`` spans belong to traces that were already handed on; they are not in any."""

    spans: int = 0
    traces: int = 0
    late: int = 0


class Grouping:
    """Made once for each look."""

    def __init__(self, paths: t.Sequence[UserPath], most_spans: int) -> None:
        self.counts = Counts()
        self._most = most_spans
        self._entered: dict[str, list[tuple[int, UserPath]]] = {}
        for index, path in enumerate(paths):
            self._entered.setdefault(path.services[0], []).append((index, path))
        self._open: dict[str, list[Seen]] = {}
        self._held = 0
        self._handed_on: collections.OrderedDict[str, None] = collections.OrderedDict()

    def traces(self, spans: t.Iterable[Span]) -> t.Iterator[list[Seen]]:
        """
        :raises Refusal: the spans were sampled before they were recorded.
        """
        scope: Scope | None = None
        service, entered = "", None
        held = self._open
        for span in spans:
            if span.scope is not scope:
                if scope is None or span.scope.resource_spans is not scope.resource_spans:
                    service = _service(span.scope.resource_spans)
                    entered = self._entered.get(service)
                scope = span.scope
                _refuse_sampled(scope)
            if not span.parent_id:
                _refuse_sampled_span(span)
            self.counts.spans += 1
            trace = held.get(span.trace_id)
            if trace is None:
                if span.trace_id in self._handed_on:
                    self.counts.late += 1
                    continue
                trace = held[span.trace_id] = []
            trace.append(_seen(span, service, entered))
            self._held += 1
            if self._held > self._most:
                yield from self._oldest()
        for trace in held.values():
            self.counts.traces += 1
            yield trace
        held.clear()

    def _oldest(self) -> t.Iterator[list[Seen]]:
        """Hand on a tenth of what is held."""
        chosen = []
        for trace_id, trace in self._open.items():  # a dictionary keeps the order of their beginnings
            chosen.append(trace_id)
            self._held -= len(trace)
            if self._held <= self._most * 0.9:
                break
        for trace_id in chosen:
            trace = self._open.pop(trace_id)
            self._handed_on[trace_id] = None
            if len(self._handed_on) > MOST_HANDED_ON:
                self._handed_on.popitem(last=False)
            self.counts.traces += 1
            yield trace


def _seen(span: Span, service: str, entered: t.Sequence[tuple[int, UserPath]] | None) -> Seen:
    kind = span.raw.get("kind")
    if kind.__class__ is not int:  # which it nearly always is
        kind = span.kind
    is_database = is_labelled = False
    entries: tuple[int, ...] = ()
    if kind == CLIENT:
        attributes = span.raw.get("attributes") or ()
        if any(attribute.get("key") in DATABASE for attribute in attributes):
            keys = {attribute.get("key", "") for attribute in attributes}
            is_database, is_labelled = True, not keys.isdisjoint(TABLE) and not keys.isdisjoint(OPERATION)
    elif entered is not None and kind == SERVER:
        entries = tuple(index for index, path in entered if _enters(span, path))
    return Seen(span.span_id, span.parent_id, service, span.start, span.end, is_database, is_labelled, entries)


def _enters(span: Span, path: UserPath) -> bool:
    return (not path.span or span.name == path.span) and (not path.route or _route(span) == path.route)


def _route(span: Span) -> str | None:
    """Without decoding what else there is."""
    found = (attribute.get("value") for attribute in span.raw.get("attributes") or () if attribute.get("key") == ROUTE)
    return (next(found, None) or {}).get("stringValue")


def _service(resource: ResourceSpans) -> str:
    """ "" where it has no name, or the one that SDKs make up."""
    name = resource.attributes.get("service.name")
    return name if isinstance(name, str) and not name.startswith("unknown_service") else ""


def _refuse_sampled(scope: Scope) -> None:
    # The collector's tail sampling records its policy on the scope.
    for attribute in scope.raw.get("attributes") or ():
        if attribute.get("key") in SAMPLED:
            raise _sampled(str(attribute["key"]))


def _refuse_sampled_span(span: Span) -> None:
    found = [attribute["key"] for attribute in span.raw.get("attributes") or () if attribute.get("key") in SAMPLED]
    if found:
        raise _sampled(str(found[0]))
    threshold = _threshold(span.trace_state)
    if threshold.strip("0"):
        raise _sampled(f"a tracestate with the sampling threshold th:{threshold}")


def _threshold(trace_state: str) -> str:
    """The rejection threshold of OpenTelemetry's tracestate, "" for none; 0 keeps all.

    https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
    """
    for member in trace_state.split(","):
        vendor, _equals, value = member.strip().partition("=")
        if vendor == "ot":
            return next((pair[3:] for pair in value.split(";") if pair.startswith("th:")), "")
    return ""


def _sampled(found: str) -> Refusal:
    return Refusal(
        "the recorded traces",
        expected="all spans, as they were before sampling",
        found=found,
        remedy="Record them before the tail-sampling processor, and with head sampling off: what was thrown away would look like a hole, or hide one.",
        code="sampled_input",
    )
