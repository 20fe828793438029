# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two pipelines that docs/trace_sampling.md shows, with the sampler that the module puts into them: a real collector takes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from playground import collector, modules
from tests.support.components import had

VERSION = "0.157"  # the newest whose connectors for span metrics and forwarding can be had
DOCUMENT = Path(__file__).parents[2] / "docs" / "trace_sampling.md"


@pytest.fixture
def shown() -> str:
    """The configuration that people copy."""
    [found] = [
        block for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL) if "connectors:" in block
    ]
    return str(found)


def test_the_sampler_goes_into_the_second_pipeline_and_the_collector_takes_it(shown: str, tmp_path: Path) -> None:
    program = had(f"{collector.PREFIX}{VERSION}").program()
    path = tmp_path / "config.yaml"
    path.write_text(shown, encoding="utf-8")
    goals = {"slow_ms": 1000, "baseline_percentage": 5.0}
    told = {
        "path": str(path),
        "collector_version": f"{VERSION}.0",
        "collector": str(program),
        "pipelines": ["traces/sampled"],
        "goals": goals,
    }
    assert modules.run("otel_tail_sampling", {**told, "state": "present"})["changed"]
    again = modules.run("otel_tail_sampling", {**told, "state": "validated"})
    assert (again["failed"], [one["code"] for one in again["findings"]]) == (False, []), again
    pipelines = yaml.safe_load(path.read_text(encoding="utf-8"))["service"]["pipelines"]
    assert pipelines["traces/sampled"]["processors"] == ["tail_sampling", "batch"]
    assert pipelines["traces/in"]["processors"] == ["memory_limiter"]


def test_only_metrics_behind_the_sampler_are_refused(shown: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(shown.replace("[spanmetrics, forward]", "[forward]"), encoding="utf-8")
    told = {"path": str(path), "collector_version": f"{VERSION}.0", "pipelines": ["traces/sampled"], "goals": {"baseline_percentage": 5.0}}
    refused = modules.run("otel_tail_sampling", {**told, "state": "present"})
    assert [one["code"] for one in refused["refusals"]] == ["span_metrics_after_sampling"]
