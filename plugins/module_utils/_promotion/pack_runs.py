# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What each run of a plan began with, and whether the digests that people signed are really of that."""

from __future__ import annotations

import dataclasses
import typing as t

from .._common.errors import Refusal
from .._ledger import canonical
from . import pack_ledger, plan, state
from .evidence import Statement
from .pack_ledger import Case
from .plan import Plan, Stage

SAME = ("plan_digest", "stage", "stage_digest", "target")


@dataclasses.dataclass(frozen=True)
class Begun:
    """A run as its ``started`` tells it. ``plan`` has the digest that the run had."""

    index: int
    said: Statement
    plan: Plan
    stage: Stage

    @property
    def hosts(self) -> tuple[str, ...]:
        found = pack_ledger.here(self.said).get("hosts")
        return tuple(str(host) for host in found) if isinstance(found, list) else ()


@dataclasses.dataclass(frozen=True)
class Runs:
    """The plan's runs by name, and what is wrong with how they began."""

    begun: t.Mapping[str, Begun]
    faults: tuple[str, ...]

    def of(self, said: Statement) -> Begun | None:
        """The run that a statement belongs to."""
        return self.begun.get(str(said.get("run")))

    @property
    def last(self) -> Begun | None:
        """The run that was started last: its plan is the pack's."""
        return max(self.begun.values(), key=lambda one: one.index, default=None)


def read(case: Case) -> Runs:
    """Every ``started`` of the plan, its digests recomputed; and every statement of a run has to be about the same."""
    found: dict[str, Begun] = {}
    faults: list[str] = []
    for index, said in case.ours("started"):
        run = str(said.get("run"))
        if run in found:
            faults.append(f"entry {index} (started): run {run} was started before, by entry {found[run].index}")
            continue
        try:
            found[run] = _begun(index, said)
            faults += [f"entry {index} (started): {problem}" for problem in _digests(said, found[run])]
        except Refusal as refusal:
            faults.append(f"entry {index} (started): {refusal}")
    for index, said in case.ours(*state.TAKES, *state.IN_RUN):
        begun = found.get(str(said.get("run")))
        if begun is None:
            faults.append(f"entry {index} ({said.get('type')}): its run {said.get('run')} was never started with a plan that can be read")
            continue
        other = [key for key in SAME if said.get(key) != begun.said.get(key)]
        if other:
            faults.append(f"entry {index} ({said.get('type')}): another {', '.join(other)} than its run began with (entry {begun.index})")
    return Runs(found, tuple(faults))


def _begun(index: int, said: Statement) -> Begun:
    read_plan = plan.read(said.get("plan_content"))
    whole = dataclasses.replace(read_plan, digest=str(said.get("plan_digest")))
    return Begun(index, said, whole, whole.stage(str(said.get("stage"))))


def _digests(said: Statement, begun: Begun) -> t.Iterator[str]:
    """What of the digests does not follow from what was attached."""
    resolved = said.get("resolved")
    here = pack_ledger.here(said)
    if not isinstance(resolved, dict) or not here:
        yield "what it resolved to is not attached"
        return
    content = {key: value for key, value in resolved.items() if key != "stage"}
    for name, of, recorded in (("plan", content, said.get("plan_digest")), ("stage", here, said.get("stage_digest"))):
        recomputed = canonical.digest(of)
        if recomputed != recorded:
            yield f"its {name} digest is {str(recorded)[:12]}, but what is attached has {recomputed[:12]}"
    if resolved.get("plan") != said.get("plan_content"):
        yield "the plan that was judged by (plan_content) is not the plan that the digest is of (resolved)"
    for key, stands in (("plan_digest", said.get("plan_digest")), ("stage", said.get("stage")), ("target", said.get("target"))):
        if here.get(key) != stands:
            yield f"its {key} is {str(stands)[:40]!r}, but what the stage digest is of says {str(here.get(key))[:40]!r}"
    if said.get("plan") != begun.plan.name:
        yield f"it is about {said.get('plan')!r}, but the plan attached is {begun.plan.name!r}"
    if not begun.hosts:
        yield "it names no hosts"
