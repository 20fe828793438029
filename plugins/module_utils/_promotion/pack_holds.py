# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether each run acted only while it held its target, in the order that a promotion has."""

from __future__ import annotations

import dataclasses
import typing as t

from . import state
from .evidence import Statement
from .pack_ledger import Case


@dataclasses.dataclass(frozen=True)
class _Hold:
    """Who holds a target: ``phase`` is acting, undoing, quarantined, or the end of the run."""

    run: str
    epoch: int
    phase: str

    @property
    def is_open(self) -> bool:
        return self.phase not in state.ENDS


def faults(case: Case) -> list[str]:
    """What no run could have said. The whole ledger is followed, since all plans share the targets; faults are told of this plan's entries."""
    found: list[str] = []
    holds: dict[str, _Hold] = {}
    for index, said in enumerate(case.statements):
        kind, target = str(said.get("type")), str(said.get("target", ""))
        problem = _problem(kind, said, holds.get(target))
        if problem and said.get("plan") == case.plan:
            found.append(f"entry {index} ({kind}): {problem}")
        after = _after(kind, said, index, holds.get(target))
        if after is not None:
            holds[target] = after
    return found


def _problem(kind: str, said: Statement, hold: _Hold | None) -> str:
    run = str(said.get("run"))
    if kind == "started":
        return f"the target was still held by run {hold.run}" if hold is not None and hold.is_open else ""
    if kind in ("resumed", "taken_over"):
        if hold is None or hold.run != run:
            return f"run {run} did not hold the target last"
        return "the run had ended" if kind == "resumed" and not hold.is_open else ""
    if kind not in state.IN_RUN:
        return ""
    if hold is None or (hold.run, hold.epoch) != (run, said.get("epoch")):
        return f"run {run} of epoch {said.get('epoch')} did not hold the target any more"
    if not hold.is_open:
        return f"the run had ended: {hold.phase.replace('_', ' ')}"
    if kind in ("intent", "done", "verified", "promoted") and hold.phase == "undoing":
        return "the run was being brought back already"
    return ""


def _after(kind: str, said: Statement, index: int, hold: _Hold | None) -> _Hold | None:
    """Who holds the target then; None when nothing changes."""
    if kind in state.TAKES:
        return _Hold(str(said.get("run")), index, "undoing" if kind == "taken_over" else "acting")
    if hold is None:
        return None
    if kind == "resolved" and hold.phase == "quarantined":
        return dataclasses.replace(hold, phase="not_promoted")
    holds = (hold.run, hold.epoch) == (str(said.get("run")), said.get("epoch")) and hold.is_open
    if not holds or kind not in state.IN_RUN:
        return None
    phase: dict[str, str] = {"failed": "undoing", "undoing": "undoing", "quarantined": "quarantined", **{end: end for end in state.ENDS}}
    return dataclasses.replace(hold, phase=phase[kind]) if kind in phase else None


def since(case: Case) -> t.Mapping[int, int]:
    """For every entry of the plan's runs, the place from which on what was measured counts: the run's last action until then, or its start."""
    last: dict[str, int] = {}
    found: dict[int, int] = {}
    for index, said in case.ours(*state.TAKES, *state.IN_RUN):
        run = str(said.get("run"))
        if said.get("type") in ("started", "resumed", "intent"):
            last[run] = index
        found[index] = last.get(run, index)
    return found
