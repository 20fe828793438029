# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What keys the tail-sampling processor takes, and of which kind, as its config.go has them (contrib v0.161).

The collector itself refuses an unknown key of a block, but not of a policy: there a mistyped block name is kept for an extension that nobody has.
Which policies there are, which may stand inside which, and since which version, stands in ``policies/versions.py``.
"""

from __future__ import annotations

import typing as t

from ..policies import versions

INTEGER, NUMBER, TEXT, BOOLEAN, DURATION, TEXTS, MAPPING, MAPPINGS = (
    "an integer",
    "a number",
    "text",
    "true or false",
    "a duration as 30s",
    "a list of texts",
    "a mapping",
    "a list of mappings",
)

Keys: t.TypeAlias = "t.Mapping[str, str]"

PROCESSOR: Keys = {
    "policies": MAPPINGS,
    "decision_wait": DURATION,
    "decision_wait_after_root_received": DURATION,
    "num_traces": INTEGER,
    "block_on_overflow": BOOLEAN,
    "expected_new_traces_per_sec": INTEGER,
    "decision_cache": MAPPING,
    "tail_storage": TEXT,
    "sample_on_first_match": BOOLEAN,
    "sampling_strategy": TEXT,
    "drop_pending_traces_on_shutdown": BOOLEAN,
    "maximum_trace_size_bytes": INTEGER,
    "num_shards": INTEGER,
}
DECISION_CACHE: Keys = {"sampled_cache_size": INTEGER, "non_sampled_cache_size": INTEGER}
STRATEGIES = ("trace-complete", "span-ingest")
STATUS_CODES = ("OK", "ERROR", "UNSET")
ERROR_MODES = ("ignore", "silent", "propagate")

BLOCKS: t.Mapping[str, Keys] = {
    "latency": {"threshold_ms": INTEGER, "upper_threshold_ms": INTEGER},
    "numeric_attribute": {"key": TEXT, "min_value": INTEGER, "max_value": INTEGER, "invert_match": BOOLEAN},
    "probabilistic": {"hash_salt": TEXT, "sampling_percentage": NUMBER},
    "status_code": {"status_codes": TEXTS},
    "string_attribute": {
        "key": TEXT,
        "values": TEXTS,
        "enabled_regex_matching": BOOLEAN,
        "cache_max_size": INTEGER,
        "invert_match": BOOLEAN,
    },
    "rate_limiting": {"spans_per_second": INTEGER, "burst_capacity": INTEGER},
    "bytes_limiting": {"bytes_per_second": INTEGER, "burst_capacity": INTEGER},
    "span_count": {"min_spans": INTEGER, "max_spans": INTEGER},
    "trace_state": {"key": TEXT, "values": TEXTS},
    "boolean_attribute": {"key": TEXT, "value": BOOLEAN, "invert_match": BOOLEAN},
    "ottl_condition": {"error_mode": TEXT, "span": TEXTS, "spanevent": TEXTS},
    "composite": {
        "max_total_spans_per_second": INTEGER,
        "policy_order": TEXTS,
        "composite_sub_policy": MAPPINGS,
        "rate_allocation": MAPPINGS,
    },
    "and": {"and_sub_policy": MAPPINGS},
    "not": {"not_sub_policy": MAPPING},
    "drop": {"drop_sub_policy": MAPPINGS},
}
NEEDED: t.Mapping[str, tuple[str, ...]] = {
    "numeric_attribute": ("key",),
    "probabilistic": ("sampling_percentage",),
    "status_code": ("status_codes",),
    "string_attribute": ("key", "values"),
    "rate_limiting": ("spans_per_second",),
    "bytes_limiting": ("bytes_per_second",),
    "trace_state": ("key", "values"),
    "boolean_attribute": ("key", "value"),
    "composite": ("max_total_spans_per_second", "composite_sub_policy", "rate_allocation"),
    "and": ("and_sub_policy",),
    "not": ("not_sub_policy",),
    "drop": ("drop_sub_policy",),
}
ALLOCATION: Keys = {"policy": TEXT, "percent": INTEGER}
WITHOUT_BLOCK = tuple(kind for kind, keys in versions.POLICY_KEYS.items() if not keys)
ALLOWED: t.Mapping[str, tuple[str, ...]] = {
    "policies": tuple(versions.POLICIES),
    **{
        f"{outer}_sub_policy": tuple(kind for kind in versions.POLICIES if kind not in versions.NESTED or kind in inner)
        for outer, inner in versions.NESTED.items()
    },
}


def is_of(value: object, kind: str) -> bool:
    """Whether a value is of this kind. A reference as ``${env:X}`` may become anything, so it is of every kind but a mapping's."""
    if isinstance(value, str) and "${" in value:
        return kind not in (MAPPING, MAPPINGS)
    if kind == INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in (TEXT, DURATION):
        return isinstance(value, str) or (kind == DURATION and value == 0)
    if kind == BOOLEAN:
        return isinstance(value, bool)
    if kind == TEXTS:
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    if kind == MAPPING:
        return isinstance(value, dict)
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
