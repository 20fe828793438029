# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What spans say of their trace: one bit a condition, set as soon as one span fulfils it.

Almost every policy asks whether *any* span has something, so a trace in memory needs a number and not its spans. Only the
attributes somebody asks for are looked at, and each distinct value only once.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ..otlp.spans import Raw, ResourceSpans, Span, unreadable
from . import model, ottl
from .regular_expressions import searcher
from .versions import Version, behaves

MILLISECOND = 1_000_000
SAMPLED_FLAG = 1
REMEMBERED_VALUES = 65_536
LATEST = 1 << 63
MEMBER = re.compile(
    r"[ \t]*([a-z][_0-9a-z\-*/]{0,255}|[a-z0-9][_0-9a-z\-*/]{0,240}@[a-z][_0-9a-z\-*/]{0,13})="
    r"([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])[ \t]*\Z"
)
MOST_MEMBERS = 32
Condition: t.TypeAlias = "model.SpanTest | model.Latency | model.SpanCount"


class Observation:
    """What is known of a trace, or of a part of it.

    :ivar bits: conditions that a span fulfilled.
    :ivar bytes: sum of the batches' sizes; ``framing`` what a message around all of them adds. 0 when nobody asks.
    :ivar longest: nanoseconds between earliest start and latest end, at its longest; as the collector counts, a start or end of 0 is none yet.
    """

    __slots__ = ("bits", "bytes", "end", "framing", "longest", "spans", "start")

    def __init__(self) -> None:
        self.bits = 0
        self.start = 0
        self.end = 0
        self.longest = -LATEST
        self.spans = 0
        self.bytes = 0
        self.framing = 0


class Watch:
    """The conditions on one attribute. Values of another kind than asked for read as ``""``, 0 and false, as in the collector."""

    def __init__(self) -> None:
        self.texts: list[tuple[int, t.Callable[[str], bool]]] = []
        self.numbers: list[tuple[int, int, int]] = []
        self.truths: list[tuple[int, bool]] = []
        self._of_text: dict[str, int] = {}
        self._of_number: dict[str, int] = {}  # by how it is written: OTLP/JSON writes 64 bits as text

    def of_span(self, raw: Raw | None) -> int:
        """Bits for a span's ``AnyValue``."""
        if not raw:
            return self._of_other({})
        text = raw.get("stringValue")
        if text is not None:
            bits = self._of_text.get(text)
            return self._remember(self._of_text, text, self._of_other({}) | (self._matching(text) if text else 0)) if bits is None else bits
        number = raw.get("intValue")
        if number is not None:
            bits = self._of_number.get(number)
            return self._remember(self._of_number, number, self._of_other(raw)) if bits is None else bits
        return self._of_other(raw)

    def of_resource(self, raw: Raw | None) -> int:
        """Bits for a resource's ``AnyValue``; unlike a span's, an empty text is looked at too."""
        text = (raw or {}).get("stringValue", "")
        return self.of_span(raw) | (0 if text else self._matching(""))

    def _remember(self, known: dict[str, int], raw: str, bits: int) -> int:
        if len(known) >= REMEMBERED_VALUES:
            known.clear()
        known[raw] = bits
        return bits

    def _matching(self, text: str) -> int:
        bits = 0
        for bit, matches in self.texts:
            if matches(text):
                bits |= bit
        return bits

    def _of_other(self, raw: Raw) -> int:
        number = int(raw["intValue"]) if "intValue" in raw else 0
        truth = bool(raw.get("boolValue"))
        bits = 0
        for bit, minimum, maximum in self.numbers:
            if minimum <= number <= maximum:
                bits |= bit
        for bit, wanted in self.truths:
            if truth is wanted:
                bits |= bit
        return bits


class Conditions:
    """All conditions of some policies, each with its bit; ask :meth:`bit` for each of them first, then :meth:`observe`."""

    def __init__(self, version: Version) -> None:
        self._exclusive = behaves(version, "latency_excludes_its_threshold")
        self._bits: dict[object, int] = {}
        self._watches: dict[str, Watch] = {}
        self._status: dict[int, int] = {0: 0, 1: 0, 2: 0}
        self._flag = 0
        self._resource: tuple[ResourceSpans | None, int] = (None, 0)
        self._states: list[tuple[int, str, frozenset[str]]] = []
        self._longer: list[tuple[int, int]] = []
        self._between: list[tuple[int, int, int]] = []
        self._counts: list[tuple[int, int, int]] = []
        self._ottl: list[tuple[int, int, ottl.Conditions]] = []
        self._parsed_state = functools.lru_cache(maxsize=REMEMBERED_VALUES)(parsed_trace_state)

    def bit(self, test: Condition) -> int:
        """The bit of a condition; of an inverted one, the bit of what it excludes.

        :raises Refusal: a regular expression that RE2 does not accept.
        """
        if isinstance(test, (model.StringAttribute, model.NumericAttribute, model.BooleanAttribute)) and test.invert:
            return self.bit(_upright(test))
        if test not in self._bits:
            self._bits[test] = bit = self._next()
            self._add(test, bit)
        return self._bits[test]

    def unknown_bit(self, test: model.Ottl) -> int:
        """The bit that says that a span's answer to a condition cannot be foretold."""
        self.bit(test)
        return self._bits[("unknown", test)]

    def reserve(self) -> int:
        """A bit for something that no span says, such as a share of trace ids."""
        bit = self._next()
        self._bits[("reserved", bit)] = bit
        return bit

    def observe(self, seen: Observation, resource_spans: ResourceSpans, spans: t.Sequence[Span]) -> None:
        """Add spans of one trace and one resource.

        :raises Refusal: an attribute that is none of OTLP/JSON's.
        """
        start, end, longest = seen.start, seen.end, seen.longest
        status, watches, between = self._status, self._watches, self._between
        watched = watches.get
        special = bool(self._flag or self._states or self._ottl)
        span = spans[0]
        try:
            bits = seen.bits | self._of_resource(resource_spans)
            for span in spans:
                bits |= status.get(span.status, 0)
                if not start or span.start < start:
                    start = span.start
                if not end or span.end > end:
                    end = span.end
                if (lasting := end - start) > longest:
                    longest = lasting
                if watches:
                    looked: tuple[Watch, ...] = ()
                    for attribute in span.raw.get("attributes") or ():
                        watch = watched(attribute["key"])
                        if watch is not None and watch not in looked:
                            looked += (watch,)
                            bits |= watch.of_span(attribute.get("value"))
                if special:
                    bits |= self._of_special(span)
                for bit, least, most in between:
                    if least <= lasting < most:
                        bits |= bit
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            raise unreadable(span, problem) from problem
        seen.bits, seen.start, seen.end, seen.longest = bits, start, end, longest
        seen.spans += len(spans)

    def complete(self, seen: Observation) -> int:
        """All bits of a trace that is decided now, with those of its duration and its number of spans."""
        bits = seen.bits
        for bit, least in self._longer:
            if seen.longest >= least:
                bits |= bit
        for bit, fewest, most in self._counts:
            if fewest <= seen.spans and (not most or seen.spans <= most):
                bits |= bit
        return bits

    def _next(self) -> int:
        return 1 << len(self._bits)

    def _add(self, test: Condition, bit: int) -> None:
        if isinstance(test, model.StatusCode):
            for code in test.codes:
                self._status[code] |= bit
        elif isinstance(test, model.TraceFlags):
            self._flag = bit
        elif isinstance(test, model.StringAttribute):
            self._watch(test.key).texts.append((bit, _matcher(test)))
        elif isinstance(test, model.NumericAttribute):
            bounds = (-LATEST if test.minimum is None else test.minimum, LATEST - 1 if test.maximum is None else test.maximum)
            self._watch(test.key).numbers.append((bit, *bounds))
        elif isinstance(test, model.BooleanAttribute):
            self._watch(test.key).truths.append((bit, test.value))
        elif isinstance(test, model.TraceState):
            values = frozenset(value for value in test.values if value and len(test.key.encode()) + len(value.encode()) < 256)
            self._states.append((bit, test.key, values))
        elif isinstance(test, model.Ottl):
            self._bits[("unknown", test)] = unknown = self._next()
            self._ottl.append((bit, unknown, ottl.Conditions(test.span, test.event)))
        elif isinstance(test, model.SpanCount):
            self._counts.append((bit, test.minimum, test.maximum))
        elif test.upper_ms:
            self._between.append((bit, _beyond(test.threshold_ms), _beyond(test.upper_ms)))
        else:
            self._longer.append((bit, _beyond(test.threshold_ms if self._exclusive else test.threshold_ms - 1)))

    def _watch(self, key: str) -> Watch:
        return self._watches.setdefault(key, Watch())

    def _of_resource(self, resource_spans: ResourceSpans) -> int:
        if self._resource[0] is not resource_spans:
            bits = 0
            looked = set()
            for attribute in resource_spans.raw.get("attributes") or ():
                key = attribute.get("key")
                if key in self._watches and key not in looked:
                    looked.add(key)
                    bits |= self._watches[key].of_resource(attribute.get("value"))
            self._resource = (resource_spans, bits)
        return self._resource[1]

    def _of_special(self, span: Span) -> int:
        bits = self._flag if self._flag and span.flags & SAMPLED_FLAG else 0
        if self._states and (state := self._parsed_state(span.trace_state)):
            for bit, key, values in self._states:
                if state.get(key) in values:
                    bits |= bit
        for bit, unknown, conditions in self._ottl:
            answer = conditions.holds(span)
            bits |= unknown if answer is None else bit if answer else 0
        return bits


def parsed_trace_state(text: str) -> dict[str, str] | None:
    """Members of a W3C trace state; None for one that is not valid as a whole, which nothing matches."""
    state: dict[str, str] = {}
    for member in text.split(","):
        if not member:
            continue
        match = MEMBER.match(member)
        if match is None or match[1] in state or len(state) == MOST_MEMBERS:
            return None
        state[match[1]] = match[2]
    return state


def _upright(test: model.StringAttribute | model.NumericAttribute | model.BooleanAttribute) -> Condition:
    if isinstance(test, model.StringAttribute):
        return model.StringAttribute(test.key, test.values, test.is_regex)
    if isinstance(test, model.NumericAttribute):
        return model.NumericAttribute(test.key, test.minimum, test.maximum)
    return model.BooleanAttribute(test.key, test.value)


def _matcher(test: model.StringAttribute) -> t.Callable[[str], bool]:
    if not test.is_regex:
        return frozenset(value for value in test.values if value).__contains__
    searches = [searcher(pattern, f"string_attribute {test.key}") for pattern in test.values]
    return lambda text: any(search(text) for search in searches)


def _beyond(milliseconds: int) -> int:
    """The shortest duration in nanoseconds whose whole milliseconds, cut towards zero, are more than these."""
    return (milliseconds + 1) * MILLISECOND if milliseconds >= 0 else milliseconds * MILLISECOND + 1
