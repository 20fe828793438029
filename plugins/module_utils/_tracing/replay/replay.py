# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Recorded spans, played to a tail sampler that is not there, in the time in which they happened."""

from __future__ import annotations

import collections
import itertools
import json
import operator
import typing as t
import zlib

from ..otlp.garbage import uncollected
from ..otlp.size import batch_size
from ..otlp.spans import ResourceSpans, Span
from ..policies import model
from ..policies.conditions import Observation
from ..policies.evaluate import SAMPLED, UNKNOWN, Policies, Verdict
from ..policies.versions import Version
from .classes import Classifier, Rules, route_of, service_of
from .clock import EventClock
from .outcome import Replay, Split, Tally
from .sampler import Sampler, Trace, shard_of

MOST_FORGOTTEN = 200_000
RESOURCE_SPANS = operator.attrgetter("scope.resource_spans")
END = operator.attrgetter("end")
NANOSECONDS = 1_000_000_000


def replay(
    sampling: model.Sampling,
    spans: t.Iterable[Span],
    version: Version,
    *,
    rules: Rules | None = None,
    replicas: int = 1,
    routed_by_trace_id: bool = True,
    arrive: t.Callable[[t.Sequence[Span]], float] | None = None,
    tick_after: float = 1.0,
    keep_ids: bool = False,
    measure_bytes: bool = True,
) -> Replay:
    """What a tail sampler would have done with these spans.

    Time is the spans' own: a span arrives when it has ended, in the order of the record, never before the ones recorded earlier. Memory is
    bounded by ``num_traces`` and the caches (and by the traces themselves only with ``keep_ids``); of a trace its conditions are kept, not its spans.

    :param sampling: from :func:`policies.config.parse`.
    :param spans: as :func:`otlp.reading.read` gives them: those of one batch one after the other.
    :param version: the collector's.
    :param rules: what makes a class; without them nothing is slow, forced or dropped.
    :param replicas: how many collectors there are, each with these settings.
    :param routed_by_trace_id: whether a tier before them sends all spans of a trace to the same one. Without it traces are counted as if
        there were one, and :attr:`Replay.split` says what the missing one costs.
    :param arrive: seconds at which spans of one resource and request arrive, never less than before; :class:`EventClock` by default.
    :param tick_after: seconds from the first arrival to the first tick of the collector's clock, above 0 and up to 1.
    :param keep_ids: whether to list the kept trace ids; takes memory for each.
    :param measure_bytes: whether to count bytes; takes a third of the speed or more. A limit in bytes counts them anyway.
    :raises Refusal: a regular expression that is none, an attribute that cannot be read.
    """
    playing = _Playing(sampling, version, rules or Rules(), replicas, routed_by_trace_id, keep_ids, measure_bytes)
    clock = EventClock()
    next_tick = 0.0
    with uncollected():
        for resource_spans, group in itertools.groupby(spans, RESOURCE_SPANS):
            batch = list(group)
            latest = max(map(END, batch)) / NANOSECONDS
            now = clock.arrive(latest, len(batch)) if arrive is None else arrive(batch)
            next_tick = next_tick or now + tick_after
            if now >= next_tick:
                next_tick = playing.ticks(next_tick, now)
            if arrive is None and now - latest > sampling.decision_wait:
                playing.outcome.behind += len(batch)
            playing.batch(resource_spans, batch, now)
        playing.ticks(next_tick, float("inf"))
    return playing.finished(clock)


class _Playing:
    """A replay on its way; hears from the samplers what they do."""

    def __init__(
        self, sampling: model.Sampling, version: Version, rules: Rules, replicas: int, routed: bool, keep_ids: bool, measure_bytes: bool
    ) -> None:
        self.outcome = Replay()
        if keep_ids:
            self.outcome.kept_ids, self.outcome.unknown_ids = set(), set()
        self._shards = sampling.num_shards
        self._collectors = replicas if routed else 1
        self._samplers = []
        self._classifiers: list[Classifier] = []
        for _each in range(self._collectors * self._shards):
            policies = Policies(sampling, version, self._shards)
            self._classifiers.append(Classifier(policies, rules))
            self._samplers.append(Sampler(sampling, version, policies, self, self._shards))
        self._names = self._samplers[0].policies.names
        self.outcome.remember(self._names)
        self._measures = measure_bytes or bool(sampling.maximum_bytes) or _limits_bytes(sampling)
        self._split_policies: list[Policies] = []
        if replicas > 1 and not routed:
            self.outcome.split = Split()
            self._split_policies = [Policies(sampling, version, self._shards) for _each in range(replicas)]
        self._replica: tuple[ResourceSpans | None, int | None] = (None, None)
        self._forgotten: collections.OrderedDict[str, None] = collections.OrderedDict()
        self._classifier = self._classifiers[0]
        self._policies = self._samplers[0].policies

    def batch(self, resource_spans: ResourceSpans, spans: list[Span], now: float) -> None:
        """Spans of one resource that arrive together: split by trace, as the collector splits them."""
        by_trace: dict[str, list[Span]] = collections.defaultdict(list)
        for span in spans:
            by_trace[span.trace_id].append(span)
        replica = self._replica_of(resource_spans) if self._split_policies else None
        service = service_of(resource_spans)
        measures = self._measures
        for trace_id, own in by_trace.items():
            index = self._place(trace_id)
            sampler = self._samplers[index]
            self._classifier, self._policies = self._classifiers[index], sampler.policies
            size = batch_size(own) if measures else 0
            trace = sampler.take(trace_id, own, size, now, replica)
            if trace is not None and not trace.rooted:
                _locate(trace, service, own)
        traces = sum(len(sampler.traces) for sampler in self._samplers)
        self.outcome.peak_traces = max(self.outcome.peak_traces, traces)

    def ticks(self, next_tick: float, now: float) -> float:
        """Every tick up to now; without anything to decide they need not be counted. The next one."""
        while next_tick <= now:
            waiting = False
            for index, sampler in enumerate(self._samplers):
                self._classifier, self._policies = self._classifiers[index], sampler.policies
                sampler.tick(next_tick)
                waiting = waiting or not sampler.is_idle
            next_tick += 1.0
            if not waiting:
                return next_tick if next_tick > now or now == float("inf") else next_tick + int(now - next_tick) + 1.0
        return next_tick

    def finished(self, clock: EventClock) -> Replay:
        for index, sampler in enumerate(self._samplers):
            self._classifier, self._policies = self._classifiers[index], sampler.policies
            sampler.finish()
            for verdict in sampler.policies.verdicts():
                for name, vote in zip(self._names, verdict.votes, strict=False):
                    votes = self.outcome.policies[name].votes
                    votes[vote] = votes.get(vote, 0) + verdict.count
                if verdict.decisive:
                    self.outcome.policies[verdict.decisive].decisive += verdict.count
        self.outcome.seconds = clock.now - clock.first
        self.outcome.implausible = clock.implausible
        return self.outcome

    def on_decision(self, trace: Trace, verdict: Verdict, now: float) -> None:
        verdict.count += 1
        if trace.trace_id in self._forgotten:
            self.outcome.decided_again += 1
        if self.outcome.kept_ids is not None and self.outcome.unknown_ids is not None:
            if verdict.decision is SAMPLED:
                self.outcome.kept_ids.add(trace.trace_id)
            elif verdict.decision is UNKNOWN:
                self.outcome.unknown_ids.add(trace.trace_id)
        if trace.parts is not None and len(trace.parts) > 1 and self.outcome.split is not None:
            self._tear(trace, trace.parts, self.outcome.split, now)

    def on_removal(self, trace: Trace) -> None:
        seen = trace.seen
        bits = self._policies.bits(trace.trace_id, seen) if trace.bits is None else self._policies.conditions.complete(seen) | trace.bits
        tally = self._tally(self._classifier.of(bits), *trace.place)
        tally.all.add(1, seen.spans, seen.bytes)
        if trace.lost:
            (tally.too_early if trace.lost == "too_early" else tally.too_large).add(1, seen.spans, seen.bytes)
        elif trace.decision is SAMPLED:
            tally.kept.add(1, trace.kept_spans, trace.kept_bytes)
        elif trace.decision is UNKNOWN:
            tally.unknown.add(1, seen.spans, seen.bytes)
        self._forgotten[trace.trace_id] = None
        if len(self._forgotten) > MOST_FORGOTTEN:
            self._forgotten.popitem(last=False)

    def on_late(self, spans: t.Sequence[Span], size: int, *, kept: bool, by_cache: bool) -> None:
        late = self.outcome.late
        late.all.add(0, len(spans), size)
        if by_cache:
            late.by_cache.add(0, len(spans), size)
        if kept:
            late.kept.add(0, len(spans), size)
            if by_cache:
                late.kept_by_cache.add(0, len(spans), size)
            return
        for span in spans:
            seen = Observation()
            self._policies.conditions.observe(seen, span.scope.resource_spans, (span,))
            late.errors_lost += bool(seen.bits & self._classifier.error_bits)

    def on_block(self, spans: t.Sequence[Span]) -> None:
        self.outcome.blocked += len(spans)

    def _place(self, trace_id: str) -> int:
        if len(self._samplers) == 1:
            return 0
        collector = zlib.crc32(bytes.fromhex(trace_id)) % self._collectors
        return collector * self._shards + shard_of(trace_id, self._shards)

    def _replica_of(self, resource_spans: ResourceSpans) -> int | None:
        """A sender keeps its connection: the same resource always meets the same replica."""
        if self._replica[0] is not resource_spans:
            text = json.dumps(resource_spans.raw, sort_keys=True)
            self._replica = (resource_spans, zlib.crc32(text.encode()) % len(self._split_policies))
        return self._replica[1]

    def _tally(self, name: str, service: str, route: str) -> Tally:
        key = (name, *self._classifiers[0].place(service, route))
        tally = self.outcome.classes.get(key)
        if tally is None:
            tally = self.outcome.classes[key] = Tally()
        return tally

    def _tear(self, trace: Trace, parts: dict[int, Observation], split: Split, now: float) -> None:
        split.traces += 1
        error_bits = self._classifier.error_bits
        if not trace.seen.bits & error_bits:
            return
        split.errors += 1
        kept = {}
        for replica, part in parts.items():
            policies = self._split_policies[replica]
            kept[replica] = policies.decide(policies.bits(trace.trace_id, part), part, now).decision is SAMPLED
        split.lost += not any(kept.values())
        split.torn += any(kept.values()) and not all(kept.values())
        split.without_error += not any(kept[replica] for replica, part in parts.items() if part.bits & error_bits)


def _locate(trace: Trace, service: str, spans: list[Span]) -> None:
    """Service and route of the root; until there is one, the first service that was seen."""
    for span in spans:
        if not span.parent_id:
            trace.rooted = True
            trace.place = (service, route_of(span))
            return
    if not trace.place[0]:
        trace.place = (service, "")


def _limits_bytes(sampling: model.Sampling) -> bool:
    return any(isinstance(test, model.BytesLimiting) for test in model.leaves(sampling.policies))
