# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezes: local wall time across both switches, windows that allow, and a way back that is always open."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t
import zoneinfo

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import recurrences
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import freeze
from ansible_collections.governed.delivery.plugins.module_utils._promotion.freeze import Doing, next_change, standing
from hypothesis import given
from hypothesis import strategies as st

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
WEEKEND: dict[str, t.Any] = {
    "name": "weekend", "rrule": "FREQ=WEEKLY;BYDAY=FR", "starts": "2026-01-02T16:00", "lasts": "64h", "timezone": "Europe/Berlin",
    "reason": "Nobody is there.",
}  # fmt: skip
OFFICE = {
    "name": "office", "kind": "allow", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH", "starts": "2026-01-05T09:00", "lasts": "8h",
    "timezone": "Europe/Berlin", "reason": "While people are there.",
}  # fmt: skip
YEAR_END = {"name": "year end", "starts": "2026-12-20", "lasts": "14d", "timezone": "UTC", "reason": "Shops are busy."}


def utc(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def local(text: str, fold: int = 0) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def names(calendar: t.Sequence[dict[str, t.Any]], now: datetime.datetime, doing: Doing = "promote") -> list[str]:
    return [found.name for found in standing(freeze.parse(list(calendar)), now, doing)]


@pytest.mark.parametrize(
    ("now", "forbidden"),
    [
        ("2026-06-05T15:59:59", False), ("2026-06-05T16:00", True), ("2026-06-07T12:00", True), ("2026-06-08T07:59:59", True),
        ("2026-06-08T08:00", False), ("2026-01-02T15:59", False), ("2025-12-26T18:00", False), ("2026-01-02T16:00", True),
    ],
)  # fmt: skip
def test_a_weekend_begins_on_friday_and_ends_on_monday(now: str, forbidden: bool) -> None:
    assert names([WEEKEND], local(now)) == (["weekend"] if forbidden else [])


@pytest.mark.parametrize("friday", ["2026-03-27", "2026-10-23", "2026-06-05", "2026-01-09"])
def test_a_weekend_of_63_or_65_hours_ends_at_the_same_local_time(friday: str) -> None:
    start = local(f"{friday}T16:00")
    monday = start + datetime.timedelta(hours=64)  # of local time
    [found] = standing(freeze.parse([WEEKEND]), start, "promote")
    assert found.until == monday.astimezone(datetime.UTC)
    assert names([WEEKEND], monday.astimezone(datetime.UTC) - datetime.timedelta(seconds=1)) == ["weekend"]
    assert names([WEEKEND], monday) == []


def test_the_switches_make_the_weekend_shorter_and_longer() -> None:
    calendar = freeze.parse([WEEKEND])
    hours = {}
    for friday in ("2026-03-27T15:00", "2026-06-05T14:00", "2026-10-23T14:00"):
        [found] = standing(calendar, utc(friday), "promote")
        assert found.until
        hours[friday[5:7]] = (found.until - utc(friday)).total_seconds() / 3600
    assert hours == {"03": 63, "06": 64, "10": 65}


def test_a_time_that_is_there_twice_is_frozen_both_times_and_allowed_once() -> None:
    night = {"name": "night", "starts": "2026-10-25T02:30", "lasts": "15m", "timezone": "Europe/Berlin", "reason": "x"}
    first, between, second = utc("2026-10-25T00:30"), utc("2026-10-25T01:00"), utc("2026-10-25T01:44")
    for moment in (first, between, second):
        assert names([night], moment) == ["night"]
    assert names([night], utc("2026-10-25T01:45")) == []
    allowed = {**night, "kind": "allow", "lasts": "2h"}
    assert names([allowed], first) == ["night"]
    assert names([allowed], utc("2026-10-25T01:30")) == []


def test_a_time_that_is_not_there_is_frozen_from_the_earlier_reading_on() -> None:
    night = {"name": "night", "starts": "2026-03-29T02:30", "lasts": "1h", "timezone": "Europe/Berlin", "reason": "x"}
    assert names([night], utc("2026-03-29T00:29")) == []
    assert names([night], utc("2026-03-29T00:30")) == ["night"]
    assert names([night], utc("2026-03-29T01:29")) == ["night"]
    assert names([night], utc("2026-03-29T01:30")) == []


def test_outside_of_every_allowed_window_is_forbidden() -> None:
    evening = {**OFFICE, "name": "evening", "starts": "2026-01-05T20:00", "lasts": "1h", "reason": "When it is quiet."}
    assert names([OFFICE, evening], local("2026-06-03T12:00")) == []
    assert names([OFFICE, evening], local("2026-06-03T20:30")) == []
    [found] = standing(freeze.parse([OFFICE, evening]), local("2026-06-03T18:00"), "promote")
    assert (found.name, found.until) == ("office, evening", local("2026-06-03T20:00").astimezone(datetime.UTC))
    assert "While people are there.; When it is quiet." in found.reason


def test_a_freeze_holds_within_an_allowed_window() -> None:
    audit = {"name": "audit", "starts": "2026-06-03T10:00", "lasts": "1h", "timezone": "Europe/Berlin", "reason": "Auditors look."}
    assert names([OFFICE, audit], local("2026-06-03T10:30")) == ["audit"]
    assert names([OFFICE, audit], local("2026-06-03T11:30")) == []
    assert names([OFFICE, audit, WEEKEND], local("2026-06-06T10:30")) == ["weekend", "office"]


def test_no_calendar_forbids_nothing() -> None:
    assert standing(freeze.parse([]), utc("2026-06-03T10:00"), "promote") == []
    assert next_change((), utc("2026-06-03T10:00"), "promote") is None


@given(st.datetimes(datetime.datetime(2025, 1, 1), datetime.datetime(2029, 1, 1)), st.sampled_from(["undo", "recover", "rollback"]))
def test_the_way_back_is_always_open(now: datetime.datetime, doing: Doing) -> None:
    calendar = freeze.parse([WEEKEND, OFFICE, YEAR_END])
    assert standing(calendar, now.replace(tzinfo=datetime.UTC), doing) == []
    assert next_change(calendar, now.replace(tzinfo=datetime.UTC), doing) is None
    forced = [dataclasses.replace(window, applies_to=(doing,)) for window in calendar]
    assert standing(forced, now.replace(tzinfo=datetime.UTC), doing) == []


def test_a_window_without_a_rule_is_there_once() -> None:
    assert names([YEAR_END], utc("2026-12-19T23:59")) == []
    assert names([YEAR_END], utc("2026-12-20T00:00")) == ["year end"]
    assert names([YEAR_END], utc("2027-01-03T00:00")) == []
    assert names([YEAR_END], utc("2027-12-21T00:00")) == []


def test_windows_that_overlap_are_one() -> None:
    daily = {**WEEKEND, "rrule": "FREQ=WEEKLY;BYDAY=FR,SA,SU", "lasts": "40h"}
    [found] = standing(freeze.parse([daily]), local("2026-06-05T17:00"), "promote")
    assert found.until == local("2026-06-09T08:00").astimezone(datetime.UTC)
    assert found.as_dict() == {"name": "weekend", "reason": "Nobody is there.", "until": "2026-06-09T06:00:00+00:00"}


@given(
    st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2028, 1, 1)),
    st.sampled_from([[WEEKEND], [OFFICE], [WEEKEND, OFFICE, YEAR_END]]),
)
def test_until_the_next_change_nothing_changes(moment: datetime.datetime, calendar: list[dict[str, t.Any]]) -> None:
    windows, now = freeze.parse(calendar), moment.replace(tzinfo=datetime.UTC)
    change = next_change(windows, now, "promote")
    assert change
    assert change > now
    forbidden = bool(standing(windows, now, "promote"))
    for share in (0.0, 0.25, 0.5, 0.75, 0.999):
        assert bool(standing(windows, now + (change - now) * share, "promote")) == forbidden
    assert bool(standing(windows, change, "promote")) != forbidden


def test_a_freeze_without_an_end_in_sight_says_none() -> None:
    always = {**WEEKEND, "rrule": "FREQ=DAILY", "lasts": "2d"}
    [found] = standing(freeze.parse([always]), utc("2026-06-05T17:00"), "promote")
    assert found.until is None


@pytest.mark.parametrize(
    ("rule", "starts", "on"),
    [
        ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-01T12:00", "2026-06-26T12:30"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-01T12:00", "2028-02-29T12:30"),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2026-01-01T12:00", "2027-11-25T12:30"),
        ("FREQ=DAILY;UNTIL=20260105T120000", "2026-01-01T12:00", "2026-01-05T12:30"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=3", "2026-01-01T12:00", "2026-01-29T12:30"),
    ],
)
def test_rules_come_when_they_say(rule: str, starts: str, on: str) -> None:
    window = {**WEEKEND, "rrule": rule, "starts": starts, "lasts": "1h"}
    assert names([window], local(on)) == ["weekend"]
    assert names([window], local(on) + datetime.timedelta(days=1)) == []


@pytest.mark.parametrize(
    "starts",
    ["2026-01-02T16:00", "2026-01-02T16:00:00", datetime.datetime(2026, 1, 2, 16)],
    ids=["text", "with seconds", "as YAML reads it"],
)
def test_a_start_is_read_however_it_is_written(starts: object) -> None:
    assert names([{**WEEKEND, "starts": starts}], local("2026-01-02T16:00")) == ["weekend"]


WRONG: list[tuple[str, t.Any]] = [
    ("kind", "deny"), ("rrule", "weekly"), ("rrule", "FREQ=HOURLY"), ("rrule", "FREQ=SECONDLY"), ("rrule", "FREQ=WEEKLY;BYDAY=XX"),
    ("rrule", "FREQ=DAILY;INTERVAL=0"), ("rrule", "FREQ=DAILY;INTERVAL=-1"), ("rrule", "FREQ=DAILY;INTERVAL=999999999999"),
    ("rrule", "FREQ=WEEKLY;BYDAY=1FR"), ("rrule", "FREQ=DAILY;COUNT=0"), ("rrule", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"),
    ("rrule", "FREQ=DAILY;UNTIL=20260105T000000Z"), ("rrule", "FREQ=DAILY\nEXDATE:20260105"), ("rrule", 5), ("rrule", "FREQ=DAILY;UNTIL=x"),
    ("starts", "2026-01-02T16:00+01:00"), ("starts", "Friday"), ("starts", "9999-12-31T23:00"), ("starts", "0001-01-01"),
    ("starts", 5), ("starts", datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)),
    ("lasts", "a weekend"), ("lasts", "0h"), ("lasts", "400d"), ("lasts", 64), ("timezone", "Mars/Olympus"), ("timezone", "../etc/passwd"),
    ("timezone", "Europe"), ("timezone", ""), ("timezone", 1), ("applies_to", "promote"), ("applies_to", []), ("reason", ""), ("name", None),
    ("reasons", "unknown key"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_what_is_wrong_is_refused_with_its_path(key: str, value: object) -> None:
    with pytest.raises(Refusal) as refusal:
        freeze.parse([YEAR_END, {**WEEKEND, key: value}])
    assert refusal.value.thing == f"promotion_calendar[1].{key}"


@pytest.mark.parametrize("name", ["rollback", "undo", "recover", "promot"])
def test_a_freeze_of_the_way_back_or_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        freeze.parse([{**WEEKEND, "applies_to": ["promote", name]}])
    assert refusal.value.thing == "promotion_calendar[0].applies_to[1]"


def test_two_windows_of_one_name_are_refused() -> None:
    with pytest.raises(Refusal, match="a second time"):
        freeze.parse([WEEKEND, WEEKEND])


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrences, "DATEUTIL", dataclasses.replace(recurrences.DATEUTIL, import_error="no module"))
    with pytest.raises(Refusal, match="python-dateutil") as refusal:
        freeze.parse([WEEKEND])
    assert refusal.value.code == "library_missing"
    assert freeze.parse([]) == (), "without a calendar nobody needs it"
