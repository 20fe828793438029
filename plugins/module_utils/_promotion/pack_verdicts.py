# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Every verdict of a plan judged anew, from the raw measures and the goals that the run began with."""

from __future__ import annotations

import dataclasses
import typing as t

from .._common.errors import Refusal
from .._ledger import canonical
from . import pack_entrances, pack_holds, state, verdict
from .evidence import Statement
from .pack_ledger import Case
from .pack_runs import Begun, Runs

# What a verdict means; its sentences may be worded otherwise by another release.
MEANS = ("measure", "verdict", "value", "bound", "limit", "unit", "samples", "samples_needed", "interval")
WAIVED = "WAIVED"  # not met, and two people have signed that it need not be
OPENS = ("PASS", WAIVED)
LISTS = ("promoted", "held", "failed")  # statements that list verdicts of several capabilities and hosts


@dataclasses.dataclass(frozen=True)
class Judged:
    """What one ``verified`` says, and what it should say. ``counts_from``: the run's very last action; what was measured before it is no evidence."""

    index: int
    run: str
    host: str
    capability: str
    recorded: tuple[t.Mapping[str, t.Any], ...]
    verdicts: tuple[t.Mapping[str, t.Any], ...]
    counts_from: int


def judge(case: Case, runs: Runs) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    """All that was measured, judged anew; and where what is recorded is not what follows."""
    judged: list[Judged] = []
    faults: list[str] = []
    places = pack_holds.since(case)
    ends = {str(said.get("run")): places[index] for index, said in case.ours(*state.TAKES, *state.IN_RUN)}
    waived = {begun.index: _let_go(case, begun) for begun in runs.begun.values()}
    for index, said in case.ours("verified"):
        begun = runs.of(said)
        if begun is None:
            continue
        host, capability = str(said.get("host")), str(said.get("capability"))
        goals = goals_of(begun, capability)
        where = f"entry {index} (verified, {capability} on {host})"
        if not goals:
            faults.append(f"{where}: the plan has no goals for it in stage {begun.stage.name}")
            continue
        if host not in begun.hosts:
            faults.append(f"{where}: the run was not about this host")
        let_go = waived.get(begun.index, frozenset())
        anew = tuple(_waived(one.as_dict(), (capability, one.measure) in let_go) for one in verdict.judge(said.get("measures"), goals))
        recorded = mappings(said.get("verdicts"))
        judged.append(Judged(index, str(said.get("run")), host, capability, recorded, anew, ends[str(said.get("run"))]))
        faults += [f"{where}: {problem}" for problem in _differences(recorded, anew)]
    return tuple(judged), tuple(faults)


def _let_go(case: Case, begun: Begun) -> frozenset[tuple[str, str]]:
    """Capability and measure of every goal that two people had waived when the run began."""
    try:
        found = pack_entrances.waivers(pack_entrances.entered(case, begun))
    except (Refusal, ValueError):  # the check of the conditions says why
        return frozenset()
    return frozenset((one.goal.capability, one.goal.measure) for one in found)


def _waived(judged: dict[str, t.Any], let_go: bool) -> dict[str, t.Any]:
    return {**judged, "verdict": WAIVED} if let_go and judged["verdict"] != "PASS" else judged


def goals_of(begun: Begun, capability: str) -> list[dict[str, t.Any]]:
    """The goals of a capability in the run's stage, with numbers where the plan had names."""
    found = (one for one in begun.stage.verifications if one.capability == capability)
    return [goal.as_dict() for one in found for goal in one.goals]


def lists(case: Case, runs: Runs, judged: t.Sequence[Judged]) -> list[str]:
    """Whether statements about a whole stage list just the verdicts that follow; and whether what is promoted had every one of them, all PASS."""
    faults: list[str] = []
    places = pack_holds.since(case)
    for index, said in case.ours(*LISTS):
        begun = runs.of(said)
        if begun is None:
            continue
        since = places[index] if said.get("type") == "promoted" else -1
        seen = latest([one for one in judged if one.run == str(said.get("run")) and since < one.index < index])
        known = {(one.host, one.capability, str(each["measure"]), str(each["verdict"])) for one in seen.values() for each in one.verdicts}
        where = f"entry {index} ({said.get('type')})"
        told = {
            (str(one.get("host")), str(one.get("capability")), str(one.get("measure")), str(one.get("verdict")))
            for one in mappings(said.get("verdicts"))
        }
        faults += [f"{where}: it lists {_spelt(one)}, which no measure of the run gives" for one in sorted(told - known)]
        if said.get("type") == "promoted":
            faults += [f"{where}: it leaves out {_spelt(one)}" for one in sorted(known - told)]
            faults += [f"{where}: {problem}" for problem in _not_passed(begun, seen)]
    return faults


def latest(judged: t.Iterable[Judged]) -> dict[tuple[str, str], Judged]:
    """By host and capability, what was judged last."""
    return {(one.host, one.capability): one for one in judged}


def mappings(found: object) -> tuple[t.Mapping[str, t.Any], ...]:
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def unhealthy(said: Statement) -> str:
    """Why an observation that says healthy is not; nothing when it is, or says that it is not."""
    if said.get("healthy") is not True:
        return ""
    told = mappings(said.get("verdicts"))
    missed = [f"{one.get('measure')} {one.get('verdict')}" for one in told if one.get("verdict") not in OPENS]
    if "verdicts" in said and not told:
        return "it says healthy, but nothing was judged"
    return f"it says healthy, but lists {', '.join(missed)}" if missed else ""


def _differences(recorded: t.Sequence[t.Mapping[str, t.Any]], anew: t.Sequence[t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    if len(recorded) != len(anew):
        yield f"{len(recorded)} verdicts are recorded, and {len(anew)} follow from measures and goals"
    for one, other in zip(recorded, anew, strict=False):
        if one.get("verdict") != other["verdict"] or one.get("measure") != other["measure"]:
            yield f"recorded is {one.get('measure')} {one.get('verdict')}, but {other['measure']} {other['verdict']} follows: {other['reason']}"
            continue
        different = [key for key in MEANS if not _same(one.get(key), other[key])]
        if different:
            told = ", ".join(f"{key} {one.get(key)!r} instead of {other[key]!r}" for key in different)
            yield f"the verdict on {other['measure']} records {told}"


def _same(one: t.Any, other: t.Any) -> bool:
    try:
        return canonical.canonical(one) == canonical.canonical(other)
    except Refusal:  # beyond what JSON holds: recorded as text
        return str(one) == str(other)


def _not_passed(begun: Begun, seen: t.Mapping[tuple[str, str], Judged]) -> t.Iterator[str]:
    for host in begun.hosts:
        for verification in begun.stage.verifications:
            one = seen.get((host, verification.capability))
            if one is None:
                yield f"{verification.capability} on {host} was not evaluated after the last action"
                continue
            for each in one.verdicts:
                if each["verdict"] not in OPENS:
                    yield f"{verification.capability} on {host}: {each['verdict']} {each['reason']} (entry {one.index})"


def _spelt(one: tuple[str, str, str, str]) -> str:
    host, capability, measure, result = one
    return f"{measure} {result} ({capability} on {host})"
