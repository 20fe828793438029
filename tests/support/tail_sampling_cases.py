# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations of tail sampling whose decision depends on nothing but the trace: every deterministic policy type, alone and within others."""

from __future__ import annotations

import dataclasses
import typing as t

Raw: t.TypeAlias = "dict[str, t.Any]"


@dataclasses.dataclass(frozen=True)
class Case:
    """Policies under a name, further keys of the processor, and the first version that starts with them."""

    name: str
    policies: tuple[Raw, ...]
    since: tuple[int, int] = (0, 144)
    keys: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def sampling(self) -> Raw:
        """The content of ``tail_sampling``."""
        return {"decision_wait": "1s", "num_traces": 100_000, **self.keys, "policies": list(self.policies)}


def policy(kind: str, **block: t.Any) -> Raw:
    """One policy, named as its type."""
    return {"name": kind, "type": kind, **({kind: block} if block else {})}


def both(*parts: Raw) -> Raw:
    return policy("and", and_sub_policy=list(parts))


def opposite(part: Raw) -> Raw:
    return policy("not", not_sub_policy=part)


def dropping(*parts: Raw) -> Raw:
    return policy("drop", drop_sub_policy=list(parts))


def text(key: str, *values: str, **more: t.Any) -> Raw:
    return policy("string_attribute", key=key, values=list(values), **more)


def matching(key: str, *values: str, **more: t.Any) -> Raw:
    return text(key, *values, enabled_regex_matching=True, **more)


def number(key: str, **bounds: t.Any) -> Raw:
    return policy("numeric_attribute", key=key, **bounds)


def share(percentage: float, **more: t.Any) -> Raw:
    return policy("probabilistic", sampling_percentage=percentage, **more)


def condition(*span: str, event: t.Sequence[str] = (), mode: str = "ignore") -> Raw:
    conditions = {"span": list(span), "spanevent": list(event)}
    return policy("ottl_condition", error_mode=mode, **{where: found for where, found in conditions.items() if found})


EVERY = policy("always_sample")
ERRORS = policy("status_code", status_codes=["ERROR"])
STATUS = "http.response.status_code"
ROUTE = "http.route"

CASES: tuple[Case, ...] = (
    Case("always", (EVERY,)),
    Case("flags", (policy("trace_flags"),), since=(0, 145)),
    Case("status_error", (ERRORS,)),
    Case("status_ok_unset", (policy("status_code", status_codes=["OK", "UNSET"]),)),
    Case("latency", (policy("latency", threshold_ms=1000),)),
    Case("latency_zero", (policy("latency", threshold_ms=0),)),
    Case("latency_between", (policy("latency", threshold_ms=999, upper_threshold_ms=2000),)),
    Case("latency_below", (policy("latency", threshold_ms=0, upper_threshold_ms=1000),)),
    Case("text_exact", (text(ROUTE, "/docs", "/search"),)),
    Case("text_empty", (text(ROUTE, ""),)),
    Case("text_of_others", (text(STATUS, "500", "true"),)),
    Case("text_inverted", (text("tenant", "acme", invert_match=True),)),
    Case("text_empty_inverted", (text("tenant", "", "acme", invert_match=True),)),
    Case("text_pattern", (matching(ROUTE, "^/docs(/|$)", "sear.h$"),)),
    Case("text_unanchored", (matching(ROUTE, "/docs/"),)),
    Case("text_any", (matching("tenant", ".*"),)),
    Case("text_ignoring_case", (matching("tenant", "(?i)^acme$", cache_max_size=1),)),
    Case("text_pattern_inverted", (matching(ROUTE, "^/docs", invert_match=True),)),
    Case("text_any_inverted", (matching("tenant", ".*", invert_match=True),)),
    Case("number_between", (number(STATUS, min_value=500, max_value=599),)),
    Case("number_from", (number(STATUS, min_value=400),)),
    Case("number_to", (number(STATUS, max_value=399),)),
    Case("number_negative", (number("tenant", min_value=-5, max_value=-1),)),
    Case("number_from_zero", (number("tenant", min_value=0, max_value=10),)),
    Case("number_inverted", (number(STATUS, min_value=200, max_value=499, invert_match=True),)),
    Case("boolean", (policy("boolean_attribute", key="forced", value=True),)),
    Case("boolean_false", (policy("boolean_attribute", key="forced", value=False),)),
    Case("boolean_inverted", (policy("boolean_attribute", key="forced", value=True, invert_match=True),)),
    Case("share_quarter", (share(25),)),
    Case("share_salted", (share(25, hash_salt="another"),)),
    Case("share_odd", (share(33.3333),)),
    Case("share_little", (share(0.01),)),
    Case("share_none", (share(0),)),
    Case("share_all", (share(100),)),
    Case("share_more", (share(150),)),
    Case("count_least", (policy("span_count", min_spans=4),)),
    Case("count_between", (policy("span_count", min_spans=2, max_spans=4),)),
    Case("count_most", (policy("span_count", min_spans=0, max_spans=3),)),
    Case("state", (policy("trace_state", key="vendor", values=["acme"]),)),
    Case("state_empty", (policy("trace_state", key="vendor", values=[""]),)),
    Case("ottl_attribute", (condition(f'span.attributes["{ROUTE}"] == "/docs"'),)),
    Case("ottl_number", (condition(f'span.attributes["{STATUS}"] >= 500'),)),
    Case("ottl_status", (condition("span.status.code == STATUS_CODE_ERROR", "span.kind == SPAN_KIND_SERVER"),)),
    Case("ottl_name", (condition('IsMatch(span.name, "^GET") and not (span.status.code == 1)'),)),
    Case("ottl_resource", (condition('resource.attributes["tenant"] == "acme" or span.attributes["forced"] == true'),)),
    Case("ottl_missing", (condition('span.attributes["exemplar"] == nil'),)),
    Case("ottl_event", (condition(event=['spanevent.name == "exception"']),)),
    Case("ottl_event_attribute", (condition('span.name == "SELECT"', event=['spanevent.attributes["tenant"] == "acme"']),)),
    Case("ottl_error", (condition(f'IsMatch(span.attributes["{ROUTE}"], "^/docs")', mode="propagate"), share(20))),
    Case("any_of_three", (ERRORS, policy("latency", threshold_ms=1500), share(10))),
    Case("and", (both(matching(ROUTE, "^/docs"), share(50)),)),
    Case("and_inverted", (both(text("tenant", "acme", invert_match=True), number(STATUS, min_value=0, max_value=499)),)),
    Case("and_of_limits", (both(policy("latency", threshold_ms=1000), policy("span_count", min_spans=3), ERRORS),)),
    Case("not", (opposite(ERRORS),), since=(0, 145)),
    Case("not_inverted", (opposite(text("tenant", "acme", invert_match=True)),), since=(0, 145)),
    Case("and_not", (both(opposite(number(STATUS, min_value=500)), share(50)),), since=(0, 154)),
    Case("drop", (EVERY, dropping(matching(ROUTE, "^/docs")))),
    Case("drop_first", (dropping(text("tenant", "acme"), ERRORS), ERRORS, share(30))),
    Case("drop_inverted", (dropping(text("tenant", "acme", invert_match=True)), EVERY)),
    Case("drop_not", (dropping(opposite(ERRORS), share(60)), EVERY), since=(0, 154)),
    Case("drop_alone", (dropping(ERRORS),)),
    Case("first_match", (share(30), ERRORS, dropping(matching(ROUTE, "^/docs"))), keys={"sample_on_first_match": True}),
    Case(
        "first_match_error",
        (condition(f'IsMatch(span.attributes["{ROUTE}"], "^/")', mode="propagate"), ERRORS),
        keys={"sample_on_first_match": True},
    ),
    Case("size_cap", (EVERY,), since=(0, 145), keys={"maximum_trace_size_bytes": 1200}),
    Case("shards", (share(40), ERRORS), since=(0, 159), keys={"num_shards": 3}),
    Case("span_ingest", (ERRORS, share(20)), since=(0, 149), keys={"sampling_strategy": "span-ingest"}),
    Case("span_ingest_drop", (dropping(matching(ROUTE, "^/docs")), EVERY), since=(0, 149), keys={"sampling_strategy": "span-ingest"}),
    Case("cached", (ERRORS, share(20)), keys={"decision_cache": {"sampled_cache_size": 1000, "non_sampled_cache_size": 1000}}),
)


AnyCase = t.TypeVar("AnyCase", bound=Case)


def known(cases: t.Sequence[AnyCase], version: str) -> list[AnyCase]:
    """Those that a collector of this version starts with."""
    major, minor = version.split(".")[:2]
    return [case for case in cases if case.since <= (int(major), int(minor))]


def known_by(version: str) -> list[Case]:
    """Of ``CASES``."""
    return known(CASES, version)
