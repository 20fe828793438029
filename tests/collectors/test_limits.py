# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of spans and bytes a second: what passes is foretold to within what a second lets through, for the clock of a collector is its own."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp.reading import read
from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp.size import batch_size

from tests.support.collectors import Raw, kept
from tests.support.differences import foretold
from tests.support.generated_traces import trace_sets
from tests.support.tail_sampling_cases import ERRORS, EVERY, Case, both, known, policy

SETS = 100
SEED = 4


@dataclasses.dataclass(frozen=True)
class Limited(Case):
    """With what a second lets through, in spans or in bytes."""

    a_second: int = 0
    in_bytes: bool = False


def composite(total: int, *, allocated: tuple[int, ...]) -> Raw:
    parts = [{**ERRORS, "name": "errors"}, {**EVERY, "name": "rest"}]
    shares = [{"policy": part["name"], "percent": percent} for part, percent in zip(parts, allocated, strict=False)]
    block = {"policy_order": ["errors", "rest"], "composite_sub_policy": parts, "rate_allocation": shares}
    return policy("composite", max_total_spans_per_second=total, **block)


CASES = (
    Limited("rate", (policy("rate_limiting", spans_per_second=100),), a_second=100),
    Limited("rate_burst", (policy("rate_limiting", spans_per_second=100, burst_capacity=400),), since=(0, 153), a_second=100),
    Limited("rate_of_little", (policy("rate_limiting", spans_per_second=3),), a_second=3),
    Limited("bytes", (policy("bytes_limiting", bytes_per_second=20_000),), a_second=20_000, in_bytes=True),
    Limited("rate_of_errors", (both(ERRORS, policy("rate_limiting", spans_per_second=150)),), a_second=150),
    Limited("composite", (composite(300, allocated=(50, 30)),), a_second=300),
    Limited("composite_unallocated", (composite(300, allocated=(40,)),), a_second=300),
    Limited("composite_and_rest", (composite(200, allocated=(100, 100)), policy("span_count", min_spans=8)), a_second=200),
)


def test_what_limits_let_through_is_foretold_to_within_a_second(tmp_path: Path, version: str) -> None:
    sent = [request for traces in trace_sets(SETS, SEED) for request in traces]
    recorded = tmp_path / "sent.jsonl"
    recorded.write_text("\n".join(sent), encoding="utf-8")
    cases = known(CASES, version)
    samplings = {case.name: case.sampling for case in cases}
    really = kept(tmp_path, samplings, [sent], version=version)
    costs = {in_bytes: costs_of(recorded, in_bytes=in_bytes) for in_bytes in (False, True)}
    for case in cases:
        each = costs[case.in_bytes]
        said = foretold(case.sampling, recorded, version).kept_ids or set()
        difference = abs(sum(each[one] for one in really[case.name]) - sum(each[one] for one in said))
        assert difference <= case.a_second + max(each.values()), case.name
        assert 0 < len(said) < len(sent), case.name


def costs_of(recorded: Path, *, in_bytes: bool) -> dict[str, int]:
    """Of each trace, in spans or in bytes as protobuf."""
    found: dict[str, int] = {}
    for _resource_spans, group in itertools.groupby(read([recorded]), lambda span: span.scope.resource_spans):
        spans = list(group)
        cost = batch_size(spans) if in_bytes else len(spans)
        found[spans[0].trace_id] = found.get(spans[0].trace_id, 0) + cost
    return found
