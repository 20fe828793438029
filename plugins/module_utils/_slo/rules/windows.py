# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. When an alert fires: pairs of windows, and above which burn.

The table is that of https://sre.google/workbook/alerting-on-slos/ (rows 1, 2 and 4, and a third as sloth and the mixins have it): so much of the
period's budget, spent within the long window, is worth an alert. The windows stay what they are for every period, the factors scale with it.
"""

from __future__ import annotations

import dataclasses
import decimal
import typing as t

from ..catalog.slo import Slo
from .names import WINDOWS

Decimal = decimal.Decimal

HIGHEST_FACTOR = Decimal("14.4")  # however long the period: an outage must not have to burn for hours
MOST_OF_EVERYTHING = Decimal("0.5")  # a burn that needs more than this share of all events to fail could hardly be seen
LOW_BUDGET = Decimal("0.25")  # below this rest of the budget a page needs only the next row's factor
COVERED = Decimal("0.9")  # of the period, before its budget is believed
SLACK = Decimal("0.5")  # increase() extrapolates: five events may read as 4.98


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table; ``spent`` is the share of the budget that the long window may spend."""

    long: str
    short: str
    spent: Decimal


@dataclasses.dataclass(frozen=True)
class Alert:
    """An alert and its rows. ``pending`` and ``keep`` in minutes: how long before it fires, and how long it fires on after its cause is gone."""

    severity: t.Literal["page", "ticket"]
    name: str
    rows: tuple[Row, ...]
    pending: int
    keep: int


PAGE = Alert("page", "ErrorBudgetBurnFast", (Row("1h", "5m", Decimal("0.02")), Row("6h", "30m", Decimal("0.05"))), pending=2, keep=10)
TICKET = Alert("ticket", "ErrorBudgetBurnSlow", (Row("1d", "2h", Decimal("0.10")), Row("3d", "6h", Decimal("0.10"))), pending=15, keep=60)
ABSENT = "SLOMetricAbsent"


def alerts(slo: Slo) -> list[Alert]:
    """Those that the service level wants."""
    return [alert for alert, wanted in ((PAGE, slo.pages), (TICKET, slo.tickets)) if wanted]


def factor(slo: Slo, row: Row) -> Decimal:
    """Above which burn the row fires: its share of the budget by the long window's share of the period.

    Never above 14.4, never so high that more than half of all events would have to fail, and never below 1: there is no gap below the objective.
    """
    burn = row.spent * slo.window_days * 86400 / WINDOWS[row.long]
    bounded = max(min(burn, HIGHEST_FACTOR, MOST_OF_EVERYTHING / slo.budget), Decimal(1))
    return bounded.quantize(Decimal("0.0001")).normalize()


def lowered(slo: Slo, alert: Alert, row: Row) -> Decimal | None:
    """The factor of a page while little of the budget is left: that of the next row of the table. None for a ticket."""
    if alert is not PAGE:
        return None
    following = {PAGE.rows[0]: PAGE.rows[1], PAGE.rows[1]: TICKET.rows[0]}
    return factor(slo, following[row])


def floors(slo: Slo) -> tuple[Decimal, Decimal]:
    """How many bad events the long window must have, and the short one: half as many, as it must show that this still goes on."""
    return Decimal(slo.min_bad_events) - SLACK, Decimal((slo.min_bad_events + 1) // 2) - SLACK


def absent_minutes(slo: Slo) -> int:
    """How long the metric may be absent: as long as a full outage would take to page, in whole minutes."""
    return outage_minutes(slo, Decimal(1)) + PAGE.pending


def outage_minutes(slo: Slo, ratio: Decimal) -> int:
    """Whole minutes after which the first page's long window burns too fast, when events fail at this ratio after a healthy hour."""
    row = PAGE.rows[0]
    needed = slo.budget * factor(slo, row) / ratio * WINDOWS[row.long] / 60
    return int(needed.to_integral_value(decimal.ROUND_CEILING))


def plain(number: Decimal) -> str:
    """A decimal as PromQL takes it, exact and without exponent: ``0.001``, never ``0.0009999999999999432``."""
    return f"{number.normalize():f}"
