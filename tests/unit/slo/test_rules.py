# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules made of a catalogue: exact thresholds, closed under what they read, and every name known."""

from __future__ import annotations

import decimal
import re

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus import promql
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog import catalog
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog.slo import Slo
from ansible_collections.governed.delivery.plugins.module_utils._slo.rules import (
    alerts,
    backtest,
    bundle,
    closure,
    names,
    promtool_tests,
    recording,
    series,
    windows,
)

Decimal = decimal.Decimal


def slo(objective: str = "99.9", window: str = "30d", **more: str) -> Slo:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    text = f"service: a\nslos: [{{name: x, objective: {objective}, window: {window}, sli: {{ratio: {{bad: 'r{{c=\"5\"}}', total: r}}}}{extra}}}]"
    [found] = catalog.read(text).slos
    return found


@pytest.mark.parametrize(
    ("objective", "window", "factors"),
    [
        ("99.9", "30d", ["14.4", "6", "3", "1"]),
        ("99.9", "28d", ["13.44", "5.6", "2.8", "1"]),
        ("99.9", "7d", ["3.36", "1.4", "1", "1"]),
        ("99.9", "90d", ["14.4", "14.4", "9", "3"]),
        ("90", "30d", ["5", "5", "3", "1"]),
    ],
)
def test_factors_scale_with_the_period_and_can_be_reached(objective: str, window: str, factors: list[str]) -> None:
    one = slo(objective, window)
    found = [windows.factor(one, row) for alert in (windows.PAGE, windows.TICKET) for row in alert.rows]
    assert found == [Decimal(factor) for factor in factors]
    assert all(factor * one.budget <= 1 for factor in found)


def test_thresholds_are_exact() -> None:
    for objective in ("99.9", "99.95", "99.99", "99.999", "33.3333333"):
        text = str(bundle.rules([slo(objective)]))
        assert not re.search(r"\d\.\d{11,}", text)
        assert f"/ {windows.plain(slo(objective).budget)}" in text


def test_everything_that_is_read_is_recorded_before_or_raw() -> None:
    content = bundle.rules([slo(group_by="[region]")])
    assert closure.findings(content, closure.allowed(["r"])) == []
    assert {finding.code for finding in closure.findings(content, closure.allowed([]))} == {"undefined_recording_rule"}


def test_every_recorded_name_is_in_the_list_of_names() -> None:
    recorded = {rule["record"] for rule in recording.rules(slo())}
    assert recorded == names.recorded()
    read = {selector.name for rule in alerts.rules(slo()) for selector in promql.selectors(rule["expr"])}
    assert read <= recorded | {"r"}


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([{"alert": "SLOGapFast", "expr": "error_budget_burn_2x > 1"}], "undefined_recording_rule"),
        ([{"record": "a:b", "expr": "a:c"}, {"record": "a:c", "expr": "up"}], "rule_order"),
        ([{"record": "a:b", "expr": "a:b + 1"}], "rule_order"),
        ([{"record": "a:b", "expr": "sum(up"}], "unparseable"),
        ([{"record": "a:b", "expr": "up"}, {"record": "a:b", "expr": "-up"}], "recording_twice"),
    ],
)
def test_rules_that_lie_are_found(rules: list[dict[str, str]], code: str) -> None:
    found = closure.findings({"groups": [{"name": "slo.gap", "rules": rules}]}, closure.allowed([]))
    assert [finding.code for finding in found] == [code]


@pytest.mark.parametrize("pattern", ["5..", "5.*", "500|502", "(500|502)", "2..|3..", "GET", "/api/.+", r"1(\.0)?", r"\d\d\d", "[45].."])
def test_an_example_is_found_for_patterns_that_people_write(pattern: str) -> None:
    assert re.fullmatch(pattern, series.example(pattern))


def test_made_up_series_fit_their_selectors() -> None:
    bad, good = series.inputs(slo(), [series.Stretch(2, Decimal(10), Decimal("0.1")), series.Stretch(1, Decimal(0), measured=False)])
    assert bad == {"series": 'r{c="5"}', "values": "0x0 1+1x1 _x1"}
    assert good == {"series": "r{}", "values": "0x0 9+9x1 _x1"}


def test_a_deadline_is_that_of_the_issue() -> None:
    found = [case.name for case in promtool_tests.cases(slo())]
    assert "full outage: pages within 4 minutes" in found
    assert "2 % errors: pages within 47 minutes" in found
    assert "three minutes of 10 % errors: no page" in found


def test_an_alert_is_pending_fires_and_keeps_firing() -> None:
    active = [bool(int(digit)) for digit in "0111100110000100"]
    assert "".join(str(int(state)) for state in backtest.states(active, pending=2, keep=3)) == "0001111111110000"


@pytest.mark.parametrize(("objective", "window"), [("99.9", "28d"), ("99.99", "90d"), ("95", "30d"), ("33.3333", "7d"), ("99.7", "30d")])
def test_made_up_counters_go_up_by_whole_numbers(objective: str, window: str) -> None:
    one = slo(objective, window)
    for case in promtool_tests.cases(one):
        for stretch in case.stretches:
            assert stretch.events % 1 == 0
            assert (stretch.events * stretch.bad) % 1 == 0, case.name
