# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Layer 3: policies that load, and mean something else than their author."""

from __future__ import annotations

import re
import typing as t

from ..._common.errors import Refusal
from ..otlp.spans import RESPONSE_STATUS
from ..policies.regular_expressions import searcher
from .deprecated_attributes import DEPRECATED
from .findings import Finding, error, warning
from .subject import Policy, Subject, every, top

OF_PATHS = ("http.route", "http.target", "http.url", "url.path", "url.full")
META = re.compile(r"[\^$*+|\\]|\.\*|\(\?")  # no braces and no dots: /docs/{id} and v1.2 are routes as they stand
QUOTED_ATTRIBUTE = re.compile(r"""attributes\[["']([^"']+)["']\]""")
LIMITERS = ("rate_limiting", "bytes_limiting")


def findings(subject: Subject) -> t.Iterator[Finding]:
    """What the collector cannot see, as it does not know what was meant."""
    policies = top(subject)
    for policy in every(policies):
        yield from _deprecated(policy)
        if policy.type == "string_attribute":
            yield from _texts(policy)
    for policy in policies:
        if policy.type == "drop" and not any(_excludes_errors(child) for child in policy.children):
            yield error(
                "drop_reaches_errors",
                policy.path,
                expected="a drop policy that leaves traces with an error alone",
                found="one that outvotes every policy that keeps errors",
                remedy="Add the sub-policy {type: not, not: {not_sub_policy: {type: status_code, status_code: {status_codes: [ERROR]}}}}.",
            )
    if policies and not any(_samples_the_rest(policy) for policy in policies):
        yield warning(
            "no_baseline",
            f"{subject.path}.policies",
            expected="a policy that keeps a share of ordinary traffic, as probabilistic does",
            found="none, so nothing to compare an incident with",
            remedy="Add one.",
        )
    yield from _only_status(policies, subject)


def _deprecated(policy: Policy) -> t.Iterator[Finding]:
    asked: list[tuple[str, t.Any]] = (
        [(f"{policy.path}.{policy.type}.key", policy.block.get("key"))] if policy.type.endswith("_attribute") else []
    )
    if policy.type == "ottl_condition":
        for key in ("span", "spanevent"):
            for index, condition in enumerate(policy.block.get(key) or []):
                asked += [(f"{policy.path}.ottl_condition.{key}[{index}]", name) for name in QUOTED_ATTRIBUTE.findall(str(condition))]
    for path, name in asked:
        if isinstance(name, str) and name in DEPRECATED:
            yield error(
                "deprecated_attribute",
                path,
                expected="an attribute that current SDKs set",
                found=f"{name}, which they do not",
                remedy=DEPRECATED[name],
            )


def _texts(policy: Policy) -> t.Iterator[Finding]:
    values = [value for value in policy.block.get("values") or [] if isinstance(value, str) and "${" not in value]
    is_regex = policy.block.get("enabled_regex_matching") is True
    for index, value in enumerate(values):
        path = f"{policy.path}.string_attribute.values[{index}]"
        yield from _pattern(value, path) if is_regex else _exact(value, str(policy.block.get("key")), path)


def _pattern(pattern: str, path: str) -> t.Iterator[Finding]:
    try:
        searcher(pattern, path)
    except Refusal as refusal:
        yield error(refusal.code, path, expected=refusal.expected, found=refusal.found, remedy=refusal.remedy)
        return
    if not re.match(r"(?:\(\?[a-zA-Z]+\))?(?:\^|\\A)", pattern):
        yield warning(
            "regex_unanchored",
            path,
            expected="a pattern that begins with ^: the collector looks for it anywhere in the value",
            found=repr(pattern),
            remedy=f"Write ^{pattern} when it is meant to be the beginning.",
        )


def _exact(value: str, key: str, path: str) -> t.Iterator[Finding]:
    if META.search(value) or (key in OF_PATHS and len(value) > 1 and value.endswith("/")):
        stem = re.escape(value.rstrip("/*$").lstrip("^")).replace("\\-", "-")
        yield error(
            "exact_value_meant_as_prefix",
            path,
            expected="the whole value, as enabled_regex_matching is off",
            found=f"{value!r}, which no longer value equals",
            remedy=f"Write ^{stem}(/|$) and enabled_regex_matching: true.",
        )


def _excludes_errors(child: Policy) -> bool:
    """Whether a trace with an ERROR span can never pass this part of a drop policy."""
    return child.type == "not" and any(
        inner.type == "status_code" and "ERROR" in (inner.block.get("status_codes") or []) for inner in child.children
    )


def _samples_the_rest(policy: Policy) -> bool:
    if policy.type in ("probabilistic", "always_sample", *LIMITERS):
        return True
    return policy.type in ("composite", "and") and any(_samples_the_rest(child) for child in policy.children)


def _only_status(policies: t.Sequence[Policy], subject: Subject) -> t.Iterator[Finding]:
    by_status = any(policy.type == "status_code" and "ERROR" in (policy.block.get("status_codes") or []) for policy in policies)
    by_code = any(
        (policy.type == "numeric_attribute" and policy.block.get("key") in RESPONSE_STATUS)
        or (policy.type == "ottl_condition" and any(key in str(policy.block) for key in RESPONSE_STATUS))
        for policy in policies
    )
    if by_status and not by_code:
        yield warning(
            "errors_only_by_status",
            f"{subject.path}.policies",
            expected="a policy for HTTP 5xx beside the one for the status ERROR",
            found="none: a span with 5xx whose status is unset is not kept",
            remedy="Add numeric_attribute {key: http.response.status_code, min_value: 500, max_value: 599}.",
        )
