# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on files: every finding at once, what recorded traces come to, and measures of what was kept of them."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp import reading

from playground import cluster, modules, traces

NAME = "otel_tail_sampling"
SKETCH = """\
processors:
  tail_sampling:
    decision_wait: 10s
    num_traces: 100000
    policies:
      - name: errors
        type: status_code
        status_code: { status_codes: [ERROR] }
      - name: long-latency
        type: latency
        latency: { threshold_ms: 1500 }
      - name: key-routes
        type: string_attribute
        string_attribute: { key: http.target, values: ['/search', '/docs/'] }
service:
  pipelines:
    traces: { processors: [tail_sampling, batch] }
"""
WHOLE = """\
receivers: {otlp: {protocols: {grpc: {}}}}
processors: {memory_limiter: {check_interval: 1s}}
exporters: {otlp: {endpoint: "backend:4317"}}
service: {pipelines: {traces: {receivers: [otlp], processors: [memory_limiter], exporters: [otlp]}}}
"""


def run(folder: Path, config: str, **more: t.Any) -> modules.Result:
    path = folder / "config.yaml"
    path.write_text(config)
    answer = modules.run(NAME, {"path": str(path), "collector_version": "0.161.0", **more})
    assert path.read_text() == config
    return answer


def codes(answer: modules.Result) -> set[str]:
    return {refusal["code"] for refusal in answer["refusals"]}


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces") / "ordinary.jsonl"
    path.write_text("".join(f"{line}\n" for line in traces.lines("ordinary", traces=1200)))
    return path


def test_the_sketch_of_the_sprint_has_all_its_defects_told_at_once(tmp_path: Path) -> None:
    answer = run(tmp_path, SKETCH)
    assert codes(answer) == {"deprecated_attribute", "exact_value_meant_as_prefix", "undefined_processor", "no_receivers", "no_exporters"}
    assert not answer["changed"]


def test_a_goal_that_cannot_be_says_what_can(tmp_path: Path, ordinary: Path) -> None:
    goals = {"volume_cut_min": 0.9, "slow_ms": 20}
    answer = run(tmp_path, WHOLE, state="simulated", pipelines=["traces"], goals=goals, traces=[str(ordinary)])
    assert codes(answer) == {"volume_cut_impossible"}
    assert f"impossible, best is {answer['best_volume_cut']:.1%}" in answer["msg"]


def test_goals_that_can_be_are_reached_on_the_recorded_traces(tmp_path: Path, ordinary: Path) -> None:
    goals = {"slow_ms": 1000, "never_keep": [{"name": "health", "attribute": "url.path", "values": ["/health"]}]}
    answer = run(tmp_path, WHOLE, state="simulated", pipelines=["traces"], goals=goals, traces=[str(ordinary)])
    assert not answer["failed"], answer
    found = answer["predicted"]["ordinary"]
    shares = {one["class"]: one["rate"] for one in found["classes"]}
    assert (shares["error"], shares["slow"], shares["dropped"]) == (1.0, 1.0, 0.0)
    assert found["cut"]["traces"] >= 0.6
    assert answer["predicted"]["baseline_percentage"] > 1
    assert found["never_decisive"] == []
    assert found["peak_memory_bytes"] > found["peak_traces"] * 3000


def test_what_replicas_without_a_tier_lose_is_told_where_somebody_accepts_it(tmp_path: Path, ordinary: Path) -> None:
    told = {"state": "simulated", "pipelines": ["traces"], "goals": {"slow_ms": 1000}, "traces": [str(ordinary)], "replicas": 3}
    assert codes(run(tmp_path, WHOLE, **told)) == {"replicas_without_loadbalancer"}
    answer = run(tmp_path, WHOLE, **told, accept=["replicas_without_loadbalancer"])
    assert answer["predicted"]["ordinary"]["split"]["torn"] > 0
    tier = {"resolver": {"dns": {"hostname": "samplers"}}}
    assert run(tmp_path, WHOLE, **told, load_balancing=tier)["predicted"]["ordinary"]["split"] is None


def test_errors_that_are_behind_the_sampler_are_counted(tmp_path: Path, ordinary: Path) -> None:
    lines = ordinary.read_text().splitlines()
    kept = tmp_path / "kept.jsonl"
    kept.write_text("".join(f"{line}\n" for line in lines[: len(lines) // 2]))
    answer = run(tmp_path, WHOLE, state="measured", traces=[str(ordinary)], kept=[str(kept)])
    [measure] = answer["measures"]
    assert measure["name"] == "error_keep_rate"
    assert 20 < measure["value"] < 80
    assert measure["interval"][0] < measure["value"] < measure["interval"][1]
    nothing = run(tmp_path, WHOLE, state="measured", traces=[str(ordinary)], kept=[str(tmp_path / "gone")])
    assert nothing["measures"][0]["value"] is None


def test_exemplars_whose_traces_were_kept_are_counted(tmp_path: Path, ordinary: Path) -> None:
    lines = ordinary.read_text().splitlines()
    kept, page = tmp_path / "kept.jsonl", tmp_path / "page.txt"
    kept.write_text("".join(f"{line}\n" for line in lines[:1]))
    [there, *_others] = sorted({span.trace_id for span in reading.read([str(kept)])})
    sample = 'took_seconds_bucket{{le="1.0"}} 3 # {{trace_id="{}"}} 0.5'
    page.write_text("\n".join(["# TYPE took_seconds histogram", *(sample.format(one) for one in (there, "ab" * 16)), "# EOF", ""]))
    told = {"state": "measured", "kept": [str(kept)]}
    [measure] = run(tmp_path, WHOLE, **told, exemplars=[str(page)])["measures"]
    assert (measure["name"], measure["value"], measure["samples"]) == ("exemplar_hit_rate", 50.0, 2)
    page.write_text("took_seconds_count 3\n")
    [measure] = run(tmp_path, WHOLE, **told, exemplars=[str(page)])["measures"]
    assert measure["value"] is None
    assert "enable_open_metrics" in measure["how"] or "OpenMetrics" in measure["how"]


def test_what_a_configuration_would_keep_is_measured_where_no_collector_runs(tmp_path: Path, ordinary: Path) -> None:
    incident = tmp_path / "incident.jsonl"
    incident.write_text("".join(f"{line}\n" for line in traces.lines("incident", traces=300)))
    errors = {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}
    baseline = {"name": "baseline", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10}}
    config = yaml.safe_load(WHOLE)
    failed = {
        "name": "server_errors",
        "type": "numeric_attribute",
        "numeric_attribute": {"key": "http.response.status_code", "min_value": 500},
    }
    config["processors"]["tail_sampling"] = {"policies": [errors, failed, baseline]}
    config["service"]["pipelines"]["traces"]["processors"] = ["memory_limiter", "tail_sampling"]
    told: dict[str, t.Any] = {"state": "measured", "measure_from": "replay", "traces": [str(ordinary)], "incident_traces": [str(incident)]}
    answer = run(tmp_path, yaml.safe_dump(config), **told)
    assert (answer["failed"], answer["changed"]) == (False, False), answer
    found = {one["name"]: one for one in answer["measures"]}
    assert found.keys() == {"error_keep_rate", "volume_cut", "span_cut", "sampled_too_early"}
    assert all("no collector was asked" in one["how"] for one in found.values())
    assert found["volume_cut"]["samples"] == 1200
    assert 60 < found["volume_cut"]["value"] < 95
    assert 95 <= found["error_keep_rate"]["value"] < 100  # one error comes when its trace has been decided

    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    twice = {"path": str(tmp_path / "config.yaml"), "collector_version": "0.161.0", **told, "traces": [str(ordinary), str(incident)]}
    overlapping = modules.finished(modules.spawn(NAME, twice))  # in a process of its own: a controller's display would take the warnings
    assert overlapping is not None
    assert any(warning.startswith("traces: expected one recording") for warning in overlapping["warnings"])
    wrong = run(tmp_path, WHOLE, **told)
    assert "sampler_missing" in codes(wrong)


def test_nothing_to_measure_is_refused(tmp_path: Path) -> None:
    assert codes(run(tmp_path, WHOLE, state="measured")) == {"nothing_to_measure"}


def test_a_tier_is_written_once_and_stays(tmp_path: Path) -> None:
    tier = {"path": str(tmp_path / "gateway.yaml"), "resolver": {"dns": {"hostname": "samplers"}}}
    told: dict[str, t.Any] = {
        "state": "present",
        "path": str(tmp_path / "config.yaml"),
        "collector_version": "0.152.0",
        "pipelines": ["traces"],
    }
    told |= {"goals": {"baseline_percentage": 5.0}, "replicas": 2, "load_balancing": tier}
    (tmp_path / "config.yaml").write_text(WHOLE)
    assert modules.run(NAME, told, check=True)["changed"]
    assert not (tmp_path / "gateway.yaml").exists()
    assert modules.run(NAME, told)["changed"]
    assert "loadbalancing" in json.dumps((tmp_path / "gateway.yaml").read_text())
    again = modules.run(NAME, told)
    assert (again["failed"], again["changed"]) == (False, False), again


def test_what_stands_in_the_way_of_a_change_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    told: dict[str, t.Any] = {"state": "present", "goals": {"baseline_percentage": 10.0}, "pipelines": ["traces"]}
    assert codes(run(tmp_path, WHOLE, **{**told, "pipelines": ["traces/eu"]})) == {"pipeline_missing"}

    nobody = {"url": f"http://{cluster.HOST}:{cluster.free_port(None)}/metrics", "use_proxy": False, "tries": 1}
    refused = run(tmp_path, WHOLE, **told, telemetry=[nobody], verify={"patience": 0.0})
    assert codes(refused) == {"telemetry_unreadable"}
    assert refused["taken_back"] is True

    folder = tmp_path / ".config.yaml.governed"
    folder.mkdir(exist_ok=True)
    (folder / "journal.json").write_text("{}")
    for state in ("present", "absent"):
        assert codes(run(tmp_path, WHOLE, **{**told, "state": state})) == {"journal_damaged"}
    assert (path.read_text(), (folder / "journal.json").read_text()) == (WHOLE, "{}")
