# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What is needed to decide whether a run may begin, gathered on the controller."""

from __future__ import annotations

import dataclasses
import pathlib
import secrets
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering, gates, holders
from ansible_collections.governed.delivery.plugins.module_utils._promotion.approvals import Waiver
from ansible_collections.governed.delivery.plugins.module_utils._promotion.entering import Condition, Entrance, Request
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Statement

from . import resolving, told
from .resolving import Resolved

ABOUT = ("run", "target", "plan", "plan_digest", "stage", "stage_digest")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A request, what it resolves to (a promotion), and the hosts that this play has."""

    request: Request
    resolved: Resolved | None
    hosts: tuple[str, ...]
    context: gates.Context


def request(options: t.Mapping[str, t.Any], task_vars: t.Mapping[str, t.Any], process: int) -> Wanted:
    """The request that the task's options make.

    :raises Refusal: the plan cannot be resolved.
    """
    doing = options["doing"]
    resolved = told.resolved(options, task_vars) if doing == "promote" else None
    now = told.now()
    run = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    lock = pathlib.Path(options["directory"]).absolute() / "holds" / run
    _require_digest(options["digest"], resolved)
    made = Request(
        doing=doing,
        run=run,
        target=resolved.target if resolved else str(options["target"] or options["stage"]),
        plan=resolved.plan.name if resolved else "",
        plan_digest=resolved.plan_digest if resolved else "",
        stage=resolved.stage.name if resolved else str(options["stage"]),
        stage_digest=resolved.stage_digest if resolved else "",
        holder=holders.holder(process, str(lock)),
        now=now,
        lease_seconds=options["lease_seconds"],
        take_over=options["take_over"],
        told=resolved.told if resolved else {},
        kept={"plan_content": resolving.plain(resolved.plan.content), "resolved": resolving.plain(resolved.content)} if resolved else {},
    )
    hosts = tuple(str(host) for host in task_vars.get("ansible_play_hosts_all", []))
    return Wanted(
        made,
        resolved,
        hosts,
        gates.Context(options["people"], options["calendar"], options["by"] or told.user(), resolved.plan.authors if resolved else ()),
    )


def _require_digest(digest: str | None, resolved: Resolved | None) -> None:
    """What is promoted is what somebody picked, where somebody did.

    :raises Refusal: it is not.
    """
    if digest and resolved is not None and not resolved.plan_digest.startswith(digest):
        raise Refusal(
            f"plan {resolved.plan.name}",
            expected=f"the plan digest {digest}",
            found=resolved.plan_digest[:12],
            remedy="Plan, roles or collections are not what was picked. Pick the digest that a rehearsal shows now.",
            code="other_digest",
        )


def decide(wanted: Wanted, statements: t.Sequence[Statement]) -> Entrance:
    """Whether the run may begin, as what, and what it would say first."""
    conditions: list[Condition] = []
    used: tuple[str, ...] = ()
    waived: list[Waiver] = []
    if wanted.resolved is not None:
        conditions, used = gates.conditions(wanted.resolved.stage, wanted.request, statements, wanted.context)
        waived = gates.waived(wanted.request, statements, wanted.context)
    used += tuple(nonce for waiver in waived for nonce in waiver.weighed.nonces)
    entrance = entering.enter(statements, wanted.request, conditions, used, [_waiver(waiver) for waiver in waived])
    missing = sorted(set(entrance.told.get("hosts", [])) - set(wanted.hosts)) if wanted.request.doing != "promote" else []
    if missing and not entrance.refused:
        remedy = "Use the inventory that the run was started with, or add the hosts."
        found = f"no {', '.join(missing)} in this play"
        return dataclasses.replace(
            entrance, conditions=(*entrance.conditions, Condition("all hosts are here", False, found, "every host of the run", remedy))
        )
    return entrance


def _waiver(waiver: Waiver) -> dict[str, t.Any]:
    """A waiver as ``started`` keeps it, and as the judge is told."""
    given = [{"by": one.by, "reason": one.reason} for one in waiver.weighed.valid]
    return {"capability": waiver.goal.capability, "measure": waiver.goal.measure, "signed": given, "until": waiver.expires_at.isoformat()}


def refusal_of(entrance: Entrance) -> str:
    """Every condition that is not met, one sentence each."""
    return " ".join(f"{one.name}: expected {one.needed}; found {one.found}. {one.remedy}" for one in entrance.refused)
