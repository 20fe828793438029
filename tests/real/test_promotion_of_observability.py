# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sprint 36's own goals of its observability part, promoted onto a running collector and a running Prometheus: held, missed, and brought back."""

from __future__ import annotations

import dataclasses
import time
import typing as t
from pathlib import Path

import pytest
import yaml

from playground import collector, observability, prometheus
from tests.support import promotions
from tests.support.collectors import export, traffic
from tests.support.components import had, had_prometheus
from tests.support.promotions import ROOT, Bench

CAPABILITIES = ("trace_sampling", "slo_alerting")
SPRINT = ROOT / "playbooks" / "plans" / "sprint_36.yml"
DECISION_WAIT = 1.0
WINDOW = 12.0
SERVICE = "gateway-availability"  # one of the playground's is enough: promtool tests the rules of each for seconds
# What the sprint's plan sketches: a span that failed has the status of an error. Those of a server that sets none are sampled like all others.
SKETCH = [
    {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
    {"name": "baseline", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10}},
]


@dataclasses.dataclass(frozen=True)
class Ground:
    """What is promoted onto."""

    bench: Bench
    collector: collector.Collector
    prometheus: prometheus.Prometheus
    configuration: Path

    def variables(self, recorded: Path, **more: t.Any) -> dict[str, t.Any]:
        folder = self.configuration.parent
        return {
            "trace_sampling_path": str(self.configuration),
            "trace_sampling_collector_version": "0.161.0",
            "trace_sampling_pipelines": ["traces"],
            # More than the plan's 60 %, which is held against the interval of what the next seconds come to.
            "trace_sampling_goals": {"error_keep_min": 0.95, "volume_cut_min": 0.7, "slow_ms": 1000},
            "trace_sampling_decision_wait": f"{DECISION_WAIT:g}s",
            "trace_sampling_traces": [str(recorded)],
            "trace_sampling_received": [str(folder / "received.jsonl")],
            "trace_sampling_kept": [str(folder / "kept.jsonl")],
            "trace_sampling_reload": "sighup",
            "trace_sampling_pid_file": str(folder / "pid"),
            "trace_sampling_telemetry": [{"url": self.collector.metrics, "use_proxy": False}],
            "trace_sampling_verify": {"window": WINDOW, "traces_at_least": 200},
            "slo_alerting_catalog": str(folder / "catalog.yaml"),
            "slo_alerting_rules_file": str(self.prometheus.folder / "rules" / "slo.yml"),
            "slo_alerting_state_directory": str(folder / "state"),
            "slo_alerting_runbooks_directory": str(ROOT),
            "slo_alerting_promtool": str(prometheus.program("promtool")),
            "slo_alerting_prometheus": {"url": self.prometheus.url, "use_proxy": False},
            "slo_alerting_days": 2,
            **more,
        }

    def measured(self) -> dict[str, dict[str, t.Any]]:
        """What the last promotion measured, by name, from the ledger."""
        statements = [one for one in self.bench.evidence if one["type"] == "verified"]
        return {one["name"]: one for statement in statements for one in statement["measures"]}


def plan() -> dict[str, t.Any]:
    """The sprint's stage with these two capabilities, their goals and its variables as they stand in its plan."""
    whole: dict[str, t.Any] = yaml.safe_load(SPRINT.read_text(encoding="utf-8"))
    [stage] = [one for one in whole["stages"] if one["name"] == "stage"]
    del stage["preconditions"]
    for key in ("actions", "verifications"):
        stage[key] = [one for one in stage[key] if one["capability"] in CAPABILITIES]
    measures = {goal["measure"] for one in stage["verifications"] for goal in one["goals"]}
    return {
        **whole,
        "stages": [stage],
        "headlines": [one for one in whole["headlines"] if one["stage"] == "stage" and one["measure"] in measures],
        "variables": {name: told for name, told in whole["variables"].items() if name in ("error_keep_rate", "volume_cut")},
    }


def two_days(end: int) -> t.Iterator[prometheus.SAMPLE]:
    """The playground's history as a Prometheus has it: counters by status code, and when the sketched alert fired."""
    start = end - 60 * observability.MINUTES
    told = observability.history(start)
    events, good, failed = told["slos"][SERVICE], 0, 0
    for minute, (bad, total) in enumerate(zip(events["bad"], events["total"], strict=True)):
        good, failed = good + total - bad, failed + bad
        yield 'http_requests_total{job="gateway",code="200"}', start + 60 * minute, good
        yield 'http_requests_total{job="gateway",code="500"}', start + 60 * minute, failed
    for moment in sorted(set(told["pages"])):
        yield 'ALERTS{alertname="BurnRate",alertstate="firing",severity="page"}', moment, 1


@pytest.fixture
def ground(tmp_path: Path) -> t.Iterator[Ground]:
    had("otelcol-0.161")
    had_prometheus()
    bench = promotions.made(tmp_path / "bench")
    bench.plan = plan()
    folder = tmp_path / "platform"
    folder.mkdir()
    (folder / "catalog.yaml").write_text(observability.CATALOG.split("---", maxsplit=1)[0], encoding="utf-8")
    configuration = folder / "config.yaml"
    configuration.write_text(
        f"""\
# Keeps every trace, and writes down what comes in and what goes out.
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:4318"}}}}}}}}
processors:
  memory_limiter: {{check_interval: 1s, limit_percentage: 80}}
exporters:
  file/received: {{path: {folder / "received.jsonl"}}}
  file/kept: {{path: {folder / "kept.jsonl"}}}
service:
  pipelines:
    traces/received: {{receivers: [otlp], exporters: [file/received]}}
    traces: {{receivers: [otlp], processors: [memory_limiter], exporters: [file/kept]}}
""",
        encoding="utf-8",
    )
    server = tmp_path / "prometheus"
    prometheus.record(server, two_days(int(time.time()) // 60 * 60))
    with (
        prometheus.serving(server, rule_files=[str(server / "rules" / "*.yml")]) as asked,
        collector.serving(tmp_path / "collector", configuration, version="0.161") as running,
    ):
        (folder / "pid").write_text(f"{running.pid}\n")
        yield Ground(bench, running, asked, configuration)


def recording(path: Path, *, is_silent: bool) -> Path:
    """Traces of before, to foretell with."""
    path.write_text("".join(f"{export(number, is_silent=is_silent)}\n" for number in range(2000)))
    return path


def test_goals_that_running_servers_meet_are_promoted_and_rolled_back(ground: Ground, tmp_path: Path) -> None:
    former = ground.configuration.read_bytes()
    told = ground.variables(recording(tmp_path / "recorded.jsonl", is_silent=False))
    with traffic(ground.collector.url):
        run = ground.bench.promote("stage", **told)
    assert run.code == 0, run.output
    assert ground.bench.kept[-1] == "promoted"
    measured = ground.measured()
    assert not [name for name, one in measured.items() if "foretold" in one["how"] or "file" in one["how"]], measured
    errors = measured["error_keep_rate"]
    assert (errors["value"], errors["samples"] >= 100) == (100.0, True), errors
    assert "are not counted" in errors["how"]
    assert 65 < measured["volume_cut"]["value"] < 80
    assert measured["volume_cut"]["samples"] >= 1000
    assert 65 < measured["span_cut"]["value"] < 80, "not of the exporter that writes down what comes in"
    assert measured["pages_per_day_before"]["value"] > measured["pages_per_day_after"]["value"] > 0
    assert measured["pages_per_day_change"]["samples"] > 2000
    assert prometheus.rule_groups(ground.prometheus) == [f"slo:{SERVICE}"]

    back = ground.bench.promote("stage", playbook="governed.delivery.rollback", **told)
    assert back.code == 0, back.output
    assert ground.configuration.read_bytes() == former
    assert prometheus.rule_groups(ground.prometheus) == []


def test_errors_that_the_sketched_policies_lose_bring_everything_back(ground: Ground, tmp_path: Path) -> None:
    former = ground.configuration.read_bytes()
    told = ground.variables(
        recording(tmp_path / "recorded.jsonl", is_silent=True),
        trace_sampling_goals={},
        trace_sampling_policies=SKETCH,
        slo_alerting_promtool="",  # the rules are those of the test above
        slo_alerting_untested=True,
    )
    with traffic(ground.collector.url, is_silent=True):
        run = ground.bench.promote("stage", **told)
    assert run.code == 2, run.output
    assert ground.bench.kept[-1] == "not_promoted"
    assert "error_keep_rate" in ground.bench.evidence[-1]["reason"]
    assert ground.measured()["error_keep_rate"]["value"] < 40
    assert ground.configuration.read_bytes() == former
    assert prometheus.rule_groups(ground.prometheus) == []
