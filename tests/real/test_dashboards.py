# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every query of the shipped dashboards asked of a real Prometheus, the alerts in promtool, and a Grafana that is a fake."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._dashboards import metrics
from ansible_collections.governed.delivery.plugins.module_utils._dashboards.metrics import Metric

from playground import modules, prometheus
from playground.errors import Refusal
from tests.support import fake_apis, shipped_dashboards

WEEK = 7 * 86400
# What panels and alerts select by.
VALUES = {
    "relname": "docs_default",
    "sampled": "true",
    "span_kind": "SPAN_KIND_SERVER",
    "status_code": "STATUS_CODE_ERROR",
    "verdict": "PASS",
    "slo_id": "gateway-availability",
}


def program(name: str) -> Path:
    try:
        return prometheus.program(name)
    except Refusal as problem:
        pytest.skip(f"no {name}: {problem}")


def series(metric: Metric, moment: int) -> t.Iterator[prometheus.SAMPLE]:
    """One series of the metric, a quarter of an hour before now and a week ago."""
    labels = {label: VALUES.get(label, "one") for label in sorted(metric.labels - {"le"})}
    bounds = ("0.1", "1", "+Inf") if metric.kind == "histogram" else ("",)
    for name in metric.series:
        for bound in bounds if name.endswith("_bucket") else ("",):
            inner = ",".join(f'{label}="{value}"' for label, value in {**labels, **({"le": bound} if bound else {})}.items())
            for base in (moment - WEEK, moment):
                for step in range(16):
                    yield f"{name}{{{inner}}}", base - 900 + 60 * step, 1.0 if metric.kind == "gauge" else float(step + 1)


def test_every_query_is_taken_and_finds_what_is_produced(tmp_path: Path) -> None:
    declared = metrics.parse(shipped_dashboards.read("metrics.yml"))
    produced = {metric.name: metric for metric in declared.values() if not metric.waits_for}
    moment = int(time.time())
    prometheus.record(tmp_path, [sample for metric in produced.values() for sample in series(metric, moment)], program("promtool"))
    with prometheus.serving(tmp_path, server=program("prometheus")) as server:
        told = shipped_dashboards.options(state="rendered", prometheus={"url": server.url, "use_proxy": False})
        answer = modules.run("grafana_dashboard", told)
    assert not answer["failed"], answer
    found = {measure["name"]: measure for measure in answer["measures"]}
    assert (found["queries_invalid"]["value"], found["panels_without_data"]["value"]) == (0, 0), answer["measures"]
    assert 0 < found["panels_waiting"]["value"] < found["panels"]["value"]
    assert all(panel["series"] == 0 for panel in answer["panels"] if panel["needs"] == ["search_canary"])


def test_a_server_that_does_not_answer_makes_no_number() -> None:
    told = shipped_dashboards.options(state="rendered", prometheus={"url": "http://127.0.0.1:9", "tries": 1, "use_proxy": False})
    found = {measure["name"]: measure["value"] for measure in modules.run("grafana_dashboard", told)["measures"]}
    assert (found["panels_without_data"], found["queries_invalid"]) == (None, None)


def test_grafana_gets_each_dashboard_once() -> None:
    with fake_apis.serving() as fake:
        told = shipped_dashboards.options(grafana={"url": fake.url, "token": "t0ken", "use_proxy": False})
        assert modules.run("grafana_dashboard", told, check=True)["changed"]
        assert fake.written() == []
        assert modules.run("grafana_dashboard", told)["changed"]
        assert len(fake.dashboards) == len(told["dashboards"]) == len(fake.written())
        assert not modules.run("grafana_dashboard", told)["changed"]
        fake.dashboards["governed-sprint-36"]["title"] = "Changed by hand"
        answer = modules.run("grafana_dashboard", told)
        assert (answer["changed"], answer["differing"]) == (True, [f"{fake.url} governed-sprint-36"])
        fake.dashboards["theirs"] = {"uid": "theirs", "title": "Theirs", "description": ""}
        assert modules.run("grafana_dashboard", {**told, "state": "absent"})["changed"]
        assert list(fake.dashboards) == ["theirs"]


def test_a_dashboard_of_somebody_else_is_not_touched() -> None:
    with fake_apis.serving() as fake:
        fake.dashboards["governed-sprint-36"] = {"uid": "governed-sprint-36", "title": "Theirs"}
        told = shipped_dashboards.options(grafana={"url": fake.url, "token": "t0ken", "use_proxy": False})
        answer = modules.run("grafana_dashboard", told)
        assert (answer["failed"], answer["refusals"][0]["code"], fake.written()) == (True, "grafana_refused", [])
        refused = modules.run("grafana_dashboard", {**told, "grafana": {**told["grafana"], "token": "wr0ng"}})
        assert (refused["failed"], "wr0ng" in json.dumps(refused["refusals"])) == (True, False)


SAMPLING = "otelcol_processor_tail_sampling"
LATENCY = "traces_span_metrics_duration_seconds"
SERVER = 'service_name="docs",span_kind="SPAN_KIND_SERVER"'


def latency(slow_from: int, count: int, per_minute: int) -> dict[str, str]:
    """Requests of 0.05 s until a minute, and from then on every fiftieth of 0.5 s; ``count`` minutes."""
    calm = f"0+{per_minute}x{slow_from}"
    slow, left = per_minute * 49 // 50, count - slow_from
    sum_at = per_minute * slow_from
    return {
        f'{LATENCY}_bucket{{{SERVER},le="0.1"}}': f"{calm} {sum_at + slow}+{slow}x{left}",
        f'{LATENCY}_bucket{{{SERVER},le="1"}}': f"0+{per_minute}x{count + 1}",
        f'{LATENCY}_bucket{{{SERVER},le="+Inf"}}': f"0+{per_minute}x{count + 1}",
        f"{LATENCY}_count{{{SERVER}}}": f"0+{per_minute}x{count + 1}",
    }


# Series, one value a minute; after how many minutes; which alerts fire.
WEEK_IN_MINUTES = 7 * 24 * 60
CASES: dict[str, tuple[dict[str, str], int, set[str]]] = {
    "nothing is recorded": ({}, 60, set()),
    "rows go to a default partition": (
        {'pg_stat_user_tables_n_tup_ins{datname="shop",schemaname="app",relname="docs_default"}': "0+1x60"},
        30,
        {"PartitionRoutingErrors"},
    ),
    "rows go to their partition": (
        {'pg_stat_user_tables_n_tup_ins{datname="shop",schemaname="app",relname="docs_2026_03"}': "0+1x60"},
        30,
        set(),
    ),
    "a restore has failed": (
        {
            'restore_validate_verdict{cluster="shop",engine="dump",verdict="PASS"}': "0x60",
            'restore_validate_verdict{cluster="shop",engine="dump",verdict="FAIL"}': "1x60",
        },
        30,
        {"RestoreFailed"},
    ),
    "a restore has passed": ({'restore_validate_verdict{cluster="shop",engine="dump",verdict="PASS"}': "1x60"}, 30, set()),
    "the last pass is long ago": (
        {'restore_validate_last_pass_timestamp_seconds{cluster="shop",engine="dump"}': "0x1700"},
        26 * 60 + 15,
        {"RestoreNotProved"},
    ),
    "a policy fails": ({f"{SAMPLING}_sampling_policy_evaluation_error_total": "0+1x60"}, 30, {"SamplingPolicyErrors"}),
    "traces are forgotten": ({f"{SAMPLING}_sampling_trace_dropped_too_early": "0+1x60"}, 30, {"SamplingForgetsTraces"}),
    "nothing is kept": (
        {
            f'{SAMPLING}_global_count_traces_sampled{{job="otelcol",sampled="true"}}': "5x60",
            f'{SAMPLING}_global_count_traces_sampled{{job="otelcol",sampled="false"}}': "0+10x60",
        },
        45,
        {"SamplingKeepsNothing"},
    ),
    "something is kept": (
        {
            f'{SAMPLING}_global_count_traces_sampled{{job="otelcol",sampled="true"}}': "0+1x60",
            f'{SAMPLING}_global_count_traces_sampled{{job="otelcol",sampled="false"}}': "0+10x60",
        },
        45,
        set(),
    ),
    "nothing comes": ({f'{SAMPLING}_global_count_traces_sampled{{job="otelcol",sampled="true"}}': "5x60"}, 45, set()),
    "the tail has grown": (
        latency(WEEK_IN_MINUTES + 600, WEEK_IN_MINUTES + 1200, 100),
        WEEK_IN_MINUTES + 1190,
        {"TailLatencyGrown", "ExtremeTailLatencyGrown"},
    ),
    "the tail has grown, of too few requests to say": (
        latency(WEEK_IN_MINUTES + 600, WEEK_IN_MINUTES + 1200, 10),
        WEEK_IN_MINUTES + 1190,
        set(),
    ),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    told = shipped_dashboards.options(alerts_path=str(folder / "alerts.yml"), runbooks_url="https://wiki.example.net/")
    assert not modules.run("grafana_dashboard", told)["failed"]
    return folder


def test_every_alert_fires_when_it_must_and_only_then(rules: Path) -> None:
    [group] = yaml.safe_load((rules / "alerts.yml").read_text())["groups"]
    names = {rule["alert"] for rule in group["rules"]}
    assert names == set().union(*(firing for _given, _minutes, firing in CASES.values()))
    bare = [{key: rule[key] for key in rule if key not in ("annotations", "labels")} for rule in group["rules"]]
    (rules / "bare.yml").write_text(yaml.safe_dump({"groups": [{**group, "rules": bare}]}))
    # promtool wants an alert's labels word for word; that any fires at all is asked of ALERTS, which it records.
    tests = [
        {
            "name": name,
            "interval": "1m",
            "input_series": [{"series": key, "values": values} for key, values in given.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                    "eval_time": f"{minutes}m",
                    "exp_samples": [{"labels": "{}", "value": 1}] if alert in firing else [],
                }
                for alert in sorted(names)
            ],
        }
        for name, (given, minutes, firing) in CASES.items()
    ]
    (rules / "tests.yml").write_text(yaml.safe_dump({"rule_files": ["bare.yml"], "evaluation_interval": "5m", "tests": tests}))
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "tests.yml"]):
        done = subprocess.run([program("promtool"), *arguments], cwd=rules, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
