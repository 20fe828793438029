# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Span metrics that are counted after sampling point to traces that exist; counted before, most of their exemplars point to nothing."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._tracing import exemplars

from playground import cluster, collector, loopback, traces
from tests.support.collectors import trace_ids
from tests.support.components import had

VERSION = "0.157"  # the newest whose connectors for span metrics and forwarding can be had
SHARE = 20
SECONDS = 5


def configuration(folder: Path, port: int) -> dict[str, t.Any]:
    counting = {"exemplars": {"enabled": True}, "metrics_flush_interval": "1s"}
    sampling = {
        "decision_wait": "1s",
        "policies": [{"name": "share", "type": "probabilistic", "probabilistic": {"sampling_percentage": SHARE}}],
    }
    return {
        "receivers": {"otlp": {"protocols": {"http": {}}}},
        "processors": {"tail_sampling": sampling},
        "connectors": {
            "forward": {},
            "spanmetrics/before": {**counting, "namespace": "before"},
            "spanmetrics/after": {**counting, "namespace": "after"},
        },
        "exporters": {
            "file": {"path": str(folder / "kept.jsonl")},
            "prometheus": {"endpoint": f"{cluster.HOST}:{port}", "enable_open_metrics": True},
        },
        "service": {
            "pipelines": {
                "traces/in": {"receivers": ["otlp"], "exporters": ["spanmetrics/before", "forward"]},
                "traces/sampled": {"receivers": ["forward"], "processors": ["tail_sampling"], "exporters": ["file", "spanmetrics/after"]},
                "metrics": {"receivers": ["spanmetrics/before", "spanmetrics/after"], "exporters": ["prometheus"]},
            }
        },
    }


def page(port: int) -> str:
    """The page as Prometheus asks for it when it stores exemplars."""
    return loopback.page(f"http://{cluster.HOST}:{port}/metrics", {"Accept": "application/openmetrics-text"}, timeout=SECONDS)


def of(namespace: str, whole: str) -> set[str]:
    lines = [line for line in whole.splitlines() if line.startswith(namespace)]
    return exemplars.trace_ids("\n".join([*lines, exemplars.END]))


@pytest.fixture
def pointed_to(tmp_path: Path) -> dict[str, set[str]]:
    """The traces that exemplars of span metrics pointed to at any time, by when they were counted."""
    had(f"{collector.PREFIX}{VERSION}")
    port = cluster.free_port(None)
    seen: dict[str, set[str]] = {"before": set(), "after": set()}
    with collector.serving(tmp_path, configuration(tmp_path, port), version=VERSION) as running:
        collector.send(running.url, traces.lines("ordinary", traces=300))
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:  # the connector forgets its exemplars with every flush
            whole = page(port)
            for namespace, found in seen.items():
                found |= of(namespace, whole)
            time.sleep(0.2)
    return seen


def test_only_exemplars_counted_after_sampling_point_to_kept_traces(pointed_to: dict[str, set[str]], tmp_path: Path) -> None:
    kept = trace_ids(tmp_path / "kept.jsonl")
    before, after = (exemplars.hit_rate(pointed_to[namespace], kept) for namespace in ("before", "after"))
    assert after.pointed_to > 10
    assert after.rate == 1
    assert before.pointed_to > 50
    assert before.interval[1] < 2 * SHARE / 100
