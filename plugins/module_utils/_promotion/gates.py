# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A stage's preconditions, each looked up in the statements. What cannot be shown is not met."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._common import words
from . import approvals, freeze, history, people, soak, ssh_signatures
from .approvals import ExcludedAs, Question, Waiver
from .decision import Scope
from .entering import Condition, Doing, Request
from .evidence import Statement
from .plan import Stage
from .preconditions import Approved, Soaked, StagePassed


@dataclasses.dataclass(frozen=True)
class Context:
    """What besides the statements decides: who may approve, when nothing may change, who asks, and who wrote what is promoted."""

    people: t.Sequence[t.Mapping[str, t.Any]]
    calendar: t.Sequence[t.Mapping[str, t.Any]]
    by: str
    authors: tuple[str, ...] = ()


def conditions(
    stage: Stage, request: Request, statements: t.Sequence[Statement], context: Context
) -> tuple[list[Condition], tuple[str, ...]]:
    """Every precondition of the stage judged, and the approvals that entering would use up.

    :raises Refusal: people or calendar are not well formed.
    """
    judged = [not_frozen(context.calendar, request.now, request.doing)]
    used: tuple[str, ...] = ()
    for needed in stage.preconditions:
        if isinstance(needed, StagePassed):
            judged.append(stage_passed(needed, statements, request.plan, request.plan_digest))
        elif isinstance(needed, Soaked):
            judged.append(soaked(needed, statements, request))
        else:
            condition, nonces = approved(needed, statements, request, context)
            judged.append(condition)
            used += tuple(nonce for nonce in nonces if nonce not in used)
    return judged, used


def stage_passed(needed: StagePassed, statements: t.Sequence[Statement], plan: str, plan_digest: str) -> Condition:
    """The earlier stage stands promoted under exactly this plan digest."""
    name, expected = f"{needed.stage} has passed", f"promoted with plan digest {plan_digest[:12]}"
    if history.passed(statements, plan, plan_digest, needed.stage):
        return Condition(name, True, "promoted", expected)
    found = history.why_not_passed(statements, plan, plan_digest, needed.stage)
    return Condition(name, False, found, expected, f"Promote to {needed.stage} first, with the same plan and the same ledger.")


def approved(needed: Approved, statements: t.Sequence[Statement], request: Request, context: Context) -> tuple[Condition, tuple[str, ...]]:
    """Enough people have signed the stage's digest, and the nonces of their approvals."""
    asking = question(request, context)
    weighed = approvals.weigh(statements, needed, asking)
    asked = approvals.asked(needed, asking.excluded)
    about = [
        found.reason for found in weighed.refused if found.code not in ("other_plan", "other_stage", "other_target", "used", "counted")
    ]
    found = "; ".join([weighed.found, *(f"not counted: {reason}" for reason in about)])
    remedy = f"Missing: {', '.join(weighed.missing)}. " if weighed.missing else ""
    remedy += f"Let them sign digest {request.stage_digest[:12]}: ansible-playbook governed.delivery.approve with the same inventory."
    return Condition("approved", weighed.met, found, asked, "" if weighed.met else remedy), weighed.nonces if weighed.met else ()


def waived(request: Request, statements: t.Sequence[Statement], context: Context) -> list[Waiver]:
    """The goals that two people let go for exactly this stage digest, as long as their signatures count."""
    return [found for found in approvals.waivers(statements, approvals.TWO_PEOPLE, question(request, context)) if found.weighed.met]


def question(request: Request, context: Context) -> Question:
    """What approvals are weighed against."""
    excluded: dict[str, ExcludedAs] = {context.by: "launcher"}
    for author in context.authors:
        excluded[author] = "author"
    scope = Scope(request.plan, request.plan_digest, request.stage, request.stage_digest, request.target)
    return Question(people.parse(context.people), scope, request.now, excluded, ssh_signatures.verify)


def soaked(needed: Soaked, statements: t.Sequence[Statement], request: Request) -> Condition:
    """The earlier stage has been seen healthy long enough since it was promoted."""
    name = f"{needed.stage} has soaked"
    wanted = f"{words.lasting(needed.seconds)} between healthy observations at most {words.lasting(needed.max_gap_seconds)} apart, by {needed.clocks} clocks"
    found = soak.credit(
        observations(statements, request.plan, request.plan_digest, needed.stage),
        request.plan_digest,
        needed.max_gap_seconds,
        needed.clocks,
    )
    last = f"; {found.findings[-1].detail}" if found.findings else ""
    told = f"{words.lasting(found.seconds)} from {found.observations} observations{last}"
    every = words.lasting(needed.max_gap_seconds / 2)
    remedy = f"Observe it: ansible-playbook governed.delivery.soak with the inventory of {needed.stage}, by a timer every {every}."
    met = found.seconds >= needed.seconds
    return Condition(name, met, told, wanted, "" if met else remedy)


def observations(statements: t.Sequence[Statement], plan: str, plan_digest: str, stage: str) -> list[dict[str, t.Any]]:
    """What was observed of the stage since it last was promoted under this plan digest; whatever happened to it since begins anew."""
    seen: list[dict[str, t.Any]] = []
    for index, statement in enumerate(statements):
        if statement.get("plan") != plan or statement.get("stage") != stage:
            continue
        if statement.get("type") in history.STANDING:
            seen = []
        elif statement.get("type") == "soak":
            seen.append({**statement, "index": index, "digest": statement.get("plan_digest")})
    return seen if history.passed(statements, plan, plan_digest, stage) else []


def not_frozen(calendar: t.Sequence[t.Mapping[str, t.Any]], now: datetime.datetime, doing: Doing) -> Condition:
    """Nothing in the calendar forbids it now.

    :raises Refusal: the calendar is not well formed.
    """
    found = freeze.standing(freeze.parse(calendar), now, doing)
    told = "; ".join(f"{one.name}: {one.reason}" + (f", until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else "") for one in found)
    remedy = "Wait, or let the owner of promotion_calendar change it. What leads back is never frozen."
    return Condition("no freeze", not found, told or "none", "no freeze window", remedy if found else "")
