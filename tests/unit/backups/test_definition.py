# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions that a restore prints otherwise become the same, and those that mean something else do not."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture.definition import normalised


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "CHECK (((kind)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])))",
            "CHECK (((kind)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text])))",
        ),
        ("(a)::numeric(12,3) > (1)::numeric", "a > 1"),
        ("at > '2026-01-01 00:00:00'::timestamp without time zone", "at > '2026-01-01 00:00:00'"),
        ('(x)::app."My type"[]', "x"),
        ("lower((kind)::text)", "lower(kind)"),
    ],
)
def test_casts_and_lone_parentheses_do_not_count(before: str, after: str) -> None:
    assert normalised(before) == normalised(after)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(a OR b) AND c", "a OR (b AND c)"),
        ("kind = 'a::text'", "kind = 'a'"),
        ("kind = '(a)'", "kind = 'a'"),
        ("kind = '\\'", "kind = '\\\\'"),
        ("f(x)", "f x"),
        ('"A b" > 1', '"A  b" > 1'),
        ("x IN ('a', 'b')", "x IN ('a', 'c')"),
        ("kind = 'it''s' AND a", "kind = 'it' AND a"),
    ],
)
def test_what_means_something_else_stays_something_else(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_normalising_twice_changes_nothing() -> None:
    text = "CHECK ((((kind)::text = 'x'::text) AND ((price > (0)::numeric) OR (weight < (2)::double precision))))"
    assert normalised(normalised(text)) == normalised(text)
