# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering, evidence, state
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, entrances, ledgers, told

SPEC = ArgumentSpec(
    options={
        **told.EVIDENCE,
        **told.PLAN,
        "doing": {"type": "str", "choices": ["promote", "recover", "rollback"], "default": "promote"},
        "look_only": {"type": "bool", "default": False},
        "lease_seconds": {"type": "float", "default": state.DEFAULT_LEASE_SECONDS},
        "take_over": {"type": "bool", "default": False},
        "digest": {"type": "str"},
    }
)


class ActionModule(ActionBase):
    """Takes a target for a run, or says what stands in the way."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            return {**result, **self._enter(options, task_vars or {})}
        except Refusal as refusal:
            return {**result, **actions.refused(refusal), "exit_code": entering.REFUSED}

    def _enter(self, options: t.Mapping[str, t.Any], task_vars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        wanted = entrances.request(options, task_vars, os.getppid())  # the parent is ansible-playbook itself
        entrance = entering.Entrance(())
        writes = not (self._task.check_mode or options["look_only"])

        def decide(reading: evidence.Reading) -> t.Sequence[evidence.Statement]:
            nonlocal entrance
            entrance = entrances.decide(wanted, reading.statements)
            if entrance.refused or entrance.statement is None or not writes:
                return ()
            return (told.stamped(entrance.statement, options["by"]),)

        kept_in = ledgers.evidence(options, writes=writes)
        if options["look_only"]:
            kept_in.require_sound()
        reading, kept = evidence.record(kept_in, decide)
        about = {key: value for key, value in (entrance.statement or {}).items() if key in entrances.ABOUT}
        answer = {
            "changed": bool(kept),
            "conditions": [condition.as_dict() for condition in entrance.conditions],
            "exit_code": entrance.exit_code,
            "about": {**about, "epoch": len(reading.statements)},
            "needed": entrance.statement is not None,
            "to_undo": told.undo_actions(entrance.told, entrance.undo),
            "statement": dict(kept[0]) if kept else {},
            "waivers": _waivers(entrance, reading, kept),
            "kept_in": {name: options[name] for name in told.EVIDENCE},
        }
        if not entrance.refused:
            return answer
        return {**answer, "failed": not self._task.check_mode, "msg": entrances.refusal_of(entrance)}


def _waivers(entrance: entering.Entrance, reading: evidence.Reading, kept: t.Sequence[evidence.Statement]) -> list[dict[str, t.Any]]:
    """The goals that are let go in this run; a run that goes on has those it began with."""
    run = state.fold((*reading.statements, *kept)).get(str((entrance.statement or {}).get("target")))
    return [dict(waiver) for waiver in run.waivers] if run and kept else []
