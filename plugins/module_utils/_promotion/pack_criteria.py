# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Every criterion of a plan, and what stands behind it. What nobody evaluated is said to be so, never left out."""

from __future__ import annotations

import dataclasses
import typing as t

from . import pack_conditions, pack_verdicts, verdict
from .pack_ledger import Case
from .pack_runs import Begun, Runs
from .pack_verdicts import Judged
from .plan import Plan, Stage

NOT_EVALUATED = "not evaluated"


@dataclasses.dataclass(frozen=True)
class Criterion:
    """A goal on one host, as its stage's last run left it.

    ``verdict`` is what follows from the raw measures, and ``recorded`` what the ledger says; ``entry`` is the evidence, none where nobody looked.
    """

    stage: str
    capability: str
    host: str
    measure: str
    verdict: str
    recorded: str
    needed: str
    measured: str
    samples: int | None
    samples_needed: int | None
    reason: str
    entry: int | None


def criteria(case: Case, plan: Plan, runs: Runs, judged: t.Sequence[Judged]) -> list[Criterion]:
    """All of them, in the plan's order; hosts are those of the stage's last run."""
    found: list[Criterion] = []
    for stage, (_name, _outcome, entry) in zip(plan.stages, pack_conditions.ends(case, plan), strict=True):
        begun = runs.of(case.statements[entry]) if entry is not None else None
        for host in begun.hosts if begun is not None and begun.hosts else ("",):
            found += _of_host(stage, host, begun, judged)
    return found


def _of_host(stage: Stage, host: str, begun: Begun | None, judged: t.Sequence[Judged]) -> t.Iterator[Criterion]:
    seen = pack_verdicts.latest(
        one for one in judged if begun is not None and one.run == str(begun.said.get("run")) and one.index > one.counts_from
    )
    for verification in stage.verifications:
        one = seen.get((host, verification.capability))
        goals = [goal.as_dict() for goal in verification.goals]
        verdicts = one.verdicts if one is not None else verdict.forecast(goals)
        for place, each in enumerate(verdicts):
            recorded = one.recorded[place] if one is not None and place < len(one.recorded) else {}
            yield Criterion(
                stage.name,
                verification.capability,
                host,
                str(each["measure"]),
                str(each["verdict"]) if one is not None else NOT_EVALUATED,
                str(recorded.get("verdict", "")),
                str(each["needed"]),
                str(each["measured"]) if one is not None else "",
                each["samples"],
                each["samples_needed"],
                str(each["why"] or ("" if each["measured"] else each["reason"])),
                one.index if one is not None else None,
            )
