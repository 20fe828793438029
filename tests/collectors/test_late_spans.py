# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after a decision, and what is pushed out before one: memory, caches, roots, sizes and shards, as real collectors have them."""

from __future__ import annotations

from pathlib import Path

from tests.support.collectors import kept
from tests.support.differences import differences
from tests.support.generated_traces import in_two_parts, trace_sets
from tests.support.tail_sampling_cases import ERRORS, EVERY, Case, dropping, known, matching, policy, share

SETS = 100
SEED = 3
SECONDS = 4  # between the parts: well over the wait for a decision and a tick before and after it
POLICIES = (ERRORS, share(20))


def caches(size: int) -> dict[str, dict[str, int]]:
    return {"decision_cache": {"sampled_cache_size": size, "non_sampled_cache_size": size}}


CASES = (
    Case("in_memory", POLICIES),
    Case("cached", POLICIES, keys=caches(1000)),
    # A cache below the size of a batch is not asked: a batch has no order, so that each run of a collector remembers others.
    Case("sampled_cached", POLICIES, keys={"decision_cache": {"sampled_cache_size": 1000}}),
    Case("pushed_out", POLICIES, keys={"num_traces": 50}),
    Case("pushed_out_cached", POLICIES, keys={"num_traces": 50, **caches(1000)}),
    Case("root", POLICIES, keys={"decision_wait": "30s", "decision_wait_after_root_received": "1s"}),
    Case("root_cached", POLICIES, keys={"decision_wait": "30s", "decision_wait_after_root_received": "1s", **caches(1000)}),
    Case("too_large", (EVERY,), since=(0, 145), keys={"maximum_trace_size_bytes": 1200}),
    Case("too_large_cached", (EVERY,), since=(0, 145), keys={"maximum_trace_size_bytes": 1200, **caches(1000)}),
    Case("dropped", (EVERY, dropping(matching("http.route", "^/docs")))),
    Case("dropped_cached", (EVERY, dropping(matching("http.route", "^/docs"))), keys=caches(1000)),
    Case("counted", (policy("span_count", min_spans=3), policy("latency", threshold_ms=2000))),
    Case("shards", POLICIES, since=(0, 159), keys={"num_shards": 3, "num_traces": 300}),
    Case("span_ingest", POLICIES, since=(0, 149), keys={"sampling_strategy": "span-ingest"}),
    Case("span_ingest_cached", POLICIES, since=(0, 149), keys={"sampling_strategy": "span-ingest", **caches(1000)}),
)


def test_what_comes_late_is_kept_or_lost_as_foretold(tmp_path: Path, version: str) -> None:
    parts = in_two_parts([request for traces in trace_sets(SETS, SEED) for request in traces], SECONDS)
    recorded = tmp_path / "sent.jsonl"
    recorded.write_text("\n".join([*parts[0], *parts[1]]), encoding="utf-8")
    samplings = {case.name: case.sampling for case in known(CASES, version)}
    really = kept(tmp_path, samplings, parts, version=version, pause=float(SECONDS))
    assert differences(samplings, really, recorded, version) == []
