# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The time a report is about, and the nights that were planned in it."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ..._common.errors import Refusal

DAY = datetime.timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclasses.dataclass(frozen=True)
class Period:
    """From the first day to the last, both included."""

    name: str
    first: datetime.date
    last: datetime.date

    def __contains__(self, day: datetime.date) -> bool:
        return self.first <= day <= self.last

    def nights(self, weekdays: t.Collection[str] = ()) -> tuple[datetime.date, ...]:
        """Those that were planned: every one, or those of the weekdays (``mon`` … ``sun``)."""
        days = (self.first + DAY * number for number in range((self.last - self.first).days + 1))
        return tuple(day for day in days if not weekdays or WEEKDAYS[day.weekday()] in weekdays)


def quarter(text: str) -> Period:
    """``2026-Q4``.

    :raises Refusal: it is none.
    """
    found = re.fullmatch(r"(\d{4})-Q([1-4])", text)
    if found is None:
        raise _refusal("quarter", "a year and a quarter, as 2026-Q4", text)
    year, number = int(found.group(1)), int(found.group(2))
    after = datetime.date(year + number // 4, number % 4 * 3 + 1, 1)
    return Period(text, datetime.date(year, number * 3 - 2, 1), after - DAY)


def between(first: str, last: str) -> Period:
    """Two days, as ``2026-10-01`` and ``2026-12-31``.

    :raises Refusal: one is no day, or the last lies before the first.
    """
    period = Period(f"{first} to {last}", day(first, "first"), day(last, "last"))
    if period.last < period.first:
        raise _refusal("last", f"a day from {first} on", last)
    return period


def day(text: str, option: str) -> datetime.date:
    """``2026-10-01``.

    :raises Refusal: it is none.
    """
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as problem:
        raise _refusal(option, "a day, as 2026-10-01", text) from problem


def _refusal(option: str, expected: str, found: str) -> Refusal:
    return Refusal(option, expected=expected, found=repr(found), remedy="Correct it.", code="no_period")
