# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. When our alerts would have fired over recorded events: the rules' own logic, without a Prometheus to evaluate it.

It takes what Prometheus itself makes of the counters for every window up to six hours, minute by minute; the longer windows are summed of five
minutes, as their rules do. The budget of the period is not looked at: factors are those of a budget that is not low.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import typing as t

from ..catalog.slo import Slo
from . import windows
from .names import BASE, WINDOWS

MINUTE = 60
Z = 1.645


@dataclasses.dataclass(frozen=True)
class Counted:
    """Bad events and all events of a window that ends at each minute. NaN where there is no number."""

    bad: t.Sequence[float]
    total: t.Sequence[float]


@dataclasses.dataclass(frozen=True)
class Events:
    """What was counted, by window: 5m, 30m, 1h, 2h and 6h. ``start`` is the first minute, in epoch seconds, a multiple of 60."""

    start: int
    windows: t.Mapping[str, Counted]


@dataclasses.dataclass(frozen=True)
class Firing:
    """An alert that fired, by epoch seconds of the evaluations at which it began and at which it was over; ``end`` is None when it still fires."""

    start: int
    end: int | None


def firings(slo: Slo, alert: windows.Alert, events: Events) -> list[Firing]:
    """Every firing of one of the service level's alerts, in the order of time."""
    long_floor, short_floor = (float(floor) for floor in windows.floors(slo))
    budget = float(slo.budget)
    rows = [(_counted(events, row.long), _counted(events, row.short), float(windows.factor(slo, row))) for row in alert.rows]
    active = [
        any(
            _burn(long, now, budget) > factor
            and _burn(short, now, budget) > factor
            and long.bad[now] > long_floor
            and short.bad[now] > short_floor
            and _lower_bound(short.bad[now], short.total[now]) > budget
            for long, short, factor in rows
        )
        for now in range(len(events.windows[BASE].total))
    ]
    found: list[Firing] = []
    began: int | None = None
    for now, fires in enumerate([*states(active, alert.pending, alert.keep), None]):
        if fires and began is None:
            began = now
        elif not fires and began is not None:
            over = None if fires is None else events.start + now * MINUTE
            found.append(Firing(events.start + began * MINUTE, over))
            began = None
    return found


def absences(slo: Slo, groups: t.Sequence[Events]) -> int:
    """How often the alert for a metric that is gone would have fired: all of its groups without a number for that long, after there was one."""
    recorded = [any(not math.isnan(total) for total in minute) for minute in zip(*(one.windows[BASE].total for one in groups), strict=True)]
    began = recorded.index(True) if True in recorded else len(recorded)
    found, gone = 0, 0
    for is_recorded in recorded[began:]:
        gone = 0 if is_recorded else gone + 1
        found += gone == windows.absent_minutes(slo) + 1
    return found


def states(active: t.Sequence[bool], pending: int, keep: int) -> list[bool]:
    """Whether an alert fires at each evaluation, by whether its expression was true; ``for`` and ``keep_firing_for`` in evaluations.

    As Prometheus does it (https://github.com/prometheus/prometheus, rules/alerting.go): pending until it has been true for that long, then
    firing until it has been false for ``keep``.
    """
    found = []
    since: int | None = None
    fires = False
    false_since: int | None = None
    for now, is_true in enumerate(active):
        if is_true:
            since = now if since is None else since
            false_since = None
        elif fires and keep:
            false_since = now if false_since is None else false_since
            if now - false_since >= keep:
                fires, since, false_since = False, None, None
        else:
            fires, since, false_since = False, None, None
        if since is not None and now - since >= pending:
            fires = True
        found.append(fires)
    return found


def _counted(events: Events, window: str) -> Counted:
    if window in events.windows:
        return events.windows[window]
    base = events.windows[BASE]
    return Counted(_summed(base.bad, events.start, window), _summed(base.total, events.start, window))


def _summed(values: t.Sequence[float], start: int, window: str) -> list[float]:
    """What ``sum_over_time(…[window:5m])`` makes of the base window: a sum over its multiples of five minutes; NaN where none has a number."""
    points = WINDOWS[window] // WINDOWS[BASE]
    within: collections.deque[float] = collections.deque(maxlen=points)
    found = []
    for now, value in enumerate(values):
        if (start // MINUTE + now) % (WINDOWS[BASE] // MINUTE) == 0:
            within.append(value)
        known = [one for one in within if not math.isnan(one)]
        found.append(math.fsum(known) if known else math.nan)
    return found


def _burn(window: Counted, now: int, budget: float) -> float:
    bad, total = window.bad[now], window.total[now]
    return min(bad / total, 1.0) / budget if total > 0 else math.nan  # no comparison with NaN holds


def _lower_bound(bad: float, total: float) -> float:
    """Wilson's, one-sided 95 %."""
    if not total > 0:
        return math.nan
    ratio = min(bad / total, 1.0)
    spread = Z * math.sqrt(ratio * (1 - ratio) / total + Z * Z / 4 / total**2)
    return (ratio + Z * Z / 2 / total - spread) / (1 + Z * Z / total)
