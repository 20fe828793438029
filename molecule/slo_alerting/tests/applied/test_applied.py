# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus evaluates the rules, and their tests and routes lie beside them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml


def test_prometheus_has_read_the_rules(groups: list[dict[str, t.Any]]) -> None:
    [group] = groups
    assert group["name"] == "slo:gateway-availability"
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
    alerts = {rule["name"]: rule for rule in group["rules"] if rule["type"] == "alerting"}
    assert set(alerts) == {"ErrorBudgetBurnFast", "ErrorBudgetBurnSlow", "SLOMetricAbsent"}
    assert alerts["ErrorBudgetBurnFast"]["labels"]["severity"] == "page"
    assert alerts["ErrorBudgetBurnFast"]["annotations"]["runbook_url"] == "runbook.md#errors"


def test_tests_and_routes_lie_beside_them(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "tests").iterdir()) == ["gateway-availability.rules.yml", "gateway-availability.test.yml"]
    assert [route["receiver"] for route in yaml.safe_load((folder / "alertmanager.yml").read_text())["routes"]] == ["page", "ticket"]
