# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the statements add up to: a pure fold, there is no other state."""

from __future__ import annotations

import dataclasses
import typing as t

from .._common.errors import Refusal
from . import plan as plans
from .evidence import Statement

TYPES = {
    "started": "a run took the target; approvals are used up",
    "resumed": "a run that was cut or held goes on",
    "taken_over": "a run that was cut, held or promoted is being brought back",
    "intent": "a capability is about to be applied",
    "done": "a capability was applied",
    "verified": "what one capability measured on one host, and the verdicts",
    "failed": "something is not as it must be: what was begun is being brought back",
    "undoing": "a capability is about to be brought back",
    "undone": "a capability was brought back, and could be applied anew",
    "undo_failed": "a capability could not be brought back",
    "promoted": "every verdict of the stage was PASS",
    "held": "no verdict was FAIL, but not all were PASS: the stage stays as it is until somebody decides",
    "not_promoted": "the stage ended without a promotion; everything was brought back",
    "rolled_back": "a promoted stage was brought back",
    "quarantined": "not everything could be brought back: nothing may be promoted until two people have resolved it",
    "soak": "one observation of a promoted stage",
    "approval": "a decision that a person has signed",
    "resolved": "two people have ended a quarantine",
}
STANDING = ("started", "resumed", "taken_over", "promoted", "held", "not_promoted", "rolled_back", "quarantined")


def standing(statements: t.Iterable[Statement], plan: str, digest: str, stage: str) -> Statement | None:
    """Where the stage stands under exactly this plan: the last statement that speaks of the whole stage."""
    last = None
    for statement in statements:
        same = statement.get("plan") == plan and statement.get("plan_digest") == digest and statement.get("stage") == stage
        if same and statement.get("type") in STANDING:
            last = statement
    return last


def passed(statements: t.Iterable[Statement], plan: str, digest: str, stage: str) -> bool:
    """Whether the stage stands promoted, with verdicts, and every one of them ``PASS`` or waived by two people."""
    last = standing(statements, plan, digest, stage)
    if last is None or last.get("type") != "promoted":
        return False
    verdicts = last.get("verdicts")
    if not isinstance(verdicts, list) or not verdicts:
        return False
    return all(isinstance(verdict, dict) and verdict.get("verdict") in ("PASS", "WAIVED") for verdict in verdicts)


def why_not_passed(statements: t.Sequence[Statement], plan: str, digest: str, stage: str) -> str:
    """What is there instead of a passed stage, for a message."""
    last = standing(statements, plan, digest, stage)
    if last is not None:
        if last.get("type") == "promoted":
            return f"a promotion of {last.get('at')} whose recorded verdicts are not all PASS"
        if last.get("type") in ("started", "resumed", "taken_over"):
            return f"a run of {last.get('at')} that has not ended, or was cut"
        if last.get("type") == "rolled_back":
            return f"a promotion that was rolled back at {last.get('at')}"
        return f"an attempt of {last.get('at')} that was not promoted ({last.get('reason')})"
    others = [
        statement
        for statement in statements
        if statement.get("plan") == plan
        and statement.get("stage") == stage
        and statement.get("type") == "promoted"
        and statement.get("plan_digest") != digest
    ]
    if others:
        return f"a promotion of {others[-1].get('at')} under another digest of the plan ({str(others[-1].get('plan_digest'))[:12]}): the plan has changed since"
    return "no promotion of it in the evidence"


def last_plan(statements: t.Sequence[Statement], name: str) -> plans.Plan:
    """The plan of that name as the last run that was started used it, under that run's plan digest: its file may have changed since.

    :raises Refusal: no run was started, or what is kept is no plan.
    """
    for statement in reversed(statements):
        if statement.get("type") == "started" and statement.get("plan") == name:
            return dataclasses.replace(plans.read(statement.get("plan_content")), digest=str(statement.get("plan_digest")))
    raise Refusal(
        f"evidence of {name}",
        expected="a run that was started",
        found="none",
        remedy="Promote first, or name another directory.",
        code="no_evidence",
    )


def runs(statements: t.Iterable[Statement], plan: str) -> list[list[Statement]]:
    """The plan's statements by run, in order of each run's first statement."""
    found: dict[str, list[Statement]] = {}
    for statement in statements:
        if statement.get("plan") == plan:
            found.setdefault(str(statement.get("run")), []).append(statement)
    return list(found.values())
