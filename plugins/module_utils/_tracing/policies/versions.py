# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which key, which policy and which behaviour of tail sampling came with which collector, as data.

Read from the sources of ``processor/tailsamplingprocessor`` of opentelemetry-collector-contrib, v0.144.0 to v0.164.1.
What is older than the oldest of them is listed with the oldest.
"""

from __future__ import annotations

import re
import typing as t

from ..._common.errors import Refusal

FORMAT = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?\Z")


class Version(t.NamedTuple):
    """A collector's version; compares as people expect."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """``0.152.0``, ``v0.152.0`` or ``0.152``.

        :raises Refusal: something else, or older than :data:`OLDEST`.
        """
        match = FORMAT.match(text)
        if match is None:
            raise Refusal(
                "collector_version",
                expected="a version such as 0.152.0",
                found=repr(text),
                remedy="Ask the collector for its version: otelcol --version.",
                code="collector_version",
            )
        version = cls(int(match[1]), int(match[2]), int(match[3] or 0))
        if version < OLDEST:
            raise Refusal(
                "collector_version",
                expected=f"at least {OLDEST}, the oldest whose tail sampling is known here",
                found=str(version),
                remedy="Upgrade the collector first.",
                code="collector_version",
            )
        return version

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = Version(0, 144)
NEWEST_READ = Version(0, 164, 1)
"""Newer ones are taken to behave like this one; say so to whoever relies on it."""

KEYS: t.Final[dict[str, Version]] = {
    "policies": OLDEST,
    "decision_wait": OLDEST,
    "decision_wait_after_root_received": OLDEST,
    "num_traces": OLDEST,
    "block_on_overflow": OLDEST,
    "expected_new_traces_per_sec": OLDEST,
    "decision_cache": OLDEST,
    "sample_on_first_match": OLDEST,
    "drop_pending_traces_on_shutdown": OLDEST,
    "maximum_trace_size_bytes": Version(0, 145),
    "sampling_strategy": Version(0, 149),
    "tail_storage": Version(0, 150),
    "num_shards": Version(0, 159),
}
"""Top-level keys and the first version that knows them; an older collector does not start with them."""

POLICIES: t.Final[dict[str, Version]] = {
    "always_sample": OLDEST,
    "latency": OLDEST,
    "numeric_attribute": OLDEST,
    "probabilistic": OLDEST,
    "status_code": OLDEST,
    "string_attribute": OLDEST,
    "rate_limiting": OLDEST,
    "bytes_limiting": OLDEST,
    "span_count": OLDEST,
    "trace_state": OLDEST,
    "boolean_attribute": OLDEST,
    "ottl_condition": OLDEST,
    "composite": OLDEST,
    "and": OLDEST,
    "drop": OLDEST,
    "not": Version(0, 145),
    "trace_flags": Version(0, 145),
}
"""Policy types. The type's block of options has the type's name."""

NESTED: t.Final[dict[str, dict[str, Version]]] = {
    "and": {"not": Version(0, 154)},
    "drop": {"not": Version(0, 154)},
    "not": {},
    "composite": {"and": OLDEST},
}
"""Which of the types that hold others may stand inside which. Types that hold none may stand in each of them."""

POLICY_KEYS: t.Final[dict[str, dict[str, Version]]] = {
    "always_sample": {},
    "trace_flags": {},
    "latency": {"threshold_ms": OLDEST, "upper_threshold_ms": OLDEST},
    "numeric_attribute": {"key": OLDEST, "min_value": OLDEST, "max_value": OLDEST, "invert_match": OLDEST},
    "probabilistic": {"hash_salt": OLDEST, "sampling_percentage": OLDEST},
    "status_code": {"status_codes": OLDEST},
    "string_attribute": {
        "key": OLDEST,
        "values": OLDEST,
        "enabled_regex_matching": OLDEST,
        "cache_max_size": OLDEST,
        "invert_match": OLDEST,
    },
    "rate_limiting": {"spans_per_second": OLDEST, "burst_capacity": Version(0, 153)},
    "bytes_limiting": {"bytes_per_second": OLDEST, "burst_capacity": OLDEST},
    "span_count": {"min_spans": OLDEST, "max_spans": OLDEST},
    "trace_state": {"key": OLDEST, "values": OLDEST},
    "boolean_attribute": {"key": OLDEST, "value": OLDEST, "invert_match": OLDEST},
    "ottl_condition": {"error_mode": OLDEST, "span": OLDEST, "spanevent": OLDEST},
    "and": {"and_sub_policy": OLDEST},
    "drop": {"drop_sub_policy": OLDEST},
    "not": {"not_sub_policy": Version(0, 145)},
    "composite": {"max_total_spans_per_second": OLDEST, "policy_order": OLDEST, "composite_sub_policy": OLDEST, "rate_allocation": OLDEST},
}
"""Keys of a type's block."""

GATES: t.Final[dict[str, Version]] = {
    "processor.tailsamplingprocessor.recordpolicy": OLDEST,
    "processor.tailsamplingprocessor.metricstatcountspanssampled": OLDEST,
    "processor.tailsamplingprocessor.tailstorageextension": Version(0, 150),
    "processor.tailsamplingprocessor.metricstatcountbytessampled": Version(0, 154),
    "processor.tailsamplingprocessor.usetracestate": Version(0, 157),
}
"""Feature gates. All are off by default and taken to be off here."""

Behaviour: t.TypeAlias = t.Literal[
    "latency_excludes_its_threshold",
    "rate_limiting_by_token_bucket",
    "composite_shares_what_is_not_allocated",
    "root_moves_to_an_earlier_batch",
    "upper_bounds_are_stateful",
    "drop_policies_hold_back_ingest_decisions",
    "span_ingest_forgets_what_it_did_not_sample",
]

BEHAVIOURS: t.Final[dict[Behaviour, Version]] = {
    # threshold_ms without an upper bound: >= before, > since (contrib#49595)
    "latency_excludes_its_threshold": Version(0, 157),
    # spans counted in each wall-clock second before (contrib#48226)
    "rate_limiting_by_token_bucket": Version(0, 153),
    # a sub-policy that rate_allocation leaves out had no share at all before (contrib#49857)
    "composite_shares_what_is_not_allocated": Version(0, 159),
    # a second queue of batches before; it counted a wait below a second as one second
    "root_moves_to_an_earlier_batch": Version(0, 145),
    # latency and span_count with an upper bound are refused with span-ingest
    "upper_bounds_are_stateful": Version(0, 152),
    # span-ingest: as long as a drop policy may still match, nothing is sampled (contrib#47476)
    "drop_policies_hold_back_ingest_decisions": Version(0, 152),
    # span-ingest: the tick frees the memory of a trace even without a decision cache
    "span_ingest_forgets_what_it_did_not_sample": Version(0, 154),
}
"""What changed without a key changing, and the first version of the new way."""


def behaves(version: Version, behaviour: Behaviour) -> bool:
    """Whether a collector of that version does it the new way."""
    return version >= BEHAVIOURS[behaviour]
