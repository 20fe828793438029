# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How much a tail sampler has to hold in memory, and below which number of traces it loses nearly all.

A trace stays in memory from its first span until its decision, ``decision_wait`` later and up to a tick of one second more. With fewer places than
traces that arrive in that time every trace is evicted before its decision: the loss is no slope but a cliff.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing as t

from ..._common import shape, words

TICK_SECONDS = 1.0
HEADROOM = 1.5
CACHE_PER_TRACE = 10  # what the processor's own documentation advises
CACHE_ENTRY_BYTES = 200  # a trace id in a least-recently-used map, with its links
USUAL_SPAN_BYTES = 3000  # in memory, until it is measured: 1 to 5 KB
GARBAGE = 1.3
DEFAULT_DECISION_WAIT = "30s"
DEFAULT_NUM_TRACES = 50_000
DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What comes in, for one replica at its busiest.

    :param new_traces_per_second: 99th percentile.
    :param lateness_seconds: how long after a trace's first span its last one arrives, 99.9th percentile; None when it is not known.
    """

    new_traces_per_second: float
    spans_per_trace: float
    bytes_per_span: float
    lateness_seconds: float | None


@dataclasses.dataclass(frozen=True)
class Size:
    """What a sampler should be given. ``memory_bytes`` is its own part, without the receivers' and exporters'."""

    decision_wait_seconds: float
    num_traces: int
    cliff_num_traces: int
    sampled_cache_size: int
    non_sampled_cache_size: int
    memory_bytes: int

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


def traffic(told: t.Mapping[str, t.Any] | None) -> Traffic | None:
    """The module's option; None when it was not given.

    :raises Refusal: a number is not above 0.
    """
    if told is None:
        return None
    for name, value in told.items():
        if value is not None and (not words.is_number(value) or value <= 0):
            raise shape.wrong(f"traffic.{name}", "a number above 0", words.described(value), "Correct it.")
    return Traffic(
        told["new_traces_per_second"], told["spans_per_trace"], told["bytes_per_span"] or USUAL_SPAN_BYTES, told["lateness_seconds"]
    )


def duration(found: object) -> float | None:
    """Seconds of a duration as Go spells it (``30s``, ``1m30s``); None when it is none, as for ``${env:WAIT}``."""
    if not isinstance(found, str) or DURATION.sub("", found) or not found:
        return 0.0 if found in (0, "0") else None
    return sum(float(number) * SECONDS[unit] for number, unit in DURATION.findall(found))


def cliff(new_traces_per_second: float, decision_wait_seconds: float) -> int:
    """The fewest places with which a trace still sees its decision."""
    return math.ceil(new_traces_per_second * (decision_wait_seconds + TICK_SECONDS))


def waiting_bytes(spans: float, bytes_per_span: float = USUAL_SPAN_BYTES) -> int:
    """Memory of so many spans that wait for their traces' decision, with what the garbage collector has not got to yet."""
    return round(spans * bytes_per_span * GARBAGE)


def size(coming: Traffic, decision_wait_seconds: float, shards: int = 1) -> Size:
    """What this traffic needs. ``num_traces`` is a multiple of the shards, which share it evenly."""
    edge = cliff(coming.new_traces_per_second, decision_wait_seconds)
    places = math.ceil(edge * HEADROOM / shards) * shards
    waiting = waiting_bytes(
        coming.new_traces_per_second * (decision_wait_seconds + TICK_SECONDS) * coming.spans_per_trace, coming.bytes_per_span
    )
    cache = CACHE_PER_TRACE * places
    return Size(decision_wait_seconds, places, edge, cache, cache, waiting + 2 * cache * CACHE_ENTRY_BYTES)
