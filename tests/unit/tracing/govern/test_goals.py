# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goals become policies that the checks have nothing against, and the largest baseline that reaches them."""

from __future__ import annotations

import typing as t

import hypothesis
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import intervals
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import (
    checks_semantics,
    checks_structure,
    goals,
    sizing,
    solver,
)
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.solver import Bounds
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.subject import Subject
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import Version
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.outcome import Amount, Replay, Tally
from hypothesis import strategies as st

NEW = Version(0, 161)


def parsed(version: Version = NEW, **more: t.Any) -> goals.Goals:
    told = {
        "error_keep_min": 0.95,
        "volume_cut_min": 0.6,
        "slow_ms": None,
        "baseline_min_percentage": 1.0,
        "baseline_percentage": None,
        "always_keep": None,
        "never_keep": None,
    }
    return goals.parse({**told, **more}, version)


def match(name: str, *, values: t.Sequence[str] = (), prefixes: t.Sequence[str] = ()) -> dict[str, t.Any]:
    return {"name": name, "attribute": "http.route", "values": list(values), "prefixes": list(prefixes)}


def test_policies_of_goals_are_what_they_seem() -> None:
    asked = parsed(slow_ms=500, always_keep=[match("docs", prefixes=["/docs/"])], never_keep=[match("health", values=["/health"])])
    policies = goals.policies(asked, 5.0)
    assert [policy["name"] for policy in policies] == ["health", "errors", "server_errors", "slow", "docs", "baseline"]
    subject = Subject({"processors": {"tail_sampling": {"policies": policies}}}, "tail_sampling", NEW)
    assert [*checks_structure.findings(subject), *checks_semantics.findings(subject)] == []
    assert policies[4]["string_attribute"]["values"] == ["^/docs(/|$)"]
    assert [policy["name"] for policy in goals.policies(asked, 0.0)][-1] == "docs"


def test_marks_in_values_mean_themselves_beside_a_prefix() -> None:
    asked = parsed(always_keep=[match("some", values=["/a.b+c"], prefixes=["/v1.2"])])
    assert goals.policies(asked, 0)[-1]["string_attribute"]["values"] == [r"^/a\.b\+c$", r"^/v1\.2(/|$)"]


@pytest.mark.parametrize(
    "more",
    [
        {"error_keep_min": 95},
        {"volume_cut_min": -0.1},
        {"baseline_min_percentage": 0.0},
        {"slow_ms": 0},
        {"always_keep": [match("docs")]},
        {"always_keep": [match("docs", prefixes=["/"])]},
        {"always_keep": [match("one", values=["/a"])], "never_keep": [match("one", values=["/b"])]},
    ],
)
def test_goals_that_cannot_be_are_refused(more: t.Mapping[str, t.Any]) -> None:
    with pytest.raises(Refusal):
        parsed(**more)


def test_a_drop_that_cannot_leave_errors_alone_is_refused() -> None:
    with pytest.raises(Refusal, match=r"0\.154\.0 or later"):
        parsed(Version(0, 153), never_keep=[match("health", values=["/health"])])


@hypothesis.given(everything=st.integers(50, 10**6), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)), cut=st.floats(0.001, 0.99))
@hypothesis.settings(deadline=None, database=None, max_examples=200)
def test_the_largest_baseline_that_cuts_enough(everything: int, shares: tuple[float, float], cut: float) -> None:
    least, most = (round(share * everything) for share in sorted(shares))
    bounds = Bounds(everything, least, most)
    asked = parsed(volume_cut_min=cut)
    if bounds.cut(1.0) < cut:
        with pytest.raises(Refusal, match="impossible, best is"):
            solver.percentage(asked, bounds)
        return
    found = solver.percentage(asked, bounds)
    assert 1.0 <= found <= 100.0
    assert bounds.cut(found) >= cut or found == 1.0
    surer = 1 - intervals.wilson(bounds.kept(found), everything)[1] >= cut
    assert surer or found == 1.0
    if found < 100.0:
        assert 1 - intervals.wilson(bounds.kept(found + 0.01), everything)[1] < cut or most == least


def replay(**classes: tuple[int, int]) -> Replay:
    """Traces and kept ones of each class."""
    return Replay(classes={(name, "shop", "/"): Tally(Amount(all_), Amount(kept)) for name, (all_, kept) in classes.items()})


@pytest.mark.parametrize(
    ("ordinary", "incident", "code"),
    [
        (replay(error=(100, 100), healthy=(900, 90)), None, ""),
        (replay(error=(100, 94), healthy=(900, 90)), None, "error_keep_impossible"),
        (replay(error=(100, 100), healthy=(900, 500)), None, "volume_cut_missed"),
        (replay(healthy=(900, 90)), None, "no_errors_recorded"),
        (replay(healthy=(900, 90)), replay(error=(900, 900), healthy=(100, 10)), ""),
        (replay(error=(100, 100), healthy=(900, 90)), replay(error=(900, 800), healthy=(100, 10)), "error_keep_impossible"),
    ],
)
def test_goals_that_are_missed_are_told_with_what_can_be(ordinary: Replay, incident: Replay | None, code: str) -> None:
    if not code:
        solver.refuse_missed(parsed(), ordinary, incident)
        return
    with pytest.raises(Refusal) as refused:
        solver.refuse_missed(parsed(), ordinary, incident)
    assert refused.value.code == code


@pytest.mark.parametrize(("unlucky", "least"), [(1.0, 30.9), (1.1, 28.0), (1.5, 17.0), (50.0, 1.0)])
def test_a_baseline_that_keeps_more_of_these_traces_than_expected_is_lowered_until_the_goal_is_reached(
    unlucky: float, least: float
) -> None:
    def replayed(percentage: float) -> Replay:
        kept = min(1800, round(1800 * percentage / 100 * (1.0 if percentage in (0.0, 100.0) else unlucky)))
        return replay(error=(200, 200), healthy=(1800, kept))

    found = solver.solve(parsed(), replayed)
    assert least <= found < least + 2.5
    assert solver.cut_by(replayed(found)) >= 0.6 or found == 1.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("1m30s", 90.0), ("1.5s", 1.5), ("250ms", 0.25), ("", None), ("30", None), ("${env:WAIT}", None), (0, 0.0)],
)
def test_durations_as_go_spells_them(text: object, seconds: float | None) -> None:
    assert sizing.duration(text) == seconds


def test_sizes_are_half_again_what_the_cliff_needs_and_shared_evenly() -> None:
    size = sizing.size(sizing.Traffic(2000, 8, 3000, None), 15.0, shards=7)
    assert size.cliff_num_traces == 32_000
    assert size.num_traces == 48_006
    assert size.non_sampled_cache_size == 480_060
    assert size.memory_bytes > 2000 * 16 * 8 * 3000
