# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Soak: what clocks, gaps, reboots and sleep do to the credit, and what they must never do."""

from __future__ import annotations

import random
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._promotion import clocks
from ansible_collections.governed.delivery.plugins.module_utils._promotion.soak import Soak, agree, credit
from hypothesis import example, given
from hypothesis import strategies as st

DIGEST = "sha256:" + "a" * 64
HOUR = 3600.0
TICK = 600.0
GAP = 900.0
Observation = dict[str, t.Any]
Lie = t.Callable[[float], float]  # seconds that a clock is ahead at a true time


def honest(_now: float) -> float:
    return 0.0


def ahead(by: float) -> Lie:
    return lambda _now: by


def look(now: float, lies: t.Mapping[str, Lie] | None = None, boot: str = "boot-1", **changes: t.Any) -> Observation:
    """One observation at the true time ``now``: of a controller, a host and the ledger, one of which may lie."""
    told = {name: now + (lies or {}).get(name, honest)(now) for name in ("controller", "ledger", "host", "host_uptime")}
    reading = {
        "controller": clocks.wall(1.7e9 + told["controller"]),
        "ledger": clocks.wall(1.7e9 + told["ledger"]),
        "host": clocks.wall(1.7e9 + told["host"]),
        "host_uptime": clocks.uptime(5000 + told["host_uptime"], boot),
    }
    return {"at": f"at {now:.0f}", "healthy": True, "digest": DIGEST, "clocks": reading, **changes}


def only(observation: Observation, *names: str) -> Observation:
    return {**observation, "clocks": {name: entry for name, entry in observation["clocks"].items() if name in names}}


def ticks(hours: float, start: float = 0.0) -> list[float]:
    return [start + number * TICK for number in range(int(hours * HOUR / TICK) + 1)]


def soaked(observations: t.Sequence[Observation], clocks_at_least: int = 2) -> Soak:
    return credit(observations, DIGEST, GAP, clocks_at_least)


def kinds(soak: Soak) -> list[str]:
    return [finding.kind for finding in soak.findings]


def jump(at: float, by: float) -> Lie:
    return lambda now: by if now >= at else 0.0


def test_honest_clocks_are_credited_in_full() -> None:
    found = soaked([look(now) for now in ticks(48)])
    assert found.seconds == pytest.approx(48 * HOUR)
    assert (found.since, found.last, found.observations, found.findings) == ("at 0", "at 172800", 289, ())
    assert len(found.intervals) == 288
    assert found.intervals[0].as_dict() == {"start": 0, "end": 1, "seconds": 600.0, "credited": 600.0}


@pytest.mark.parametrize("observations", [[], [look(0)], [look(0), look(0)], [look(0, healthy=False), look(600)]])
def test_fewer_than_two_looks_are_no_time(observations: list[Observation]) -> None:
    assert soaked(observations).seconds == 0


@pytest.mark.parametrize("by", [48 * HOUR, -2 * HOUR, 31.0, -31.0])
@pytest.mark.parametrize("liar", ["controller", "ledger", "host", "host_uptime"])
def test_a_clock_that_jumps_is_left_out_and_said(liar: str, by: float) -> None:
    found = soaked([look(now, {liar: jump(HOUR, by)}) for now in ticks(4)])
    assert found.seconds == pytest.approx(4 * HOUR)
    assert kinds(found) == ["left_out"]
    assert liar in found.findings[0].detail


@pytest.mark.parametrize("by", [48 * HOUR, -2 * HOUR])
def test_of_two_clocks_that_disagree_neither_is_believed(by: float) -> None:
    observations = [only(look(now, {"controller": jump(HOUR, by)}), "controller", "host_uptime") for now in ticks(4)]
    found = soaked(observations)
    assert found.seconds == pytest.approx(4 * HOUR - TICK)
    assert kinds(found) == ["disagreement"]


def test_one_clock_proves_nothing() -> None:
    for at_least in (2, 1, 0):
        found = soaked([only(look(now), "controller") for now in ticks(2)], at_least)
        assert (found.seconds, set(kinds(found))) == (0, {"disagreement"})


def test_forty_hours_unwatched_earn_nothing_and_lose_nothing() -> None:
    found = soaked([look(now) for now in [*ticks(5), *ticks(5, start=45 * HOUR)]])
    assert found.seconds == pytest.approx(10 * HOUR)
    assert kinds(found) == ["gap"]


def test_the_longest_allowed_gap_is_no_gap() -> None:
    assert soaked([look(0), look(GAP)]).seconds == GAP
    assert soaked([look(0), look(GAP + 0.01)]).seconds == 0


def test_a_machine_that_sleeps_is_not_credited_for_it() -> None:
    asleep = [look(now) for now in ticks(1)] + [look(now + 8 * HOUR) for now in ticks(1, start=HOUR)[1:]]
    assert soaked(asleep).seconds == pytest.approx(2 * HOUR - TICK)
    stopped = [only(look(now, {"host_uptime": lambda now: -400.0 if now > HOUR else 0.0}), "host", "host_uptime") for now in ticks(2)]
    assert soaked(stopped).seconds == pytest.approx(2 * HOUR - TICK), "a clock that stood still while the machine slept disagrees"


def test_a_reboot_leaves_the_other_clocks() -> None:
    later = [look(now, {"host_uptime": ahead(-4000.0)}, boot="boot-2") for now in ticks(1, start=HOUR)[1:]]
    observations = [look(now) for now in ticks(1)] + later
    found = soaked(observations)
    assert found.seconds == pytest.approx(2 * HOUR)
    assert found.findings == ()
    alone = soaked([only(one, "controller", "host_uptime") for one in observations])
    assert alone.seconds == pytest.approx(2 * HOUR - TICK)
    assert kinds(alone) == ["disagreement"]


@pytest.mark.parametrize(
    "change", [{"healthy": False}, {"healthy": "yes"}, {"healthy": None}, {"digest": "sha256:" + "b" * 64}, {"digest": None}]
)
def test_unhealthy_or_redeployed_begins_anew(change: dict[str, t.Any]) -> None:
    observations = [look(now, **(change if now == 2 * HOUR else {})) for now in ticks(3)]
    found = soaked(observations)
    assert found.seconds == pytest.approx(HOUR - TICK)
    assert (found.since, found.observations, kinds(found)) == ("at 7800", 6, ["reset"])
    assert "6,600 s" in found.findings[0].detail
    assert soaked(observations[:13]).seconds == 0


def test_no_digest_is_never_credited() -> None:
    assert credit([look(0, digest=""), look(TICK, digest="")], "", GAP, 2).seconds == 0


def test_time_that_is_told_twice_or_out_of_order_is_credited_once() -> None:
    for order in ([0, 600, 600, 1200], [0, 600, 300, 900], [0, 600, 0, 600, 0, 600], [600, 0, 600], [0, 300, 0, 300, 600]):
        found = soaked([look(now) for now in order])
        assert found.seconds <= max(order) - min(order), order
        assert "backwards" in kinds(found)
    assert soaked([look(now) for now in (0, 600, 300, 900)]).seconds == 900


@pytest.mark.parametrize("junk", [None, {}, [], "clocks", {"controller": None}, {"controller": {"seconds": "now"}}])
def test_a_look_without_clocks_earns_nothing(junk: object) -> None:
    assert soaked([look(0, clocks=junk), look(600, clocks=junk), look(1200)]).seconds == 0


def test_an_empty_mapping_is_no_healthy_look() -> None:
    assert soaked([{}, {}, {}]).seconds == 0


def test_the_places_of_the_ledger_are_kept() -> None:
    found = soaked([look(0, index=7), look(2000, index=11)])
    assert (found.findings[0].index, found.intervals[0].start, found.intervals[0].end) == (11, 7, 11)


def test_of_equally_large_groups_the_slower_is_believed() -> None:
    assert agree({"a": 600, "b": 601, "c": 9000, "d": 9001}, 2, 30).seconds == 600
    assert agree({"a": 0, "b": 25, "c": 50}, 2, 30).agreeing == {"a": 0, "b": 25}
    assert agree({"a": 0, "b": 31}, 2, 30).seconds is None
    assert agree({}, 2, 30).seconds is None


MOMENTS = st.lists(st.floats(0, 6 * HOUR), min_size=2, max_size=25)
OFFSETS = st.lists(st.one_of(st.floats(-1e6, 1e6), st.floats(-60, 60)), min_size=25, max_size=25)
LIARS = st.sampled_from(["controller", "ledger", "host", "host_uptime"])


def lying(moments: t.Sequence[float], liar: str, offsets: t.Sequence[float], shown: t.Sequence[str]) -> list[Observation]:
    return [only(look(now, {liar: ahead(by)}), *shown) for now, by in zip(moments, offsets, strict=False)]


@given(MOMENTS, LIARS, OFFSETS)
@example([0.0, 600.0, 300.0, 900.0], "host", [0.0, 29.0, -29.0, 29.0] + [0.0] * 21)
def test_one_liar_among_four_never_lengthens_the_soak_in_any_order(moments: list[float], liar: str, offsets: list[float]) -> None:
    found = soaked(lying(moments, liar, offsets, ("controller", "ledger", "host", "host_uptime")))
    assert found.seconds <= max(moments) - min(moments) + 1e-3


@given(MOMENTS, LIARS, OFFSETS)
def test_one_liar_of_two_never_lengthens_the_soak(moments: list[float], liar: str, offsets: list[float]) -> None:
    shown = (liar, "ledger" if liar != "ledger" else "host")
    found = soaked(lying(sorted(moments), liar, offsets, shown))
    assert found.seconds <= max(moments) - min(moments) + 1e-3


@given(MOMENTS)
def test_the_soak_only_grows_with_each_healthy_look(moments: list[float]) -> None:
    observations = [look(now) for now in moments]
    grown = [soaked(observations[:count]).seconds for count in range(len(observations) + 1)]
    assert grown == sorted(grown)


@given(st.lists(st.floats(1, GAP), min_size=1, max_size=30), LIARS, st.floats(100, 1e6), st.integers(0, 30))
def test_a_single_jump_costs_nothing_while_three_agree(steps: list[float], liar: str, by: float, place: int) -> None:
    moments = [sum(steps[:count]) for count in range(len(steps) + 1)]
    at = moments[min(place, len(moments) - 1)]
    for amount in (by, -by):
        assert soaked([look(now, {liar: jump(at, amount)}) for now in moments]).seconds == pytest.approx(sum(steps), abs=1e-3)


def test_what_is_credited_is_the_sum_of_its_intervals() -> None:
    chance = random.Random(36)
    now, observations = 0.0, []
    for _look in range(300):
        now += chance.choice([60, 600, 899, 2000])
        observations.append(look(now, {"host": ahead(chance.choice([0, 0, 0, 7200]))}))
    found = soaked(observations)
    assert found.seconds == pytest.approx(sum(interval.credited for interval in found.intervals))
    assert 0 < found.seconds < now
