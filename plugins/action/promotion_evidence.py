# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering, evidence, gates, guard, history, state
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, ledgers, told

SPEC = ArgumentSpec(
    options={
        **told.EVIDENCE,
        **told.PLAN,
        "about": {"type": "dict", "required": True},
        "append": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "type": {"type": "str", "required": True, "choices": list(history.TYPES)},
                "host": {"type": "str"},
                "capability": {"type": "str"},
                "measures": {"type": "raw"},
                "verdicts": {"type": "raw"},
                "timeline": {"type": "raw"},
                "reason": {"type": "str"},
                "lease_seconds": {"type": "float"},
            },
        },
    },
)


class ActionModule(ActionBase):
    """Keeps what happens in a run, as long as the run holds its target."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            if any(statement["type"] == "intent" for statement in options["append"]):
                _require_same(options, task_vars or {})
            return {**result, **self._keep(options)}
        except Refusal as refusal:
            lost = refusal.code == "hold_lost"
            return {**result, **actions.refused(refusal), "exit_code": entering.BUSY if lost else entering.REFUSED}

    def _keep(self, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        statements = tuple(told.stamped({**statement, **options["about"]}, options["by"]) for statement in options["append"])

        def decide(reading: evidence.Reading) -> t.Sequence[evidence.Statement]:
            for statement in statements:
                guard.require_hold(reading.statements, statement)
            return statements

        if self._task.check_mode:
            return {"changed": True, "statements": list(statements), "to_undo": []}
        reading, kept = evidence.record(ledgers.evidence(options, writes=True), decide)
        run = state.fold((*reading.statements, *kept)).get(str(options["about"].get("target")))
        return {"changed": True, "statements": list(kept), "to_undo": told.undo_actions(run.told, run.to_undo) if run else []}


def _require_same(options: t.Mapping[str, t.Any], task_vars: t.Mapping[str, t.Any]) -> None:
    """Before each action: what would run now is what was entered with, and nothing has been frozen since.

    :raises Refusal: it is not.
    """
    found = told.resolved(options, task_vars)
    if found.stage_digest != options["about"].get("stage_digest"):
        raise Refusal(
            f"plan {found.plan.name}, stage {found.stage.name}",
            expected=f"the digest that the run began with, {str(options['about'].get('stage_digest'))[:12]}",
            found=f"{found.stage_digest[:12]}: plan, roles, hosts or variables have changed meanwhile",
            remedy="What was begun is brought back. Promote again when nobody changes anything any more.",
            code="drift",
        )
    frozen = gates.not_frozen(options["calendar"], told.now(), "promote")
    if not frozen.met:
        raise Refusal(frozen.name, expected=frozen.needed, found=frozen.found, remedy=frozen.remedy, code="frozen")
