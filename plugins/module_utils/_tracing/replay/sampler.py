# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One event loop of the processor: traces in memory, batches that wait, and what happens to spans.

After ``processor.go`` and ``internal/idbatcher`` of the processor. Where that goes through a batch in random order, this goes in the order of
arrival: which of equals a limiter or an eviction takes is not foretold, how many is.
"""

from __future__ import annotations

import collections
import typing as t

from ..otlp.size import varint
from ..otlp.spans import Span
from ..policies import model
from ..policies.conditions import Observation
from ..policies.evaluate import NOT_SAMPLED, PENDING, SAMPLED, UNKNOWN, Policies, Verdict
from ..policies.versions import Version, behaves
from .decision_cache import DecisionCache


class Trace:
    """A trace in memory.

    :ivar decision: PENDING until decided.
    :ivar due: number of the tick that decides it.
    :ivar bits: all that was known when its wait was over; None until then.
    :ivar parts: with replicas and no tier, what each replica saw of it.
    :ivar lost: why nothing of it is left: "", "too_early" or "too_large".
    """

    __slots__ = ("bits", "decision", "due", "kept_bytes", "kept_spans", "lost", "parts", "place", "rooted", "seen", "trace_id")

    def __init__(self, trace_id: str, due: int) -> None:
        self.trace_id = trace_id
        self.due = due
        self.seen = Observation()
        self.decision = PENDING
        self.kept_spans = 0
        self.kept_bytes = 0
        self.bits: int | None = None
        self.lost = ""
        self.rooted = False
        self.place = ("", "")
        self.parts: dict[int, Observation] | None = None


class Listener(t.Protocol):
    """Who wants to know. Sizes are 0 when nobody asked for them."""

    def on_decision(self, trace: Trace, verdict: Verdict, now: float) -> None: ...

    def on_removal(self, trace: Trace) -> None: ...

    def on_late(self, spans: t.Sequence[Span], size: int, *, kept: bool, by_cache: bool) -> None: ...

    def on_block(self, spans: t.Sequence[Span]) -> None: ...


class Sampler:
    """One event loop.

    :param policies: compiled for it alone: its limiters count here.
    :param shards: among how many loops memory and caches are divided.
    """

    def __init__(self, sampling: model.Sampling, version: Version, policies: Policies, listener: Listener, shards: int = 1) -> None:
        self.policies = policies
        self.traces: collections.OrderedDict[str, Trace] = collections.OrderedDict()
        self._sampling = sampling
        self._listener = listener
        self._capacity = max(1, sampling.num_traces // shards) if shards > 1 else sampling.num_traces
        self._sampled = DecisionCache(_share(sampling.sampled_cache, shards))
        self._not_sampled = DecisionCache(_share(sampling.non_sampled_cache, shards))
        self._wait = max(1, int(sampling.decision_wait))
        self._root_wait = int(sampling.decision_wait_after_root) if sampling.decision_wait_after_root > 0 else None
        self._root_moves = behaves(version, "root_moves_to_an_earlier_batch")
        self._by_ingest = sampling.strategy == model.SPAN_INGEST
        self._forgets = behaves(version, "span_ingest_forgets_what_it_did_not_sample")
        self._batches: dict[int, dict[str, None]] = {}
        self._tick = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for a decision."""
        return not self._batches

    def take(self, trace_id: str, spans: t.Sequence[Span], size: int, now: float, replica: int | None = None) -> Trace | None:
        """Take in the spans of one trace out of one batch.

        :param size: bytes of the batch, or 0.
        :param replica: which of several replicas without a tier would get them.
        :returns: the trace in memory; None if there is none, as a cache knew the decision or nothing may come in.
        """
        kept = self._sampled.has(trace_id)
        if kept or self._not_sampled.has(trace_id):
            self._listener.on_late(spans, size, kept=kept, by_cache=True)
            return None
        trace = self.traces.get(trace_id)
        if trace is None:
            if len(self.traces) >= self._capacity and not self._made_room(now):
                self._listener.on_block(spans)
                return None
            trace = self.traces[trace_id] = Trace(trace_id, self._tick + self._wait)
            self._batches.setdefault(trace.due, {})[trace_id] = None
        if self._root_wait is not None and any(not span.parent_id for span in spans):
            self._hasten(trace, self._root_wait)
        resource_spans = spans[0].scope.resource_spans
        if size:
            trace.seen.bytes += size
            trace.seen.framing += _framing(size)
        self.policies.conditions.observe(trace.seen, resource_spans, spans)
        if replica is not None:
            trace.parts = {} if trace.parts is None else trace.parts
            self.policies.conditions.observe(trace.parts.setdefault(replica, Observation()), resource_spans, spans)
        if trace.decision is not PENDING:
            self._late(trace, spans, size)
        elif self._sampling.maximum_bytes and trace.seen.bytes > self._sampling.maximum_bytes:
            trace.decision, trace.lost = NOT_SAMPLED, "too_large"
            self._withdraw(trace)
            self._release(trace)
        elif self._by_ingest:
            self._decide_on_ingest(trace, spans, now)
        return trace

    def tick(self, now: float) -> None:
        """A second has passed: decide what has waited long enough."""
        due = self._batches.pop(self._tick, {})
        self._tick += 1
        for trace_id in due:
            trace = self.traces.get(trace_id)
            if trace is None or trace.decision is not PENDING:
                continue
            if self._by_ingest:
                trace.decision = NOT_SAMPLED
                self._release(trace)
                if self._forgets:
                    self._remove(trace)
            else:
                trace.bits = self.policies.bits(trace_id, trace.seen)
                self._conclude(trace, self.policies.decide(trace.bits, trace.seen, now), now)

    def finish(self) -> None:
        """Nothing comes any more: what is left in memory goes."""
        while self.traces:
            _trace_id, trace = self.traces.popitem(last=False)
            self._listener.on_removal(trace)

    def _decide_on_ingest(self, trace: Trace, spans: t.Sequence[Span], now: float) -> None:
        batch = Observation()
        self.policies.conditions.observe(batch, spans[0].scope.resource_spans, spans)
        batch.spans, batch.bytes, batch.framing = trace.seen.spans, trace.seen.bytes, trace.seen.framing
        verdict = self.policies.decide_on_ingest(self.policies.bits(trace.trace_id, batch), batch, now)
        if verdict.decision is not PENDING:
            self._conclude(trace, verdict, now)

    def _conclude(self, trace: Trace, verdict: Verdict, now: float) -> None:
        trace.decision = verdict.decision
        if verdict.decision is SAMPLED:
            trace.kept_spans, trace.kept_bytes = trace.seen.spans, trace.seen.bytes
        self._listener.on_decision(trace, verdict, now)
        self._release(trace)

    def _release(self, trace: Trace) -> None:
        """With a cache the decision is all that is kept of a trace."""
        if trace.decision is UNKNOWN:
            cached = bool(self._sampling.sampled_cache and self._sampling.non_sampled_cache)
        else:
            cached = (self._sampled if trace.decision is SAMPLED else self._not_sampled).put(trace.trace_id)
        if cached:
            self._remove(trace)

    def _late(self, trace: Trace, spans: t.Sequence[Span], size: int) -> None:
        kept = trace.decision is SAMPLED
        if kept:
            trace.kept_spans += len(spans)
            trace.kept_bytes += size
        self._listener.on_late(spans, size, kept=kept, by_cache=False)

    def _made_room(self, now: float) -> bool:
        if not self._sampling.block_on_overflow:
            if self.traces:
                _trace_id, oldest = self.traces.popitem(last=False)
                oldest.lost = oldest.lost or ("too_early" if oldest.decision is PENDING else "")
                self._listener.on_removal(oldest)
            return True
        while len(self.traces) >= self._capacity and self._batches:
            self.tick(now)
        return len(self.traces) < self._capacity

    def _hasten(self, trace: Trace, wait: int) -> None:
        """A root has come: decide sooner. Before v0.145 in a second queue, at least a second later, without leaving the first."""
        if not self._root_moves:
            self._batches.setdefault(self._tick + max(1, wait), {})[trace.trace_id] = None
        elif self._tick + wait < trace.due:
            self._withdraw(trace)
            trace.due = self._tick + wait
            self._batches.setdefault(trace.due, {})[trace.trace_id] = None

    def _withdraw(self, trace: Trace) -> None:
        batch = self._batches.get(trace.due)
        if batch is not None:
            batch.pop(trace.trace_id, None)
            if not batch:
                del self._batches[trace.due]

    def _remove(self, trace: Trace) -> None:
        if self.traces.get(trace.trace_id) is trace:
            del self.traces[trace.trace_id]
            self._listener.on_removal(trace)


def shard_of(trace_id: str, shards: int) -> int:
    """Which of the processor's shards has a trace: both halves of the id, mixed by the finalizer of splitmix64."""
    if shards == 1:
        return 0
    identifier = bytes.fromhex(trace_id)
    mixed = int.from_bytes(identifier[:8], "little") ^ int.from_bytes(identifier[8:], "little")
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 31)) % shards


def _share(size: int, shards: int) -> int:
    return max(1, size // shards) if size > 0 else 0


def _framing(size: int) -> int:
    """Bytes of tag and length of a message of that size within another."""
    return 1 + varint(size)
