# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The one place that imports promql-parser, and what an expression asks for."""

from __future__ import annotations

import dataclasses
import traceback
import typing as t

from ..frame import Library

if t.TYPE_CHECKING:
    import promql_parser

    IMPORT_ERROR: str | None
else:
    try:
        import promql_parser

        IMPORT_ERROR = None
    except ImportError:
        promql_parser = None
        IMPORT_ERROR = traceback.format_exc()

PROMQL_PARSER = Library("promql-parser (https://github.com/messense/py-promql-parser)", IMPORT_ERROR)


class NoPromql(Exception):
    """An expression that does not parse; ``str()`` says why."""


@dataclasses.dataclass(frozen=True)
class Selector:
    """A vector selector: the metric's name ("" when there is none) and its matchers as ``(label, operator, value)``, sorted.

    ``text`` is the selector as PromQL, without range and offset.
    """

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    text: str


def selectors(expression: str) -> list[Selector]:
    """Every vector selector of a PromQL expression, in the order of the text.

    :raises NoPromql: it does not parse.
    """
    found: list[Selector] = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(_selector(node))

    promql_parser.walk(_parsed(expression), visit)
    return found


def plain_selector(expression: str) -> Selector:
    """The expression as one instant vector selector with a name, such as ``http_requests_total{job="shop"}``.

    :raises NoPromql: it is anything else.
    """
    parsed = _parsed(expression)
    if not isinstance(parsed, promql_parser.VectorSelector) or parsed.offset is not None or parsed.at is not None:
        raise NoPromql("an expression that is more than a metric's name and its labels")
    found = _selector(parsed)
    if not found.name:
        raise NoPromql("a selector without the metric's name")
    return found


def grouping(expression: str) -> list[str]:
    """The labels that an expression groups or joins by: those of ``by``, ``on`` and ``group_left``, each once, in the order of the text.

    :raises NoPromql: it does not parse.
    """
    found: dict[str, None] = {}

    def visit(node: object) -> None:
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.AggregateExpr) and modifier is not None and modifier.type == promql_parser.AggModifierType.By:
            found.update(dict.fromkeys(modifier.labels))
        elif isinstance(node, promql_parser.BinaryExpr) and modifier is not None:
            if modifier.matching is not None and modifier.matching.type == promql_parser.LabelModifierType.Include:
                found.update(dict.fromkeys(modifier.matching.labels))
            found.update(dict.fromkeys(modifier.group_labels or ()))

    promql_parser.walk(_parsed(expression), visit)
    return list(found)


def _parsed(expression: str) -> promql_parser.Expr:
    try:
        return promql_parser.parse(expression)
    except ValueError as problem:
        raise NoPromql(" ".join(str(problem).split())) from problem


def _selector(node: promql_parser.VectorSelector) -> Selector:
    operators = (
        (promql_parser.MatchOp.Equal, "="),
        (promql_parser.MatchOp.NotEqual, "!="),
        (promql_parser.MatchOp.Re, "=~"),
        (promql_parser.MatchOp.NotRe, "!~"),
    )  # the kinds cannot be hashed
    matchers = sorted(
        (matcher.name, next(written for kind, written in operators if matcher.op == kind), matcher.value)
        for matcher in node.matchers.matchers
    )
    name = node.name or next((value for label, operator, value in matchers if (label, operator) == ("__name__", "=")), "")
    labels = ",".join(f"{label}{operator}{_quoted(value)}" for label, operator, value in matchers)
    return Selector(name, tuple(matchers), (node.name or "") + (f"{{{labels}}}" if labels else ""))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
