# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a collector starts with is what is taken for right, and what it does not start with is refused: asked of every version."""

from __future__ import annotations

import typing as t
from pathlib import Path

import psutil
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies import config, versions

from playground import collector, traces
from playground.errors import Refusal as PlaygroundRefusal
from tests.support.collectors import configuration
from tests.support.tail_sampling_cases import (
    CASES,
    ERRORS,
    EVERY,
    both,
    condition,
    dropping,
    matching,
    number,
    opposite,
    policy,
    share,
    text,
)

Raw: t.TypeAlias = "dict[str, t.Any]"


def sampling(*policies: Raw, **keys: t.Any) -> Raw:
    return {"decision_wait": "1s", **keys, "policies": list(policies)}


def composite(**more: t.Any) -> Raw:
    parts = [{**ERRORS, "name": "errors"}, {**EVERY, "name": "rest"}]
    allocated = [{"policy": "errors", "percent": 50}, {"policy": "rest", "percent": 30}]
    block = {
        "max_total_spans_per_second": 100,
        "policy_order": ["errors", "rest"],
        "composite_sub_policy": parts,
        "rate_allocation": allocated,
    }
    return policy("composite", **{**block, **more})


# Right or wrong: the collector says which.
ASKED: dict[str, Raw] = {
    **{f"case_{case.name}": case.sampling for case in CASES},
    "no_policies": sampling(),
    "unknown_key": sampling(EVERY, decision_waits="1s"),
    "unknown_key_of_policy": sampling(policy("latency", threshold=5)),
    "unknown_type": sampling(policy("everything")),
    "no_type": sampling({"name": "nameless"}),
    "no_name": sampling({"type": "always_sample"}),
    "same_name": sampling(ERRORS, ERRORS),
    "other_block": sampling({"name": "other", "type": "boolean_attribute", "string_attribute": {"key": "a", "values": ["b"]}}),
    "look_ahead": sampling(matching("http.route", "^(?!/health)")),
    "wrong_status": sampling(policy("status_code", status_codes=["FAILED"])),
    "no_status": sampling(policy("status_code", status_codes=[])),
    "no_bounds": sampling(number("a")),
    "zero_bounds": sampling(number("a", min_value=0, max_value=0)),
    "fractional_bound": sampling(number("a", min_value=1.5)),
    "count_backwards": sampling(policy("span_count", min_spans=5, max_spans=2)),
    "negative_share": sampling(share(-5)),
    "text_share": sampling(policy("probabilistic", sampling_percentage="5")),
    "number_as_value": sampling(text("a", t.cast("str", 5))),
    "no_conditions": sampling(condition()),
    "wrong_condition": sampling(condition("span.attributes[")),
    "unknown_function": sampling(condition("Guess(span.name)")),
    "wrong_error_mode": sampling(condition("true", mode="perhaps")),
    "not_in_not": sampling(opposite(opposite(ERRORS))),
    "not_in_and": sampling(both(opposite(ERRORS))),
    "not_in_drop": sampling(dropping(opposite(ERRORS))),
    "and_in_and": sampling(both(both(ERRORS))),
    "and_in_drop": sampling(dropping(both(ERRORS))),
    "drop_in_and": sampling(both(dropping(ERRORS))),
    "and_in_not": sampling(opposite(both(ERRORS))),
    "empty_and": sampling(both()),
    "empty_drop": sampling(dropping()),
    "composite": sampling(composite()),
    "composite_of_and": sampling(composite(composite_sub_policy=[{**both(ERRORS), "name": "errors"}])),
    "composite_of_not": sampling(composite(composite_sub_policy=[{**opposite(ERRORS), "name": "errors"}])),
    "composite_unallocated": sampling(composite(rate_allocation=[])),
    "composite_other_allocation": sampling(composite(rate_allocation=[{"policy": "nobody", "percent": 50}])),
    "composite_too_much": sampling(composite(rate_allocation=[{"policy": "errors", "percent": 90}, {"policy": "rest", "percent": 90}])),
    "rate": sampling(policy("rate_limiting", spans_per_second=5)),
    "rate_burst": sampling(policy("rate_limiting", spans_per_second=5, burst_capacity=9)),
    "rate_zero": sampling(policy("rate_limiting", spans_per_second=0)),
    "bytes": sampling(policy("bytes_limiting", bytes_per_second=5000, burst_capacity=9000)),
    "bytes_zero": sampling(policy("bytes_limiting", bytes_per_second=0)),
    "wait_without_unit": sampling(EVERY, decision_wait="10"),
    "wait_of_parts": sampling(EVERY, decision_wait="1m30s"),
    "wait_as_number": sampling(EVERY, decision_wait=1_000_000_000),
    "zero_traces": sampling(EVERY, num_traces=0),
    "negative_traces": sampling(EVERY, num_traces=-1),
    "many_shards": sampling(EVERY, num_shards=257),
    "wrong_strategy": sampling(EVERY, sampling_strategy="guess"),
    "ingest_limited": sampling(policy("rate_limiting", spans_per_second=5), sampling_strategy="span-ingest"),
    "ingest_between": sampling(policy("latency", threshold_ms=5, upper_threshold_ms=9), sampling_strategy="span-ingest"),
    "ingest_count": sampling(policy("span_count", min_spans=1, max_spans=9), sampling_strategy="span-ingest"),
    "ingest_composite": sampling(composite(), sampling_strategy="span-ingest"),
    "all_keys": sampling(EVERY, expected_new_traces_per_sec=5, block_on_overflow=True, decision_wait_after_root_received="1s"),
    "drops_pending": sampling(EVERY, drop_pending_traces_on_shutdown=True),
    "caches": sampling(EVERY, decision_cache={"sampled_cache_size": 5, "non_sampled_cache_size": 5}),
    "unknown_cache": sampling(EVERY, decision_cache={"cache_size": 5}),
}


def starts(folder: Path, asked: Raw, version: str) -> bool:
    """Whether a collector starts with it: ``otelcol validate`` looks at a part of it only."""
    try:
        with collector.serving(folder, configuration(folder, {"asked": asked}), version=version):
            return True
    except PlaygroundRefusal:
        return False


def parses(asked: Raw, version: str) -> bool:
    try:
        config.parse(asked, versions.Version.parse(version))
    except Refusal:
        return False
    return True


# What is refused although a collector starts with it: it dies of the first trace.
DEADLY = {"no_bounds", "zero_bounds"}
# What is refused although a collector takes it: it cuts the fraction off, which nobody means who writes one.
CUT_OFF = {"fractional_bound"}
# What is not refused: whether a condition in OTTL is one, only OTTL's own parser knows. A replay says of it that it does not know.
NOT_SEEN_THROUGH = {"wrong_condition", "unknown_function"}


def test_what_starts_is_taken_and_what_does_not_is_refused(tmp_path: Path, version: str) -> None:
    really = {name for name, asked in ASKED.items() if starts(tmp_path / name, asked, version)}
    taken = {name for name, asked in ASKED.items() if parses(asked, version)}
    assert sorted(taken - really) == sorted(NOT_SEEN_THROUGH)
    assert sorted(really - taken) == sorted(DEADLY | CUT_OFF)
    assert 20 < len(really) < len(ASKED) - 20


@pytest.mark.parametrize("name", sorted(DEADLY))
def test_a_collector_dies_of_a_number_without_bounds(name: str, tmp_path: Path, version: str) -> None:
    with collector.serving(tmp_path, configuration(tmp_path, {"asked": ASKED[name]}), version=version) as running:
        collector.send(running.url, traces.lines("ordinary", traces=1))
        process = psutil.Process(running.pid)
        assert process.wait(timeout=10) is not None
    assert "nil pointer dereference" in (tmp_path / "log").read_text(encoding="utf-8")
