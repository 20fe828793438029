# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""trace_coverage on a real Prometheus: server spans by requests that something else counted."""

from __future__ import annotations

import time
from pathlib import Path

from playground import modules, prometheus
from tests.support.components import had_prometheus


def test_spans_are_compared_with_requests(tmp_path: Path) -> None:
    had_prometheus()
    now = time.time()
    values = {"spans": 90.0, "requests": 100.0, "twice": 200.0, "idle": 0.0, "not_a_number": float("nan")}
    prometheus.record(tmp_path, [(name, now - 15 * step, value) for name, value in values.items() for step in range(8)])
    pairs = {
        "good": ("spans", "requests"),
        "twice": ("twice", "requests"),
        "idle": ("idle", "requests"),
        "nothing": ("spans", "idle"),
        "gone": ("spans", "nowhere"),
        "not_a_number": ("not_a_number", "requests"),
        "broken": ("sum(", "requests"),
    }
    with prometheus.serving(tmp_path) as server:
        volumes = [{"name": name, "spans": spans, "requests": requests} for name, (spans, requests) in pairs.items()]
        answer = modules.run("trace_coverage", {"prometheus": {"url": server.url, "use_proxy": False}, "volumes": volumes})
    assert not answer["failed"], answer
    found = {measure["name"].removeprefix("trace_volume_"): measure for measure in answer["measures"]}
    assert {name: measure["value"] for name, measure in found.items() if measure["value"] is not None} == {"good": 0.9}
    assert found["good"]["samples"] == 100
    assert "something counts twice" in found["twice"]["how"]
    assert all(measure["how"].startswith("not measured: ") for name, measure in found.items() if name != "good")
