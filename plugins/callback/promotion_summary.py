# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: promotion_summary
type: aggregate
short_description: Goals, measures and verdicts of a promotion at the end of the run
version_added: 0.1.0
author:
  - Governed Delivery contributors (@governed-delivery)
description:
  - Collects what M(governed.delivery.promotion_judge) judged, and prints one table a stage at the end of the run, then the path of the report.
  - Prints nothing for runs that judge nothing.
requirements:
  - C(callbacks_enabled = governed.delivery.promotion_summary) in C(ansible.cfg), or the same in E(ANSIBLE_CALLBACKS_ENABLED).
"""

import typing as t

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.utils.color import stringc
from ansible_collections.governed.delivery.plugins.plugin_utils import summaries

if t.TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult


JUDGE = "governed.delivery.promotion_judge"
ENTER = "governed.delivery.promotion_enter"
EVIDENCE = "governed.delivery.promotion_evidence"
REPORT = "governed.delivery.promotion_report"


class CallbackModule(CallbackBase):
    """Tells how a promotion went."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "governed.delivery.promotion_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._judged: list[summaries.Judged] = []
        self._statements: list[t.Mapping[str, t.Any]] = []
        self._conditions: list[t.Mapping[str, t.Any]] = []
        self._report = ""
        self._exit_code = 0

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._collect(result)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        del ignore_errors  # a verdict is told either way
        self._exit_code = int(result.result.get("exit_code") or self._exit_code)
        self._collect(result)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        for line in summaries.told(self._judged, self._statements, self._report, self._conditions):
            self._display.display(line.text[: line.start] + _coloured(line.text[line.start :], line.verdict))
        if self._exit_code and stats.failures:
            # ansible-playbook has one code for everything that failed; whoever reads ours must tell the cases apart.
            raise SystemExit(self._exit_code)

    def _collect(self, result: CallbackTaskResult) -> None:
        """Remember what was judged; a task in a loop has its results one by one."""
        action = result.task.resolved_action
        if action not in (ENTER, JUDGE, EVIDENCE, REPORT):
            return
        for found in result.result.get("results") or [result.result]:
            if action == ENTER:
                self._conditions = found.get("conditions", [])
                self._exit_code = int(found.get("exit_code", 0))
            elif action == REPORT:
                self._report = str(found.get("path") or self._report)
            elif action == EVIDENCE:
                self._statements.extend(found.get("statements", []))
                self._exit_code = summaries.exit_code(found.get("statements", []), self._exit_code)
            elif action == JUDGE and isinstance(found.get("verdicts"), list):
                self._judged.append(summaries.Judged(found["stage"], found["capability"], result.host.get_name(), found["verdicts"]))


def _coloured(text: str, verdict: str) -> str:
    """The text in the colour that the user's settings give to the like of this verdict."""
    setting = _SETTINGS.get(verdict)
    return stringc(text, constants.config.get_config_value(setting)) if setting and text else text


_SETTINGS = {
    "PASS": "COLOR_OK",
    "WAIVED": "COLOR_ERROR",
    "FAIL": "COLOR_ERROR",
    "ERROR": "COLOR_ERROR",
    "INCONCLUSIVE": "COLOR_WARN",
    "UNKNOWN": "COLOR_SKIP",
}
