# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills ansible-playbook at a chosen moment: when its n-th task starts, or when a task of a chosen name does.

``KILL_AT`` is a number or a part of the task's name, ``KILL_BY`` the signal (9), ``KILL_LOG`` a file that gets one line a task.
"""

from __future__ import annotations

DOCUMENTATION = """
name: kill_at
type: aggregate
short_description: Kills the run at a chosen task
description: For tests alone.
"""

import os
import pathlib
import time
import typing as t

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Kills its own process."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kill_at"

    def __init__(self) -> None:
        super().__init__()
        self._started = 0

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        del host
        self._started += 1
        if log := os.environ.get("KILL_LOG"):
            with pathlib.Path(log).open("a", encoding="utf-8") as lines:
                lines.write(f"{task.get_name()}\n")
        at = os.environ.get("KILL_AT", "")
        if at and (at == str(self._started) or (not at.isdigit() and at in task.get_name())):
            time.sleep(float(os.environ.get("KILL_AFTER", "0")))  # meanwhile the worker may have begun the task, or ended it
            os.kill(os.getpid(), int(os.environ.get("KILL_BY", "9")))
