# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every lying configuration has a finding of its own, and a truthful one has none."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import checks, load_balancing, pipelines, schema
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.findings import ERROR
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.sizing import Traffic
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.subject import Subject
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies import model, versions
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import Version

NEW = Version(0, 161)
ERRORS = {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}
FAILED = {
    "name": "server_errors",
    "type": "numeric_attribute",
    "numeric_attribute": {"key": "http.response.status_code", "min_value": 500, "max_value": 599},
}
BASELINE = {"name": "baseline", "type": "probabilistic", "probabilistic": {"sampling_percentage": 5}}
GOOD: dict[str, t.Any] = {
    "receivers": {"otlp": {}},
    "processors": {
        "memory_limiter": {},
        "batch": {},
        "k8sattributes": {},
        "tail_sampling": {
            "decision_wait": "15s",
            "num_traces": 48_000,
            "decision_cache": {"sampled_cache_size": 480_000, "non_sampled_cache_size": 480_000},
            "policies": [ERRORS, FAILED, BASELINE],
        },
    },
    "connectors": {"forward": {}, "spanmetrics": {}},
    "exporters": {"otlp": {}, "prometheus": {}},
    "service": {
        "pipelines": {
            "traces/in": {
                "receivers": ["otlp"],
                "processors": ["memory_limiter", "k8sattributes"],
                "exporters": ["spanmetrics", "forward"],
            },
            "traces/sampled": {"receivers": ["forward"], "processors": ["tail_sampling", "batch"], "exporters": ["otlp"]},
            "metrics": {"receivers": ["spanmetrics"], "exporters": ["prometheus"]},
        }
    },
}


def found(config: t.Mapping[str, t.Any], version: Version = NEW, accepted: t.Sequence[str] = (), **more: t.Any) -> dict[str, str]:
    """Code and severity of each finding."""
    return {one.code: one.severity for one in checks.findings(Subject(config, "tail_sampling", version, **more), accepted)}


def with_policy(policy: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The good configuration with one more policy."""
    config = copy.deepcopy(GOOD)
    config["processors"]["tail_sampling"]["policies"].append(policy)
    return config


def text(values: t.Sequence[str], key: str = "http.route", **more: t.Any) -> dict[str, t.Any]:
    return {"name": "texts", "type": "string_attribute", "string_attribute": {"key": key, "values": list(values), **more}}


def dropping(*parts: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"name": "never", "type": "drop", "drop": {"drop_sub_policy": [text(["/health"]), *parts]}}


def composite(**more: t.Any) -> dict[str, t.Any]:
    block = {
        "max_total_spans_per_second": 1000,
        "composite_sub_policy": [ERRORS, BASELINE],
        "rate_allocation": [{"policy": "errors", "percent": 60}, {"policy": "baseline", "percent": 40}],
        **more,
    }
    return {"name": "shares", "type": "composite", "composite": block}


def test_nothing_is_wrong_with_a_good_one() -> None:
    assert found(GOOD) == {}


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"name": "flag", "type": "boolean_attribute", "string_attribute": {"key": "a", "values": ["b"]}}, "type_block_mismatch"),
        (text(["/x"], key="http.target"), "deprecated_attribute"),
        (text(["/search", "/docs/"]), "exact_value_meant_as_prefix"),
        (text(["^/docs"]), "exact_value_meant_as_prefix"),
        (text(["/docs/*"]), "exact_value_meant_as_prefix"),
        (text(["^/(?!health)"], enabled_regex_matching=True), "regex_not_re2"),
        (composite(rate_allocation=[{"policy": "errors", "percent": 60}]), "composite_without_allocation"),
        (composite(rate_allocation=[{"policy": name, "percent": 60} for name in ("errors", "baseline")]), "allocation_over_100"),
        (composite(policy_order=["baseline", "errors"]), "policy_order_unread"),
        (
            composite(rate_allocation=[{"policy": name, "percent": 10} for name in ("errors", "baseline", "gone")]),
            "allocation_without_policy",
        ),
        (dropping(), "drop_reaches_errors"),
        (dropping({"name": "ok", "type": "status_code", "status_code": {"status_codes": ["OK"]}}), "drop_reaches_errors"),
        ({**BASELINE, "name": "more", "probabilistic": {"sampling_percentage": 120}}, "limits"),
        ({"name": "crash", "type": "numeric_attribute", "numeric_attribute": {"key": "n"}}, "limits"),
        ({"name": "slow", "type": "latency", "latency": {"threshold_ms": 500, "upper_threshold_ms": 100}}, "limits"),
        ({"name": "slow", "type": "latency", "latency": {"threshhold_ms": 500}}, "unknown_key"),
        ({"name": "slow", "type": "latency", "latency": {}}, "limits"),
        ({"name": "long", "type": "span_count", "span_count": {"min_spans": 0}}, "limits"),
        ({"name": "slow", "type": "latency", "latency": {"threshold_ms": "500"}}, "wrong_kind"),
        ({"name": "slow", "type": "latency", "latncy": {"threshold_ms": 5}}, "unknown_key"),
        ({"name": "slow", "type": "latency"}, "block_missing"),
        ({"name": "slow", "type": "latnecy"}, "unknown_policy_type"),
        ({"name": "both", "type": "and", "and": {"and_sub_policy": [composite()]}}, "forbidden_nesting"),
        ({**ERRORS, "name": "status", "status_code": {"status_codes": ["error"]}}, "unknown_value"),
        (ERRORS, "name_twice"),
        ({**ERRORS, "name": ""}, "policy_without_name"),
    ],
)
def test_a_lying_policy_is_an_error_of_its_own(policy: t.Mapping[str, t.Any], code: str) -> None:
    assert found(with_policy(policy))[code] == ERROR


@pytest.mark.parametrize(
    "policy",
    [
        {"name": "quick", "type": "latency", "latency": {"threshold_ms": 0, "upper_threshold_ms": 1000}},
        {"name": "short", "type": "span_count", "span_count": {"max_spans": 3}},
    ],
)
def test_from_nothing_up_to_a_bound_says_something(policy: t.Mapping[str, t.Any]) -> None:
    assert found(with_policy(policy)) == {}


def test_what_only_may_be_meant_otherwise_is_a_warning() -> None:
    config = with_policy(text(["/docs(/|$)"], enabled_regex_matching=True))
    assert found(config) == {"regex_unanchored": "warning"}
    config["processors"]["tail_sampling"]["policies"] = [ERRORS]
    assert found(config) == {"no_baseline": "warning", "errors_only_by_status": "warning"}


def test_a_route_with_a_parameter_and_an_anchored_pattern_are_what_they_seem() -> None:
    config = with_policy(text(["/docs/{page}", "/v1.2", "/"]))
    config["processors"]["tail_sampling"]["policies"].append({**text(["^/docs(/|$)", "(?i)^/a"], enabled_regex_matching=True), "name": "b"})
    assert found(config) == {}


def test_a_drop_that_leaves_errors_alone_is_taken() -> None:
    spared = {"name": "no_errors", "type": "not", "not": {"not_sub_policy": ERRORS}}
    assert found(with_policy(dropping(spared))) == {}


@pytest.mark.parametrize(("version", "expected"), [(Version(0, 151), {}), (Version(0, 152), {"drop_with_span_ingest": ERROR})])
def test_a_drop_holds_back_all_that_is_decided_on_arrival(version: Version, expected: t.Mapping[str, str]) -> None:
    """As the collectors do: ``span_ingest_drop`` of tests/support/tail_sampling_cases.py."""
    config = with_policy(dropping({**BASELINE, "name": "never_errors"}))
    config["processors"]["tail_sampling"]["sampling_strategy"] = "span-ingest"
    assert found(config, version, accepted=["drop_reaches_errors"]) == {"drop_reaches_errors": "warning", **expected}


def test_the_kinds_of_keys_and_the_versions_of_keys_are_of_the_same_keys() -> None:
    assert schema.PROCESSOR.keys() == versions.KEYS.keys()
    assert versions.POLICY_KEYS.keys() == versions.POLICIES.keys()
    assert {kind: set(keys) for kind, keys in versions.POLICY_KEYS.items() if keys} == {
        kind: set(keys) for kind, keys in schema.BLOCKS.items()
    }
    assert all(set(keys) <= schema.BLOCKS[kind].keys() for kind, keys in schema.NEEDED.items())
    assert set(schema.STRATEGIES) == {model.TRACE_COMPLETE, model.SPAN_INGEST}


def test_an_accepted_finding_is_a_warning() -> None:
    config = with_policy(text(["/x"], key="http.target"))
    assert found(config, accepted=["deprecated_attribute"]) == {"deprecated_attribute": "warning"}


@pytest.mark.parametrize(
    ("more", "version"),
    [
        ({"num_shards": 2}, Version(0, 158)),
        ({"sampling_strategy": "trace-complete"}, Version(0, 148)),
        ({"maximum_trace_size_bytes": 9}, Version(0, 144)),
    ],
)
def test_a_key_newer_than_the_collector_is_an_error(more: t.Mapping[str, t.Any], version: Version) -> None:
    config = copy.deepcopy(GOOD)
    config["processors"]["tail_sampling"].update(more)
    assert found(config, version) == {"key_newer_than_collector": ERROR}
    assert found(config) == {}


def test_not_within_drop_is_newer_than_not() -> None:
    spared = {"name": "no_errors", "type": "not", "not": {"not_sub_policy": ERRORS}}
    assert found(with_policy(dropping(spared)), Version(0, 153)) == {"key_newer_than_collector": ERROR}
    assert found(with_policy({**spared, "name": "other"}), Version(0, 153)) == {}


@pytest.mark.parametrize(
    ("pipeline", "parts", "code"),
    [
        ("traces/sampled", {"receivers": ["gone"]}, "undefined_receiver"),
        ("traces/sampled", {"exporters": ["gone"]}, "undefined_exporter"),
        ("traces/sampled", {"processors": ["tail_sampling", "gone"]}, "undefined_processor"),
        ("traces/in", {"processors": ["k8sattributes", "memory_limiter"]}, "memory_limiter_not_first"),
        ("traces/sampled", {"processors": ["batch", "tail_sampling"]}, "tail_sampling_after_batch"),
        ("traces/sampled", {"processors": ["tail_sampling", "k8sattributes"]}, "context_after_sampling"),
        ("traces/in", {"exporters": ["forward"]}, ""),
        ("traces/sampled", {"processors": ["batch"]}, "sampler_in_no_pipeline"),
        ("metrics", {"processors": ["tail_sampling"]}, "sampler_without_traces"),
        ("traces/sampled", {"exporters": []}, "no_exporters"),
    ],
)
def test_where_the_sampler_stands(pipeline: str, parts: t.Mapping[str, t.Any], code: str) -> None:
    config = copy.deepcopy(GOOD)
    config["service"]["pipelines"][pipeline].update(parts)
    assert code in {**found(config), "": ""}


def test_without_pipelines_nothing_runs() -> None:
    config = copy.deepcopy(GOOD)
    config["service"] = {}
    assert found(config) == {"no_pipelines": ERROR, "sampler_in_no_pipeline": ERROR}


def test_exporters_that_the_sampled_traces_do_not_reach() -> None:
    config = copy.deepcopy(GOOD)
    config["service"]["pipelines"]["traces/received"] = {"receivers": ["otlp"], "exporters": ["file/received", "otlp"]}
    config["service"]["pipelines"]["traces/sampled"]["exporters"] = ["forward/kept"]
    config["service"]["pipelines"]["traces/kept"] = {"receivers": ["forward/kept"], "exporters": ["otlp", "file/kept"]}
    config["connectors"]["forward/kept"] = {}
    assert found(config) == {"undefined_exporter": ERROR}, "the two files"
    assert pipelines.exporters_apart(config, "tail_sampling") == {"file/received", "spanmetrics", "forward", "prometheus"}
    assert pipelines.exporters_apart(config, "tail_sampling/another") == frozenset()


def test_a_receiver_and_an_exporter_of_one_name_are_no_connector() -> None:
    config = copy.deepcopy(GOOD)
    config["service"]["pipelines"]["traces/other"] = {"receivers": ["otlp"], "processors": ["tail_sampling"], "exporters": ["otlp"]}
    assert found(config) == {"no_memory_limiter": "warning"}, "the one in front of the exporter otlp is not in front of the receiver"


def test_span_metrics_behind_the_sampler_are_an_error_unless_others_are_in_front() -> None:
    config = copy.deepcopy(GOOD)
    pipelines = config["service"]["pipelines"]
    config["connectors"]["spanmetrics/ex"] = {}
    pipelines["traces/sampled"]["exporters"] = ["otlp", "spanmetrics/ex"]
    pipelines["metrics"]["receivers"].append("spanmetrics/ex")
    assert found(config) == {}
    pipelines["traces/in"]["exporters"] = ["forward"]
    assert found(config) == {"span_metrics_after_sampling": ERROR}


@pytest.mark.parametrize(
    ("settings", "rate", "codes"),
    [
        ({}, 2000.0, {}),
        ({"num_traces": 31_000}, 2000.0, {"num_traces_cliff": ERROR}),
        ({"num_traces": 33_000}, 2000.0, {"num_traces_headroom": "warning"}),
        ({"decision_cache": {"sampled_cache_size": 480_000, "non_sampled_cache_size": 48_000}}, 1.0, {"decision_cache_too_small": ERROR}),
        ({"decision_cache": {}}, 1.0, {"decision_cache_off": "warning"}),
        ({"decision_wait": "5s"}, 1.0, {"decision_wait_short": "warning"}),
        ({"decision_wait": "${env:WAIT}"}, 2000.0, {}),
    ],
)
def test_places_in_memory(settings: t.Mapping[str, t.Any], rate: float, codes: t.Mapping[str, str]) -> None:
    config = copy.deepcopy(GOOD)
    config["processors"]["tail_sampling"].update(settings)
    assert found(config, traffic=Traffic(rate, 6.0, 800.0, 9.0)) == codes


def test_several_replicas_need_a_tier_that_keeps_traces_together() -> None:
    assert found(GOOD, replicas=2) == {"replicas_without_loadbalancer": ERROR}
    for version in (NEW, Version(0, 152)):
        tier = load_balancing.rendered(version, listen="0.0.0.0:4317", resolver={"dns": {"hostname": "samplers"}})
        assert found(GOOD, version, replicas=2, tier=tier) == {}
        assert (load_balancing.exporter_name(version) == "load_balancing") == (version == NEW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"routing_key": "service"}, "routing_key_not_trace_id"),
        ({"resolver": {}}, "resolver_missing"),
        ({"resolver": {"dns": {"hostnam": "x"}}}, "unknown_key"),
        ({"resolver": {"dns": {"hostname": "x", "port": 4317}}}, "wrong_kind"),
        ({"sending_queue": {}}, "tier_loses_on_change"),
        ({"protocol": {}}, "value_missing"),
    ],
)
def test_a_tier_that_does_not_is_found(change: t.Mapping[str, t.Any], code: str) -> None:
    tier = load_balancing.rendered(NEW, listen="0.0.0.0:4317", resolver={"static": {"hostnames": ["a:4317", "b:4317"]}})
    tier["exporters"]["load_balancing"].update(change)
    assert code in found(GOOD, replicas=2, tier=tier)


def test_a_newer_name_in_front_of_an_older_collector_is_an_error() -> None:
    tier = load_balancing.rendered(NEW, listen="0.0.0.0:4317", resolver={"static": {"hostnames": ["a:4317"]}})
    assert found(GOOD, Version(0, 152), replicas=2, tier=tier)["key_newer_than_collector"] == ERROR


def test_no_sampler_and_nothing_at_all_are_told_and_not_a_traceback() -> None:
    assert "sampler_missing" in found({"processors": {}, "service": {"pipelines": {}}})
    assert "sampler_missing" in found({})
    assert "no_policies" in found({**GOOD, "processors": {"tail_sampling": {}, "memory_limiter": {}, "batch": {}, "k8sattributes": {}}})
