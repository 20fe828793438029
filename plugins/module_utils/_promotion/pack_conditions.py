# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether each run might begin: approvals weighed, soak credited, earlier stages and freezes looked up, all anew."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._common.errors import Refusal
from . import approvals, gates, history, pack_entrances, pack_ledger, pack_verdicts, people, soak, ssh_signatures, state
from .approvals import Question
from .decision import Scope
from .evidence import Statement
from .pack_entrances import Entered
from .pack_ledger import Case
from .pack_runs import Begun, Runs
from .plan import Plan
from .preconditions import Soaked

# Between deciding and keeping the statement, time goes by: what ran out meanwhile held when it was decided.
DECIDED_BEFORE = (datetime.timedelta(0), datetime.timedelta(minutes=1))


@dataclasses.dataclass(frozen=True)
class Soaking:
    """The soak that a stage asks for: what was credited, and the seconds that went by on the wall since the first observation."""

    before: str
    stage: str
    needed: float
    found: soak.Soak
    wall: float | None


def faults(case: Case, runs: Runs) -> list[str]:
    """Why runs should not have begun, or record other conditions than they had."""
    found: list[str] = []
    for begun in runs.begun.values():
        where = f"entry {begun.index} (started)"
        recorded = pack_verdicts.mappings(begun.said.get("conditions"))
        if not recorded:
            found.append(f"{where}: it records no conditions")
        found += [f"{where}: it records that {one.get('name')} was not met, and began" for one in recorded if one.get("met") is not True]
        try:
            found += [f"{where}: {problem}" for problem in _problems(case, begun)]
        except (Refusal, ValueError) as problem:
            found.append(f"{where}: its conditions cannot be judged: {problem}")
    try:
        found += _resolutions(case, runs)
    except (Refusal, ValueError) as problem:
        found.append(f"resolved: {problem}")
    for index, said in case.ours("soak"):
        unhealthy = pack_verdicts.unhealthy(said)
        if unhealthy:
            found.append(f"entry {index} (soak): {unhealthy}")
    return found


def _problems(case: Case, begun: Begun) -> list[str]:
    """What of the conditions did not hold at any moment that counts; nothing when all held at one."""
    tried = [_at(pack_entrances.entered(case, begun, earlier)) for earlier in DECIDED_BEFORE]
    return next((problems for problems in tried if not problems), tried[0])


def _at(entered: Entered) -> list[str]:
    judged, used = pack_entrances.conditions(entered)
    waived = pack_entrances.waivers(entered)
    problems = [f"{one.name}: expected {one.needed}; found {one.found}" for one in judged if not one.met]
    count = {*used, *(nonce for one in waived for nonce in one.weighed.nonces)}
    listed = entered.begun.said.get("approvals_used")
    if not isinstance(listed, list) or {str(nonce) for nonce in listed} != count:
        problems.append(f"it lists {_count(listed)} as used up, and {_count(list(count))} count")
    told = {(str(one.get("capability")), str(one.get("measure"))) for one in pack_verdicts.mappings(entered.begun.said.get("waivers"))}
    if told != {(one.goal.capability, one.goal.measure) for one in waived}:
        problems.append(f"it lists {len(told)} of the goals as waived, and two people have waived {len(waived)}")
    return problems


def _resolutions(case: Case, runs: Runs) -> t.Iterator[str]:
    """Ends of quarantines that two people of any run have not signed."""
    lists = [pack_ledger.here(begun.said).get("people", []) for begun in runs.begun.values()]
    for index, said in case.ours("resolved"):
        quarantined = [one for place, one in case.ours("quarantined") if place < index and one.get("target") == said.get("target")]
        about = quarantined[-1] if quarantined else {}
        scope = Scope(*(str(about.get(key)) for key in ("plan", "plan_digest", "stage", "stage_digest", "target")))
        now = state.moment(str(said.get("at")))
        met = False
        for spelt in lists:
            question = Question(people.parse(spelt), scope, now, {}, ssh_signatures.verify)
            met = met or approvals.weigh(case.statements[:index], approvals.TWO_PEOPLE, question, kind="resolve").met
        if not met:
            yield f"entry {index} (resolved): two people have not signed for it"


def soaking(case: Case, plan: Plan, runs: Runs) -> list[Soaking]:
    """Every soak that the plan asks for: as it counted when the later stage last began, or until now."""
    found = []
    for stage in plan.stages:
        began = [one.index for one in runs.begun.values() if one.plan.digest == plan.digest and one.stage.name == stage.name]
        for needed in stage.preconditions:
            if isinstance(needed, Soaked):
                statements = case.statements[: max(began)] if began else case.statements
                seen = gates.observations(statements, plan.name, plan.digest, needed.stage)
                credited = soak.credit(seen, plan.digest, needed.max_gap_seconds, needed.clocks)
                found.append(Soaking(stage.name, needed.stage, needed.seconds, credited, _wall(seen)))
    return found


def ends(case: Case, plan: Plan) -> list[tuple[str, str, int | None]]:
    """Where each stage stands: its name, how in words, and the entry that says so."""
    places = {id(said): index for index, said in enumerate(case.statements)}
    found: list[tuple[str, str, int | None]] = []
    for stage in plan.stages:
        last = history.standing(case.statements, plan.name, plan.digest, stage.name)
        if last is None:
            found.append((stage.name, "not run", None))
            continue
        place = places[id(last)]
        resolved = [index for index, said in case.ours("resolved") if index > place and said.get("target") == last.get("target")]
        is_over = last.get("type") == "quarantined" and resolved
        found.append((stage.name, "not promoted" if is_over else _WORDS[str(last.get("type"))], place))
    return found


_WORDS = {
    **dict.fromkeys(state.TAKES, "not ended"),
    "promoted": "promoted",
    "held": "held",
    "not_promoted": "not promoted",
    "rolled_back": "rolled back",
    "quarantined": "quarantined",
}


def _wall(seen: t.Sequence[Statement]) -> float | None:
    try:
        moments = [state.moment(str(one.get("at"))) for one in seen]
    except ValueError:
        return None
    return (max(moments) - min(moments)).total_seconds() if moments else None


def _count(found: object) -> str:
    count = len(found) if isinstance(found, list) else 0
    return "1 approval" if count == 1 else f"{count} approvals"
