# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common import files
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import history
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, ledgers, promotion_page

SPEC = ArgumentSpec(
    options={
        **ledgers.OPTIONS,
        "plan": {"type": "str", "required": True},
        "destination": {"type": "path"},
    }
)


class ActionModule(ActionBase):
    """Writes the report on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        directory = pathlib.Path(options["directory"]).absolute()
        try:
            reading = ledgers.evidence(options, writes=False).read(whole=True)
            plan = history.last_plan(reading.statements, str(options["plan"]))
            path = pathlib.Path(options["destination"] or directory / f"{plan.name}.html").absolute()
            if not self._task.check_mode:
                files.replace(path, promotion_page.render(plan, reading).encode(), "report_unwritable")
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}
        return {**result, "changed": True, "path": str(path)}
