# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, told
from ansible_collections.governed.delivery.plugins.plugin_utils.resolving import Resolved

SPEC = ArgumentSpec(options={**told.EVIDENCE, **told.PLAN})


class ActionModule(ActionBase):
    """Reads a plan and resolves one of its stages on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            found = told.resolved(options, task_vars or {})
        except Refusal as refusal:
            return {**result, **actions.refused(refusal), "exit_code": entering.REFUSED}
        return {**result, "changed": False, "plan": told.plan_as_dict(found.plan, found.plan_digest), "stage": _stage(found)}


def _stage(found: Resolved) -> dict[str, t.Any]:
    stage = found.stage
    goals = {verification.capability: [goal.as_dict() for goal in verification.goals] for verification in stage.verifications}
    return {
        "name": stage.name,
        "summary": stage.summary,
        "digest": found.stage_digest,
        "target": found.target,
        "hosts": list(found.hosts),
        "needs": list(stage.needs),
        "when_inconclusive": stage.when_inconclusive,
        "hold_seconds": stage.hold_seconds,
        "actions": [told.action_as_dict(action, goals[action.capability]) for action in stage.actions],
    }
