# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The settings of a tail sampler, as a collector holds them once it has started."""

from __future__ import annotations

import dataclasses
import typing as t

DEFAULT_SALT = "default-hash-seed"
DEFAULT_DECISION_WAIT = 30.0
DEFAULT_NUM_TRACES = 50_000
TRACE_COMPLETE = "trace-complete"
SPAN_INGEST = "span-ingest"


@dataclasses.dataclass(frozen=True)
class Always:
    """Every trace."""


@dataclasses.dataclass(frozen=True)
class TraceFlags:
    """Any span with the sampled flag."""


@dataclasses.dataclass(frozen=True)
class StatusCode:
    """Any span with one of the codes (0 unset, 1 ok, 2 error)."""

    codes: frozenset[int]


@dataclasses.dataclass(frozen=True)
class Latency:
    """Milliseconds from the earliest start to the latest end of the spans so far. ``upper_ms`` 0: no upper bound."""

    threshold_ms: int
    upper_ms: int = 0


@dataclasses.dataclass(frozen=True)
class StringAttribute:
    """Any resource or span whose attribute is one of the values, or is found by one of them as a regular expression."""

    key: str
    values: tuple[str, ...]
    is_regex: bool = False
    invert: bool = False


@dataclasses.dataclass(frozen=True)
class NumericAttribute:
    """Any resource or span whose attribute lies between the bounds, both included. None: no such bound."""

    key: str
    minimum: int | None
    maximum: int | None
    invert: bool = False


@dataclasses.dataclass(frozen=True)
class BooleanAttribute:
    """Any resource or span whose attribute has the value."""

    key: str
    value: bool
    invert: bool = False


@dataclasses.dataclass(frozen=True)
class TraceState:
    """Any span whose W3C trace state has one of the values at the key."""

    key: str
    values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Ottl:
    """Any span, or any event of a span, for which one of the conditions holds."""

    span: tuple[str, ...]
    event: tuple[str, ...]
    error_mode: str = ""


@dataclasses.dataclass(frozen=True)
class SpanCount:
    """Traces of so many spans. ``maximum`` 0: no upper bound."""

    minimum: int
    maximum: int = 0


@dataclasses.dataclass(frozen=True)
class Probabilistic:
    """A share of all trace ids, by their hash."""

    percentage: float
    salt: str = DEFAULT_SALT


@dataclasses.dataclass(frozen=True)
class RateLimiting:
    """So many spans a second. ``burst`` 0: twice that."""

    per_second: int
    burst: int = 0


@dataclasses.dataclass(frozen=True)
class BytesLimiting:
    """So many bytes a second. ``burst`` 0: twice that."""

    per_second: int
    burst: int = 0


@dataclasses.dataclass(frozen=True)
class And:
    """All of the parts."""

    parts: tuple[Policy, ...]


@dataclasses.dataclass(frozen=True)
class Drop:
    """What all of the parts would sample is dropped, whatever else votes."""

    parts: tuple[Policy, ...]


@dataclasses.dataclass(frozen=True)
class Not:
    """What the part would not sample."""

    part: Policy


@dataclasses.dataclass(frozen=True)
class Composite:
    """The first part that samples decides, within its share of spans a second.

    ``percents`` as written; which part gets what of the rest depends on the collector's version.
    """

    parts: tuple[Policy, ...]
    per_second: int
    percents: tuple[tuple[str, int], ...]


SpanTest: t.TypeAlias = "TraceFlags | StatusCode | StringAttribute | NumericAttribute | BooleanAttribute | TraceState | Ottl"
"""What each span answers by itself."""

Test: t.TypeAlias = "SpanTest | Always | Latency | SpanCount | Probabilistic | RateLimiting | BytesLimiting | And | Drop | Not | Composite"


@dataclasses.dataclass(frozen=True)
class Policy:
    """One policy: its name, and what it asks."""

    name: str
    test: Test


@dataclasses.dataclass(frozen=True)
class Sampling:
    """A tail sampler's settings. Durations in seconds; sizes of caches in trace ids, 0 for none; ``maximum_bytes`` 0 for no limit."""

    policies: tuple[Policy, ...]
    decision_wait: float = DEFAULT_DECISION_WAIT
    decision_wait_after_root: float = 0.0
    num_traces: int = DEFAULT_NUM_TRACES
    block_on_overflow: bool = False
    sampled_cache: int = 0
    non_sampled_cache: int = 0
    sample_on_first_match: bool = False
    strategy: str = TRACE_COMPLETE
    drop_pending_on_shutdown: bool = False
    maximum_bytes: int = 0
    num_shards: int = 1


def leaves(policies: t.Iterable[Policy]) -> t.Iterator[Test]:
    """The tests that hold no others, depth first."""
    for policy in policies:
        test = policy.test
        if isinstance(test, (And, Drop, Composite)):
            yield from leaves(test.parts)
        elif isinstance(test, Not):
            yield from leaves((test.part,))
        else:
            yield test


def is_stateful(policy: Policy) -> bool:
    """Whether a decision depends on the ones before, or on the clock."""
    return isinstance(policy.test, Composite) or any(isinstance(test, (RateLimiting, BytesLimiting)) for test in leaves((policy,)))
