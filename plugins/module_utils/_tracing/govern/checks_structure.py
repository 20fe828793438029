# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Layer 1: keys, kinds, and what this version of the collector knows."""

from __future__ import annotations

import difflib
import typing as t

from ..._common import words
from ..policies import versions
from . import schema
from .findings import Finding, error
from .subject import Policy, Subject, every, section, top


def findings(subject: Subject) -> t.Iterator[Finding]:
    """Whatever would keep the collector from starting, or would be read past."""
    if subject.processor not in section(subject.config, "processors"):
        yield error(
            "sampler_missing", subject.path, expected="a tail sampler", found="none", remedy="Add it, or name the one that there is."
        )
        return
    sampler = subject.sampler
    yield from _keys(sampler, schema.PROCESSOR, subject.path)
    yield from _keys(section(sampler, "decision_cache"), schema.DECISION_CACHE, f"{subject.path}.decision_cache")
    yield from _newer_keys(subject)
    yield from _one_of(sampler, "sampling_strategy", schema.STRATEGIES, subject.path)
    policies = top(subject)
    if not policies:
        yield error("no_policies", f"{subject.path}.policies", expected="at least one policy", found="none", remedy="Add one.")
    for policy in every(policies):
        yield from _policy(policy, subject)
    yield from _names_once(policies)


def _keys(found: t.Mapping[str, t.Any], known: schema.Keys, path: str) -> t.Iterator[Finding]:
    """Keys that nobody reads, and values of the wrong kind."""
    for key, value in found.items():
        if key not in known:
            yield _unknown(key, list(known), path)
        elif value is not None and not schema.is_of(value, known[key]):
            yield error("wrong_kind", f"{path}.{key}", expected=known[key], found=words.described(value), remedy="Correct it.")


def _unknown(key: str, known: t.Sequence[str], path: str) -> Finding:
    near = difflib.get_close_matches(key, known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else "Remove it, or correct its name."
    return error("unknown_key", f"{path}.{key}", expected=f"one of {', '.join(known)}", found=f"the unknown key {key!r}", remedy=remedy)


def _one_of(found: t.Mapping[str, t.Any], key: str, allowed: t.Sequence[str], path: str) -> t.Iterator[Finding]:
    value = found.get(key)
    if isinstance(value, str) and "${" not in value and value not in allowed:
        yield error("unknown_value", f"{path}.{key}", expected=f"one of {', '.join(allowed)}", found=repr(value), remedy="Correct it.")


def _newer_keys(subject: Subject) -> t.Iterator[Finding]:
    for key in subject.sampler:
        since = versions.KEYS.get(key)
        if since is not None and subject.version < since:
            yield _newer(f"{subject.path}.{key}", since, subject)


def _newer(path: str, since: versions.Version, subject: Subject) -> Finding:
    return error(
        "key_newer_than_collector",
        path,
        expected=f"what a collector of version {subject.version} knows",
        found=f"something of version {since} or later, with which this one does not start",
        remedy="Remove it, or upgrade the collector first.",
    )


def _policy(policy: Policy, subject: Subject) -> t.Iterator[Finding]:
    allowed = schema.ALLOWED[policy.context]
    if not str(policy.raw.get("name") or "").strip():
        yield error("policy_without_name", policy.path, expected="a name", found="none", remedy="Name it: its metrics are found by it.")
    if policy.type not in allowed:
        everywhere = schema.ALLOWED["policies"]
        code = "forbidden_nesting" if policy.type in everywhere else "unknown_policy_type"
        near = difflib.get_close_matches(policy.type, allowed, n=1)
        yield error(
            code,
            f"{policy.path}.type",
            expected=f"one of {', '.join(allowed)}",
            found=repr(policy.type),
            remedy=f"Did you mean {near[0]}?" if near else "Correct it.",
        )
        return
    since = max(versions.POLICIES[policy.type], versions.NESTED.get(policy.inside, {}).get(policy.type, versions.OLDEST))
    if subject.version < since:
        yield _newer(f"{policy.path}.type", since, subject)
    blocks = [key for key in policy.raw if key not in ("name", "type")]
    for key in blocks:
        if key not in schema.BLOCKS:
            yield _unknown(key, ["name", "type", *schema.BLOCKS], policy.path)
    wrong = [key for key in blocks if key in schema.BLOCKS and key != policy.type]
    if wrong:
        yield error(
            "type_block_mismatch",
            f"{policy.path}.{wrong[0]}",
            expected="no block of another type" if policy.type in schema.WITHOUT_BLOCK else f"the block {policy.type}, as its type is",
            found=f"the block {wrong[0]}, which nobody reads",
            remedy=f"Correct the type to {wrong[0]}, or the block's name to {policy.type}.",
        )
    elif policy.type in schema.BLOCKS:
        yield from _block(policy, subject)


def _block(policy: Policy, subject: Subject) -> t.Iterator[Finding]:
    path = f"{policy.path}.{policy.type}"
    if not isinstance(policy.raw.get(policy.type), dict):
        yield error("block_missing", path, expected="a mapping", found=words.described(policy.raw.get(policy.type)), remedy="Add it.")
        return
    yield from _keys(policy.block, schema.BLOCKS[policy.type], path)
    for key in policy.block:
        since = versions.POLICY_KEYS[policy.type].get(key)
        if since is not None and subject.version < since:
            yield _newer(f"{path}.{key}", since, subject)
    for key in schema.NEEDED.get(policy.type, ()):
        if policy.block.get(key) in (None, "", []):
            yield error(
                "value_missing", f"{path}.{key}", expected="a value", found="none, which the collector reads as zero", remedy="Add it."
            )
    if policy.type == "status_code":
        for index, code in enumerate(policy.block.get("status_codes") or []):
            if code not in schema.STATUS_CODES:
                expected = f"one of {', '.join(schema.STATUS_CODES)}"
                yield error("unknown_value", f"{path}.status_codes[{index}]", expected=expected, found=repr(code), remedy="Correct it.")
    yield from _one_of(policy.block, "error_mode", schema.ERROR_MODES, path)


def _names_once(policies: t.Sequence[Policy]) -> t.Iterator[Finding]:
    seen: set[str] = set()
    for policy in policies:
        name = str(policy.raw.get("name", ""))
        if name in seen:
            yield error("name_twice", f"{policy.path}.name", expected="every name once", found=f"{name!r} again", remedy="Rename one.")
        seen.add(name)
