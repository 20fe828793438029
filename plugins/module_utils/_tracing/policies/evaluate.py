# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Policies as functions, and the vote they take on a trace."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from . import model
from .conditions import Conditions, Observation
from .hashing import fnv1a, threshold
from .limits import Limiter, SecondCounter, TokenBucket
from .versions import Version, behaves

REMEMBERED_VERDICTS = 65_536


class Decision(enum.Enum):
    """What a policy, or all of them, says of a trace."""

    SAMPLED = "sampled"
    NOT_SAMPLED = "not_sampled"
    DROPPED = "dropped"
    ERROR = "error"
    UNKNOWN = "unknown"
    PENDING = "pending"


# By themselves, as looking up a member takes longer than comparing with it.
SAMPLED, NOT_SAMPLED, DROPPED, UNKNOWN, PENDING = (
    Decision.SAMPLED,
    Decision.NOT_SAMPLED,
    Decision.DROPPED,
    Decision.UNKNOWN,
    Decision.PENDING,
)
OPPOSITE = {SAMPLED: NOT_SAMPLED, NOT_SAMPLED: SAMPLED}


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trace at the moment of its decision: its conditions, what it would cost, and the clock in seconds."""

    bits: int
    spans: int
    bytes: int
    now: float


@dataclasses.dataclass(eq=False)
class Verdict:
    """What all policies together say, and how each of them voted.

    :ivar decisive: name of the policy that decided it; "" when none did.
    :ivar votes: by policy, in the order of the vote; shorter than the list of policies when the rest was not asked.
    :ivar count: how often it was given; whoever takes a verdict counts it.
    """

    decision: Decision
    decisive: str
    votes: tuple[Decision, ...]
    count: int = 0


Vote: t.TypeAlias = "t.Callable[[Subject], Decision]"


class Policies:
    """A sampler's policies, compiled for one collector (or one of its shards: limiters keep their counts here).

    :param version: the collector's.
    :param shards: among how many of them limits are divided.
    :raises Refusal: google-re2 is needed and missing.
    """

    def __init__(self, sampling: model.Sampling, version: Version, shards: int = 1) -> None:
        self.conditions = Conditions(version)
        self._version = version
        self._shards = shards
        self._hashes: dict[str, tuple[int, list[tuple[int, int]]]] = {}
        drops = [policy for policy in sampling.policies if isinstance(policy.test, model.Drop)]
        rest = [policy for policy in sampling.policies if not isinstance(policy.test, model.Drop)]
        self.names = [policy.name for policy in (*drops, *rest)]
        self._drops = len(drops)
        self._votes = [self.vote(policy.test) for policy in (*drops, *rest)]
        self._first_match = sampling.sample_on_first_match
        self._holds_back = behaves(version, "drop_policies_hold_back_ingest_decisions")
        self._stateless = not any(model.is_stateful(policy) for policy in sampling.policies)
        self._by_bits: dict[int, Verdict] = {}
        self._by_votes: dict[tuple[Decision, ...], Verdict] = {}

    def bits(self, trace_id: str, seen: Observation) -> int:
        """All that is known of a trace: what its spans said, its duration, its size, and which shares of ids it is in."""
        bits = self.conditions.complete(seen)
        if self._hashes:
            identifier = bytes.fromhex(trace_id)
            for state, shares in self._hashes.values():
                hashed = fnv1a(identifier, state)
                for bit, most in shares:
                    if hashed <= most:
                        bits |= bit
        return bits

    def decide(self, bits: int, seen: Observation, now: float) -> Verdict:
        """The verdict on a whole trace, when its wait is over.

        :param bits: from :meth:`bits`.
        :param now: seconds; what limiters go by.
        """
        if not self._stateless:
            return self._voted(Subject(bits, seen.spans, seen.bytes + seen.framing, now))
        verdict = self._by_bits.get(bits)
        if verdict is None:
            if len(self._by_bits) >= REMEMBERED_VERDICTS:
                self._by_bits.clear()
            verdict = self._by_bits[bits] = self._voted(Subject(bits, seen.spans, seen.bytes + seen.framing, now))
        return verdict

    def decide_on_ingest(self, bits: int, seen: Observation, now: float) -> Verdict:
        """The verdict on what just arrived of a trace (``span-ingest``); pending when it may still change.

        :param seen: the conditions of this batch alone, with spans and bytes of the trace so far.
        """
        subject = Subject(bits, seen.spans, seen.bytes + seen.framing, now)
        votes: list[Decision] = []
        held_back = False
        for index, vote in enumerate(self._votes):
            is_drop = index < self._drops
            if held_back and not is_drop:
                break
            votes.append(decision := vote(subject))
            if decision is UNKNOWN:
                return self._verdict(UNKNOWN, "", tuple(votes))
            if decision is DROPPED or (decision is SAMPLED and not is_drop):
                return self._verdict(decision, self.names[index], tuple(votes))
            held_back = held_back or (is_drop and self._holds_back and decision is not Decision.ERROR)
        return self._verdict(PENDING, "", tuple(votes))

    def verdicts(self) -> t.Iterable[Verdict]:
        """Every verdict given so far, once each, with its count."""
        return self._by_votes.values()

    def _voted(self, subject: Subject) -> Verdict:
        votes: list[Decision] = []
        sampled_by, unknown, unknown_drop = "", False, False
        for index, vote in enumerate(self._votes):
            votes.append(decision := vote(subject))
            if decision is DROPPED:
                return self._verdict(DROPPED, self.names[index], tuple(votes))
            if decision is SAMPLED and not sampled_by:
                sampled_by = self.names[index]
                if self._first_match:
                    break
            elif decision is UNKNOWN and index < self._drops:
                unknown_drop = True
            elif decision is UNKNOWN:
                unknown = True
        depends = unknown_drop if sampled_by else unknown
        if depends:
            return self._verdict(UNKNOWN, "", tuple(votes))
        return self._verdict(SAMPLED if sampled_by else NOT_SAMPLED, sampled_by, tuple(votes))

    def _verdict(self, decision: Decision, decisive: str, votes: tuple[Decision, ...]) -> Verdict:
        return self._by_votes.setdefault(votes, Verdict(decision, decisive, votes))

    def vote(self, test: model.Test) -> Vote:
        """A test as a function of a trace whose spans went through :attr:`conditions` after this call."""
        if isinstance(test, model.Always):
            return lambda _: SAMPLED
        if isinstance(test, model.Ottl):
            return self._ottl(test)
        if isinstance(test, model.Probabilistic):
            return self._probabilistic(test)
        if isinstance(test, (model.RateLimiting, model.BytesLimiting)):
            return self._limited(test)
        if isinstance(test, (model.And, model.Drop)):
            return _all([self.vote(part.test) for part in test.parts], DROPPED if isinstance(test, model.Drop) else SAMPLED)
        if isinstance(test, model.Not):
            inner = self.vote(test.part.test)
            return lambda subject: OPPOSITE.get(decision := inner(subject), decision)
        if isinstance(test, model.Composite):
            return self._composite(test)
        inverted = isinstance(test, (model.StringAttribute, model.NumericAttribute, model.BooleanAttribute)) and test.invert
        return _by_bit(self.conditions.bit(test), inverted=inverted)

    def _ottl(self, test: model.Ottl) -> Vote:
        yes, unknown = self.conditions.bit(test), self.conditions.unknown_bit(test)
        propagates = test.error_mode == "propagate"

        def vote(subject: Subject) -> Decision:
            if subject.bits & unknown and (propagates or not subject.bits & yes):
                return UNKNOWN
            return SAMPLED if subject.bits & yes else NOT_SAMPLED

        return vote

    def _probabilistic(self, test: model.Probabilistic) -> Vote:
        _begun, shares = self._hashes.setdefault(test.salt, (fnv1a(test.salt.encode()), []))
        bit = self.conditions.reserve()
        shares.append((bit, threshold(test.percentage)))
        return _by_bit(bit)

    def _limited(self, test: model.RateLimiting | model.BytesLimiting) -> Vote:
        per_second = _divided(test.per_second, self._shards)
        burst = test.burst if test.burst > 0 else 2 * test.per_second
        limiter: Limiter
        if isinstance(test, model.BytesLimiting):
            limiter = TokenBucket(per_second, burst)
            return lambda subject: SAMPLED if limiter.allow(subject.bytes, subject.now) else NOT_SAMPLED
        by_tokens = behaves(self._version, "rate_limiting_by_token_bucket")
        limiter = TokenBucket(per_second, burst) if by_tokens else SecondCounter(per_second, reaches=False)
        return lambda subject: SAMPLED if limiter.allow(subject.spans, subject.now) else NOT_SAMPLED

    def _composite(self, test: model.Composite) -> Vote:
        total = _divided(test.per_second, self._shards)
        percents = dict(test.percents)
        shares_rest = behaves(self._version, "composite_shares_what_is_not_allocated")
        parts: list[tuple[Vote, SecondCounter]] = []
        for part in test.parts:
            equal = total / len(test.parts) if shares_rest or part.name in percents else 0.0
            percent = percents.get(part.name, 0)
            allocated = percent / 100 * total if percent > 0 else equal
            parts.append((self.vote(part.test), SecondCounter(min(int(allocated), total), reaches=True)))

        def vote(subject: Subject) -> Decision:
            for asks, counter in parts:
                decision = asks(subject)
                if decision in (Decision.ERROR, UNKNOWN):
                    return decision
                if decision is SAMPLED:
                    return SAMPLED if counter.allow(subject.spans, subject.now) else NOT_SAMPLED
            return NOT_SAMPLED

        return vote


def _by_bit(bit: int, *, inverted: bool = False) -> Vote:
    if inverted:
        return lambda subject: NOT_SAMPLED if subject.bits & bit else SAMPLED
    return lambda subject: SAMPLED if subject.bits & bit else NOT_SAMPLED


def _all(parts: list[Vote], otherwise: Decision) -> Vote:
    """``otherwise`` unless one part says no. Parts behind a no or an error are not asked: their limiters keep their tokens."""

    def vote(subject: Subject) -> Decision:
        unknown = False
        for part in parts:
            decision = part(subject)
            if decision in (NOT_SAMPLED, Decision.ERROR):
                return decision
            unknown = unknown or decision is UNKNOWN
        return UNKNOWN if unknown else otherwise

    return vote


def _divided(limit: int, shards: int) -> int:
    """A shard's part of a limit: at least 1 of what is set at all."""
    return limit if limit <= 0 else max(1, limit // shards)
