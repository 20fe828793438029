# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What every promotion action is told: where the evidence is, and what is promoted."""

from __future__ import annotations

import datetime
import getpass
import os
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._promotion import state
from ansible_collections.governed.delivery.plugins.module_utils._promotion.plan import Action, Plan

from . import ledgers, plan_files, resolving
from .resolving import Resolved

EVIDENCE: dict[str, t.Any] = {**ledgers.OPTIONS, "by": {"type": "str"}}
PLAN: dict[str, t.Any] = {
    "plan": {"type": "str", "default": ""},
    "stage": {"type": "str", "default": ""},
    "variables": {"type": "dict", "default": {}},
    "target": {"type": "str"},
    "people": {"type": "list", "elements": "dict", "default": []},
    "calendar": {"type": "list", "elements": "dict", "default": []},
}


def resolved(options: t.Mapping[str, t.Any], task_vars: t.Mapping[str, t.Any]) -> Resolved:
    """The stage with everything it depends on, for the hosts of the play.

    :raises Refusal: the plan, the stage or a role is not what it must be.
    """
    plan = plan_files.load(str(options["plan"]), options["variables"])
    stage = plan.stage(str(options["stage"]))
    hosts = [str(host) for host in task_vars.get("ansible_play_hosts_all", [])]
    variables = {host: task_vars["hostvars"][host] for host in hosts}
    target = str(options["target"] or stage.name)
    return resolving.resolve(plan, stage, target, hosts, variables, options["people"], options["calendar"])


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def stamped(statement: t.Mapping[str, t.Any], by: str | None) -> dict[str, t.Any]:
    """What is kept: what was told, when, and by whom; nothing that was left out."""
    said = {key: value for key, value in statement.items() if value is not None}
    return {**said, "at": now().isoformat(timespec="milliseconds"), "by": by or user()}


def user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def plan_as_dict(plan: Plan, digest: str) -> dict[str, t.Any]:
    values = {variable.name: variable.value for variable in plan.variables}
    return {"name": plan.name, "title": plan.title, "digest": digest, "variables": values, "content": dict(plan.content)}


def undo_actions(kept: t.Mapping[str, t.Any], capabilities: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """The actions that have to be brought back, with what they were told when they were applied.

    :param kept: what ``Resolved.told`` was when the run began.
    """
    actions = {str(entry.get("capability")): entry for entry in kept.get("actions", [])}
    found = (actions.get(capability, {}) for capability in capabilities)
    return [
        action_as_dict(Action(capability, entry.get("variables", {}), entry.get("timeout_seconds", 0.0)))
        for capability, entry in zip(capabilities, found, strict=True)
    ]


def action_as_dict(action: Action, goals: t.Sequence[t.Any] = ()) -> dict[str, t.Any]:
    return {
        "capability": action.capability,
        "role": action.role,
        "prefix": action.prefix,
        "variables": dict(action.variables),
        "lease_seconds": max(action.timeout_seconds, state.DEFAULT_LEASE_SECONDS),
        "goals": list(goals),
    }
