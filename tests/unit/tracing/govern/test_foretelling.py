# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a replay comes to, in facts: every span counts once, and recordings that overlap are told; and the measures that are made of it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import foretelling, measuring
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.foretelling import Foretold
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.subject import Subject
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import Version

from tests.support.replayed_spans import request, span

ERRORS = {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}
CACHES = {"decision_cache": {"sampled_cache_size": 1000, "non_sampled_cache_size": 1000}}


def line(trace: int, second: float, *, is_error: bool = False) -> str:
    """A request with one span that ends in this second."""
    return json.dumps(request(span(trace + 1, second, lasting=0.001, status=2 if is_error else 0))) + "\n"


def foretold(path: Path, lines: t.Sequence[str], **settings: t.Any) -> Foretold:
    path.write_text("".join(lines), encoding="utf-8")
    sampler = {"decision_wait": "2s", "policies": [ERRORS], **settings}
    subject = Subject({"processors": {"tail_sampling": sampler}}, "tail_sampling", Version(0, 161))
    return foretelling.foretold(subject, [str(path)], [], None, routed=True)


@pytest.mark.parametrize("caches", [{}, CACHES])
def test_late_spans_count_whether_memory_knows_the_trace_or_only_a_cache(tmp_path: Path, caches: dict[str, t.Any]) -> None:
    """Of four traces one has failed; of each one span comes in time and two come late."""
    lines = [line(trace, second + trace / 10, is_error=trace == 0) for second in (0, 10, 20) for trace in range(4)]
    facts = foretold(tmp_path / "recorded.jsonl", lines, **caches).facts["ordinary"]
    assert facts["late"] == {"spans": 8, "kept": 2}
    assert facts["volume"]["traces"] == {"all": 4, "kept": 1}
    assert facts["volume"]["spans"] == {"all": 12, "kept": 3}
    assert facts["volume"]["bytes"]["all"] > 3 * facts["volume"]["bytes"]["kept"] > 0
    assert facts["cut"]["spans"] == facts["cut"]["traces"] == 0.75
    assert measures([facts])["span_cut"]["value"] == 75


def test_what_cannot_be_foretold_is_taken_for_kept(tmp_path: Path) -> None:
    condition = {
        "name": "guess",
        "type": "ottl_condition",
        "ottl_condition": {"error_mode": "ignore", "span": ["Hour(start_time) < 6"]},
    }
    facts = foretold(tmp_path / "recorded.jsonl", [line(trace, trace) for trace in range(4)], policies=[condition]).facts["ordinary"]
    assert facts["all"]["unknown"] == 4
    assert facts["cut"]["traces"] == 0


def test_recordings_that_overlap_are_a_warning(tmp_path: Path) -> None:
    minute = [line(trace, trace) for trace in range(60)]
    assert foretold(tmp_path / "one.jsonl", minute).findings == ()
    [warning] = foretold(tmp_path / "two.jsonl", [*minute, *(line(trace + 60, trace) for trace in range(60))]).findings
    assert (warning.code, warning.path, warning.severity) == ("recordings_overlap", "traces", "warning")
    assert warning.found.startswith("57 spans")


def measures(times: t.Sequence[dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    return {one["name"]: one for one in measuring.of_replays(times)}


def test_errors_are_measured_over_both_times_and_the_volume_over_the_first(tmp_path: Path) -> None:
    """Ordinarily one of ten has failed, in the incident eight of ten; with one place in memory every trace but the last is dropped too early."""
    ordinary = foretold(tmp_path / "ordinary.jsonl", [line(trace, trace * 5, is_error=trace == 3) for trace in range(10)])
    incident = foretold(tmp_path / "incident.jsonl", [line(trace, trace / 100, is_error=trace < 8) for trace in range(10)], num_traces=5)
    usual, unusual = ordinary.facts["ordinary"], incident.facts["ordinary"]
    assert (usual["volume"]["traces"]["kept"], unusual["lost"]["too_early"]["traces"]) == (1, 5)

    both = measures([usual, unusual])
    kept = both["error_keep_rate"]
    assert (kept["value"], kept["samples"]) == (100 * 4 / 9, 9)
    assert kept["interval"][0] < 100 * 4 / 9 < kept["interval"][1]
    assert (both["volume_cut"]["value"], both["volume_cut"]["samples"]) == (90, 10)
    assert (both["span_cut"]["value"], both["span_cut"]["samples"]) == (90, 10)
    assert both["sampled_too_early"]["value"] == 5
    assert all(one["how"].startswith("foretold: ") and "no collector was asked" in one["how"] for one in both.values())

    alone = measures([usual])
    assert (alone["error_keep_rate"]["value"], alone["sampled_too_early"]["value"]) == (100, 0)
