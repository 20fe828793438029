# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: promotion_hold
type: aggregate
short_description: Stops a run whose target was taken over by another
version_added: 0.1.0
author:
  - Governed Delivery contributors (@governed-delivery)
description:
  - Before a task begins, looks whether the run still holds the target that M(governed.delivery.promotion_enter) took, at most every few seconds.
  - A run that was paused, by a suspended machine for instance, may have been taken for dead and replaced. When it wakes up it must not act any more.
  - Then this ends it at once, with exit code 6.
  - Keeps a file locked for as long as the run or any of its workers lives.
    Workers go on when the run is killed, and nobody may bring back what they still apply.
requirements:
  - C(callbacks_enabled = governed.delivery.promotion_hold) in C(ansible.cfg), or the same in E(ANSIBLE_CALLBACKS_ENABLED).
"""

import fcntl
import os
import pathlib
import time
import typing as t

from ansible.plugins.callback import CallbackBase
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering, guard, state
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

if t.TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.inventory.host import Host
    from ansible.playbook.task import Task

ENTER = "governed.delivery.promotion_enter"
EVIDENCE = "governed.delivery.promotion_evidence"
SECONDS_BETWEEN_LOOKS = 5.0


class CallbackModule(CallbackBase):
    """Ends a run that was replaced."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "governed.delivery.promotion_hold"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._about: t.Mapping[str, t.Any] | None = None
        self._where: t.Mapping[str, t.Any] = {}
        self._looked = 0.0
        self._held = ""

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Remember what is held from when it was taken until the run says that it is over."""
        action, found = result.task.resolved_action, result.result
        if action == ENTER and found.get("statement"):
            self._about, self._where = found["about"], found.get("kept_in", {})
            self._lock(str(found["statement"].get("holder", {}).get("lock", "")))
            self._looked = time.time()
        elif action == EVIDENCE and self._about is not None:
            self._looked = time.time()  # it was kept, so the target was held
            if any(statement.get("type") in (*state.ENDS, "held", "quarantined") for statement in found.get("statements", [])):
                self._about = None

    def _lock(self, path: str) -> None:
        """Keep the file locked as long as this process or any of its workers lives; they inherit the lock, and outlive a kill of this one."""
        try:
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644), fcntl.LOCK_SH)  # stays open until the process ends
            self._held = path
        except OSError as problem:
            self._display.warning(
                f"{path}: cannot be locked ({problem.strerror}). After a kill, wait until no worker is left before you recover."
            )

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        del stats
        if self._held:
            pathlib.Path(self._held).unlink(missing_ok=True)

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:
        del task, is_conditional
        self._look()

    def v2_runner_on_start(self, host: Host, task: Task) -> None:
        del host, task  # the last moment before it is handed to a worker
        self._look()

    def _look(self) -> None:
        """Nothing, as long as the run may act.

        :raises SystemExit: it was replaced.
        """
        # The wall clock: it goes on while the process, or the machine, is asleep.
        if self._about is None or abs(time.time() - self._looked) < SECONDS_BETWEEN_LOOKS:
            return
        try:
            guard.require_hold(ledgers.evidence(self._where, writes=False).read().statements, {**self._about, "type": "intent"})
            self._looked = time.time()
        except Refusal as refusal:
            self._display.error(str(refusal))
            raise SystemExit(entering.BUSY) from refusal
