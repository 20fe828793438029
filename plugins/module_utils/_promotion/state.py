# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where every target stands: a pure fold over the statements, there is no other state.

A *target* is what only one run at a time may change. A run holds it from ``started`` to one of ``ENDS``. Every statement that takes the
target (``TAKES``) begins a new *epoch*, the statement's own place in the ledger, so epochs only ever grow: who comes with a smaller one
than the target's has been replaced.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .evidence import Statement

TAKES = ("started", "resumed", "taken_over")
ENDS = ("promoted", "not_promoted", "rolled_back")
IN_RUN = ("intent", "done", "verified", "failed", "undoing", "undone", "undo_failed", "held", "quarantined", *ENDS)
DEFAULT_LEASE_SECONDS = 900.0

Phase = t.Literal["acting", "held", "undoing", "quarantined", "promoted", "not_promoted", "rolled_back"]


@dataclasses.dataclass(frozen=True)
class Holder:
    """The process that acts for a run: machine, boot, process id and the process's start, so that a dead one can be told from a live one."""

    machine: str = ""
    boot: str = ""
    namespace: str = ""
    process: int = 0
    started: str = ""
    lock: str = ""  # file that the process and its workers hold locked; a worker outlives its killed parent

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Run:
    """The last run that took a target."""

    run: str
    target: str
    plan: str
    plan_digest: str
    stage: str
    stage_digest: str
    by: str
    epoch: int
    holder: Holder
    touched_at: str
    lease_seconds: float
    phase: Phase = "acting"
    actions: tuple[
        tuple[str, str], ...
    ] = ()  # (capability, intent | done | undoing | undone | undo_failed), in order of their first intent
    waivers: tuple[t.Mapping[str, t.Any], ...] = ()
    told: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)  # the stage as ``started`` keeps it: what undo is told
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return self.phase in ("acting", "held", "undoing", "quarantined")

    @property
    def to_undo(self) -> tuple[str, ...]:
        """Every capability whose apply may have begun and that was not brought back, last first."""
        return tuple(capability for capability, state in reversed(self.actions) if state != "undone")

    def lease_ends(self) -> datetime.datetime:
        """When others may take the target, unless the holder says something before."""
        return moment(self.touched_at) + datetime.timedelta(seconds=self.lease_seconds)


def moment(text: str) -> datetime.datetime:
    """A statement's ``at`` as a time with zone.

    :raises ValueError: it is none.
    """
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)


def fold(statements: t.Iterable[Statement]) -> dict[str, Run]:
    """The last run of every target.

    A statement of a run that no longer holds its target (another epoch) changes nothing: it was written by nobody who may.
    """
    found: dict[str, Run] = {}
    for place, statement in enumerate(statements):
        target = str(statement.get("target", ""))
        if statement.get("type") in TAKES:
            found[target] = _taken(found.get(target), statement, place)
        elif target in found:
            found[target] = _after(found[target], statement)
    return found


def _taken(before: Run | None, statement: Statement, place: int) -> Run:
    fresh = Run(
        run=str(statement.get("run", "")),
        target=str(statement.get("target", "")),
        plan=str(statement.get("plan", "")),
        plan_digest=str(statement.get("plan_digest", "")),
        stage=str(statement.get("stage", "")),
        stage_digest=str(statement.get("stage_digest", "")),
        by=str(statement.get("by", "")),
        epoch=place,
        holder=_holder(statement.get("holder")),
        touched_at=str(statement.get("at", "")),
        lease_seconds=_lease(statement, DEFAULT_LEASE_SECONDS),
        waivers=tuple(one for one in statement.get("waivers", ()) if isinstance(one, t.Mapping)),
        told=_mapping(statement.get("told")),
    )
    if statement.get("type") == "started" or before is None:
        return fresh
    phase: Phase = "undoing" if statement.get("type") == "taken_over" else "acting"
    return dataclasses.replace(fresh, phase=phase, actions=before.actions, told=before.told, waivers=before.waivers)


def _after(run: Run, statement: Statement) -> Run:
    kind = statement.get("type")
    if kind == "resolved" and run.phase == "quarantined":
        return dataclasses.replace(run, phase="not_promoted", reason=str(statement.get("reason", "")))
    if kind not in IN_RUN or statement.get("run") != run.run or statement.get("epoch") != run.epoch or not run.is_open:
        return run
    run = dataclasses.replace(run, touched_at=str(statement.get("at", "")), lease_seconds=_lease(statement, run.lease_seconds))
    if kind in ("intent", "done", "undoing", "undone", "undo_failed"):
        actions = _with(run.actions, str(statement.get("capability", "")), kind)
        return dataclasses.replace(run, actions=actions, phase="undoing" if kind.startswith("und") else run.phase)
    if kind == "failed":
        return dataclasses.replace(run, phase="undoing", reason=str(statement.get("reason", "")))
    if kind in ("held", "quarantined", *ENDS):
        return dataclasses.replace(run, phase=t.cast("Phase", kind), reason=str(statement.get("reason", "")))
    return run


def _with(actions: tuple[tuple[str, str], ...], capability: str, state: str) -> tuple[tuple[str, str], ...]:
    if capability not in [name for name, _before in actions]:
        return (*actions, (capability, state))
    return tuple((name, state if name == capability else before) for name, before in actions)


def _lease(statement: Statement, otherwise: float) -> float:
    found = statement.get("lease_seconds")
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) and found > 0 else otherwise


def _holder(found: object) -> Holder:
    told = _mapping(found)
    process = told.get("process", 0)
    texts = {key: str(told.get(key, "")) for key in ("machine", "boot", "namespace", "started", "lock")}
    return Holder(process=process if isinstance(process, int) else 0, **texts)


def _mapping(found: object) -> t.Mapping[str, t.Any]:
    return found if isinstance(found, t.Mapping) else {}
