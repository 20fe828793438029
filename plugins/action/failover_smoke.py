# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module failover_smoke on the host, and keeps its record in the ledger on the controller."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._backups.failover.failover_work import SPEC
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, ledgers

MODULE = "governed.delivery.failover_smoke"


class ActionModule(ActionBase):
    """Signs what the module observed; the module itself does the work."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        named = actions.options_of(self, SPEC)["ledger"]
        try:
            # Opened first: a rehearsal whose record cannot be kept is not begun.
            log = ledgers.log(named, writes=True) if named and not self._task.check_mode else None
            arguments = {name: value for name, value in self._task.args.items() if name != "ledger"}
            result: dict[str, t.Any] = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars or {})
            if log is not None and "record" in result:
                result["ledger_index"] = ledgers.say(log, "failover_finished", result["record"])
                result["changed"] = True
        except Refusal as refusal:
            return actions.refused(refusal)
        return result
