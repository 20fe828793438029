# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A promotion as its report tells it: from the statements, and from nothing else."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import history, verdict
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Statement
from ansible_collections.governed.delivery.plugins.module_utils._promotion.plan import Plan, Stage

from . import timelines
from .timelines import Timeline

Mapping = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Judged:
    """What one capability measured on one host, and the verdicts."""

    host: str
    capability: str
    measures: tuple[Mapping, ...]
    verdicts: tuple[Mapping, ...]


@dataclasses.dataclass(frozen=True)
class StageStory:
    """The last run of a stage under this very plan; ``result`` is a verdict, ``cut`` or ``not run``."""

    stage: Stage
    result: str
    reason: str = ""
    at: str = ""
    by: str = ""
    judged: tuple[Judged, ...] = ()
    ways_back: tuple[Mapping, ...] = ()
    timeline: Timeline = timelines.EMPTY
    unreadable: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.result == verdict.Result.PASS.value

    def measured(self, name: str) -> tuple[Mapping | None, Mapping | None]:
        """The first measure of that name, and the first verdict on it."""
        measures = [measure for judged in self.judged for measure in judged.measures if measure.get("name") == name]
        verdicts = [found for judged in self.judged for found in judged.verdicts if found.get("measure") == name]
        return (measures[0] if measures else None), (verdicts[0] if verdicts else None)


@dataclasses.dataclass(frozen=True)
class Ending:
    """How one run ended, for the list of all runs."""

    at: str
    stage: str
    outcome: str
    by: str
    digest: str
    reason: str


def stages(plan: Plan, statements: t.Sequence[Statement]) -> list[StageStory]:
    """Every stage of the plan, in order."""
    ours = [statement for statement in statements if statement.get("plan") == plan.name and statement.get("plan_digest") == plan.digest]
    return [_stage(stage, ours) for stage in plan.stages]


def endings(plan: Plan, statements: t.Sequence[Statement]) -> list[Ending]:
    """All runs of the plan under any digest, oldest first."""
    found = []
    for run in history.runs(statements, plan.name):
        standing = [statement for statement in run if statement.get("type") in history.STANDING]
        if standing:
            last = standing[-1]
            outcome = {"started": "cut, or still running", "promoted": "promoted"}.get(str(last.get("type")), "not promoted")
            texts = {key: str(last.get(key, "")) for key in ("at", "stage", "by", "plan_digest", "reason")}
            found.append(Ending(texts["at"], texts["stage"], outcome, texts["by"], texts["plan_digest"], texts["reason"]))
    return found


def _stage(stage: Stage, statements: t.Sequence[Statement]) -> StageStory:
    of_stage = [statement for statement in statements if statement.get("stage") == stage.name]
    standing = [statement for statement in of_stage if statement.get("type") in history.STANDING]
    if not standing:
        return StageStory(stage, "not run")
    last = standing[-1]
    run = [statement for statement in of_stage if statement.get("run") == last.get("run")]
    verified = [statement for statement in run if statement.get("type") == "verified"]
    judged = tuple(_judged(seen) for seen in verified)
    read, unreadable = _timelines(verified, stage.name)
    return StageStory(
        stage,
        result=_result(str(last.get("type")), judged),
        reason=str(last.get("reason", "")),
        at=str(last.get("at", "")),
        by=str(last.get("by", "")),
        judged=judged,
        ways_back=tuple(statement for statement in run if statement.get("type") in ("undone", "undo_failed")),
        timeline=timelines.merged(read),
        unreadable=unreadable,
    )


def _result(ended: str, judged: t.Sequence[Judged]) -> str:
    """The stage's verdict; a stage that broke before all was judged is an ``ERROR``, whatever else it measured."""
    if ended == "started":
        return "cut"
    worst = verdict.overall(_known(found.get("verdict")) for seen in judged for found in seen.verdicts)
    if ended == "promoted" or worst is not verdict.Result.PASS:
        return worst.value
    return verdict.Result.ERROR.value


def _known(found: object) -> str:
    return str(found) if found in [result.value for result in verdict.Result] else verdict.Result.ERROR.value


def _timelines(verified: t.Sequence[Statement], stage: str) -> tuple[list[Timeline], tuple[str, ...]]:
    """The timelines that make sense, and why the others do not: a page without a chart is better than no page."""
    read, unreadable = [], []
    for statement in verified:
        try:
            read.append(timelines.parse(statement.get("timeline") or {}, stage))
        except Refusal as refusal:
            unreadable.append(f"{statement.get('capability')}: {refusal}")
    return read, tuple(unreadable)


def _judged(seen: Statement) -> Judged:
    return Judged(
        str(seen.get("host", "")), str(seen.get("capability", "")), _mappings(seen.get("measures")), _mappings(seen.get("verdicts"))
    )


def _mappings(found: object) -> tuple[Mapping, ...]:
    return tuple(entry for entry in found if isinstance(entry, dict)) if isinstance(found, list) else ()
