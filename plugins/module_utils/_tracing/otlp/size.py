# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How many bytes a collector counts for spans: their size as protobuf messages.

After the collector's own ``SizeProto`` (``pdata/internal``, 1.50 to 1.67): unlike a protobuf library it also writes identifiers
and a status that are empty. Numbers below 2**63 are plain varints; negative ones take ten bytes.
"""

from __future__ import annotations

import functools
import typing as t

from .spans import KINDS, Raw, ResourceSpans, Scope, Span, enumerated, unreadable, value

FIXED_64 = 9  # one byte of tag, eight of number
SHORT_ATTRIBUTE = 8  # what is around key and text: tag and length of the attribute, of its key, of its value and of the value's text
REMEMBERED_NUMBERS = 65_536
LONGEST_SHORT = 127 - 6  # characters of both, so that each of these lengths is one byte
RARE = frozenset({"traceState", "events", "links", "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"})
FLAGS = 6  # two bytes of tag (field 16), four of number


def varint(number: int) -> int:
    """Bytes of a number as a varint."""
    return max(1, (number.bit_length() + 6) // 7) if number >= 0 else 10


def message(size: int) -> int:
    """Bytes of a field that holds a message or text of ``size`` bytes, with its tag and its length."""
    return size + (2 if size < 1 << 7 else 3 if size < 1 << 14 else 1 + varint(size))


def span_size(span: Span) -> int:
    """Bytes of the span's own message."""
    raw = span.raw
    size = 40 if span.parent_id else 32  # trace_id 18, span_id 10, parent_span_id 10, or 2 when empty; status 2 when empty
    size += (FIXED_64 if span.start else 0) + (FIXED_64 if span.end else 0)
    for attribute in raw.get("attributes") or ():
        key, found = attribute.get("key"), attribute.get("value") or {}
        text = found.get("stringValue")
        if key and text is not None and key.isascii() and text.isascii() and (length := len(key) + len(text)) <= LONGEST_SHORT:
            size += SHORT_ATTRIBUTE + length  # the sum of _attribute, as it is for most
        elif "intValue" in found:
            size += _number_attribute(key, found["intValue"])
        else:
            size += message(_attribute(attribute))
    name = raw.get("name")
    if name:
        size += message(_text(name))
    kind = raw.get("kind")
    if kind:
        size += 2 if kind.__class__ is int and 0 < kind < 128 else 1 + varint(enumerated(kind, KINDS))
    status = raw.get("status")
    if status:
        size += message(_status(status)) - 2
    if raw.get("flags"):
        size += FLAGS
    return size if RARE.isdisjoint(raw) else size + _rare(raw)


def resource_size(resource_spans: ResourceSpans) -> int:
    """Bytes of the resource's own message."""
    if resource_spans.size is None:
        resource_spans.size = _attributed(resource_spans.raw)
    return resource_spans.size


def scope_size(scope: Scope) -> int:
    """Bytes of the instrumentation scope's own message."""
    if scope.size is None:
        texts = [scope.raw[key] for key in ("name", "version") if scope.raw.get(key)]
        scope.size = _attributed(scope.raw) + sum(message(_text(text)) for text in texts)
    return scope.size


def batch_size(spans: t.Iterable[Span]) -> int:
    """Bytes of the ``ResourceSpans`` that a collector makes of one trace's spans out of one request and resource; without schema URLs, as there.

    :param spans: of one trace and one resource, in their order; at least one.
    :raises Refusal: an attribute that is none of OTLP/JSON's.
    """
    total = of_scope = 0
    scope: Scope | None = None
    for span in spans:
        try:
            if span.scope is not scope:
                total += message(resource_size(span.scope.resource_spans)) if scope is None else message(of_scope)
                scope = span.scope
                of_scope = message(scope_size(scope))
            of_scope += message(span_size(span))
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            raise unreadable(span, problem) from problem
    return total + message(of_scope)


def _rare(raw: Raw) -> int:
    size = 0
    if raw.get("traceState"):
        size += message(_text(raw["traceState"]))
    for event in raw.get("events") or ():
        inner = _attributed(event) + (FIXED_64 if int(event.get("timeUnixNano") or 0) else 0)
        size += message(inner + (message(_text(event["name"])) if event.get("name") else 0))
    for link in raw.get("links") or ():
        inner = _attributed(link) + 2 + len(link.get("traceId") or "") // 2 + 2 + len(link.get("spanId") or "") // 2
        inner += message(_text(link["traceState"])) if link.get("traceState") else 0
        size += message(inner + (5 if link.get("flags") else 0))
    for key in ("droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"):
        if raw.get(key):
            size += 1 + varint(int(raw[key]))
    return size


def _status(raw: Raw) -> int:
    size = message(_text(raw["message"])) if raw.get("message") else 0
    return size + (2 if raw.get("code") else 0)


def _attributed(raw: Raw) -> int:
    """Attributes and how many of them were dropped, as of a resource, a scope, an event or a link."""
    size = sum(message(_attribute(attribute)) for attribute in raw.get("attributes") or ())
    return size + (1 + varint(int(raw["droppedAttributesCount"])) if raw.get("droppedAttributesCount") else 0)


@functools.lru_cache(maxsize=REMEMBERED_NUMBERS)
def _number_attribute(key: str | None, number: str | int) -> int:
    """The field of an attribute with a number; the same ones come again and again."""
    return message(_attribute({"key": key, "value": {"intValue": number}}))


def _attribute(raw: Raw) -> int:
    key = raw.get("key") or ""
    return (message(_text(key)) if key else 0) + message(_any_value(raw.get("value") or {}))


def _any_value(raw: Raw) -> int:
    for kind, found in raw.items():
        if kind == "stringValue":
            return message(_text(found))
        if kind == "intValue":
            return 1 + varint(int(found))
        if kind == "boolValue":
            return 2
        if kind == "doubleValue":
            return FIXED_64
        if kind == "arrayValue":
            return message(sum(message(_any_value(one)) for one in found.get("values") or ()))
        if kind == "kvlistValue":
            return message(sum(message(_attribute(one)) for one in found.get("values") or ()))
        if kind == "bytesValue":
            return message(len(t.cast("bytes", value(raw))))
    return 0


def _text(found: str) -> int:
    return len(found) if found.isascii() else len(found.encode("utf-8", "surrogatepass"))
