# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import getpass
import os
import pathlib
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import history
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Evidence, JsonLines
from ansible_collections.governed.delivery.plugins.plugin_utils import actions

SPEC = ArgumentSpec(
    options={
        "directory": {"type": "path", "required": True},
        "append": {
            "type": "dict",
            "options": {
                "type": {"type": "str", "required": True, "choices": list(history.TYPES)},
                "run": {"type": "str", "required": True},
                "plan": {"type": "str", "required": True},
                "plan_digest": {"type": "str", "required": True},
                "plan_content": {"type": "dict"},
                "stage": {"type": "str", "required": True},
                "host": {"type": "str"},
                "capability": {"type": "str"},
                "measures": {"type": "raw"},
                "verdicts": {"type": "raw"},
                "timeline": {"type": "raw"},
                "reason": {"type": "str"},
            },
        },
        "by": {"type": "str"},
        "require_passed": {
            "type": "dict",
            "options": {
                "plan": {"type": "str", "required": True},
                "plan_digest": {"type": "str", "required": True},
                "stages": {"type": "list", "elements": "str", "required": True},
            },
        },
    },
    mutually_exclusive=(("append", "require_passed"),),
    required_one_of=(("append", "require_passed"),),
)


class ActionModule(ActionBase):
    """Keeps and queries statements on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        kept = JsonLines(str(pathlib.Path(options["directory"]).absolute()))
        try:
            if options["append"] is not None:
                statement = _statement(options["append"], options["by"])
                if not self._task.check_mode:
                    kept.append(statement)
                return {**result, "changed": True, "path": str(kept.path), "statement": statement}
            return {**result, "changed": False, "path": str(kept.path), **_require_passed(kept, options["require_passed"])}
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}


def _statement(told: t.Mapping[str, t.Any], by: str | None) -> dict[str, t.Any]:
    """What is kept: what the task told, when, and by whom; nothing that was left out."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return {**{key: value for key, value in told.items() if value is not None}, "at": now, "by": by or _user()}


def _require_passed(kept: Evidence, asked: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The stages that have passed, all that were asked for.

    :raises Refusal: one of them has not.
    """
    reading = kept.read()
    for stage in asked["stages"]:
        if not history.passed(reading.statements, asked["plan"], asked["plan_digest"], stage):
            raise Refusal(
                f"plan {asked['plan']}, stage {stage}",
                expected=f"to have passed with the plan's digest {asked['plan_digest'][:12]}",
                found=history.why_not_passed(reading.statements, asked["plan"], asked["plan_digest"], stage),
                remedy=f"Promote to {stage} first, with the same plan and the same evidence directory.",
                code="stage_not_passed",
            )
    if reading.torn is not None:
        Display().warning(f"{reading.torn}. It is left out, and cut off when the next statement is kept.")
    return {"passed": list(asked["stages"])}


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
