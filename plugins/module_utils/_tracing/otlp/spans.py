# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A span as OTLP/JSON carries it, decoded only as far as somebody looks."""

from __future__ import annotations

import base64
import typing as t

from ..._common.errors import Refusal

Value: t.TypeAlias = "str | int | float | bool | bytes | list[t.Any] | dict[str, t.Any] | None"
Raw: t.TypeAlias = "dict[str, t.Any]"

UNSET, OK, ERROR = 0, 1, 2
RESPONSE_STATUS = ("http.response.status_code", "http.status_code")  # as it is called now, and was before
FIRST_SERVER_ERROR, LAST_SERVER_ERROR = 500, 599  # an error, whatever the span's own status
STATUS_CODES = {"STATUS_CODE_UNSET": UNSET, "STATUS_CODE_OK": OK, "STATUS_CODE_ERROR": ERROR}
KINDS = {
    "SPAN_KIND_UNSPECIFIED": 0,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
}


class ResourceSpans:
    """The spans of one resource in one export request. What a collector takes in at once: its identity is the batch.

    ``raw`` is the decoded JSON of the ``resource``; ``size`` its bytes as a message, once somebody has counted them.
    """

    __slots__ = ("_attributes", "raw", "size")

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.size: int | None = None
        self._attributes: dict[str, Value] | None = None

    @property
    def attributes(self) -> t.Mapping[str, Value]:
        if self._attributes is None:
            self._attributes = decoded(self.raw.get("attributes") or ())
        return self._attributes


class Scope:
    """The instrumentation scope of some spans of one :class:`ResourceSpans`. ``raw`` and ``size`` as there, of the ``scope``."""

    __slots__ = ("raw", "resource_spans", "size")

    def __init__(self, resource_spans: ResourceSpans, raw: Raw) -> None:
        self.resource_spans = resource_spans
        self.raw = raw
        self.size: int | None = None

    @property
    def name(self) -> str:
        return str(self.raw.get("name") or "")


class Span:
    """One span.

    :param trace_id: 32 lower-case hex digits.
    :param span_id: 16 lower-case hex digits.
    :param parent_id: 16 lower-case hex digits; ``""`` for a root.
    :param start: nanoseconds since the epoch; ``end`` likewise.
    :param status: 0 unset, 1 ok, 2 error.
    :param raw: the span's decoded JSON; what isn't asked for is never decoded further.
    """

    __slots__ = ("_attributes", "end", "parent_id", "raw", "scope", "span_id", "start", "status", "trace_id")

    def __init__(self, trace_id: str, span_id: str, parent_id: str, start: int, end: int, status: int, scope: Scope, raw: Raw) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.start = start
        self.end = end
        self.status = status
        self.scope = scope
        self.raw = raw
        self._attributes: dict[str, Value] | None = None

    @property
    def name(self) -> str:
        return str(self.raw.get("name") or "")

    @property
    def kind(self) -> int:
        """0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
        return enumerated(self.raw.get("kind"), KINDS)

    @property
    def trace_state(self) -> str:
        return str(self.raw.get("traceState") or "")

    @property
    def flags(self) -> int:
        return int(self.raw.get("flags") or 0)

    @property
    def attributes(self) -> t.Mapping[str, Value]:
        if self._attributes is None:
            self._attributes = decoded(self.raw.get("attributes") or ())
        return self._attributes

    @property
    def resource(self) -> t.Mapping[str, Value]:
        """The attributes of the resource that made the span."""
        return self.scope.resource_spans.attributes

    @property
    def events(self) -> list[t.Mapping[str, t.Any]]:
        """Each with ``name``, ``time`` (nanoseconds) and ``attributes``."""
        return [
            {
                "name": str(raw.get("name") or ""),
                "time": int(raw.get("timeUnixNano") or 0),
                "attributes": decoded(raw.get("attributes") or ()),
            }
            for raw in self.raw.get("events") or ()
        ]


def enumerated(found: object, names: t.Mapping[str, int]) -> int:
    """An enumeration's number; OTLP/JSON wants numbers, the collector reads names too.

    :raises ValueError: neither a number nor one of the names.
    """
    if isinstance(found, str):
        if found not in names:
            raise ValueError(f"{found!r} is none of {', '.join(names)}")
        return names[found]
    return int(t.cast("int", found or 0))


def decoded(raw: t.Iterable[Raw]) -> dict[str, Value]:
    """Attributes by key. Of a key that stands twice the first counts, as for the collector."""
    attributes: dict[str, Value] = {}
    for attribute in raw:
        attributes.setdefault(attribute.get("key", ""), value(attribute.get("value")))
    return attributes


def value(raw: Raw | None) -> Value:
    """The value of an ``AnyValue`` of OTLP/JSON; None for an empty one.

    :raises ValueError: a number that is none, bytes that are not base64.
    """
    for kind, found in (raw or {}).items():
        if kind == "stringValue":
            return str(found)
        if kind == "intValue":
            return int(found)
        if kind == "boolValue":
            return bool(found)
        if kind == "doubleValue":
            return float(found)
        if kind == "arrayValue":
            return [value(one) for one in found.get("values") or ()]
        if kind == "kvlistValue":
            return dict(decoded(found.get("values") or ()))
        if kind == "bytesValue":
            return base64.b64decode(found)
    return None


def unreadable(span: Span, problem: Exception) -> Refusal:
    """The refusal of a span whose content cannot be decoded once somebody looks at it."""
    return Refusal(
        f"span {span.span_id} of trace {span.trace_id}",
        expected="attributes as OTLP/JSON writes them",
        found=str(problem),
        remedy="Record it with the collector's file exporter.",
        code="otlp_shape",
    )
