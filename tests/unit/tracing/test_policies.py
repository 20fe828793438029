# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies: what loads with which version, and what each of them says."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies import config, model
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.conditions import parsed_trace_state
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.hashing import fnv1a, threshold
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.limits import SecondCounter, TokenBucket
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import (
    BEHAVIOURS,
    KEYS,
    OLDEST,
    POLICIES,
    POLICY_KEYS,
    Version,
)
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.replay import replay
from hypothesis import given
from hypothesis import strategies as st

from tests.support import frozen_decisions
from tests.support.replayed_spans import Raw, in_order, span, spans
from tests.support.tail_sampling_cases import ERRORS, EVERY, both, condition, dropping, known_by, opposite, policy, share, text

NEW, OLD = Version(0, 161), Version(0, 144)
FROZEN = frozen_decisions.load()


def sampling(*policies: Raw, **keys: t.Any) -> Raw:
    named = [{**one, "name": f"{number} {one['name']}"} for number, one in enumerate(policies)]
    return {"decision_wait": "1s", **keys, "policies": named}


def kept(requests: t.Iterable[Raw | str], settings: Raw, version: Version = NEW) -> tuple[set[str], set[str]]:
    found = replay(config.parse(settings, version), spans(requests), version, keep_ids=True)
    assert found.kept_ids is not None
    assert found.unknown_ids is not None
    return found.kept_ids, found.unknown_ids


def keeps(settings: Raw, *trace: Raw, version: Version = NEW) -> bool | None:
    yes, unknown = kept(in_order(*trace), settings, version)
    return None if unknown else bool(yes)


@pytest.mark.parametrize("version", sorted(FROZEN.kept))
def test_it_keeps_what_the_real_collector_kept(version: str) -> None:
    ids = [frozen_decisions.trace_id(one) for one in FROZEN.requests]
    for case in known_by(version):
        yes, unknown = kept(FROZEN.requests, case.sampling, Version.parse(version))
        assert yes == {ids[number] for number in FROZEN.kept[version][case.name]}, case.name
        assert not unknown


def test_every_behaviour_that_changed_is_newer_than_the_oldest() -> None:
    assert all(since > OLDEST for since in BEHAVIOURS.values())
    assert set(POLICY_KEYS) == set(POLICIES)
    assert Version.parse("v0.152.0") < Version.parse("0.153") == Version(0, 153)


@pytest.mark.parametrize("found", ["", "latest", "0.161.0-rc1", "0.143.9"])
def test_versions_that_are_none_or_too_old_are_refused(found: str) -> None:
    with pytest.raises(Refusal, match="collector_version"):
        Version.parse(found)


@pytest.mark.parametrize("key", [key for key, since in KEYS.items() if since > OLD])
def test_a_key_newer_than_the_collector_is_refused(key: str) -> None:
    with pytest.raises(Refusal) as refused:
        config.parse({**sampling(EVERY), key: 1}, OLD)
    assert (refused.value.code, refused.value.thing) == ("key_too_new", f"tail_sampling.{key}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (sampling({"name": "x", "type": "sometimes"}), "type"),
        (sampling(policy("and", and_sub_policy=[policy("composite")])), "inside and"),
        (sampling(policy("and", and_sub_policy=[dropping(ERRORS)])), "inside and"),
        ({"policies": [{"type": "always_sample"}]}, "a name"),
        ({"policies": [EVERY, EVERY]}, "every name once"),
        ({"polices": []}, "Did you mean policies"),
        (sampling(policy("status_code", status_codes=["error"])), "OK, ERROR and UNSET"),
        (sampling(policy("status_code")), "OK, ERROR and UNSET"),
        (sampling(policy("numeric_attribute", key="a", min_value=0)), "crash"),
        (sampling(text("a", "(?=look)", enabled_regex_matching=True)), "RE2"),
        (sampling(policy("latency", threshold_ms="1s")), "finite number"),
        (sampling(policy("latency", threshold_ms=1.5)), "whole number"),
        (sampling(text("a", "${env:VALUE}")), "known to the collector only"),
        (sampling({"name": "x", "type": "latency", "threshold_ms": 5}), "block of options"),
        (sampling(condition()), "at least one condition"),
        (sampling(condition("true", mode="loud")), "error_mode"),
        (sampling(EVERY, decision_wait="30"), "duration"),
        (sampling(EVERY, num_shards=257), "256"),
        (sampling(EVERY, tail_storage="pebble"), "memory"),
        (sampling(policy("rate_limiting", spans_per_second=5), sampling_strategy="span-ingest"), "without memory"),
        (sampling(policy("span_count", min_spans=1, max_spans=5), sampling_strategy="span-ingest"), "without memory"),
        (sampling(EVERY, sampling_strategy="guess"), "trace-complete"),
    ],
)
def test_what_no_collector_starts_with_is_refused(settings: Raw, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        config.parse(settings, NEW)


def test_what_is_left_out_has_the_collectors_defaults() -> None:
    found = config.parse({"policies": [policy("probabilistic")]}, NEW)
    assert (found.decision_wait, found.num_traces, found.strategy) == (30.0, 50_000, "trace-complete")
    assert found.policies[0].test == model.Probabilistic(0, "default-hash-seed")
    assert config.parse({"decision_wait": "1m0.5s", "policies": []}, NEW).decision_wait == 60.5
    assert config.parse({"decision_wait": 30, "policies": []}, NEW).decision_wait == 30e-9  # nanoseconds, as the collector takes it


def test_a_block_of_another_type_loads_as_nothing() -> None:
    lying = {"name": "lying", "type": "boolean_attribute", "string_attribute": {"key": "a", "values": ["x"]}}
    assert not keeps(sampling(lying), span(1, 1.0, a="x"))


@pytest.mark.parametrize(
    ("milliseconds", "old", "new"), [(1000, True, False), (1000.999999, True, False), (1001, True, True), (999.999999, False, False)]
)
def test_the_latency_threshold_is_excluded_since_157(milliseconds: float, old: bool, new: bool) -> None:
    settings, one = sampling(policy("latency", threshold_ms=1000)), span(1, 5.0, lasting=milliseconds / 1000)
    assert [keeps(settings, one, version=version) for version in (Version(0, 156), Version(0, 157))] == [old, new]


def test_an_upper_latency_may_match_a_part_of_the_trace() -> None:
    settings = sampling(policy("latency", threshold_ms=100, upper_threshold_ms=500))
    first, second = span(1, 1.0, lasting=0.3), span(1, 1.9, lasting=0.1)
    assert keeps(settings, first, second)
    assert not keeps(settings, span(1, 1.0, lasting=1.2))


def test_the_hash_and_its_threshold_are_gos() -> None:
    assert fnv1a(b"") == 0xCBF29CE484222325
    assert fnv1a(b"foobar") == 0x85944171F73967E8
    assert fnv1a(b"bar", fnv1a(b"foo")) == fnv1a(b"foobar")
    # what Go's big.Float makes of them
    known = {
        0.01: 1844674407370955,
        7.7: 1420399293675635455,
        33.3333: 6148908542321825791,
        99.99999: 18446742229035143167,
        101: 2**64 - 1,
        -1: 0,
    }
    assert {percentage: threshold(percentage) for percentage in known} == known


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_larger_share_keeps_at_least_the_same(one: float, other: float) -> None:
    assert threshold(min(one, other)) <= threshold(max(one, other)) < 2**64


def test_a_bucket_refills_and_never_passes_more_than_it_holds() -> None:
    bucket = TokenBucket(10, 20)
    assert [bucket.allow(cost, now) for cost, now in ((21, 0.0), (20, 0.0), (1, 0.0), (10, 1.0), (1, 1.0), (20, 60.0))] == [
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert [counter.allow(10, 0.0) for counter in (SecondCounter(10, reaches=True), SecondCounter(10, reaches=False))] == [True, False]


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 3)), max_size=40))
def test_a_bucket_lets_through_no_more_than_burst_and_refill(asked: list[tuple[int, float]]) -> None:
    bucket, now, passed = TokenBucket(10, 20), 0.0, 0
    for cost, later in asked:
        now += later
        passed += cost if bucket.allow(cost, now) else 0
    assert passed <= 20 + 10 * now + 1e-6


def test_rate_limiting_counts_seconds_before_153_and_tokens_since() -> None:
    settings = sampling(policy("rate_limiting", spans_per_second=2))
    traces = in_order(*(span(number, 1.0 + number / 100) for number in range(1, 6)))
    assert [len(kept(traces, settings, version)[0]) for version in (Version(0, 152), Version(0, 153))] == [1, 4]


def test_composite_parts_have_shares_of_their_own() -> None:
    parts = [{**text("team", "a"), "name": "a"}, {**EVERY, "name": "rest"}]
    block = {"max_total_spans_per_second": 4, "composite_sub_policy": parts, "policy_order": ["rest", "a"]}
    traces = in_order(*(span(number, 1.0 + number / 100, team="a" if number < 5 else "b") for number in range(1, 10)))
    split = [{"policy": "a", "percent": 75}]
    # 3 of a; the rest has nothing before 159, and an equal share since
    counts = [
        len(kept(traces, sampling(policy("composite", **block, rate_allocation=split)), version)[0])
        for version in (Version(0, 158), Version(0, 159))
    ]
    assert counts == [3, 5]


def test_a_limit_within_an_and_is_only_spent_on_what_passed_before() -> None:
    limited = both(ERRORS, policy("rate_limiting", spans_per_second=1, burst_capacity=1))
    assert keeps(sampling(limited), span(1, 1.0), span(2, 1.1), span(3, 1.2, status=2))


def test_bytes_are_limited_by_their_size_on_the_wire() -> None:
    for burst, expected in ((100, False), (1000, True)):
        assert keeps(sampling(policy("bytes_limiting", bytes_per_second=1, burst_capacity=burst)), span(1, 1.0, text="x" * 50)) is expected


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("a=1,b=2", {"a": "1", "b": "2"}),
        ("a=1, ,b=2", None),
        (" a=1\t,,b@c=x y", {"a": "1", "b@c": "x y"}),
        ("a=1,a=2", None),
        ("A=1", None),
        ("", {}),
        (",".join(f"k{number}=v" for number in range(33)), None),
    ],
)
def test_a_trace_state_is_valid_as_a_whole_or_not_at_all(text: str, state: dict[str, str] | None) -> None:
    assert parsed_trace_state(text) == state


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ('attributes["n"] * 2 - 1 == 9', True),
        ('(attributes["n"] + 1) > 5 and attributes["n"] < 6', True),
        ('attributes["n"] == 5.0', True),
        ('attributes["n"] == "5"', False),
        ('attributes["n"] != "5"', True),
        ('attributes["missing"] > 1', False),
        ('attributes["missing"] == nil', True),
        ('not (name == "GET /")', False),
        ('IsMatch(attributes["n"], "^5$")', True),
        ('IsMatch(attributes["list"], "^\\\\[1,\\"<\\"")', False),
        ('IsMatch(attributes["list"], "u003c")', True),
        ('IsMatch(attributes["share"], "^1e[+]21$")', True),
        ('IsMatch(attributes["missing"], ".*")', False),
        ("IsRootSpan() and kind == SPAN_KIND_SERVER", True),
        ("end_time_unix_nano - start_time_unix_nano >= 100000000", True),
        ('resource.attributes["service.name"] == "shop"', True),
        ("status.code == STATUS_CODE_ERROR", False),
        ("true", True),
        ("-1 < 0", True),
        ("Hour(start_time) < 6", None),
        ("Concat([name], 1)", None),
        ("kind == 2 or Concat([name], 1)", True),
        ("kind == 1 and Concat([name], 1)", False),
        ("trace_id.string == 5", None),
        ("name ==", None),
        ("name # 1", None),
        ('name == "\\d"', None),
    ],
)
def test_conditions_are_understood_or_unknown(written: str, answer: bool | None) -> None:
    attributes = [
        {"key": "n", "value": {"intValue": "5"}},
        {"key": "share", "value": {"doubleValue": 1e21}},
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "<"}]}}},
    ]
    one = span(1, 1.0, more={"attributes": attributes})
    assert keeps(sampling(condition(written)), one) is answer
    assert keeps(sampling(opposite(condition(written))), one) is (None if answer is None else not answer)


def test_the_unknown_only_counts_where_nothing_else_decides() -> None:
    unknown = condition("Hour(start_time) < 6")
    one = span(1, 1.0)
    assert keeps(sampling(unknown, EVERY), one) is True
    assert keeps(sampling(unknown, ERRORS), one) is None
    assert keeps(sampling(both(unknown, ERRORS)), one) is False
    assert keeps(sampling(both(unknown, EVERY)), one) is None
    assert keeps(sampling(dropping(unknown), EVERY), one) is None
    assert keeps(sampling(dropping(unknown)), one) is False
    assert keeps(sampling(dropping(unknown), dropping(EVERY), EVERY), one) is False


@given(st.permutations(range(6)), st.floats(0, 100))
def test_the_order_in_which_spans_come_changes_nothing(order: list[int], percentage: float) -> None:
    """But for upper bounds of latency, which this leaves out."""
    parts = [span(1, 1.0 + number / 100, status=2 if number == 4 else 0, http__route=f"/{number}") for number in range(6)]
    moved = [{**parts[number], "endTimeUnixNano": parts[0]["endTimeUnixNano"]} for number in order]
    settings = sampling(both(ERRORS, text("http.route", "/5"), policy("span_count", min_spans=6)), both(share(percentage), ERRORS))
    assert keeps(settings, *moved) is True
