# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replay's time against the real one: spans of the same traces, seconds apart, and what becomes of the late ones."""

from __future__ import annotations

import collections
import json
import random
import typing as t
from pathlib import Path

from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp import reading
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies import config
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import Version
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.replay import replay

from tests.support import collectors
from tests.support.replayed_spans import Raw, request, span
from tests.support.tail_sampling_cases import ERRORS, EVERY, both, dropping, matching, policy, share

PAUSE = 2.6  # seconds between the parts: their spans never come near a tick that could be either side of them
TICK_AFTER = 0.9  # the collector ticks since its start, a little before the first part
TRACES, PARTS, SEED = 40, 4, 3
EITHER = [ERRORS, share(20)]
CACHES: Raw = {"decision_cache": {"sampled_cache_size": 1000, "non_sampled_cache_size": 1000}}
FEW: Raw = {"decision_cache": {"sampled_cache_size": 1000, "non_sampled_cache_size": 1}}
INGEST: Raw = {"sampling_strategy": "span-ingest", "policies": [both(ERRORS, matching("http.route", "^/docs")), share(10)]}


def samplings(version: Version) -> dict[str, Raw]:
    """Settings by name; those that this version knows."""
    known: list[tuple[str, tuple[int, int], Raw]] = [
        ("late", (0, 144), {}),
        ("cached", (0, 144), CACHES),
        ("cached_yes", (0, 144), {"decision_cache": {"sampled_cache_size": 1000}}),
        ("cached_few", (0, 144), FEW),
        ("patient", (0, 144), {"decision_wait": "5s"}),
        ("root", (0, 144), {"decision_wait": "5s", "decision_wait_after_root_received": "1s"}),
        ("dropped", (0, 144), {"policies": [dropping(matching("http.route", "^/docs")), *EITHER]}),
        ("evicted", (0, 144), {"num_traces": 15}),
        ("counted", (0, 144), {"decision_wait": "8s", "policies": [policy("span_count", min_spans=2, max_spans=3)]}),
        ("capped", (0, 145), {"decision_wait": "8s", "maximum_trace_size_bytes": 260, "policies": [EVERY]}),
        ("capped_cached", (0, 145), {"decision_wait": "8s", "maximum_trace_size_bytes": 260, "policies": [EVERY], **CACHES}),
        ("ingest", (0, 149), {"decision_wait": "5s", **INGEST}),
        ("ingest_cached", (0, 149), {"decision_wait": "5s", **INGEST, **CACHES}),
    ]
    usual: Raw = {"decision_wait": "2s", "num_traces": 1000, "policies": EITHER}
    return {name: {**usual, **keys} for name, since, keys in known if version >= since}


def parts() -> list[list[Raw]]:
    """A request a trace; half of the traces have a span in each part."""
    chance = random.Random(SEED)
    return [
        [
            request(
                span(
                    trace,
                    part * PAUSE + 0.01,
                    root=chance.random() < 0.4,
                    status=2 if chance.random() < 0.3 else 0,
                    more={"spanId": f"{trace:08x}{part + 1:08x}"},
                    http__route=chance.choice(["/docs/x", "/search"]),
                )
            )
            for trace in range(1, TRACES + 1)
            if chance.random() < 0.5
        ]
        for part in range(PARTS)
    ]


def test_late_spans_caches_roots_and_evictions_go_as_foretold(version: str, tmp_path: Path) -> None:
    known = Version.parse(version)
    settings, sent = samplings(known), parts()
    recorded = tmp_path / "sent.jsonl"
    recorded.write_text("".join(json.dumps(one) + "\n" for part in sent for one in part), encoding="utf-8")
    real = collectors.kept(tmp_path, settings, [[json.dumps(one) for one in part] for part in sent], version=version, pause=PAUSE)
    for name, sampling in settings.items():
        found = replay(config.parse(sampling, known), reading.read([recorded]), known, keep_ids=True, tick_after=TICK_AFTER)
        assert found.kept_ids == real[name], name
        assert found.tally().kept.spans + found.late.kept_by_cache.spans == sum(counted(tmp_path / f"{name}.jsonl").values()), name


def counted(path: Path) -> t.Counter[str]:
    """Spans by trace id."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return collections.Counter(one["traceId"] for line in lines for one in collectors.spans(line))
