# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token bucket: no second has much more than the cap, nothing waits that need not, and it tells what it let through."""

from __future__ import annotations

import concurrent.futures
import time

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.rate import BURST_SECONDS, PORTION_SECONDS, Rate
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from hypothesis import given
from hypothesis import strategies as st

CAPS = st.floats(1e3, 1e9)
# (seconds of pause before it, bytes as a part of a second's worth)
QUESTIONS = st.lists(st.tuples(st.one_of(st.just(0.0), st.floats(0, 3)), st.floats(0, 2)), min_size=1, max_size=30)


class Clock:
    """Time that only passes when somebody sleeps or pauses."""

    def __init__(self) -> None:
        self.now = 1000.25

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def asked(cap: float | None, questions: list[tuple[float, float]]) -> tuple[Rate, Clock, list[tuple[float, int]]]:
    """All of them, one after the other; and when how many bytes were given, portion by portion."""
    clock = Clock()
    rate = Rate(cap, clock=clock, sleep=clock.sleep)
    given_at: list[tuple[float, int]] = []
    for pause, seconds_worth in questions:
        clock.sleep(pause)
        left = int(seconds_worth * (cap or 1e6))
        while left > 0:
            piece = min(left, rate.portion)
            rate.take(piece)
            given_at.append((clock.now, piece))
            left -= piece
    return rate, clock, given_at


@given(cap=CAPS, questions=QUESTIONS)
def test_no_window_of_a_second_has_more_than_a_fifth_above_the_cap(cap: float, questions: list[tuple[float, float]]) -> None:
    rate, _clock, given_at = asked(cap, questions)
    first = window = 0
    for moment, piece in given_at:
        window += piece
        while given_at[first][0] <= moment - 1:
            window -= given_at[first][1]
            first += 1
        assert window <= cap * 1.2
    if given_at:
        assert rate.worst_second is not None
        assert rate.worst_second <= cap * 1.2
        assert rate.bytes == sum(piece for _moment, piece in given_at)


@given(cap=CAPS, seconds_worth=st.floats(0.5, 5))
def test_who_always_asks_gets_the_whole_cap(cap: float, seconds_worth: float) -> None:
    rate, clock, given_at = asked(cap, [(0.0, seconds_worth)])
    total = sum(piece for _moment, piece in given_at)
    assert clock.now - 1000.25 <= total / cap
    assert rate.slept_seconds == pytest.approx(clock.now - 1000.25, abs=1e-6)


@given(cap=CAPS, pauses=st.integers(1, 20))
def test_who_asks_for_less_than_the_cap_never_waits(cap: float, pauses: int) -> None:
    rate, _clock, _given = asked(cap, [(PORTION_SECONDS * 1.01, PORTION_SECONDS)] * pauses)
    assert rate.slept_seconds == 0


def test_a_question_for_many_seconds_worth_is_answered_second_by_second() -> None:
    clock = Clock()
    rate = Rate(1000.0, clock=clock, sleep=clock.sleep)
    rate.take(10_000)
    assert clock.now - 1000.25 == pytest.approx(10 - BURST_SECONDS)
    assert rate.worst_second is not None
    assert rate.worst_second <= 1200


def test_a_pause_is_caught_up_by_the_burst_only() -> None:
    clock = Clock()
    rate = Rate(1000.0, clock=clock, sleep=clock.sleep)
    rate.take(1000)
    clock.sleep(3600)
    before = clock.now
    rate.take(1000)
    assert clock.now - before == pytest.approx(1 - BURST_SECONDS)


def test_without_a_cap_nothing_waits_and_all_is_counted() -> None:
    rate, clock, _given = asked(None, [(0.0, 5.0), (1.0, 3.0)])
    assert (rate.bytes, rate.slept_seconds, clock.now) == (8_000_000, 0, 1001.25)
    assert rate.worst_second == 5_000_000
    assert rate.mean == 8_000_000


def test_before_the_first_byte_nothing_is_known() -> None:
    rate = Rate(5.0)
    assert (rate.bytes, rate.mean, rate.worst_second, rate.slept_seconds) == (0, None, None, 0)


@pytest.mark.parametrize("cap", [0, -1.0, float("nan")])
def test_a_cap_that_lets_nothing_through_is_refused(cap: float) -> None:
    with pytest.raises(Refusal) as refused:
        Rate(cap)
    assert refused.value.code == "rate_limit"


def test_threads_share_one_bucket() -> None:
    """Real time. What several waited for at once counts once."""
    rate = Rate(2_000_000.0)
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(rate.take, [400_000] * 4))
    seconds = time.monotonic() - begun
    assert seconds >= 1_600_000 / 2_000_000 - BURST_SECONDS
    assert rate.bytes == 1_600_000
    assert rate.slept_seconds <= seconds
