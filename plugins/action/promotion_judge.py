# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._promotion import verdict as verdicts
from ansible_collections.governed.delivery.plugins.plugin_utils import actions

SPEC = ArgumentSpec(
    options={
        "measures": {"type": "raw", "required": True},
        "goals": {"type": "raw", "required": True},
        "stage": {"type": "str", "default": ""},
        "capability": {"type": "str", "default": ""},
        "fail_on_verdict": {"type": "bool", "default": True},
        "waivers": {"type": "list", "elements": "dict", "default": []},
    }
)


class ActionModule(ActionBase):
    """Judges measures on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        labels = {"stage": options["stage"], "capability": options["capability"]}
        if self._task.check_mode:
            told = verdicts.forecast(options["goals"])
            errors = [verdict["reason"] for verdict in told if verdict["verdict"] != verdicts.UNKNOWN]
            return {
                **result,
                **labels,
                "changed": False,
                "failed": bool(errors) and options["fail_on_verdict"],
                "verdict": "ERROR" if errors else verdicts.UNKNOWN,
                "verdicts": told,
                "cause": "",
                "msg": " ".join(errors) or "Only a real run measures: a rehearsal cannot tell these verdicts.",
            }
        waived = {str(one.get("measure")): one for one in options["waivers"] if one.get("capability") == options["capability"]}
        judged = [_let_go(verdict, waived) for verdict in verdicts.judge(options["measures"], options["goals"])]
        worst = verdicts.overall(verdict.result for verdict in judged)
        missed = [verdict for verdict in judged if verdict.result not in verdicts.OPEN]
        return {
            **result,
            **labels,
            "changed": False,
            "failed": bool(missed) and options["fail_on_verdict"],
            "verdict": worst.value,
            "verdicts": [verdict.as_dict() for verdict in judged],
            "msg": " ".join(f"{verdict.result.value} {verdict.reason}" for verdict in missed) or f"All {len(judged)} goals are met.",
            "cause": "; ".join(f"{verdict.measure} {verdict.result.value}" for verdict in missed),
        }


def _let_go(verdict: verdicts.Verdict, waived: t.Mapping[str, t.Mapping[str, t.Any]]) -> verdicts.Verdict:
    """The verdict, or what two people have made of it; it says who, and what it would have been."""
    if verdict.result is verdicts.Result.PASS or verdict.measure not in waived:
        return verdict
    signed = ", ".join(f"{one.get('by')}: {one.get('reason')}" for one in waived[verdict.measure].get("signed", []))
    reason = f"Would be {verdict.result.value}. Waived by {signed}. {verdict.reason}"
    return dataclasses.replace(verdict, result=verdicts.Result.WAIVED, reason=reason)
