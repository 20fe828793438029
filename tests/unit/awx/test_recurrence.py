# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence rules are taken or refused as AWX does it."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._awx import recurrence
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.awx.sample import EVERY_5

DAILY = "DTSTART;TZID=Europe/Berlin:20260105T060000 RRULE:FREQ=DAILY;INTERVAL=1"


@pytest.mark.parametrize(
    "text",
    [
        EVERY_5,
        DAILY,
        "DTSTART:20260105T060000Z RRULE:FREQ=HOURLY;INTERVAL=6",
        f"{DAILY};UNTIL=20260301T000000Z",
        f"{DAILY};COUNT=999",
        "DTSTART;TZID=Europe/Berlin:20260105T060000 RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU",
        "DTSTART;TZID=Etc/UTC:20260105T060000 RRULE:FREQ=YEARLY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=29",
    ],
)
def test_a_rule_that_awx_takes(text: str) -> None:
    assert recurrence.fault(text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not one DTSTART and one RRULE"),
        ("RRULE:FREQ=DAILY;INTERVAL=1", "not one DTSTART and one RRULE"),
        (f"{DAILY} {DAILY}", "not one DTSTART and one RRULE"),
        (f"{DAILY} EXDATE:20260106T060000Z", "not one DTSTART and one RRULE"),
        ("DTSTART:20260105T060000 RRULE:FREQ=DAILY;INTERVAL=1", "neither ;TZID= nor a Z"),
        ("DTSTART;TZID=Etc/UTC:20260105T060000Z RRULE:FREQ=DAILY;INTERVAL=1", "or with both"),
        ("DTSTART;TZID=Mars/Base:20260105T060000 RRULE:FREQ=DAILY;INTERVAL=1", "the unknown time zone Mars/Base"),
        ("DTSTART;TZID=../../etc:20260105T060000 RRULE:FREQ=DAILY;INTERVAL=1", "the unknown time zone"),
        ("DTSTART:2026-01-05 RRULE:FREQ=DAILY;INTERVAL=1", "not like 20260105T060000"),
        ("DTSTART:20261305T060000Z RRULE:FREQ=DAILY;INTERVAL=1", "no rule of RFC 5545"),
        ("DTSTART:20260105T060000Z RRULE:FREQ=DAILY", "no INTERVAL"),
        ("DTSTART:20260105T060000Z RRULE:FREQ=OFTEN;INTERVAL=1", "no rule of RFC 5545"),
        ("DTSTART:20260105T060000Z RRULE:FREQ=SECONDLY;INTERVAL=1", "SECONDLY"),
        (f"{DAILY};BYDAY=1MO", "BYDAY with a number"),
        (f"{DAILY};COUNT=3;UNTIL=20270101T000000Z", "both COUNT and UNTIL"),
        (f"{DAILY};COUNT=1000", "above 999"),
        (f"{DAILY};UNTIL=20250101T000000Z", "never comes true"),
        ("DTSTART:20260105T060000Z RRULE:FREQ=DAILY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=30", "never comes true"),
    ],
)
def test_a_rule_that_awx_does_not_take(text: str, why: str) -> None:
    assert why in recurrence.fault(text)


PARTS = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=MINUTELY",
        "FREQ=X",
        "INTERVAL=1",
        "INTERVAL=0",
        "INTERVAL=x",
        "BYDAY=MO",
        "BYDAY=",
        "COUNT=",
        "COUNT=1",
        "UNTIL=x",
        "",
        "=",
        "WKST=MO",
    ]
)


@given(st.one_of(st.text(), st.lists(PARTS, max_size=5).map(lambda parts: f"DTSTART:20260105T060000Z RRULE:{';'.join(parts)}")))
def test_whatever_is_written_is_taken_or_refused(text: str) -> None:
    recurrence.fault(text)
