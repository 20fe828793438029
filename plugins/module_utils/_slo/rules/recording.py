# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The recording rules of a service level: what was bad and what there was, ratios, burn, budget."""

from __future__ import annotations

import typing as t

from ..catalog.slo import Latency, Slo
from . import names, windows
from .windows import plain

Rule = dict[str, t.Any]

# The counters themselves are asked up to here; beyond, sums of five minutes cost a twentieth (https://github.com/pyrra-dev/pyrra, "performance").
DIRECT = ("5m", "30m", "1h", "2h", "6h")
SUMMED = ("1d", "3d")
SHORT = tuple(row.short for alert in (windows.PAGE, windows.TICKET) for row in alert.rows)

# Wilson's score interval (https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm), one-sided 95 %: z, z squared by 2, by 4.
Z, HALF_Z2, QUARTER_Z2, Z2 = "1.645", "1.3530125", "0.67650625", "2.706025"


def rules(slo: Slo) -> list[Rule]:
    """In the order in which they need each other; all about one service level, with the labels slo_id, service and slo."""
    return [*_about(slo), *_counted(slo), *_ratios(slo), *_period(slo), *_factors(slo)]


def of(slo: Slo, name: str) -> str:
    """A selector of the service level's own series."""
    return f'{name}{{slo_id="{slo.id}"}}'


def part_and_total(slo: Slo) -> tuple[str, str, bool]:
    """Selectors of some of the events and of all of them, and whether those some are the good ones."""
    if isinstance(slo.sli, Latency):
        return slo.sli.good, slo.sli.total, True
    return slo.sli.good or slo.sli.bad, slo.sli.total, bool(slo.sli.good)


def _about(slo: Slo) -> t.Iterator[Rule]:
    info = {"owner": slo.owner, "tier": slo.tier, "runbook": slo.runbook}
    yield _rule(slo, names.INFO, "vector(1)", {key: text for key, text in info.items() if text})
    yield _rule(slo, names.OBJECTIVE, f"vector({plain(1 - slo.budget)})")
    yield _rule(slo, names.BUDGET, f"vector({plain(slo.budget)})")


def _counted(slo: Slo) -> t.Iterator[Rule]:
    part, total, is_good = part_and_total(slo)
    by = f" by ({', '.join(slo.group_by)}) " if slo.group_by else ""
    for window in DIRECT:
        some, all_ = f"sum{by}(increase({part}[{window}]))", f"sum{by}(increase({total}[{window}]))"
        # A counter that nothing has incremented yet does not exist.
        some = f"({some} or 0 * {all_})"
        yield _rule(slo, names.total(window), all_)
        yield _rule(slo, names.bad(window), f"clamp_min({all_} - {some}, 0)" if is_good else some.removeprefix("(").removesuffix(")"))
    for window in SUMMED:
        for name in (names.total, names.bad):
            yield _rule(slo, name(window), _sum(slo, name(), window))


def _ratios(slo: Slo) -> t.Iterator[Rule]:
    for window in names.WINDOWS:
        bad, total, ratio = of(slo, names.bad(window)), of(slo, names.total(window)), of(slo, names.error_ratio(window))
        # Absent where nothing happened: 0/0 would be NaN, and one NaN spoils what is reckoned of it. Extrapolated parts may exceed the whole.
        yield _rule(slo, names.error_ratio(window), f"clamp_max({bad} / ({total} > 0), 1)")
        yield _rule(slo, names.burn(window), f"{ratio} / {plain(slo.budget)}")
        if window in SHORT:
            spread = f"sqrt({ratio} * (1 - {ratio}) / {total} + {QUARTER_Z2} / {total} ^ 2)"
            yield _rule(slo, names.lower_bound(window), f"({ratio} + {HALF_Z2} / {total} - {Z} * {spread})\n/ (1 + {Z2} / {total})")


def _period(slo: Slo) -> t.Iterator[Rule]:
    period = f"{slo.window_days}d"
    total = f"({_sum(slo, names.total(), period)} > 0)"
    yield _rule(slo, names.PERIOD_BURN, f"{_sum(slo, names.bad(), period)}\n/ {total}\n/ {plain(slo.budget)}")
    yield _rule(slo, names.BUDGET_REMAINING, f"1 - {of(slo, names.PERIOD_BURN)}")
    points = slo.window_days * 86400 // names.WINDOWS[names.BASE]
    counted = f"count_over_time({of(slo, names.total())}[{period}:{names.BASE}])"
    yield _rule(slo, names.PERIOD_COVERAGE, f"clamp_max({counted} / {points}, 1)")


def _factors(slo: Slo) -> t.Iterator[Rule]:
    for alert in windows.alerts(slo):
        for row in alert.rows:
            normal, low = windows.factor(slo, row), windows.lowered(slo, alert, row)
            always = f"{plain(normal)} + 0 * {of(slo, names.total())}"
            if low is None or low >= normal:
                yield _rule(slo, names.factor(row.long), always)
                continue
            little = f"{of(slo, names.BUDGET_REMAINING)} < {plain(windows.LOW_BUDGET)}"
            known = f"{of(slo, names.PERIOD_COVERAGE)} >= {plain(windows.COVERED)}"
            yield _rule(slo, names.factor(row.long), f"{plain(low)} + 0 * ({little} and {known})\nor {always}")


def _sum(slo: Slo, name: str, window: str) -> str:
    return f"sum_over_time({of(slo, name)}[{window}:{names.BASE}])"


def _rule(slo: Slo, name: str, expression: str, labels: t.Mapping[str, str] | None = None) -> Rule:
    return {"record": name, "expr": expression, "labels": {**slo.labels, **(labels or {})}}
