# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Definitions as PostgreSQL prints them, without what a dump and restore may print differently.

What pg_get_viewdef and its like print is parsed again by a restore, and then printed again. Casts and parentheses move on that way: a check
``x IN ('a', 'b')`` on a varchar column prints ``(x)::text = ANY ((ARRAY['a'::character varying])::text[])`` first, and
``(x)::text = ANY (ARRAY[('a'::character varying)::text])`` from then on. So casts are dropped, and parentheses around one thing; those that group stay.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    (?P<literal>[Ee]'(?:[^'\\]|''|\\.)*'|[BbXx]?'(?:[^']|'')*')
  | (?P<cast>::\s*
      (?:double\ precision|character\ varying|bit\ varying
        |(?:timestamp|time)(?:\(\d+\))?\ with(?:out)?\ time\ zone
        |interval(?:\ (?:year|month|day|hour|minute|second)(?:\ to\ (?:month|hour|minute|second))?)?
        |(?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))*)
      (?:\(\d+(?:,\d+)?\))?(?:\[\])*)
  | (?P<name>"(?:[^"]|"")*")
  | (?P<space>\s+)
  | (?P<word>[\w.$]+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]"}


def normalised(definition: str) -> str:
    """The definition's tokens with one space between, without casts and without parentheses that hold a single thing."""
    tokens = [found.group() for found in _TOKEN.finditer(definition) if found.lastgroup not in ("cast", "space")]
    while (fewer := _without_lone_parentheses(tokens)) != tokens:
        tokens = fewer
    return " ".join(tokens)


def _without_lone_parentheses(tokens: list[str]) -> list[str]:
    """One round: ``( x )`` and ``( ARRAY [ … ] )`` become what they hold, ``( ( … ) )`` becomes ``( … )``. A call's parentheses stay."""
    partner = _partners(tokens)
    dropped: set[int] = set()
    for start, end in partner.items():
        if tokens[start] != "(" or (start > 0 and _may_be_called(tokens[start - 1])):
            continue
        inside = start + 1
        lone = end == start + 2
        twice = tokens[inside] == "(" and partner.get(inside) == end - 1
        array = tokens[inside].upper() == "ARRAY" and partner.get(inside + 1) == end - 1
        if (lone or twice or array) and start not in dropped and inside not in dropped:
            dropped |= {start, end}
    return [token for index, token in enumerate(tokens) if index not in dropped]


def _partners(tokens: list[str]) -> dict[int, int]:
    """Where what is opened there is closed."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token in _CLOSING:
            opened.append(index)
        elif opened and token == _CLOSING[tokens[opened[-1]]]:
            partner[opened.pop()] = index
    return partner


# Words that a parenthesis may follow without being called.
_KEYWORDS = {
    *("and", "or", "not", "in", "is", "like", "between", "then", "else", "when", "case", "where", "on", "having", "select", "from"),
    *("as", "using", "check", "default", "by", "any", "all", "some", "array", "return"),
}


def _may_be_called(token: str) -> bool:
    return token[-1] == '"' or (token[-1].isalnum() and token.lower() not in _KEYWORDS) or token[-1] == "_"
