# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model finds what made the recoveries, and says so when it cannot know."""

from __future__ import annotations

import datetime
import random
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import trend
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.trend import Point
from hypothesis import given
from hypothesis import strategies as st

FIRST = datetime.date(2026, 10, 1)


def points(
    count: int = 60, *, fixed: float = 6.0, fetch: float = 4e-9, replay: float = 1e-8, growth: float = 1e9, noise: float = 0.0
) -> list[Point]:
    """Recoveries that the rates made, with seeded scatter in size, log and time."""
    chance = random.Random(7)
    found = []
    for number in range(count):
        fetched, wal = 40e9 + growth * number + chance.uniform(-5e8, 5e8), chance.uniform(1e9, 8e9)
        seconds = fixed + fetch * fetched + replay * wal + chance.gauss(0, noise)
        found.append(Point(FIRST + datetime.timedelta(days=number), fetched, wal, seconds))
    return found


def fitted(found: t.Sequence[Point]) -> trend.Model:
    model = trend.fit(found)
    assert model is not None
    return model


def test_it_finds_the_rates_that_made_the_recoveries() -> None:
    model = fitted(points())
    assert (model.fixed, model.fetch, model.replay) == pytest.approx((6.0, 4e-9, 1e-8), rel=1e-6)
    assert model.deviation < 1e-6


def test_it_finds_them_in_scatter_too() -> None:
    model = fitted(points(noise=4.0))
    assert (model.fetch, model.replay) == pytest.approx((4e-9, 1e-8), rel=0.15)
    assert model.deviation == pytest.approx(4.0, rel=0.3)


def test_what_does_not_matter_gets_no_share() -> None:
    model = fitted(points(fetch=0.0, replay=0.0, fixed=50.0, noise=3.0))
    assert (model.fetch, model.replay) == (0.0, 0.0)
    assert model.fixed == pytest.approx(50.0, abs=2.0)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e13), st.floats(0, 1e12), st.floats(0, 1e5)),
        max_size=30,
    )
)
def test_no_part_is_ever_negative(found: list[tuple[float, float, float]]) -> None:
    model = trend.fit([Point(FIRST, *one) for one in found])
    if len(found) < trend.FEWEST_TO_FIT:
        assert model is None
    else:
        assert model is not None
        assert min(model.fixed, model.fetch, model.replay, model.deviation) >= 0


def test_the_day_of_the_crossing() -> None:
    found = points()
    ahead = trend.forecast(found, fitted(found), 900.0)
    # 900 s = 6 s + 4 s/GB x size + 10 s/GB x about 4.5 GB of log: at 212 GB, which is 172 days at a GB a day from 40 GB.
    assert ahead.day is not None
    assert abs((ahead.day - FIRST).days - 172) <= 4
    assert ahead.growth == pytest.approx(1e9, rel=0.02)


def test_scatter_brings_the_earliest_day_forward() -> None:
    found = points(noise=10.0)
    ahead = trend.forecast(found, fitted(found), 900.0)
    assert ahead.day is not None
    assert ahead.earliest is not None
    assert 2 <= (ahead.day - ahead.earliest).days <= 12


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (points(13), "13 recoveries are too few"),
        (points(growth=0.0), "no growth of the backup stands out"),
        (points(growth=-1e8), "no growth of the backup stands out"),
        (points(fetch=0.0), "does not follow the size"),
    ],
)
def test_there_is_no_day_where_nobody_can_know(found: list[Point], why: str) -> None:
    ahead = trend.forecast(found, trend.fit(found), 900.0)
    assert (ahead.day, ahead.earliest) == (None, None)
    assert why in ahead.why_not


def test_a_goal_that_is_years_away_has_no_day() -> None:
    found = points()
    ahead = trend.forecast(found, fitted(found), 90_000.0)
    assert (ahead.day, ahead.why_not) == (None, "it stays below the goal for the next five years")
