# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measures of a shift: every number where it belongs, and none where nothing was observed."""

from __future__ import annotations

import copy
import datetime
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.governed.delivery.plugins.filter.shift_measures import GOAL_STATES, FilterModule, shift_measures
from ansible_collections.governed.delivery.plugins.module_utils._promotion.verdict import judge

from tests.unit.filter.shift_sample import COMPARISON, LIVE, REHEARSAL, START

PLAN = Path(__file__).resolve().parents[3] / "playbooks" / "plans" / "sprint_36.yml"
AT = "2026-03-30T11:00:00+00:00"
OF_REHEARSAL = ["rehearsed_rows", "rehearsal_mismatches", "rehearsal_default_rows", "shadow_reads_slower"]
OF_MIRROR = ["mirror_triggers_missing", "foreground_failed", "foreground_longest_wait"]
OF_COPY = [
    "rows_copied",
    "reconcile_mismatches",
    "default_rows",
    "foreground_p95_change",
    "foreground_p95_baseline",
    "foreground_p95_change_since_before",
    "foreground_p95_before",
    "copy_rows_per_second",
]
OF_CUTOVER = ["cutover_lock_ms", "cutover_foreground_p95_change", "cutover_foreground_p95_baseline", "shadow_reads_slower"]
NAMES = {
    "rehearsed": OF_REHEARSAL,
    "mirrored": OF_MIRROR,
    "copied": OF_MIRROR + OF_COPY,
    "verified": OF_MIRROR + OF_COPY,
    "live": OF_MIRROR + OF_COPY + OF_CUTOVER,
}


def by_name(goal_state: str, shift: t.Mapping[str, t.Any] = LIVE, **given: t.Any) -> dict[str, dict[str, t.Any]]:
    measures = shift_measures(shift, goal_state, **{"comparison": COMPARISON, "rehearsal": REHEARSAL, "at": AT, **given})
    return {measure["name"]: measure for measure in measures}


def changed(**values: t.Any) -> dict[str, t.Any]:
    return {**copy.deepcopy(LIVE), **values}


def test_ansible_finds_it() -> None:
    assert FilterModule().filters() == {"shift_measures": shift_measures}


@pytest.mark.parametrize("goal_state", GOAL_STATES)
def test_measures_of_each_goal(goal_state: str) -> None:
    assert list(by_name(goal_state)) == NAMES[goal_state]


@pytest.mark.parametrize(
    ("name", "value", "unit", "samples"),
    [
        ("mirror_triggers_missing", 0, "count", 1),
        ("foreground_failed", 2, "count", 5002),
        ("foreground_longest_wait", 58.2, "ms", 5000),
        ("rows_copied", 30600, "rows", 306),
        ("reconcile_mismatches", 3, "rows", 30616),
        ("default_rows", 7, "rows", 30616),
        ("foreground_p95_change", 0.04, "ms", 4000),
        ("foreground_p95_baseline", 1.4, "ms", 4000),
        ("foreground_p95_change_since_before", 0.3, "ms", 3500),
        ("foreground_p95_before", 1.1, "ms", 3500),
        ("copy_rows_per_second", 12000, "rows/s", 2),
        ("cutover_lock_ms", 2.6, "ms", 1),
        ("cutover_foreground_p95_change", -0.05, "ms", 900),
        ("cutover_foreground_p95_baseline", 1.6, "ms", 900),
        ("shadow_reads_slower", 1, "count", 120),
    ],
)
def test_values_of_a_live_shift(name: str, value: float, unit: str, samples: int) -> None:
    measure = by_name("live")[name]
    assert (measure["value"], measure["unit"], measure["samples"]) == (value, unit, samples)


@pytest.mark.parametrize(
    ("name", "value", "samples"),
    [
        ("rehearsed_rows", 20000, 20000),
        ("rehearsal_mismatches", 1, 20000),
        ("rehearsal_default_rows", 4, 20000),
        ("shadow_reads_slower", 1, 120),
    ],
)
def test_values_of_a_rehearsal(name: str, value: float, samples: int) -> None:
    measure = by_name("rehearsed")[name]
    assert (measure["value"], measure["samples"], measure["at"]) == (value, samples, AT)


def test_only_changes_have_an_interval() -> None:
    measures = by_name("live")
    assert sorted(name for name, measure in measures.items() if "interval" in measure) == sorted(
        name for name in measures if "_change" in name
    )
    assert measures["foreground_p95_change"]["interval"] == pytest.approx([-0.16, 0.24])


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("foreground_p95_change", 29), ("foreground_failed", 55), ("cutover_lock_ms", 50), ("cutover_foreground_p95_change", 55)],
)
def test_a_measure_says_when_its_observation_ended(name: str, seconds: float) -> None:
    assert datetime.datetime.fromisoformat(by_name("live")[name]["at"]).timestamp() == pytest.approx(START + seconds, abs=0.01)


@pytest.mark.parametrize("goal_state", GOAL_STATES)
def test_nothing_observed_is_no_number(goal_state: str) -> None:
    measures = by_name(goal_state, {"state": "absent"}, comparison=None, rehearsal=None)
    assert list(measures) == NAMES[goal_state]
    assert {(measure["value"], measure["samples"], "interval" in measure) for measure in measures.values()} == {(None, 0, False)}


def test_a_comparison_that_was_cut_or_skipped_proves_nothing() -> None:
    for comparison in ({**COMPARISON, "finished": False}, {"changed": False, "skipped": True}):
        assert by_name("copied", comparison=comparison)["reconcile_mismatches"]["value"] is None


def test_a_cutover_that_was_taken_back_does_not_count() -> None:
    measures = by_name("live", changed(state="verified"))
    assert {measures[name]["value"] for name in OF_CUTOVER} == {None}


def test_the_last_cutover_counts() -> None:
    events = [*LIVE["events"], {"at": START + 70, "what": "live", "detail": {"locked_ms": 9.9, "waits": 0}}]
    assert by_name("live", changed(events=events))["cutover_lock_ms"]["value"] == 9.9


def test_when_every_transaction_failed_there_is_a_count_and_no_wait() -> None:
    foreground = {**LIVE["foreground"], "failed": 40, "samples": 0, "longest_ms": None}
    measures = by_name("mirrored", changed(foreground=foreground))
    assert (measures["foreground_failed"]["value"], measures["foreground_failed"]["samples"]) == (40, 40)
    assert measures["foreground_longest_wait"]["value"] is None


def test_a_broken_mirror_is_counted() -> None:
    assert by_name("mirrored", changed(mirror_missing=["!governed a", "!governed b"]))["mirror_triggers_missing"]["value"] == 2


@pytest.mark.parametrize("stage", yaml.safe_load(PLAN.read_text(encoding="utf-8"))["stages"], ids=lambda stage: str(stage["name"]))
def test_every_goal_of_sprint_36_has_its_measure(stage: dict[str, t.Any]) -> None:
    """A goal without a measure, or with a measure of another shape, would be an ERROR for ever."""
    [action] = [action for action in stage["actions"] if action["capability"] == "hot_table_partitioning"]
    [verification] = [found for found in stage["verifications"] if found["capability"] == "hot_table_partitioning"]
    goals = verification["goals"]
    measures = by_name(action["with"]["hot_table_partitioning_goal_state"])
    assert {goal["measure"] for goal in goals} <= set(measures)
    judged = judge(list(measures.values()), [{"measure": goal["measure"], "at_least": -1000, "samples_at_least": 1} for goal in goals])
    assert {verdict.result.value for verdict in judged} == {"PASS"}


@pytest.mark.parametrize(
    ("shift", "goal_state", "given", "message"),
    [
        (None, "live", {}, "input: expected a mapping; found NoneType"),
        (LIVE, "live", {"comparison": [1]}, "comparison: expected a mapping; found list"),
        (LIVE, "rehearsed", {"rehearsal": "20000"}, "rehearsal: expected a mapping; found str"),
        (LIVE, "contracted", {}, "goal_state: expected one of rehearsed, mirrored, copied, verified, live; found 'contracted'"),
    ],
)
def test_another_kind_of_argument_is_refused(shift: t.Any, goal_state: str, given: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        shift_measures(shift, goal_state, **given)
