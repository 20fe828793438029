# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Layer 2: settings that contradict each other, or cannot do anything."""

from __future__ import annotations

import typing as t

from ..._common import words
from ..policies import versions
from .findings import Finding, error
from .subject import Policy, Subject, every, top

# The collector starts with a composite there, too, but spends its budget anew on every batch of a trace.
STATEFUL = ("rate_limiting", "bytes_limiting", "composite")
UPPER = {"latency": "upper_threshold_ms", "span_count": "max_spans"}


def findings(subject: Subject) -> t.Iterator[Finding]:
    """What the collector takes, and what does not do what it seems to."""
    policies = list(every(top(subject)))
    for policy in policies:
        if policy.type == "composite":
            yield from _composite(policy)
        yield from _limits(policy)
    sampler = subject.sampler
    if sampler.get("sampling_strategy") == "span-ingest":
        yield from _stateful(policies, versions.behaves(subject.version, "upper_bounds_are_stateful"))
        if versions.behaves(subject.version, "drop_policies_hold_back_ingest_decisions"):
            yield from _held_back(policies)
    if sampler.get("tail_storage") is not None and _number(sampler.get("num_shards"), 1) > 1:
        yield error(
            "shards_with_tail_storage",
            f"{subject.path}.num_shards",
            expected="1, where tail_storage is used",
            found=words.described(sampler["num_shards"]),
            remedy="Remove one of the two.",
        )


def _composite(policy: Policy) -> t.Iterator[Finding]:
    path = f"{policy.path}.composite"
    names = [str(child.raw.get("name", "")) for child in policy.children]
    allocations = [entry for entry in policy.block.get("rate_allocation") or [] if isinstance(entry, dict)]
    allocated = {str(entry.get("policy", "")) for entry in allocations}
    for child, name in zip(policy.children, names, strict=True):
        if name not in allocated:
            yield error(
                "composite_without_allocation",
                child.path,
                expected="an entry of rate_allocation for each sub-policy",
                found=f"none for {name!r}: by its version the collector gives it nothing, or an even share",
                remedy="Add one.",
            )
    for name in sorted(allocated - set(names)):
        yield error(
            "allocation_without_policy",
            f"{path}.rate_allocation",
            expected=f"one of {', '.join(names)}",
            found=repr(name),
            remedy="Correct the name.",
        )
    total = sum(_number(entry.get("percent"), 0) for entry in allocations)
    if total > 100:
        yield error(
            "allocation_over_100", f"{path}.rate_allocation", expected="at most 100 percent in all", found=f"{total:g}", remedy="Lower one."
        )
    order = [str(name) for name in policy.block.get("policy_order") or []]
    if order and order != names:
        yield error(
            "policy_order_unread",
            f"{path}.policy_order",
            expected=f"the order of composite_sub_policy, which is what counts: {', '.join(names)}",
            found=", ".join(order),
            remedy="Put the sub-policies in the order you mean, and write the same here.",
        )


def _limits(policy: Policy) -> t.Iterator[Finding]:
    """Numbers with which a policy never or always says yes."""
    rules: dict[str, tuple[tuple[str, float, float | None], ...]] = {
        "probabilistic": (("sampling_percentage", 0.0, 100.0),),
        "rate_limiting": (("spans_per_second", 1, None),),
        "bytes_limiting": (("bytes_per_second", 1, None),),
        "latency": (("threshold_ms", 1, None),),
        "span_count": (("min_spans", 1, None),),
        "composite": (("max_total_spans_per_second", 1, None),),
    }
    if policy.type == "numeric_attribute" and not policy.block.get("min_value") and not policy.block.get("max_value"):
        path = f"{policy.path}.numeric_attribute"
        expected = "min_value or max_value, and not 0: the collector crashes at the first trace otherwise"
        yield error("limits", path, expected=expected, found="neither", remedy="Set one.")
    if policy.type == "ottl_condition" and not policy.block.get("span") and not policy.block.get("spanevent"):
        path = f"{policy.path}.ottl_condition"
        yield error("limits", path, expected="at least one condition below span or spanevent", found="none", remedy="Write one.")
    for key, least, most in rules.get(policy.type, ()):
        upper = UPPER.get(policy.type)
        if upper is not None and _number(policy.block.get(upper), 0) > 0:
            continue  # from 0 up to a bound says something
        value = policy.block.get(key, None if upper is None else 0)
        if words.is_number(value) and (value < least or (most is not None and value > most)):
            expected = f"{least:g} or more" if most is None else f"between {least:g} and {most:g}"
            yield error(
                "limits", f"{policy.path}.{policy.type}.{key}", expected=expected, found=words.described(value), remedy="Correct it."
            )
    for low, high, unset in (("threshold_ms", "upper_threshold_ms", 0), ("min_spans", "max_spans", 0), ("min_value", "max_value", None)):
        lower, upper = policy.block.get(low), policy.block.get(high)
        if words.is_number(lower) and words.is_number(upper) and upper != unset and upper < lower:
            path = f"{policy.path}.{policy.type}.{high}"
            yield error("limits", path, expected=f"no less than {low}, which is {lower}", found=str(upper), remedy="Correct it.")


def _stateful(policies: t.Iterable[Policy], bounds_are: bool) -> t.Iterator[Finding]:
    for policy in policies:
        bounded = bounds_are and any(_number(policy.block.get(key), 0) > 0 for key in ("upper_threshold_ms", "max_spans"))
        if policy.type in STATEFUL or bounded:
            yield error(
                "stateful_with_span_ingest",
                policy.path,
                expected="policies that can be decided span by span, with sampling_strategy span-ingest",
                found=f"{policy.type}{' with an upper bound' if bounded else ''}",
                remedy="Use trace-complete, or another policy.",
            )


def _held_back(policies: t.Iterable[Policy]) -> t.Iterator[Finding]:
    for policy in policies:
        if policy.type == "drop":
            yield error(
                "drop_with_span_ingest",
                policy.path,
                expected="no drop policy with sampling_strategy span-ingest",
                found="one that could still match a later span, so that nothing is ever sampled",
                remedy="Use trace-complete, or drop these spans with the filter processor in front.",
            )


def _number(found: object, otherwise: float) -> float:
    return found if words.is_number(found) else otherwise
