# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary time and an incident: the share of traces that a real collector keeps lies in the foretold interval, and the traces are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import intervals

from playground import collector, traces
from tests.support.collectors import Raw, kept, spans
from tests.support.components import had
from tests.support.differences import foretold
from tests.support.tail_sampling_cases import ERRORS, number, policy, share, text

TRACES = 3000
SECONDS = 12  # longer than sending takes, so that traces are whole when they are decided
SAMPLING: Raw = {
    "decision_wait": f"{SECONDS}s",
    "num_traces": 10 * TRACES,
    "policies": [
        ERRORS,
        number("http.response.status_code", min_value=500, max_value=599),
        policy("latency", threshold_ms=1000),
        text("exemplar", "true"),
        share(5),
    ],
}
WHOLE: Raw = {**SAMPLING, "decision_wait": "300s"}  # in the time of the traces, whose settlements come up to 40 s after them


@pytest.mark.parametrize("scenario", sorted(traces.SCENARIOS))
def test_the_real_share_lies_in_the_foretold_interval(scenario: str, tmp_path: Path) -> None:
    version = collector.newest()
    had(f"{collector.PREFIX}{version}")
    sent = list(traces.lines(scenario, traces=TRACES))
    recorded = tmp_path / "sent.jsonl"
    recorded.write_text("\n".join(sent), encoding="utf-8")
    really = kept(tmp_path, {"sampled": SAMPLING}, [sent], version=version, pause=SECONDS + 3.0)["sampled"]
    said = foretold(WHOLE, recorded, version)
    assert said.kept_ids == really
    low, high = intervals.wilson(len(said.kept_ids), TRACES)
    assert low <= len(really) / TRACES <= high
    failed = {span["traceId"] for line in sent for span in spans(line) if has_failed(span)}
    assert len(failed & really) / len(failed) >= 0.95
    assert 1 - len(really) / TRACES >= 0.6


def has_failed(span: Raw) -> bool:
    codes = [int(one["value"]["intValue"]) for one in span["attributes"] if one["key"] == "http.response.status_code"]
    return span["status"].get("code") == traces.ERROR or any(code >= 500 for code in codes)
