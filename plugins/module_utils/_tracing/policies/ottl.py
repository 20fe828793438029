# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The part of the OpenTelemetry Transformation Language that can be foretold; anything else is unknown, never guessed.

Understood: comparisons of attributes, resource attributes, name, kind, status, times, texts, numbers, truth values and nil; sums,
differences and products of integers; ``IsMatch`` and ``IsRootSpan``; and, or, not, parentheses. A condition answers True, False or None:
unknown. An unknown part leaves the whole known where the rest decides it, as in ``status.code == 2 or Hour(start_time) < 6``.
"""

from __future__ import annotations

import decimal
import json
import math
import operator
import re
import typing as t

from ..otlp.spans import KINDS, STATUS_CODES, Span
from .regular_expressions import searcher

Answer: t.TypeAlias = "bool | None"
Event: t.TypeAlias = "t.Mapping[str, t.Any]"
Getter: t.TypeAlias = "t.Callable[[At], t.Any]"
Condition: t.TypeAlias = "t.Callable[[At], Answer]"

TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"""
    r"""|(?P<sign>==|!=|<=|>=|[<>()\[\],+\-*]))"""
)
COMPARISONS: dict[str, t.Callable[[t.Any, t.Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SUMS: dict[str, t.Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub}
ENUMERATIONS = {**KINDS, **STATUS_CODES}
ESCAPED_BY_GO = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
UNKNOWN = object()


class At(t.NamedTuple):
    """What a condition is asked about: a span, or an event of it; the event is empty for a span."""

    span: Span
    event: Event


class NotUnderstood(Exception):
    """A condition beyond the part that is understood here."""


class Conditions:
    """Whether one of some conditions holds for a span, or one of others for an event of it."""

    def __init__(self, span: t.Iterable[str], event: t.Iterable[str]) -> None:
        self._span = [parsed(text, of_event=False) for text in span]
        self._event = [parsed(text, of_event=True) for text in event]

    def holds(self, span: Span) -> Answer:
        answer = either(condition(At(span, {})) for condition in self._span)
        if answer or not self._event:
            return answer
        return either([answer, *(condition(At(span, event)) for event in span.events for condition in self._event)])


def parsed(text: str, *, of_event: bool) -> Condition:
    """A condition as a function; the one that always answers None for what isn't understood.

    :raises Refusal: a regular expression that RE2 does not accept.
    """
    try:
        return _Parser(text, of_event).whole()
    except NotUnderstood:
        return _unknown


def either(answers: t.Iterable[Answer]) -> Answer:
    """True if one is, else None if one is, else False."""
    unknown = False
    for answer in answers:
        if answer:
            return True
        unknown = unknown or answer is None
    return None if unknown else False


class _Parser:
    def __init__(self, text: str, of_event: bool) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._of_event = of_event

    def whole(self) -> Condition:
        condition = self._disjunction()
        if self._at != len(self._tokens):
            raise NotUnderstood
        return condition

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise NotUnderstood
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if self._take()[1] != sign:
            raise NotUnderstood

    def _disjunction(self) -> Condition:
        parts = [self._conjunction()]
        while self._peek() == "or":
            self._take()
            parts.append(self._conjunction())
        return lambda at: either(part(at) for part in parts)

    def _conjunction(self) -> Condition:
        parts = [self._negation()]
        while self._peek() == "and":
            self._take()
            parts.append(self._negation())
        return lambda at: _negated(either(_negated(part(at)) for part in parts))

    def _negation(self) -> Condition:
        if self._peek() == "not":
            self._take()
            inner = self._negation()
            return lambda at: _negated(inner(at))
        if self._peek() == "(":
            before = self._at
            self._take()
            try:
                inner = self._disjunction()
                self._expect(")")
            except NotUnderstood:
                self._at = before  # perhaps a sum in parentheses
            else:
                if self._peek() not in (*COMPARISONS, *SUMS, "*"):
                    return inner
                self._at = before
        return self._comparison()

    def _comparison(self) -> Condition:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        if kind == "word" and text in ("true", "false"):
            self._take()
            return lambda _: text == "true"
        if kind == "word" and text[0].isupper() and text not in ENUMERATIONS:
            return self._function()
        left = self._sum()
        sign = self._take()[1]
        if sign not in COMPARISONS:
            raise NotUnderstood
        right = self._sum()
        return lambda at: _compared(left(at), sign, right(at))

    def _function(self) -> Condition:
        name = self._take()[1]
        self._expect("(")
        if name == "IsRootSpan":
            self._expect(")")
            return lambda at: not at.span.parent_id
        if name == "IsMatch":
            target = self._sum()
            self._expect(",")
            kind, pattern = self._take()
            if kind != "text":
                raise NotUnderstood
            self._expect(")")
            matches = searcher(_unquoted(pattern), "ottl_condition, IsMatch")
            return lambda at: _matched(target(at), matches)
        depth = 1
        while depth:  # a function of which only the extent is understood
            sign = self._take()[1]
            depth += (sign == "(") - (sign == ")")
        if self._peek() in (*COMPARISONS, *SUMS, "*"):
            raise NotUnderstood
        return _unknown

    def _sum(self) -> Getter:
        left = self._product()
        while self._peek() in SUMS:
            sign = self._take()[1]
            left = _computed(left, SUMS[sign], self._product())
        return left

    def _product(self) -> Getter:
        left = self._value()
        while self._peek() == "*":
            self._take()
            left = _computed(left, operator.mul, self._value())
        return left

    def _value(self) -> Getter:
        kind, text = self._take()
        if text == "(":
            inner = self._sum()
            self._expect(")")
            return inner
        if text == "-" and self._tokens[self._at : self._at + 1] and self._tokens[self._at][0] == "number":
            number = _number(self._take()[1])
            return lambda _: -number
        if kind == "number":
            number = _number(text)
            return lambda _: number
        if kind == "text":
            unquoted = _unquoted(text)
            return lambda _: unquoted
        if kind == "word":
            return self._path(text)
        raise NotUnderstood

    def _path(self, text: str) -> Getter:
        constants: dict[str, t.Any] = {"nil": None, "true": True, "false": False, **ENUMERATIONS}
        if text in constants:
            constant = constants[text]
            return lambda _: constant
        context, _dot, rest = text.partition(".")
        if context not in ("span", "spanevent", "resource"):
            context, rest = ("spanevent" if self._of_event else "span"), text
        if context == "spanevent" and not self._of_event:
            raise NotUnderstood
        if rest == "attributes":
            self._expect("[")
            kind, key = self._take()
            if kind != "text":
                raise NotUnderstood
            self._expect("]")
            return _attribute(context, _unquoted(key))
        getters: dict[str, Getter] = {
            "span.name": lambda at: at.span.name,
            "span.kind": lambda at: at.span.kind,
            "span.status.code": lambda at: at.span.status,
            "span.status.message": lambda at: str((at.span.raw.get("status") or {}).get("message") or ""),
            "span.start_time_unix_nano": lambda at: at.span.start,
            "span.end_time_unix_nano": lambda at: at.span.end,
            "spanevent.name": lambda at: at.event["name"],
            "spanevent.time_unix_nano": lambda at: at.event["time"],
        }
        getter = getters.get(f"{context}.{rest}")
        if getter is None:
            raise NotUnderstood
        return getter


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise NotUnderstood
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as problem:
        raise NotUnderstood from problem


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _attribute(context: str, key: str) -> Getter:
    if context == "resource":
        return lambda at: at.span.resource.get(key)
    if context == "span":
        return lambda at: at.span.attributes.get(key)
    return lambda at: at.event["attributes"].get(key)


def _computed(left: Getter, compute: t.Callable[[int, int], int], right: Getter) -> Getter:
    def getter(at: At) -> t.Any:
        one, other = left(at), right(at)
        return compute(one, other) if _is_integer(one) and _is_integer(other) else UNKNOWN

    return getter


def _compared(left: t.Any, sign: str, right: t.Any) -> Answer:
    """As ``ottl/compare.go``: what cannot be compared is unequal and nothing else."""
    if UNKNOWN in (left, right):
        return None
    kinds = _kind(left), _kind(right)
    if kinds[0] != kinds[1]:
        return sign == "!="
    if kinds[0] is None:
        return None
    if left is None:
        return sign in ("==", "<=", ">=")
    return COMPARISONS[sign](left, right)


def _kind(found: object) -> str | None:
    """Which values can be compared with it; None for lists and mappings, whose equals are not looked for."""
    if found is None:
        return "nil"
    for kind, classes in (("truth", bool), ("number", (int, float)), ("text", str), ("bytes", bytes)):
        if isinstance(found, t.cast("type", classes)):
            return kind
    return None


def _matched(found: t.Any, matches: t.Callable[[str], bool]) -> Answer:
    if found is None:
        return False
    text = _as_text(found)
    return None if text is None else matches(text)


def _as_text(found: t.Any) -> str | None:
    """A value as ``StringLikeGetter`` gives it: bytes in hex, what is no text as Go's ``encoding/json`` writes it; None when that is not foretold."""
    if isinstance(found, str):
        return found
    if isinstance(found, bytes):
        return found.hex()
    if isinstance(found, float):
        return _go_number(found) if math.isfinite(found) else None
    if _is_plain(found):
        written = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return "".join(ESCAPED_BY_GO.get(character, character) for character in written)
    return None


def _is_plain(found: t.Any) -> bool:
    if isinstance(found, (list, dict)):
        return all(_is_plain(one) for one in (found.values() if isinstance(found, dict) else found))
    return found is None or isinstance(found, (str, int))


def _go_number(found: float) -> str:
    if not found or 1e-6 <= abs(found) < 1e21:
        return f"{decimal.Decimal(repr(found)):f}".removesuffix(".0")
    mantissa, _sign, exponent = repr(found).partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"


def _is_integer(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _negated(answer: Answer) -> Answer:
    return None if answer is None else not answer


def _unknown(_at: At) -> Answer:
    return None
