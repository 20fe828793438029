# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which signed decisions count, and whether they are enough. Pure: statements and the time come in.

Not one counts by default: each has to pass every check, and each that does not is named with its reason.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._common.errors import Refusal
from . import decision as decisions
from . import people as people_module
from .decision import Decision, Kind, Scope, WaivedGoal
from .people import Person
from .preconditions import Approved

SKEW = datetime.timedelta(minutes=5)  # how far a signer's clock may be ahead of ours
TWO_PEOPLE = Approved(2, {}, 86400.0)  # who leaves quarantine, or waives a goal

Statement = t.Mapping[str, t.Any]
Verify = t.Callable[[bytes, str, str, str], bool]  # payload, signature, public key, the signer's name
ExcludedAs = t.Literal["author", "launcher"]
Code = t.Literal[
    "malformed", "other_plan", "other_stage", "other_target", "other_content", "unknown_person", "revoked_key", "bad_signature", "used",
    "repeated", "future", "expired", "author", "launcher", "taken_back", "denied", "counted",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Given:
    """A signed decision that counts. ``index`` is its statement's place in the ledger; it is good until ``expires_at``."""

    index: int
    by: str
    roles: tuple[str, ...]
    nonce: str
    issued_at: datetime.datetime
    expires_at: datetime.datetime
    reason: str

    def as_dict(self) -> dict[str, t.Any]:
        times = {"issued_at": decisions.spelt(self.issued_at), "expires_at": decisions.spelt(self.expires_at)}
        return {**dataclasses.asdict(self), **times, "roles": list(self.roles)}


@dataclasses.dataclass(frozen=True)
class NotCounted:
    """A signed decision that does not count: why, for programs and for people."""

    index: int
    by: str
    nonce: str
    code: Code
    reason: str

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Weighed:
    """What the decisions come to. ``missing`` says who is still needed; met only when it is empty. ``denied_by`` is final."""

    valid: tuple[Given, ...]
    refused: tuple[NotCounted, ...]
    missing: tuple[str, ...]
    denied_by: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        return not self.missing and not self.denied_by

    @property
    def nonces(self) -> tuple[str, ...]:
        """What the statement that acts on them has to list as ``approvals_used``: all that are valid, needed or not."""
        return tuple(given.nonce for given in self.valid)

    @property
    def found(self) -> str:
        """In words, for the table of conditions."""
        if self.denied_by:
            return f"denied by {', '.join(self.denied_by)}"
        told = ", ".join(given.by + (f" ({', '.join(given.roles)})" if given.roles else "") for given in self.valid)
        return told or "nobody"


@dataclasses.dataclass(frozen=True)
class Waiver:
    """A goal that enough people let go, and until when; ``weighed`` has their names and reasons."""

    goal: WaivedGoal
    weighed: Weighed

    @property
    def expires_at(self) -> datetime.datetime:
        return min(given.expires_at for given in self.weighed.valid)


@dataclasses.dataclass(frozen=True)
class Question:
    """What is being weighed: by the statements, the people, the scope, the time, and who may not sign."""

    people: tuple[Person, ...]
    scope: Scope
    now: datetime.datetime
    excluded: t.Mapping[str, ExcludedAs]
    verify: Verify


@dataclasses.dataclass(frozen=True)
class _Signed:
    """A decision of the ledger that can be read, and its signature."""

    index: int
    decision: Decision
    signature: str


class _No(Exception):
    """Why a decision does not count."""

    def __init__(self, code: Code, reason: str) -> None:
        self.code = code
        super().__init__(reason)


def weigh(
    statements: t.Sequence[Statement], request: Approved, question: Question, *, kind: Kind = "approve", goal: WaivedGoal | None = None
) -> Weighed:
    """Whether the decisions of ``kind`` in the statements are enough for ``request``.

    A decision counts when its signature is good, it is about exactly this scope (and goal), its nonce was neither used nor seen before, it is
    neither from the future nor expired (its own end, or ``valid_for_seconds`` after its issue, whichever comes first), its key is not revoked,
    its signer is not excluded, has not taken it back, and has not been counted already. Roles are filled by distinct people.
    A denial of this stage of this plan is final for approvals and waivers, whoever of the people signed it: also one who may not approve.

    :param kind: ``approve``, ``waive`` (with its ``goal``) or ``resolve``.
    """
    signed, refused = _read(statements)
    used = used_nonces(statements)
    revokes = _takes_back(signed, question)
    denials = _denials(signed, question) if kind != "resolve" else {}
    valid: list[Given] = []
    for entry in signed:
        if entry.decision.decision != kind or entry.decision.goal != goal:
            continue
        try:
            given = _weigh_one(entry, request, question, used)
            _not_taken_back(entry, revokes)
            _not_denied(denials)
            _not_counted_yet(given, valid)
        except _No as no:
            refused.append(NotCounted(entry.index, entry.decision.by, entry.decision.nonce, no.code, str(no)))
        else:
            valid.append(given)
    missing = [*_missing(valid, request, question)]
    return Weighed(tuple(valid), tuple(sorted(refused, key=lambda no: no.index)), tuple(missing), tuple(denials))


def waivers(statements: t.Sequence[Statement], request: Approved, question: Question) -> tuple[Waiver, ...]:
    """Every goal somebody signed a waiver for in this scope, whether or not they are enough: look at ``weighed.met``."""
    goals: list[WaivedGoal] = []
    for entry in _read(statements)[0]:
        goal = entry.decision.goal
        if goal is not None and entry.decision.scope == question.scope and goal not in goals:
            goals.append(goal)
    return tuple(Waiver(goal, weigh(statements, request, question, kind="waive", goal=goal)) for goal in goals)


def used_nonces(statements: t.Iterable[Statement]) -> dict[str, int]:
    """Every nonce that a run has acted on, and the place of the statement that says so."""
    found: dict[str, int] = {}
    for index, statement in enumerate(statements):
        listed = statement.get("approvals_used")
        for nonce in listed if isinstance(listed, (list, tuple)) else ():
            found.setdefault(str(nonce), index)
    return found


def asked(request: Approved, excluded: t.Mapping[str, ExcludedAs]) -> str:
    """The request in words: ``2 people, among them 1 sre and 1 owner, without ann (author)``."""
    count = "1 person" if request.by_at_least == 1 else f"{request.by_at_least} people"
    roles = " and ".join(f"{number} {role}" for role, number in request.roles.items())
    without = ", ".join(f"{name} ({why})" for name, why in excluded.items())
    return count + (f", among them {roles}" if roles else "") + (f", without {without}" if without else "")


def _read(statements: t.Sequence[Statement]) -> tuple[list[_Signed], list[NotCounted]]:
    """The decisions that can be read, and those that cannot."""
    signed: list[_Signed] = []
    refused: list[NotCounted] = []
    for index, statement in enumerate(statements):
        if statement.get("type") != decisions.STATEMENT:
            continue
        try:
            decision = decisions.parse(statement.get("signed"))
            decisions.payload(decision)
        except Refusal as problem:
            refused.append(NotCounted(index, str(statement.get("by", "")), "", "malformed", str(problem)))
        else:
            signed.append(_Signed(index, decision, str(statement.get("signature", ""))))
    return signed, refused


def _weigh_one(entry: _Signed, request: Approved, question: Question, used: t.Mapping[str, int]) -> Given:
    """The decision as one that counts, as far as it can be told from itself alone. The cheap checks come before the signature's."""
    decision = entry.decision
    _same_scope(decision.scope, question.scope)
    person = _signer(entry, question)
    if decision.nonce in used:
        raise _No("used", f"it was used by statement {used[decision.nonce]}; every run needs fresh signatures")
    if decision.issued_at > question.now + SKEW:
        raise _No("future", f"it was issued at {decisions.spelt(decision.issued_at)}, and now it is {decisions.spelt(question.now)}")
    end = min(decision.expires_at, _later(decision.issued_at, request.valid_for_seconds))
    if question.now >= end:
        raise _No("expired", f"it was good until {decisions.spelt(end)}, and now it is {decisions.spelt(question.now)}")
    for name, why in question.excluded.items():
        if people_module.same_name(name, person.name):
            did = "wrote what is promoted" if why == "author" else "started this run"
            raise _No(why, f"{person.name} {did}; somebody else has to sign")
    return Given(entry.index, person.name, person.roles, decision.nonce, decision.issued_at, end, decision.reason)


def _same_scope(signed: Scope, needed: Scope) -> None:
    if (signed.plan, signed.plan_digest) != (needed.plan, needed.plan_digest):
        raise _No("other_plan", f"it is about plan {_plan(signed)}, and this is {_plan(needed)}")
    if signed.stage != needed.stage:
        raise _No("other_stage", f"it is about stage {signed.stage}, and this is {needed.stage}")
    if signed.target != needed.target:
        raise _No("other_target", f"it is about target {signed.target}, and this is {needed.target}")
    if signed.stage_digest != needed.stage_digest:
        reason = (
            f"hosts, files or variables have changed since: it is about {signed.stage_digest[:12]}, and this is {needed.stage_digest[:12]}"
        )
        raise _No("other_content", reason)


def _signer(entry: _Signed, question: Question) -> Person:
    """The person whose key made the signature."""
    decision = entry.decision
    person = people_module.named(question.people, decision.by)
    if person is None:
        raise _No("unknown_person", f"{decision.by!r} is not among the people of promotion_people")
    if person.revoked:
        raise _No("revoked_key", f"the key of {person.name} is revoked")
    if not question.verify(decisions.payload(decision), entry.signature, person.key, person.name):
        raise _No("bad_signature", f"its signature is not by the key of {person.name} over this content for {decisions.NAMESPACE}")
    return person


def _takes_back(signed: t.Sequence[_Signed], question: Question) -> list[_Signed]:
    """The revocations of this scope that their signer's key made. They neither expire nor come too early: they only ever close a gate."""
    return [entry for entry in signed if entry.decision.decision == "revoke" and _speaks(entry, question)]


def _denials(signed: t.Sequence[_Signed], question: Question) -> dict[str, str]:
    """Who denied what is to be promoted, on whatever target, and why."""
    return {
        entry.decision.by: entry.decision.reason for entry in signed if entry.decision.decision == "deny" and _speaks(entry, question, "")
    }


def _speaks(entry: _Signed, question: Question, target: str | None = None) -> bool:
    """Whether a decision is about this scope and by whom it says; an empty ``target`` stands for all."""
    scope = entry.decision.scope if target is None else dataclasses.replace(entry.decision.scope, target=question.scope.target)
    try:
        _same_scope(scope, question.scope)
        _signer(entry, question)
    except _No:
        return False
    return True


def _not_taken_back(entry: _Signed, revokes: t.Sequence[_Signed]) -> None:
    """A revocation takes back all that its signer issued until then, and all that stood in the ledger before it."""
    for revoke in revokes:
        before = entry.index < revoke.index or entry.decision.issued_at <= revoke.decision.issued_at
        if before and revoke.decision.by == entry.decision.by:
            raise _No("taken_back", f"{entry.decision.by} took it back with statement {revoke.index}")


def _not_denied(denials: t.Mapping[str, str]) -> None:
    for name, reason in denials.items():
        raise _No("denied", f"{name} denied it: {reason}. A denial is final; change the plan and ask again")


def _not_counted_yet(given: Given, valid: t.Sequence[Given]) -> None:
    for other in valid:
        if other.nonce == given.nonce:
            raise _No("repeated", f"its nonce was counted with statement {other.index} already")
        if other.by == given.by:
            raise _No("counted", f"{given.by} was counted with statement {other.index} already; one person counts once")


def _missing(valid: t.Sequence[Given], request: Approved, question: Question) -> t.Iterator[str]:
    """Who is still needed, and who that could be."""
    filled = _filled(valid, request.roles)
    wanted = 0
    for role, count in request.roles.items():
        lacking = count - filled.get(role, 0)
        if lacking > 0:
            wanted += lacking
            yield f"{lacking} more with the role {role}{_could(valid, question, role)}"
    others = max(request.by_at_least, 1) - len(valid) - wanted
    if others > 0:
        yield f"{others} more of any role{_could(valid, question, None)}"


def _filled(valid: t.Sequence[Given], roles: t.Mapping[str, int]) -> dict[str, int]:
    """How many places of each role the people fill at best, one place each: a maximum matching by augmenting paths."""
    places = [role for role, count in roles.items() for _place in range(count)]
    holder: dict[int, int] = {}  # place -> person

    def seat(person: int, tried: set[int]) -> bool:
        for place, role in enumerate(places):
            if role in valid[person].roles and place not in tried:
                tried.add(place)
                if place not in holder or seat(holder[place], tried):
                    holder[place] = person
                    return True
        return False

    for person in range(len(valid)):
        seat(person, set())
    found: dict[str, int] = {}
    for place in holder:
        found[places[place]] = found.get(places[place], 0) + 1
    return found


def _could(valid: t.Sequence[Given], question: Question, role: str | None) -> str:
    """Names of those who could still sign."""
    gone = {people_module.folded(name) for name in (*question.excluded, *(given.by for given in valid))}
    names = [
        person.name
        for person in question.people
        if not person.revoked and people_module.folded(person.name) not in gone and (role is None or role in person.roles)
    ]
    return f" ({', '.join(names)})" if names else " (nobody left of promotion_people could)"


def _later(moment: datetime.datetime, seconds: float) -> datetime.datetime:
    try:
        return moment + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return datetime.datetime.max.replace(tzinfo=datetime.UTC)


def _plan(scope: Scope) -> str:
    return f"{scope.plan} ({scope.plan_digest[:12]})"
