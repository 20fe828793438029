# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline of a shift: what the report draws is what was recorded."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.governed.delivery.plugins.filter.shift_timeline import FilterModule, shift_timeline
from ansible_collections.governed.delivery.plugins.plugin_utils import timelines

from tests.unit.filter.shift_sample import LIVE, START, event, slot


def changed(**values: t.Any) -> dict[str, t.Any]:
    return {**copy.deepcopy(LIVE), **values}


def phases(shift: t.Mapping[str, t.Any]) -> list[tuple[str, float, float]]:
    return [(phase["name"], phase["started"] - START, phase["ended"] - START) for phase in shift_timeline(shift)["phases"]]


def series(shift: t.Mapping[str, t.Any], name: str) -> t.Any:
    [found] = [one for one in shift_timeline(shift)["series"] if one["name"] == name]
    return found


def test_ansible_finds_it() -> None:
    assert FilterModule().filters() == {"shift_timeline": shift_timeline}


def test_phases_follow_one_another() -> None:
    expected = [("baseline", 1, 10), ("mirror", 10, 12), ("copy", 13, 30), ("compare", 31, 33), ("cutover", 41, 55), ("compare", 60, 61)]
    assert phases(LIVE) == expected


def test_marks_tell_states_with_what_there_is_to_say() -> None:
    marks = [(mark["name"], mark["at"] - START, mark["detail"]) for mark in shift_timeline(LIVE)["marks"]]
    assert marks == [
        ("new layout stands", 0, ""),
        ("mirror on", 12, ""),
        ("copied", 30, "30,600 rows"),
        ("verified", 33, "30,616 rows"),
        ("cutover", 50, "2.6 ms lock"),
    ]


def test_latency_has_a_point_a_stretch_and_its_baseline() -> None:
    found = series(LIVE, "foreground p95")
    assert (found["unit"], found["baseline"]) == ("ms", 1.4)
    assert [[at - START, value] for at, value in found["points"]] == [
        [5.5, 1.5],
        [15, 1.5],
        [17.5, None],
        [23.5, 1.5],
        [43.5, 1.5],
        [52.5, 1.5],
    ]


def test_copied_rows_add_up() -> None:
    assert [[at - START, rows] for at, rows in series(LIVE, "rows copied")["points"]] == [[13, 0], [17, 20000], [18, 20000], [29, 30600]]


def test_a_copy_that_nobody_watched_is_known_by_its_ends() -> None:
    shift = changed(timeline=[])
    assert [[at - START, rows] for at, rows in series(shift, "rows copied")["points"]] == [[12, 0], [30, 30600]]
    assert ("copy", 12, 30) in phases(shift)


def test_a_copy_under_way_ends_where_it_is() -> None:
    shift = changed(events=LIVE["events"][:2], timeline=LIVE["timeline"][:4])
    assert ("copy", 13, 29) in phases(shift)


def test_a_copy_begun_anew_is_two_copies() -> None:
    events = [event("expanded", 0), event("mirrored", 12), event("mirror removed", 20), event("mirrored", 22), event("copied", 31, rows=9)]
    shift = changed(events=events, timeline=[slot("copy", "copy", 13, 17), slot("copy", "copy", 23, 29)])
    assert [phase for phase in phases(shift) if phase[0] == "copy"] == [("copy", 13, 17), ("copy", 23, 31)]


def test_two_cutovers_are_two_phases() -> None:
    again = [slot("cutover", "hold", 71, 72), slot("cutover", "hold", 72, 73), slot("cutover", "swap", 74, 75)]
    shift = changed(timeline=[*LIVE["timeline"], slot("rollback", "hold", 60, 61), slot("rollback", "swap", 62, 63), *again])
    assert [phase for phase in phases(shift) if phase[0] in ("cutover", "rollback")] == [
        ("cutover", 41, 55),
        ("rollback", 60, 63),
        ("cutover", 71, 75),
    ]


def test_without_a_shift_there_is_nothing_to_draw() -> None:
    assert shift_timeline({"state": "absent"}) == {"phases": [], "series": [], "marks": []}


@pytest.mark.parametrize("shift", [LIVE, {"state": "absent"}, changed(timeline=[]), changed(events=LIVE["events"][:1])])
def test_the_report_can_read_it(shift: dict[str, t.Any]) -> None:
    read = timelines.parse(shift_timeline(shift), "prod")
    assert len(read.phases) == len(shift_timeline(shift)["phases"])


def test_another_kind_of_input_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="expected what pg_partition_info returned; found list"):
        shift_timeline([])  # type: ignore[arg-type]
