# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import secrets
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion.plan import Plan, Stage
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, plan_files

SPEC = ArgumentSpec(
    options={
        "plan": {"type": "str", "required": True},
        "stage": {"type": "str", "required": True},
        "variables": {"type": "dict", "default": {}},
    }
)


class ActionModule(ActionBase):
    """Reads a plan on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            plan = plan_files.load(str(options["plan"]), options["variables"])
            stage = plan.stage(str(options["stage"]))
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}
        return {**result, "changed": False, "run": _new_run(), "plan": _plan(plan), "stage": _stage(stage)}


def _new_run() -> str:
    """A name for this run that sorts by time."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _plan(plan: Plan) -> dict[str, t.Any]:
    values = {variable.name: variable.value for variable in plan.variables}
    return {"name": plan.name, "title": plan.title, "digest": plan.digest, "variables": values, "content": dict(plan.content)}


def _stage(stage: Stage) -> dict[str, t.Any]:
    goals = {verification.capability: [goal.as_dict() for goal in verification.goals] for verification in stage.verifications}
    actions = [
        {
            "capability": action.capability,
            "role": action.role,
            "prefix": action.prefix,
            "variables": dict(action.variables),
            "goals": goals[action.capability],
        }
        for action in stage.actions
    ]
    return {"name": stage.name, "summary": stage.summary, "needs": list(stage.needs), "actions": actions}
