# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How a run was entered, put to the gates once more: with its own people, calendar and time, on the statements before it."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import approvals, gates, pack_ledger, state
from .approvals import Given, Question, Waiver
from .entering import Condition, Request
from .evidence import Statement
from .pack_ledger import Case
from .pack_runs import Begun
from .preconditions import Approved


@dataclasses.dataclass(frozen=True)
class Entered:
    """What the gates had to decide on."""

    begun: Begun
    request: Request
    context: gates.Context
    before: tuple[Statement, ...]

    @property
    def question(self) -> Question:
        return gates.question(self.request, self.context)


def entered(case: Case, begun: Begun, earlier: datetime.timedelta = datetime.timedelta(0)) -> Entered:
    """The entrance of a run as it was when ``started`` was kept, or so much earlier.

    :raises ValueError: it does not say when it began.
    """
    said, here = begun.said, pack_ledger.here(begun.said)
    request = Request(
        doing="promote",
        run=str(said.get("run")),
        target=str(said.get("target")),
        plan=begun.plan.name,
        plan_digest=begun.plan.digest,
        stage=begun.stage.name,
        stage_digest=str(said.get("stage_digest")),
        holder=state.Holder(),
        now=state.moment(str(said.get("at"))) - earlier,
    )
    context = gates.Context(here.get("people", []), here.get("calendar", []), str(said.get("by")), begun.plan.authors)
    return Entered(begun, request, context, case.statements[: begun.index])


def conditions(found: Entered) -> tuple[t.Sequence[Condition], tuple[str, ...]]:
    """The plan's preconditions judged, and the approvals that entering used up.

    :raises Refusal: people or calendar are none.
    """
    return gates.conditions(found.begun.stage, found.request, found.before, found.context)


def waivers(found: Entered) -> tuple[Waiver, ...]:
    """The goals that two people had let go.

    :raises Refusal: people are none.
    """
    return tuple(one for one in approvals.waivers(found.before, approvals.TWO_PEOPLE, found.question) if one.weighed.met)


def approvers(found: Entered) -> tuple[Given, ...]:
    """Whose approvals counted.

    :raises Refusal: people are none.
    """
    needed = (one for one in found.begun.stage.preconditions if isinstance(one, Approved))
    return tuple(given for one in needed for given in approvals.weigh(found.before, one, found.question).valid)
