# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replay in event time: waits, memory, caches, late spans, shards, replicas, and numbers that add up."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies import config
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.evaluate import Decision
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import Version
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay import classes
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.outcome import Replay
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.replay import replay
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.sampler import shard_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.replayed_spans import Raw, in_order, request, span, spans
from tests.support.tail_sampling_cases import ERRORS, EVERY, condition, dropping, policy, share, text

NEW = Version(0, 161)
CACHES: Raw = {"decision_cache": {"sampled_cache_size": 10, "non_sampled_cache_size": 10}}
ERROR = 2


def played(
    requests: t.Iterable[Raw], *policies: Raw, version: Version = NEW, options: t.Mapping[str, t.Any] | None = None, **keys: t.Any
) -> Replay:
    sampling = config.parse({"decision_wait": "10s", **keys, "policies": list(policies)}, version)
    return replay(sampling, spans(requests), version, keep_ids=True, **(options or {}))


def ids(*numbers: int) -> set[str]:
    return {f"{number:032x}" for number in numbers}


def test_what_comes_within_the_wait_is_decided_together() -> None:
    found = played(in_order(span(1, 1.0), span(1, 9.0, root=False, status=ERROR), span(2, 30.0)), ERRORS)
    assert found.kept_ids == ids(1)
    assert (found.tally().all.spans, found.tally().kept.spans, found.seconds) == (3, 2, 29.0)


def test_a_wait_ends_with_the_tick_after_it() -> None:
    """A trace waits for ten whole seconds and for the tick that ends the eleventh at the latest."""
    kept = [played(in_order(span(1, 0.0), span(1, late, status=ERROR)), ERRORS).kept_ids for late in (10.9, 11.0)]
    assert kept == [ids(1), set()]


def test_a_late_error_is_lost_and_counted() -> None:
    found = played(in_order(span(1, 0.0), span(1, 20.0, status=ERROR)), ERRORS)
    assert (found.late.all.spans, found.late.kept.spans, found.late.errors_lost) == (1, 0, 1)
    assert found.tally(classes.ERROR).all.traces == 1
    assert found.tally(classes.ERROR).kept.traces == 0


def test_late_spans_of_a_kept_trace_are_kept() -> None:
    requests = in_order(span(1, 0.0, status=ERROR), span(1, 20.0))
    by_memory, by_cache = played(requests, ERRORS), played(requests, ERRORS, **CACHES)
    assert by_memory.tally().kept.spans == 2
    assert by_cache.tally().kept.spans == 1
    assert (by_cache.late.kept_by_cache.spans, by_cache.late.by_cache.spans) == (1, 1)


def test_without_a_cache_a_forgotten_trace_is_decided_again() -> None:
    requests = in_order(span(1, 0.0), span(2, 20.0), span(3, 21.0), span(1, 22.0, status=ERROR))
    again = played(requests, ERRORS, num_traces=2)
    assert (again.decided_again, again.kept_ids) == (1, ids(1))
    cached = played(requests, ERRORS, num_traces=2, **CACHES)
    assert (cached.decided_again, cached.kept_ids, cached.late.errors_lost) == (0, set(), 1)


def test_too_little_memory_is_a_cliff() -> None:
    requests = in_order(*(span(number, number / 10, status=ERROR) for number in range(1, 601)))
    enough, short = played(requests, ERRORS, num_traces=112), played(requests, ERRORS, num_traces=100)
    assert (enough.tally().too_early.traces, enough.tally().kept.traces) == (0, 600)
    assert short.tally().too_early.traces > 400
    assert short.peak_traces == 100


def test_blocking_instead_of_evicting_needs_caches_to_go_on() -> None:
    requests = in_order(*(span(number, number / 10) for number in range(1, 51)))
    assert played(requests, EVERY, num_traces=10, block_on_overflow=True).blocked == 40
    cached = played(requests, EVERY, num_traces=10, block_on_overflow=True, **CACHES)
    assert (cached.blocked, cached.tally().kept.traces) == (0, 50)


@pytest.mark.parametrize(
    ("version", "late", "kept"), [(NEW, 4.5, False), (NEW, 3.5, True), (Version(0, 144), 4.5, False), (Version(0, 144), 3.5, True)]
)
def test_a_root_shortens_the_wait(version: Version, late: float, kept: bool) -> None:
    requests = in_order(span(1, 0.0, root=False), span(1, 1.0), span(1, late, root=False, status=ERROR))
    assert bool(played(requests, ERRORS, version=version, decision_wait_after_root_received="2s").kept_ids) is kept


def test_a_root_wait_below_a_second_is_none_since_145() -> None:
    requests = in_order(span(1, 0.0, root=False), span(1, 0.5), span(1, 1.5, root=False, status=ERROR))
    kept = [
        bool(played(requests, ERRORS, version=Version(0, minor), decision_wait_after_root_received="500ms").kept_ids)
        for minor in (144, 145)
    ]
    assert kept == [True, False]


def test_a_giant_trace_is_lost_with_its_error() -> None:
    giant = [span(1, 1.0 + number / 100, text="x" * 100) for number in range(20)]
    found = played(in_order(*giant, span(1, 2.0, status=ERROR), span(2, 2.0, status=ERROR)), ERRORS, maximum_trace_size_bytes=2000)
    assert found.kept_ids == ids(2)
    assert found.tally(classes.ERROR).too_large.traces == 1


def test_shards_divide_memory() -> None:
    numbers = range(1, 200)
    assert {shard_of(f"{number:032x}", 4) for number in numbers} == {0, 1, 2, 3}
    requests = in_order(*(span(number, number / 100) for number in numbers))
    assert played(requests, EVERY, num_traces=40, num_shards=4).peak_traces == 40
    assert played(requests, EVERY, num_traces=1000, num_shards=4).kept_ids == ids(*numbers)


def test_replicas_behind_a_tier_keep_what_one_would() -> None:
    requests = in_order(*(span(number, number / 100, status=ERROR) for number in range(1, 50)))
    found = played(requests, ERRORS, options={"replicas": 3})
    assert found.kept_ids == ids(*range(1, 50))
    assert found.split is None


def test_replicas_without_a_tier_tear_traces() -> None:
    slow = policy("and", and_sub_policy=[ERRORS, text("http.route", "/docs")])
    requests = []
    for number in range(1, 41):
        requests.append(request(span(number, float(number), http__route="/docs"), host="front"))
        requests.append(request(span(number, number + 0.1, root=False, status=ERROR), host=f"back {number}"))
    split = played(requests, slow, options={"replicas": 2, "routed_by_trace_id": False}).split
    assert split is not None
    assert split.errors == split.traces
    assert 0 < split.lost == split.without_error < 40  # where both parts meet by chance nothing is lost
    always = played(requests, ERRORS, options={"replicas": 2, "routed_by_trace_id": False}).split
    assert always is not None
    assert (always.torn, always.without_error) == (always.errors, 0)


def test_at_ingest_a_batch_decides_alone() -> None:
    ingest: Raw = {"sampling_strategy": "span-ingest"}
    requests = in_order(span(1, 1.0), span(1, 2.0, status=ERROR), span(1, 3.0), span(2, 2.0))
    found = played(requests, ERRORS, **ingest)
    assert (found.kept_ids, found.tally().kept.spans) == (ids(1), 3)
    both = policy("and", and_sub_policy=[ERRORS, text("team", "a")])
    apart = in_order(span(1, 1.0, team="a"), span(1, 2.0, status=ERROR))
    assert not played(apart, both, **ingest).kept_ids
    assert played(apart, both).kept_ids == ids(1)


def test_at_ingest_a_drop_policy_holds_everything_back_since_152() -> None:
    requests = in_order(span(1, 1.0))
    drop = dropping(text("team", "a"))
    kept = [
        bool(played(requests, drop, EVERY, version=Version(0, minor), sampling_strategy="span-ingest").kept_ids) for minor in (151, 152)
    ]
    assert kept == [True, False]


def test_classes_are_told_apart_whatever_the_policies_are() -> None:
    force, never = config.parse_policies([{**text("exemplar", "true"), "name": "a"}, {**text("http.route", "/health"), "name": "b"}], NEW)
    rules = classes.Rules(slow_ms=1000, forced=(force,), dropped=(never,))
    requests = in_order(
        span(1, 1.0, http__response__status_code=503, http__route="/docs"),
        span(2, 1.0, exemplar="true", http__route="/health"),
        span(3, 1.0, http__route="/health"),
        span(4, 3.0, lasting=1.5),
        span(5, 1.0, http__route="/docs"),
    )
    found = played(requests, share(100), options={"rules": rules})
    assert sorted(found.classes) == sorted(
        [
            ("error", "shop", "/docs"),
            ("forced", "shop", "/health"),
            ("dropped", "shop", "/health"),
            ("slow", "shop", ""),
            ("healthy", "shop", "/docs"),
        ]
    )


def test_ballots_say_who_decided() -> None:
    found = played(in_order(span(1, 1.0, status=ERROR), span(2, 1.0)), ERRORS, share(100))
    assert found.policies["status_code"].votes == {Decision.SAMPLED: 1, Decision.NOT_SAMPLED: 1}
    assert (found.policies["status_code"].decisive, found.policies["probabilistic"].decisive) == (1, 1)
    first = played(in_order(span(1, 1.0, status=ERROR)), ERRORS, share(100), sample_on_first_match=True)
    assert first.policies["probabilistic"].votes == {}


def test_the_unknown_is_counted_apart() -> None:
    found = played(in_order(span(1, 1.0), span(2, 1.0, status=ERROR)), ERRORS, condition("Hour(start_time) < 6"))
    assert (found.kept_ids, found.unknown_ids) == (ids(2), ids(1))
    assert (found.tally().kept.traces, found.tally().unknown.traces) == (1, 1)


def test_one_leap_of_the_clock_is_not_believed() -> None:
    requests = [
        request(one) for one in (span(1, 0.0), span(2, 10.0**6), span(1, 5.0, status=ERROR), span(3, 10.0**6 + 1), span(4, 10.0**6 + 2))
    ]
    found = played(requests, ERRORS)
    assert found.kept_ids == ids(1)
    assert found.implausible > 0


def test_spans_on_record_long_after_they_ended_are_told() -> None:
    assert played([request(span(1, 60.0)), request(span(2, 0.0))], EVERY).behind == 1


def test_an_attribute_that_is_none_is_refused_by_its_span() -> None:
    broken = {"attributes": [{"key": "team", "value": {"intValue": "many"}}]}
    with pytest.raises(Refusal, match=f"trace {7:032x}"):
        played([request(span(7, 1.0, more=broken))], policy("numeric_attribute", key="team", min_value=1))


def test_bytes_are_those_of_the_collector_or_none() -> None:
    requests = in_order(span(1, 1.0, http__route="/docs", retries=3))
    assert played(requests, EVERY).tally().kept.bytes == 135
    assert played(requests, EVERY, options={"measure_bytes": False}).tally().kept.bytes == 0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0, 40), st.sampled_from([0, 2]), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 12),
    st.booleans(),
    st.integers(1, 3),
    st.booleans(),
)
def test_numbers_add_up_and_memory_is_bounded(
    drawn: list[tuple[int, float, int, bool]], memory: int, cached: bool, shards: int, by_ingest: bool
) -> None:
    requests = in_order(*(span(number, ended, status=status, root=root) for number, ended, status, root in drawn))
    keys: Raw = {**(CACHES if cached else {}), "num_shards": shards, "sampling_strategy": "span-ingest" if by_ingest else "trace-complete"}
    found = played(requests, ERRORS, share(30), num_traces=memory, decision_wait_after_root_received="3s", **keys)
    total = found.tally()
    assert total.all.spans + found.late.by_cache.spans == len(drawn)
    assert found.peak_traces <= max(memory, shards)
    assert total.kept.traces + total.too_early.traces <= total.all.traces
    assert found.late.kept.spans + found.late.errors_lost <= found.late.all.spans
    assert total.kept.bytes <= total.all.bytes
    assert found.kept_ids is not None
    assert total.kept.traces >= len(found.kept_ids)
    if not (found.late.errors_lost or total.too_early.traces):
        assert found.kept_ids >= {f"{number:032x}" for number, _second, status, _more in drawn if status}
