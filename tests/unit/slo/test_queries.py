# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries as people write them, and the moments that they ask about."""

from __future__ import annotations

import typing as t

import hypothesis.strategies as st
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus.grid import spelt, written
from ansible_collections.governed.delivery.plugins.module_utils._slo.prometheus import queries
from hypothesis import given

PLAIN = {"name": "errors", "query": "sum(errors)"}


def one(**more: t.Any) -> queries.Query:
    [query] = queries.parse([{**PLAIN, **more}])
    return query


def test_a_query_has_the_defaults_that_the_module_describes() -> None:
    assert one() == queries.Query("errors", "sum(errors)", "1", 1800, 15, 30, 95, "last")
    assert one(window="2d", step="5m", lookback="1h", reduce="p95", unit="ms").lookback == 3600


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"name": "Errors"}, r"queries\[0\]\.name"),
        ({"query": " "}, r"queries\[0\]\.query"),
        ({"window": "10m", "step": "7s"}, r"queries\[0\]\.window"),
        ({"window": "15s"}, r"queries\[0\]\.window"),
        ({"window": "15s", "step": "1m"}, r"queries\[0\]\.window"),
        ({"window": "2d", "step": "15s"}, r"queries\[0\]\.window"),
        ({"window": "0s"}, r"queries\[0\]\.window"),
        ({"window": 30}, r"queries\[0\]\.window"),
        ({"step": "500ms"}, r"queries\[0\]\.step"),
        ({"lookback": "31m"}, r"queries\[0\]\.lookback"),
        ({"coverage_at_least": 0}, r"queries\[0\]\.coverage_at_least"),
        ({"coverage_at_least": 100.1}, r"queries\[0\]\.coverage_at_least"),
        ({"coverage_at_least": float("nan")}, r"queries\[0\]\.coverage_at_least"),
        ({"reduce": "p0"}, r"queries\[0\]\.reduce"),
        ({"reduce": "p100"}, r"queries\[0\]\.reduce"),
        ({"reduce": "sum"}, r"queries\[0\]\.reduce"),
        ({"covrage": 95}, "coverage_at_least"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, t.Any], path: str) -> None:
    with pytest.raises(Refusal, match=path):
        one(**more)


def test_no_queries_and_two_of_a_name_are_refused() -> None:
    with pytest.raises(Refusal, match="at least one"):
        queries.parse([])
    with pytest.raises(Refusal, match="second time"):
        queries.parse([PLAIN, PLAIN])


@pytest.mark.parametrize(("asked", "enough"), [(95, 114), (99.9, 120), (100, 120), (0.1, 1), (33.3, 40), (99.1, 119)])
def test_coverage_is_reckoned_exactly(asked: float, enough: int) -> None:
    query = one(coverage_at_least=asked)
    assert [query.is_covered_by(points) for points in (0, enough - 1, enough, 120)] == [False, False, True, True]


@given(now=st.integers(10**12, 4 * 10**12), step=st.integers(1, 3600), count=st.integers(2, 11_000))
def test_the_window_ends_one_to_two_steps_ago_and_has_all_its_points(now: int, step: int, count: int) -> None:
    moments = one(step=f"{step}s", window=f"{step * count}s").moments(now)
    assert step * 1000 <= now - moments.end < 2 * step * 1000
    assert (moments.end - moments.start) // moments.step + 1 == moments.count == count
    assert moments.end % (step * 1000) == 0
    assert moments.holds(moments.start)
    assert moments.holds(moments.end)
    assert not any(moments.holds(moment) for moment in (moments.start - moments.step, moments.end + moments.step, moments.end - 1))


def test_moments_are_spelt_as_the_api_and_as_people_read_them() -> None:
    assert spelt(1774864800007) == "1774864800.007"
    assert written(1774864800007) == "2026-03-30T10:00:00+00:00"
