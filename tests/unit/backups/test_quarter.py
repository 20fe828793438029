# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quarter says compliant only when it may, whatever the ledger holds."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import ORDER
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import acceptance, period, quarter, runs
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.quarter import Corrective, Quarter, Wanted
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.runs import Entry
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.backups.record_sample import finding, record

WEEK = period.between("2026-10-05", "2026-10-11")
DAYS = [day.isoformat() for day in WEEK.nights()]
AFTER = datetime.date(2026, 10, 20)


def entries(said: t.Iterable[tuple[str, t.Mapping[str, t.Any]]]) -> list[Entry]:
    return [Entry(index, f"{index:064x}", kind, one) for index, (kind, one) in enumerate(said)]


def whole(**changed: t.Mapping[str, t.Any] | None) -> list[Entry]:
    """A run for each day, as ``record`` makes it; ``d07={...}`` changes that of 7 October, and None leaves it out."""
    found = {day: changed.get(f"d{day[-2:]}", {}) for day in DAYS}
    return entries((runs.FINISHED, record(day, **more)) for day, more in found.items() if more is not None)


def made(
    found: t.Sequence[Entry], *correctives: Corrective, fault: str = "", today: datetime.date = AFTER, weekdays: tuple[str, ...] = ()
) -> Quarter:
    return quarter.make(found, Wanted(WEEK, weekdays, "shop", "pgbackrest", 900.0, 300.0, today), correctives, fault)


def test_a_sound_week_is_compliant() -> None:
    found = made(whole())
    assert (found.standing, found.in_the_way) == (quarter.COMPLIANT, ())
    assert found.counts == {"planned": 7, "done": 7, "passed": 7, "failed": 0, "error": 0, "inconclusive": 0, "missing": 0, "ahead": 0}
    [recovery, loss, gap] = found.goals
    assert (recovery.result, recovery.worst, recovery.n, recovery.of) == (quarter.MET, 196.0, 7, 7)
    assert (loss.worst, gap.worst) == (41.5, 75.0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"d07": None}, "1 night is missing"),
        ({"d07": None, "d09": None}, "2 nights are missing"),
        ({"d07": {"gap": 300.1}}, "longest upload gap in 24 hours: goal missed"),
        ({"d07": {"gap": None}}, "longest upload gap in 24 hours: goal not measured"),
        ({"d07": {"loss": 301.0}}, "loss, by heartbeat: goal missed"),
        ({"d07": {"gigabytes": 400.0}}, "recovery time: goal missed"),
        ({"d07": {"verdict": "FAIL", "findings": [finding("COUNT_MISMATCH", "FAIL")]}}, "1 failure is not put right"),
        ({"d07": {"verdict": "splendid"}}, "1 failure is not put right"),
    ],
)
def test_one_thing_is_enough_to_be_in_the_way(changed: dict[str, t.Any], said: str) -> None:
    found = made(whole(**changed))
    assert found.standing == quarter.NOT_COMPLIANT
    assert said in found.in_the_way


def test_a_ledger_that_is_not_sound_is_in_the_way() -> None:
    assert made(whole(), fault="mismatch: entry 3").in_the_way == ("the ledger is not sound: mismatch: entry 3",)


def test_values_at_their_limit_meet_the_goal() -> None:
    assert made(whole(d07={"gap": 300.0, "loss": 300.0})).standing == quarter.COMPLIANT


def test_nights_ahead_are_not_missing_and_not_compliant_yet() -> None:
    found = made(whole(d10=None, d11=None), today=datetime.date(2026, 10, 10))
    assert (found.standing, found.counts["ahead"], found.counts["missing"]) == (quarter.IN_PROGRESS, 2, 0)
    assert made([], today=datetime.date(2026, 10, 1)).standing == quarter.IN_PROGRESS


def test_only_planned_nights_can_be_missing() -> None:
    found = made(whole(d05=None, d07=None), weekdays=("tue", "thu"))
    assert (found.standing, found.counts["missing"]) == (quarter.COMPLIANT, 0)


def test_a_green_retry_does_not_hide_a_red_night() -> None:
    red = record(DAYS[2], verdict="FAIL", findings=[finding("WAL_GAP", "FAIL")])
    said = [(runs.FINISHED, {**red, "run": "red"}), *((runs.FINISHED, record(day)) for day in DAYS)]
    found = made(entries(said))
    assert (found.counts["failed"], found.counts["passed"]) == (1, 6)
    assert found.standing == quarter.NOT_COMPLIANT
    put_right = made(entries(said), Corrective("red", "a disk", "replaced", f"run-{DAYS[2]}"))
    assert put_right.standing == quarter.COMPLIANT
    assert put_right.counts["failed"] == 1


@pytest.mark.parametrize(
    ("corrective", "said"),
    [
        (Corrective("run-2026-10-07"), "open: no cause, no action, no re-test"),
        (Corrective("run-2026-10-07", "c", " ", "run-2026-10-08"), "open: no action"),
        (Corrective("run-2026-10-07", "c", "a", "run-2026-10-99"), "open: the re-test is not in the ledger"),
        (Corrective("run-2026-10-07", "c", "a", "run-2026-10-06"), "open: the re-test ran before"),
        (Corrective("run-2026-10-07", "c", "a", "run-2026-10-07"), "open: the re-test ran before"),
        (Corrective("run-2026-10-07", "c", "a", "run-2026-10-09"), "open: the re-test ended with ERROR"),
        (Corrective("run-2026-10-07", "c", "a", "run-2026-10-08"), ""),
    ],
)
def test_a_failure_is_put_right_by_a_later_run_that_passed(corrective: Corrective, said: str) -> None:
    failed = {"verdict": "FAIL", "findings": [finding("COUNT_MISMATCH", "FAIL")]}
    found = made(whole(d07=failed, d09={"verdict": "ERROR", "findings": [finding("TIMEOUT", "ERROR")]}), corrective)
    assert found.failures[0].open == said


def test_an_action_about_nothing_is_refused() -> None:
    with pytest.raises(Refusal, match="run-2026-10-08: expected a run that did not pass or a missing night: there is none"):
        made(whole(), Corrective("run-2026-10-08", "c", "a", "r"))


def test_runs_that_were_cut_are_errors() -> None:
    begun = {"night": DAYS[0], "cluster": "shop", "engine": "pgbackrest", "at": f"{DAYS[0]}T02:00:00+00:00"}
    said = [
        (runs.STARTED, {**begun, "run": "silent"}),
        (runs.STARTED, {**begun, "run": "cut", "night": DAYS[1]}),
        (runs.ABORTED, {"run": "cut", "at": f"{DAYS[1]}T03:00:00+00:00", "reason": "SIGTERM"}),
        (runs.FINISHED, record(DAYS[1], run="cut")),  # nobody gets a second end
    ]
    found = made(entries(said))
    assert [(run.name, run.verdict, run.codes) for run in found.runs] == [("silent", "ERROR", ("ABORTED",)), ("cut", "ERROR", ("ABORTED",))]
    running = made(entries(said[:1]), today=datetime.date(2026, 10, 5))
    assert (running.runs, running.counts["ahead"]) == ((), 7)
    assert runs.unended(entries(said)) == ("silent",)


def test_a_full_speed_drill_is_a_night_but_no_measure_of_the_usual_recovery() -> None:
    found = made(whole(d07={"is_drill": True, "gigabytes": 1000.0}))
    assert (found.standing, len(found.drills), found.goals[0].n, found.goals[0].of) == (quarter.COMPLIANT, 1, 6, 6)


def test_other_clusters_are_left_out_or_have_to_be_named() -> None:
    said = [*((runs.FINISHED, record(day)) for day in DAYS), (runs.FINISHED, record(DAYS[0], cluster="other", verdict="FAIL"))]
    found = entries(said)
    assert made(found).standing == quarter.COMPLIANT
    assert quarter.about(found, "shop", None) == ("shop", "pgbackrest")
    assert quarter.about([], "new", "pg_dump") == ("new", "pg_dump")
    for cluster, listed in ((None, "other by pgbackrest, shop by pgbackrest"), ("nobody", "none")):
        with pytest.raises(Refusal, match=f"found {listed}"):
            quarter.about(found, cluster, None)


@given(states=st.lists(st.sampled_from([*ORDER, "missing"]), min_size=7, max_size=7))
def test_every_night_is_counted_once(states: list[str]) -> None:
    said = [
        (runs.FINISHED, record(day, verdict=state, findings=[] if state == "PASS" else [finding("X", state)]))
        for day, state in zip(DAYS, states, strict=True)
        if state != "missing"
    ]
    found = made(entries(said))
    counts = found.counts
    assert counts["planned"] == 7 == counts["done"] + counts["missing"] + counts["ahead"]
    assert counts["done"] == counts["passed"] + counts["failed"] + counts["error"] + counts["inconclusive"]
    assert len(found.failures) == 7 - states.count("PASS")
    assert (found.standing == quarter.COMPLIANT) == (states == ["PASS"] * 7)


def test_quarters_and_their_nights() -> None:
    assert (period.quarter("2026-Q4").first, period.quarter("2026-Q4").last) == (datetime.date(2026, 10, 1), datetime.date(2026, 12, 31))
    assert (period.quarter("2028-Q1").last, len(period.quarter("2028-Q1").nights())) == (datetime.date(2028, 3, 31), 91)
    assert [day.day for day in WEEK.nights(["mon", "sun"])] == [5, 11]
    for text in ("2026-Q5", "2026", "Q4"):
        with pytest.raises(Refusal, match="as 2026-Q4"):
            period.quarter(text)
    with pytest.raises(Refusal, match="a day from 2026-10-05 on"):
        period.between("2026-10-05", "2026-10-04")
    with pytest.raises(Refusal, match="as 2026-10-01"):
        period.between("5 October", "2026-10-04")


def test_a_person_accepts_a_sound_run_once() -> None:
    rows = {"shop: public.orders": 12}
    shrunk = record(DAYS[1], verdict="FAIL", findings=[finding("SHRUNK", "FAIL")], rows=rows)
    bad = record(DAYS[2], verdict="FAIL", findings=[finding("SHRUNK", "FAIL"), finding("COUNT_MISMATCH", "FAIL")], rows=rows)
    uncounted = record(DAYS[3])
    found = entries((runs.FINISHED, one) for one in (shrunk, bad, uncounted))
    said = acceptance.accept(found, shrunk["run"], "retention")
    assert said == {"run": shrunk["run"], "cluster": "shop", "engine": "pgbackrest", "reason": "retention", "entry": 0, "rows": rows}
    later = [*found, Entry(3, "", runs.ACCEPTED, said)]
    assert acceptance.accept(later, shrunk["run"], "again") is None
    assert runs.accepted(later, "shop", "pgbackrest") == rows
    assert runs.accepted(later, "shop", "pg_dump") is None
    for run, message in (
        (bad["run"], "found COUNT_MISMATCH"),
        (uncounted["run"], "rows counted by table"),
        ("nobody", "none of that name"),
    ):
        with pytest.raises(Refusal, match=message):
            acceptance.accept(found, run, "because")
