# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether a run may take a target, and as what: pure, over what the statements add up to."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import holders, state
from .evidence import Statement
from .state import Holder, Run

PROMOTED, UNDONE, QUARANTINED, HELD, REFUSED, BUSY = 0, 2, 3, 4, 5, 6  # exit codes of a run

Doing = t.Literal["promote", "recover", "rollback"]


@dataclasses.dataclass(frozen=True)
class Condition:
    """One thing that must hold to enter, as people read it."""

    name: str
    met: bool
    found: str
    needed: str
    remedy: str = ""
    exit_code: int = REFUSED

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Request:
    """Who wants to do what, where and when."""

    doing: Doing
    run: str
    target: str
    plan: str
    plan_digest: str
    stage: str
    stage_digest: str
    holder: Holder
    now: datetime.datetime
    lease_seconds: float = state.DEFAULT_LEASE_SECONDS
    take_over: bool = False  # a person says that the holder is gone
    told: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    kept: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)  # what else ``started`` says: the plan, and all it resolves to


@dataclasses.dataclass(frozen=True)
class Entrance:
    """How a run may enter: the statement that takes the target, if there is anything to do; ``undo`` names what has to be brought back."""

    conditions: tuple[Condition, ...]
    statement: Statement | None = None
    run: str = ""
    undo: tuple[str, ...] = ()
    told: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def refused(self) -> tuple[Condition, ...]:
        return tuple(condition for condition in self.conditions if not condition.met)

    @property
    def exit_code(self) -> int:
        """Of the first condition that is not met; 0 when all are."""
        return self.refused[0].exit_code if self.refused else PROMOTED


def enter(
    statements: t.Sequence[Statement],
    request: Request,
    conditions: t.Sequence[Condition] = (),
    approvals_used: t.Sequence[str] = (),
    waivers: t.Sequence[t.Mapping[str, t.Any]] = (),
    life: t.Callable[[Holder], holders.Life] = holders.life,
) -> Entrance:
    """What the request may do now.

    A cut run of the very same stage digest is resumed under its own name, so the approvals it has used still count. Any other cut run has to be
    recovered first: what it began is brought back with what it was told, not with what we are told.

    :param conditions: the plan's preconditions, judged; they count for a new run only.
    """
    last = state.fold(statements).get(request.target)
    free = _free(last, request, life)
    if not free.met:
        return Entrance((free, *(conditions if request.doing == "promote" else ())))
    if request.doing == "promote":
        return _promote(last, request, (free, *conditions), {"approvals_used": list(approvals_used), "waivers": list(waivers)})
    if request.doing == "recover":
        if last is None or not last.is_open or _still_held(last, request):
            return Entrance((free,))
        return _take_over(last, request, (free,), last.to_undo)
    return _roll_back(last, request, free)


def _free(last: Run | None, request: Request, life: t.Callable[[Holder], holders.Life]) -> Condition:
    """Nobody else acts on the target."""
    name, needed = f"target {request.target} is free", "no run that acts on it"
    if last is None or not last.is_open:
        return Condition(name, True, "free", needed)
    about = f"run {last.run} of {last.plan} to {last.stage} by {last.by}, last heard of {last.touched_at}"
    if last.phase == "quarantined":
        remedy = "See to what could not be undone, then let two people sign: ansible-playbook governed.delivery.approve -e promotion_decision=resolve."
        return Condition(name, False, f"quarantined by {about}: {last.reason}", "no quarantine", remedy, QUARANTINED)
    if last.phase == "held" and not _still_held(last, request):
        return _same(last, request, name, needed, f"held by {about}: {last.reason}")
    if last.phase == "held":
        return Condition(name, True, f"held until {last.lease_ends().isoformat(timespec='seconds')} by {about}: {last.reason}", needed)
    alive = life(last.holder)
    ended = request.now >= last.lease_ends()
    if alive == "dead" or ended or request.take_over:
        return _same(last, request, name, needed, f"cut: {about}")
    until = last.lease_ends().isoformat(timespec="seconds")
    why = "its process is alive" if alive == "alive" else "its process is not on this machine"
    remedy = f"Wait for it. It can be taken over when it ends, or after {until}; or at once, if you know that it is dead, by -e promotion_take_over=true."
    return Condition(name, False, f"{about}; {why}", needed, remedy, BUSY)


def _still_held(last: Run, request: Request) -> bool:
    """Whether ``recover``, which a timer runs, leaves a held run to the people who have to decide; they may promote or roll back at any time."""
    return last.phase == "held" and request.doing == "recover" and not request.take_over and request.now < last.lease_ends()


def _same(last: Run, request: Request, name: str, needed: str, found: str) -> Condition:
    """A cut or held run can be gone on with by its like, and brought back by everybody."""
    if request.doing != "promote" or last.stage_digest == request.stage_digest:
        return Condition(name, True, found, needed)
    remedy = "Bring it back first: ansible-playbook governed.delivery.recover with the same inventory. Or promote exactly what it promoted."
    return Condition(name, False, f"{found}; it promoted another digest, {last.stage_digest[:12]}", needed, remedy)


def _promote(last: Run | None, request: Request, conditions: tuple[Condition, ...], signed: t.Mapping[str, t.Any]) -> Entrance:
    if last is not None and last.is_open:
        if last.phase == "undoing":  # what is half brought back is brought back whole, whoever asks
            return _take_over(last, request, conditions[:1], last.to_undo)
        statement = _statement("resumed", request, last.run)
        return Entrance(conditions[:1], statement, last.run, told=last.told)
    if any(not condition.met for condition in conditions):
        return Entrance(conditions)
    shown = [condition.as_dict() for condition in conditions]
    more = {"told": dict(request.told), **signed, "conditions": shown, **request.kept}
    statement = {**_statement("started", request, request.run), **more}
    return Entrance(conditions, statement, request.run, told=request.told)


def _take_over(last: Run, request: Request, conditions: tuple[Condition, ...], undo: tuple[str, ...]) -> Entrance:
    statement = {**_statement("taken_over", request, last.run), "undo": list(undo), "was": last.phase}
    about = {"plan": last.plan, "plan_digest": last.plan_digest, "stage": last.stage, "stage_digest": last.stage_digest}
    return Entrance(conditions, {**statement, **about}, last.run, undo, last.told)


def _roll_back(last: Run | None, request: Request, free: Condition) -> Entrance:
    if last is not None and last.is_open:
        return _take_over(last, request, (free,), last.to_undo)
    if last is None or last.phase != "promoted":
        found = "nothing was ever promoted to it" if last is None else f"run {last.run} ended {last.phase.replace('_', ' ')}"
        remedy = "There is nothing to bring back. `ledger` shows what happened."
        return Entrance((free, Condition("something to roll back", False, found, "a promoted run", remedy)))
    return _take_over(last, request, (free,), last.to_undo)


def _statement(kind: str, request: Request, run: str) -> dict[str, t.Any]:
    return {
        "type": kind,
        "run": run,
        "target": request.target,
        "plan": request.plan,
        "plan_digest": request.plan_digest,
        "stage": request.stage,
        "stage_digest": request.stage_digest,
        "holder": request.holder.as_dict(),
        "lease_seconds": request.lease_seconds,
    }
