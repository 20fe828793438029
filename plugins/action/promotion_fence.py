# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Head, Log
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, ledgers

MODULE = "governed.delivery.promotion_witness"
SPEC = ArgumentSpec(
    options={
        **ledgers.OPTIONS,
        "about": {"type": "dict", "required": True},
        "memory": {"type": "path", "default": "~/.governed-delivery"},
        "since": {"type": "int", "default": 0},
    }
)


class ActionModule(ActionBase):
    """Shows the host the ledger and the run's epoch; the host remembers both, and refuses what is older."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        variables = task_vars or {}
        try:
            log = ledgers.log(options, writes=False)
            head = log.head()
            if head is None:
                return {**result, "changed": False, "size": 0}
            answer = self._show(log, head, options, variables, options["since"])
            if "needs_proof_from" in answer:
                answer = self._show(log, head, options, variables, answer["needs_proof_from"])
        except Refusal as refusal:
            return {**result, **actions.refused(refusal), "exit_code": entering.REFUSED}
        code = {"exit_code": entering.BUSY if _codes(answer) == ["replaced"] else entering.REFUSED} if answer.get("failed") else {}
        return {**result, **answer, **code, "size": head.size}

    def _show(self, log: Log, head: Head, options: t.Mapping[str, t.Any], variables: dict[str, t.Any], since: int) -> dict[str, t.Any]:
        """What the host answers to the head, with a proof from ``since`` when that lies before it."""
        proof = log.consistency_proof(since, head) if 0 < since < head.size else []
        arguments = {
            "name": variables.get("inventory_hostname", "host"),
            "memory": options["memory"],
            "origin": log.origin,
            "size": head.size,
            "root": base64.b64encode(head.root).decode(),
            "proof": [base64.b64encode(step).decode() for step in proof],
            "target": str(options["about"].get("target", "")),
            "epoch": int(options["about"].get("epoch", -1)),
        }
        answer: dict[str, t.Any] = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=variables)
        return answer


def _codes(answer: t.Mapping[str, t.Any]) -> list[str]:
    return [str(refusal.get("code")) for refusal in answer.get("refusals", [])]
