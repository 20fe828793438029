# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped dashboards are what the plans list, ask only for what somebody produces, and are drawn the same every time; others are refused."""

from __future__ import annotations

import copy
import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._dashboards import metrics
from ansible_collections.governed.delivery.plugins.module_utils._slo.rules import names

from playground import modules
from tests.support import shipped_dashboards

# Section 6 of each plan, word for word.
DASHBOARDS = {
    "sprint_36": "partition lag & backfill progress, restore success & duration, trace sampling keep/drop rates, SLO gap, search canary diffs, PBA events, "
    "forecast vs actual replicas, savings coverage, idle assets",
    "sprint_35": "ABAC decisions (allow/deny), break-glass events, release train outcomes, contract gate passes/fails, p99.9 trends, "
    "adaptive inflight limits, fault injection results, efficiency scores, budget deltas",
    "sprint_34": "service tiering health, digest-pinned deploys, provenance verifies, residency denials, p99 curves, shed rate & Retry-After, VPA actions, "
    "budget deltas",
}
ALERTS = {
    "36": "partition routing errors, restore failures, sample rules mis-hit, search canary regression, missing PBA evidence, "
    "forecast miss (under-provision), idle assets spike",
    "35": "policy deny spike, break-glass TTL expired still active, release train failure, contract gate fail, p99.9 regression, fault injection leaking, "
    "waste hunter found spikes",
    "34": "tag-only deploy attempt (block), residency policy breach, p99 regression > 10%, shed rate > 2%, VPA thrash, budget guard fail",
}
SHOP: dict[str, t.Any] = {
    "state": "rendered",
    "metrics": [
        {"name": "orders_total", "kind": "counter", "labels": ["outcome"], "producer": "shop", "about": "Orders."},
        {"name": "returns_total", "kind": "counter", "waits_for": "returns", "about": "Returns."},
    ],
    "dashboards": [
        {
            "name": "shop",
            "title": "Shop",
            "about": "Orders.",
            "rows": [
                {
                    "title": "Orders",
                    "panels": [{"title": "Orders", "about": "A second.", "unit": "cps", "queries": [{"expression": "sum(orders_total)"}]}],
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def rendered() -> modules.Result:
    answer = modules.run("grafana_dashboard", shipped_dashboards.options(state="rendered"))
    assert not answer["failed"], answer["msg"]
    return answer


def documents(answer: modules.Result) -> list[dict[str, t.Any]]:
    return [json.loads(one["json"]) for one in answer["dashboards"]]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_each_item_of_the_plan_has_a_row(name: str) -> None:
    rows = [row["title"] for row in shipped_dashboards.read(f"dashboards/{name}.yml")["rows"]]
    assert rows == DASHBOARDS[name].split(", ")


@pytest.mark.parametrize("plan", ALERTS)
def test_each_alert_of_the_plan_is_there(rendered: modules.Result, plan: str) -> None:
    found = {alert["plan"].partition(": ")[2] for alert in rendered["alerts"] if alert["plan"].startswith(plan)}
    assert found == set(ALERTS[plan].split(", "))


def test_the_metrics_of_service_levels_are_those_that_the_rules_record() -> None:
    declared = metrics.parse(shipped_dashboards.read("metrics.yml"))
    ours = {name for name, metric in declared.items() if metric.producer == "role slo_alerting"}
    assert ours <= names.recorded()
    assert all(metric.labels >= set(names.LABELS) for name, metric in declared.items() if name in ours)


def test_what_is_drawn_holds_together(rendered: modules.Result) -> None:
    for document in documents(rendered):
        assert len(document["uid"]) <= 40
        assert re.search("https?://", json.dumps(document)) is None
        cells: set[tuple[int, int]] = set()
        for panel in document["panels"]:
            place = panel["gridPos"]
            own = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            assert not own & cells, panel["title"]
            assert place["x"] + place["w"] <= 24
            cells |= own
            if panel["type"] == "row":
                continue
            assert panel["description"]
            assert panel["datasource"]["uid"] == "${datasource}"
            for target in panel["targets"]:
                assert target["exemplar"] == ("_bucket" in target["expr"] and panel["type"] == "timeseries")
        assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])


def test_a_panel_that_waits_says_for_what(rendered: modules.Result) -> None:
    waiting = [panel for panel in rendered["panels"] if panel["needs"]]
    titles = {panel["title"]: panel for document in documents(rendered) for panel in document["panels"]}
    assert waiting
    for panel in waiting:
        drawn = titles[f"{panel['title']} (waits for {', '.join(panel['needs'])})"]
        assert "No data yet: it waits for the capability" in drawn["description"]


def test_the_same_definition_gives_the_same_bytes(rendered: modules.Result) -> None:
    again = modules.run("grafana_dashboard", shipped_dashboards.options(state="rendered"))
    assert again["dashboards"] == rendered["dashboards"]
    assert all(
        one["json"] == json.dumps(json.loads(one["json"]), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for one in again["dashboards"]
    )


def changed(path: str, value: object) -> dict[str, t.Any]:
    """SHOP with another value at a path as ``dashboards.0.rows.0.title``; its options are not touched."""
    options = copy.deepcopy(SHOP)
    here: t.Any = options
    *way, last = path.split(".")
    for step in way:
        here = here[int(step)] if step.isdigit() else here[step]
    here[int(last) if last.isdigit() else last] = value
    return options


PANEL = "dashboards.0.rows.0.panels.0"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (f"{PANEL}.queries.0.expression", "sum(", "query_invalid"),
        (f"{PANEL}.queries.0.expression", "rate(orders_total)", "query_invalid"),
        (f"{PANEL}.queries.0.expression", "sum(nobody_counts_this)", "metric_undeclared"),
        (f"{PANEL}.queries.0.expression", '{__name__=~"nobody.*"}', "metric_undeclared"),
        (f"{PANEL}.queries.0.expression", 'orders_total{colour="red"}', "label_undeclared"),
        (f"{PANEL}.queries.0.expression", "sum by (colour) (orders_total)", "label_undeclared"),
        (f"{PANEL}.queries.0.expression", 'orders_total{outcome="$unknown"}', "variable_undeclared"),
        (f"{PANEL}.queries.0.legend", "{{colour}}", "label_undeclared"),
        (f"{PANEL}.queries.0.expression", "sum(returns_total)", "needs_wrong"),
        (f"{PANEL}.needs", ["returns"], "needs_wrong"),
        (f"{PANEL}.kind", "pie", "plan_shape"),
        (f"{PANEL}.thresholds", [{"color": "red", "at": 1}], "plan_shape"),
        (f"{PANEL}.thresholds", [{"color": "red"}, {"color": "green", "at": 2}, {"color": "red", "at": 1}], "plan_shape"),
        (f"{PANEL}.runbook", "https://wiki/x.md", "plan_shape"),
        ("dashboards.0.variables", [{"name": "outcome", "metric": "nobody"}], "metric_undeclared"),
        ("dashboards.0.variables", [{"name": "colour", "metric": "orders_total"}], "label_undeclared"),
        ("metrics.0.producer", None, "plan_shape"),
        ("metrics.0.kind", "summary", "plan_shape"),
    ],
)
def test_what_could_not_be_answered_is_refused(path: str, value: object, code: str) -> None:
    answer = modules.run("grafana_dashboard", changed(path, value))
    assert (answer["failed"], answer["refusals"][0]["code"]) == (True, code), answer


def test_a_runbook_without_its_anchor_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.md").write_text("# Shop\n\n## No stock\n")
    for runbook, failed in (("shop.md#no-stock", False), ("shop.md#gone", True), ("nowhere.md", True)):
        answer = modules.run("grafana_dashboard", {**changed(f"{PANEL}.runbook", runbook), "runbooks": str(tmp_path)})
        assert answer["failed"] is failed


def test_files_are_written_once_and_removed(tmp_path: Path) -> None:
    told = {**SHOP, "state": "present", "directory": str(tmp_path / "new"), "alerts_path": str(tmp_path / "alerts.yml")}
    assert modules.run("grafana_dashboard", told, check=True)["changed"]
    assert list(tmp_path.iterdir()) == []
    assert modules.run("grafana_dashboard", told)["changed"]
    assert yaml.safe_load((tmp_path / "alerts.yml").read_text())["groups"][0]["rules"] == []
    again = modules.run("grafana_dashboard", told)
    assert (again["changed"], again["differing"]) == (False, [])
    assert modules.run("grafana_dashboard", {**told, "state": "absent"})["changed"]
    assert list((tmp_path / "new").iterdir()) == []
    assert not modules.run("grafana_dashboard", {**told, "state": "absent"})["changed"]


def test_a_file_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "governed-shop.json").write_text("{}")
    for state in ("present", "absent"):
        answer = modules.run("grafana_dashboard", {**SHOP, "state": state, "directory": str(tmp_path)})
        assert (answer["failed"], answer["refusals"][0]["code"]) == (True, "not_ours")
    assert (tmp_path / "governed-shop.json").read_text() == "{}"
