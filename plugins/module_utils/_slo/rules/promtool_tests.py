# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What has to be true of a service level's rules, as promtool's tests: one file for each, made of the catalogue.

Each case says what happens to the service, and which alerts fire when. Alerts are looked at through ``ALERTS``, as an annotation with a number
cannot be foreseen; and numbers are rounded, as promtool 2.42 compares exactly.
"""

from __future__ import annotations

import dataclasses
import decimal
import typing as t

from ..catalog.slo import Slo
from . import names, recording, series, windows
from .bundle import INTERVAL
from .series import Stretch
from .windows import plain

Decimal = decimal.Decimal
HOUR = 60
BURST = 3  # minutes
FLAP_BAD, FLAP_GOOD, FLAP_HOURS = 6, 8, 4


@dataclasses.dataclass(frozen=True)
class Case:
    """A name, what happens, and what must then be: expressions by minute with the one value they have, or None for no value at all."""

    name: str
    stretches: tuple[Stretch, ...]
    expected: tuple[tuple[int, str, Decimal | int | None], ...]


def document(slo: Slo, rule_files: t.Sequence[str]) -> dict[str, t.Any]:
    """A test file for ``promtool test rules``.

    :raises Refusal: no series could be made up for its selectors.
    """
    return {
        "rule_files": list(rule_files),
        "evaluation_interval": INTERVAL,
        "tests": [
            {
                "name": case.name,  # promtool 2.42 names no test in its complaints, later ones do
                "interval": INTERVAL,
                "input_series": series.inputs(slo, case.stretches),
                "promql_expr_test": [_looked_at(*expected) for expected in case.expected],
            }
            for case in cases(slo)
        ],
    }


def cases(slo: Slo) -> list[Case]:
    """Every case that means something for this objective."""
    found = [_healthy(slo), _recorded(slo), _idle(slo)]
    if slo.pages:
        found += [_outage(slo), _short_spike(slo), _flap(slo)]
        if (ratio := slo.budget * 20) < 1:
            found.append(_steady(slo, ratio))
        if (ratio := _burst(slo)) < 1:
            found.append(_two_bursts(slo, ratio))
        if slo.min_bad_events >= 5:  # whoever lowers the floor wants to be woken by fewer
            found.append(_rare_failures(slo))
    if slo.min_bad_events > 1:
        found.append(_one_failure(slo))
    burn = 2 * min(windows.factor(slo, row) for row in windows.TICKET.rows).to_integral_value(decimal.ROUND_CEILING)
    if slo.tickets and slo.budget * burn < 1:
        found.append(_slow_burn(slo, burn))
    if slo.absent != "none":
        found.append(_gone(slo))
    return found


def events(slo: Slo) -> Decimal:
    """Events a minute, 600 or more, and so many that half the share of them that may be bad is a whole number.

    Counters go up by whole numbers here: a sum of fractions may end below the next stretch's beginning, which would read as a counter's reset.
    """
    decimals = max(0, -int(slo.budget.normalize().as_tuple().exponent))
    least = Decimal(2).scaleb(decimals)
    times = (Decimal(600) / least).to_integral_value(decimal.ROUND_CEILING)
    return least * max(Decimal(1), times)


def halves(slo: Slo, ratio: Decimal) -> Decimal:
    """The nearest error ratio below that is a multiple of half the budget; at least one."""
    half = slo.budget / 2
    return max((ratio / half).to_integral_value(decimal.ROUND_FLOOR), Decimal(1)) * half


def firing(slo: Slo, severity: str, alert: str = "ErrorBudgetBurn.*") -> str:
    """How many alerts of the severity fire now."""
    return f'count(ALERTS{{slo_id="{slo.id}",alertname=~"{alert}",alertstate="firing",severity="{severity}"}}) or vector(0)'


def activations(slo: Slo, minutes: int) -> str:
    """How often a page began to fire within the last so many minutes."""
    fires = f'ALERTS{{slo_id="{slo.id}",alertname="{windows.PAGE.name}",alertstate="firing"}}'
    return f"sum(sum_over_time(({fires} unless {fires} offset 1m)[{minutes}m:1m])) or vector(0)"


def _looked_at(minute: int, expression: str, value: Decimal | int | None) -> dict[str, t.Any]:
    samples = [] if value is None else [{"value": float(value)}]
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}


def _silent(slo: Slo, *minutes: int, severities: t.Sequence[str] = ("page", "ticket")) -> list[tuple[int, str, Decimal | int | None]]:
    return [(minute, firing(slo, severity), 0) for minute in minutes for severity in severities]


def _healthy(slo: Slo) -> Case:
    return Case("healthy: silent", (Stretch(2 * HOUR, events(slo)),), tuple(_silent(slo, 5, HOUR, 2 * HOUR)))


def _outage(slo: Slo) -> Case:
    """A healthy hour, then nothing succeeds. One minute more than the reckoning: it begins between two evaluations."""
    bound = windows.outage_minutes(slo, Decimal(1)) + windows.PAGE.pending + 1
    return Case(
        f"full outage: pages within {bound} minutes",
        (Stretch(HOUR, events(slo)), Stretch(bound + 5, events(slo), Decimal(1))),
        (*_silent(slo, HOUR, severities=["page"]), (HOUR + bound, firing(slo, "page"), 1)),
    )


def _steady(slo: Slo, ratio: Decimal) -> Case:
    bound = windows.outage_minutes(slo, ratio) + windows.PAGE.pending + 1
    return Case(
        f"{plain(ratio * 100)} % errors: pages within {bound} minutes",
        (Stretch(HOUR, events(slo)), Stretch(bound + 5, events(slo), ratio)),
        (*_silent(slo, HOUR, severities=["page"]), (HOUR + bound, firing(slo, "page"), 1)),
    )


def _short_spike(slo: Slo) -> Case:
    """Three minutes that spend a third of what pages: for 99.9 % and 30 days 10 % errors."""
    ratio = halves(slo, min(Decimal("0.1"), windows.factor(slo, windows.PAGE.rows[0]) * slo.budget * 7))
    return Case(
        f"three minutes of {plain(ratio * 100)} % errors: no page",
        (Stretch(HOUR, events(slo)), Stretch(3, events(slo), ratio), Stretch(2 * HOUR, events(slo))),
        ((3 * HOUR, activations(slo, 3 * HOUR), 0), *_silent(slo, *range(HOUR, HOUR + 10), severities=["page"])),
    )


def _flap(slo: Slo) -> Case:
    """Bad and good in turn. At most one page; and it does page where so many bad events may."""
    pages = windows.factor(slo, windows.PAGE.rows[0]) * slo.budget < Decimal(FLAP_BAD) / (FLAP_BAD + FLAP_GOOD) - Decimal("0.05")
    turns = FLAP_HOURS * HOUR // (FLAP_BAD + FLAP_GOOD)
    turn = (Stretch(FLAP_BAD, events(slo), Decimal(1)), Stretch(FLAP_GOOD, events(slo)))
    end = HOUR + turns * (FLAP_BAD + FLAP_GOOD)
    return Case(
        f"{FLAP_BAD} minutes bad, {FLAP_GOOD} good, for {FLAP_HOURS} hours: {'one page' if pages else 'at most one page'}",
        (Stretch(HOUR, events(slo)), *turn * turns),
        ((end, activations(slo, end) if pages else f"({activations(slo, end)}) <= bool 1", 1),),
    )


def _burst(slo: Slo) -> Decimal:
    """An error ratio that in three minutes burns too fast for the first row, and twice too slow for the second, whose windows would hold the page."""
    enough, too_much = (windows.factor(slo, row) * slo.budget * names.WINDOWS[row.long] / 60 for row in windows.PAGE.rows)
    return halves(slo, (enough + too_much) / 2 / BURST)


def _two_bursts(slo: Slo, ratio: Decimal) -> Case:
    """Long after the last error, two bursts with ten good minutes between them: what ``keep_firing_for`` is for."""
    burst = Stretch(BURST, events(slo), ratio)
    history = names.WINDOWS[windows.PAGE.rows[1].long] // 60
    end = history + 3 * HOUR // 4
    return Case(
        "two bursts with ten minutes between them: one page",
        (Stretch(history, events(slo)), burst, Stretch(10, events(slo)), burst, Stretch(HOUR, events(slo))),
        ((end, activations(slo, end), 1),),
    )


def _one_failure(slo: Slo) -> Case:
    """One request a minute, and one of the last twenty fails."""
    one = Decimal(1)
    return Case(
        "one failed request in twenty: silent",
        (Stretch(HOUR, one), Stretch(1, one, one), Stretch(19, one)),
        tuple(_silent(slo, *range(HOUR, HOUR + 21, 2))),
    )


def _rare_failures(slo: Slo) -> Case:
    """One request a minute, and every twentieth fails, for hours: a ticket's business, nobody is woken."""
    one = Decimal(1)
    return Case(
        "every twentieth of few requests fails: no page",
        (Stretch(HOUR, one), *(Stretch(1, one, one), Stretch(19, one)) * 9),
        ((4 * HOUR, activations(slo, 4 * HOUR), 0),),
    )


def _slow_burn(slo: Slo, burn: Decimal) -> Case:
    """Errors at twice the rate of the slowest row. A ticket comes; and no page, where pages need more."""
    is_too_slow = all(windows.factor(slo, row) > burn for row in windows.PAGE.rows)
    return Case(
        f"{plain(burn)} times the allowed errors: a ticket{', no page' if is_too_slow else ''}",
        (Stretch(2 * HOUR, events(slo), slo.budget * burn),),
        ((2 * HOUR, firing(slo, "ticket"), 1), *([(2 * HOUR, activations(slo, 2 * HOUR), 0)] if is_too_slow else [])),
    )


def _idle(slo: Slo) -> Case:
    """Nobody comes for an hour: no ratio, rather than NaN, and the period's is what it was."""
    end = 2 * HOUR + 30
    return Case(
        "idle: no ratio, no alert",
        (Stretch(HOUR, events(slo)), Stretch(90, Decimal(0))),
        (
            (end, f"count({recording.of(slo, names.error_ratio('5m'))})", None),
            (end, f"count({recording.of(slo, names.PERIOD_BURN)} == 0)", 1),
            *_silent(slo, end),
        ),
    )


def _gone(slo: Slo) -> Case:
    """The metric vanishes. It counts as there for five minutes more, Prometheus' own lookback."""
    after = 5 + windows.absent_minutes(slo) + 1
    return Case(
        f"metric gone: {slo.absent} within {after} minutes",
        (Stretch(HOUR, events(slo)), Stretch(after + 5, events(slo), measured=False)),
        (
            (HOUR, firing(slo, slo.absent, windows.ABSENT), 0),
            (HOUR + after, firing(slo, slo.absent, windows.ABSENT), 1),
        ),
    )


def _recorded(slo: Slo) -> Case:
    """At an error ratio of half the budget, what is recorded is what Decimal makes of it."""
    ratio = slo.budget / 2
    exact = {
        names.total(): (events(slo) * 5, "0.001"),
        names.bad(): (events(slo) * 5 * ratio, "0.001"),
        names.error_ratio("1h"): (ratio, "0.00000001"),
        names.burn("1h"): (Decimal("0.5"), "0.0001"),
        names.BUDGET: (slo.budget, "0.00000001"),
        names.BUDGET_REMAINING: (Decimal("0.5"), "0.01"),
    }
    return Case(
        "recorded values",
        (Stretch(2 * HOUR, events(slo), ratio),),
        tuple((2 * HOUR, f"round(sum({recording.of(slo, name)}), {to})", value) for name, (value, to) in exact.items()),
    )
