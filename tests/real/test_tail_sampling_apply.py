# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""otel_tail_sampling on a real collector: what is applied runs, what the collector does not do is taken back, and a kill at any step is mended."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._common import files
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import reloading

from playground import collector, modules
from tests.support.collectors import export, traffic
from tests.support.components import had

NAME = "otel_tail_sampling"
VERSION = "0.161.0"
WRITTEN = """\
# Owned by the platform team; the token comes from the environment.
receivers:
  otlp:
    protocols: {http: {endpoint: "127.0.0.1:4318"}}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80}  # first, always
exporters:
  file:
    path: "${env:KEPT}"
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter], exporters: [file]}
"""
GOALS = {"slow_ms": 1000, "baseline_percentage": 10.0}


@dataclasses.dataclass(frozen=True)
class Sampler:
    """A running collector with its configuration file."""

    running: collector.Collector
    path: Path
    pid_file: Path

    def run(self, check: bool = False, **more: t.Any) -> modules.Result:
        return modules.run(NAME, self.options(**more), check=check, diff=True)

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        told: dict[str, t.Any] = {
            "state": "present",
            "path": str(self.path),
            "collector_version": VERSION,
            "pipelines": ["traces"],
            "goals": GOALS,
            "decision_wait": "1s",
            "reload": "sighup",
            "pid_file": str(self.pid_file),
            "telemetry": [{"url": self.running.metrics, "use_proxy": False, "tries": 1}],
            "verify": {"traces_at_least": 20, "patience": 10},
            **more,
        }
        return {key: value for key, value in told.items() if value is not None}


@pytest.fixture
def sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Sampler]:
    had("otelcol-0.161")
    monkeypatch.setenv("KEPT", str(tmp_path / "kept.json"))
    path = tmp_path / "config.yaml"
    path.write_text(WRITTEN)
    path.chmod(0o640)
    with collector.serving(tmp_path / "collector", path, version="0.161") as running:
        pid_file = tmp_path / "pid"
        pid_file.write_text(f"{running.pid}\n")
        yield Sampler(running, path, pid_file)


def test_there_and_back(sampler: Sampler) -> None:
    rehearsed = sampler.run(check=True)
    assert (rehearsed["failed"], rehearsed["changed"]) == (False, True), rehearsed
    assert sampler.path.read_text() == WRITTEN
    assert not list(sampler.path.parent.glob(".config.yaml*"))

    with traffic(sampler.running.url):
        applied = sampler.run()
    assert (applied["failed"], applied["changed"]) == (False, True), applied
    assert applied["diff"] == rehearsed["diff"]
    assert applied["seen"]["decided"] >= 20
    assert (applied["seen"]["dropped_too_early"], applied["seen"]["policy_errors"]) == (0, 0)
    written = sampler.path.read_text()
    assert '    path: "${env:KEPT}"\n' in written
    assert "# first, always" in written
    assert sampler.path.stat().st_mode & 0o777 == 0o640
    assert yaml.safe_load(written)["service"]["pipelines"]["traces"]["processors"] == ["memory_limiter", "tail_sampling"]

    again = sampler.run()
    assert (again["failed"], again["changed"], again["seen"]) == (False, False, None), again

    gone = sampler.run(state="absent", telemetry=None)
    assert (gone["failed"], gone["changed"]) == (False, True), gone
    assert sampler.path.read_text() == WRITTEN
    assert not list(sampler.path.parent.glob(".config.yaml*"))
    gone = sampler.run(state="absent", telemetry=None)
    assert (gone["failed"], gone["changed"]) == (False, False), gone


def test_what_was_foretold_of_recorded_traces_is_what_the_collector_does(sampler: Sampler, tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.jsonl"
    recorded.write_text("".join(f"{export(number)}\n" for number in range(1000)))
    goals = {"volume_cut_min": 0.6, "slow_ms": 1000}
    with traffic(sampler.running.url):
        applied = sampler.run(goals=goals, traces=[str(recorded)])
    assert not applied["failed"], applied
    low, high = applied["predicted"]["ordinary"]["all"]["interval"]
    assert high <= 0.45
    assert low - 0.1 < applied["seen"]["kept_share"] < high + 0.1
    assert applied["predicted"]["ordinary"]["classes"][0]["rate"] == 1.0, "every error"


def healthy(folder: Path) -> Path:
    """Recorded traces of which none has failed."""
    path = folder / "healthy.jsonl"
    path.write_text("".join(f"{export(1)}\n" for _number in range(100)))
    return path


def test_a_share_that_was_not_foretold_is_taken_back(sampler: Sampler, tmp_path: Path) -> None:
    policies = [{"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}]
    with traffic(sampler.running.url):  # a tenth has failed, where nothing had
        refused = sampler.run(goals=None, policies=policies, traces=[str(healthy(tmp_path))])
    assert refused["refusals"][0]["code"] == "kept_share_differs", refused
    assert refused["taken_back"] is True
    assert sampler.path.read_text() == WRITTEN


def test_what_the_collector_does_not_do_is_taken_back_byte_for_byte(sampler: Sampler) -> None:
    silent = sampler.run()
    assert silent["failed"]
    assert silent["refusals"][0]["code"] == "no_data"
    assert silent["taken_back"] is True
    assert sampler.path.read_text() == WRITTEN
    assert not list(sampler.path.parent.glob(".config.yaml*"))
    with traffic(sampler.running.url):  # the collector runs as before
        measured = sampler.run(state="measured", goals=None)
    assert {one["name"]: one["value"] for one in measured["measures"]}["volume_cut"] is None


def test_a_collector_that_ignores_the_reload_is_noticed(sampler: Sampler) -> None:
    time.sleep(2)
    refused = sampler.run(reload="command", reload_command=["true"], verify={"traces_at_least": 20, "patience": 1})
    assert refused["refusals"][0]["code"] == "not_reloaded", refused
    assert sampler.path.read_text() == WRITTEN


def test_a_pipeline_that_the_collector_refuses_is_never_written(sampler: Sampler) -> None:
    program = had("otelcol-0.161").program()
    refused = sampler.run(collector=str(program), settings={"num_shards": 1000})
    assert refused["refusals"][0]["code"] == "otelcol_validate", refused
    assert sampler.path.read_text() == WRITTEN


STEPS = ("former", "journal", "replaced", "reloaded")


def die_at(step: str, options: t.Mapping[str, t.Any]) -> None:
    """Run the module in a child that is killed right behind one step."""
    pid = os.fork()
    if pid == 0:
        seen: list[str] = []
        put, hang_up = files.put, reloading._hang_up

        def written(path: Path, content: bytes, like: os.stat_result | None) -> None:
            put(path, content, like)
            seen.append("replaced" if path.name == "config.yaml" else "journal" if path.name == "journal.json" else "former")
            if seen[-1] == step:
                os.kill(os.getpid(), 9)

        def hung_up(pid_file: str) -> None:
            hang_up(pid_file)
            if step == "reloaded":
                os.kill(os.getpid(), 9)

        patch = pytest.MonkeyPatch()
        patch.setattr(files, "put", written)
        patch.setattr(reloading, "_hang_up", hung_up)
        modules.run(NAME, options)
        os._exit(3)
    assert os.waitpid(pid, 0)[1] == 9, f"it never came to {step}"


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_leaves_either_file_whole_and_the_next_run_ends_it(sampler: Sampler, step: str) -> None:
    looked_at: dict[str, t.Any] = {} if step == "replaced" else {"telemetry": []}  # looking takes seconds, and is the same at each step
    die_at(step, sampler.options(**looked_at))
    left = sampler.path.read_text()
    assert (left == WRITTEN) == (step in ("former", "journal"))
    assert "processors" in yaml.safe_load(left)
    with traffic(sampler.running.url):
        mended = sampler.run(**looked_at)
    assert (mended["failed"], mended["changed"]) == (False, True), mended
    again = sampler.run(**looked_at)
    assert (again["failed"], again["changed"]) == (False, False), again
    back = sampler.run(state="absent", telemetry=None)
    assert not back["failed"], back
    assert sampler.path.read_text() == WRITTEN
