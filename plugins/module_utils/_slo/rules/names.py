# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The names of every metric that the rules record. All of them carry the labels slo_id, service and slo."""

from __future__ import annotations

import typing as t

WINDOWS: t.Mapping[str, int] = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200}  # in seconds
BASE = "5m"  # the counters' increase over it is what the long windows and the period are summed of
LABELS = ("slo_id", "service", "slo")

OBJECTIVE = "slo:objective:ratio"
BUDGET = "slo:error_budget:ratio"
PERIOD_BURN = "slo:period_burn:ratio"
BUDGET_REMAINING = "slo:error_budget_remaining:ratio"
PERIOD_COVERAGE = "slo:period_coverage:ratio"
INFO = "slo_info"


def bad(window: str = BASE) -> str:
    """How many events were bad in the window."""
    return f"slo:bad:increase{window}"


def total(window: str = BASE) -> str:
    """How many events there were in the window."""
    return f"slo:total:increase{window}"


def error_ratio(window: str) -> str:
    """Bad events by all events; absent, and never NaN, where there were none."""
    return f"slo:error:ratio_rate{window}"


def burn(window: str) -> str:
    """How many times faster than the objective allows the error budget goes."""
    return f"slo:burn:ratio_rate{window}"


def lower_bound(window: str) -> str:
    """Wilson's lower bound, one-sided 95 %, of the error ratio."""
    return f"slo:error_lower_bound:ratio_rate{window}"


def factor(window: str) -> str:
    """Above which burn the alert fires whose long window this is."""
    return f"slo:alert_factor:ratio_rate{window}"


def recorded() -> frozenset[str]:
    """Every name that the rules of any service level record."""
    by_window = {name(window) for window in WINDOWS for name in (bad, total, error_ratio, burn)}
    alone = {OBJECTIVE, BUDGET, PERIOD_BURN, BUDGET_REMAINING, PERIOD_COVERAGE, INFO}
    return frozenset(
        by_window
        | alone
        | {lower_bound(short) for short in ("5m", "30m", "2h", "6h")}
        | {factor(long) for long in ("1h", "6h", "1d", "3d")}
    )
