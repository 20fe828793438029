# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What Prometheus has recorded, for looking back: events by window, and the alerts that fired."""

from __future__ import annotations

import math
import typing as t

from ..._common import web
from ..._common.prometheus import answers
from ..._common.prometheus.answers import Points
from ..._common.prometheus.grid import Grid, spelt
from ..._common.web import Server
from ..catalog.slo import Slo
from . import names, recording
from .backtest import MINUTE, Counted, Events

MOST_DAYS = 7  # in minutes that is below the points that Prometheus answers for one series


def grid(now: int, days: int) -> Grid:
    """Every minute of the last days.

    :param now: milliseconds.
    """
    step = MINUTE * 1000
    return Grid(now // step * step, step, days * 24 * 60)


def events(server: Server, slo: Slo, moments: Grid) -> list[Events]:
    """What was counted for the service level, one for each of its groups that there were; from the raw counters, so also before any rule.

    :raises Unusable: no answer that says anything.
    """
    expressions = {rule["record"]: rule["expr"] for rule in recording.rules(slo)}
    by_window: dict[str, tuple[dict[str, Points], dict[str, Points]]] = {}
    for window in recording.DIRECT:
        bad, total = (_by_labels(server, expressions[name(window)], moments) for name in (names.bad, names.total))
        by_window[window] = bad, total
    found = []
    for labels in sorted(by_window[names.BASE][1]):
        counted = {
            window: Counted(_minutes(bad, labels, moments), _minutes(total, labels, moments)) for window, (bad, total) in by_window.items()
        }
        found.append(Events(moments.start // 1000, counted))
    return found


def started(server: Server, selector: str, moments: Grid) -> int:
    """How often a series of the selector appeared, as one of ``ALERTS`` does when an alert begins to fire.

    :raises Unusable: no answer that says anything.
    """
    count = 0
    for _labels, points in answers.curves(_ask(server, selector, moments), moments):
        present = sorted(points.values)
        count += sum(1 for earlier, later in zip([-math.inf, *present], present, strict=False) if later - earlier > moments.step)
    return count


def _by_labels(server: Server, expression: str, moments: Grid) -> dict[str, Points]:
    return {repr(sorted(labels.items())): points for labels, points in answers.curves(_ask(server, expression, moments), moments)}


def _minutes(found: t.Mapping[str, Points], labels: str, moments: Grid) -> list[float]:
    values = found[labels].values if labels in found else {}
    return [values.get(moments.start + number * moments.step, math.nan) for number in range(moments.count)]


def _ask(server: Server, expression: str, moments: Grid) -> web.Answer:
    form = {"query": expression, "start": spelt(moments.start), "end": spelt(moments.end), "step": str(MINUTE)}
    return web.ask(server, "/api/v1/query_range", form)
