# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A module that takes its time runs in Ansible's own background, and what it writes about itself is looked at meanwhile.

The module goes on when the connection is lost; it cleans up after itself at its own end.
"""

from __future__ import annotations

import base64
import json
import time
import typing as t

from ansible.plugins.action import ActionBase

SECONDS_BETWEEN = 2.0
SECONDS_SPARE = 600  # of the job, beyond the time that the module gives itself
SECONDS_WITHOUT_LIFE = 30  # the module writes the time every two seconds
MOST_SILENT = 5  # answers that fail one after the other before the job counts as lost

Result = dict[str, t.Any]


def run(
    action: ActionBase,
    module: str,
    arguments: Result,
    task_vars: Result,
    *,
    progress_file: str,
    seconds: float,
    tell: t.Callable[[Result], None],
) -> Result:
    """The module's result.

    :param progress_file: on the host, JSON, as ``_backups/restore/progress.py`` writes it; it may be missing.
    :param seconds: how long the module may take.
    :param tell: called with what the file holds, each time that it has changed.
    """
    task = action._task
    before, task.async_val = task.async_val, int(seconds) + SECONDS_SPARE
    try:
        begun: Result = action._execute_module(module_name=module, module_args=arguments, task_vars=task_vars, wrap_async=True)
    finally:
        task.async_val = before
    if "ansible_job_id" not in begun:
        return begun
    job = {"jid": begun["ansible_job_id"], "_async_dir": begun["results_file"].rpartition("/")[0]}
    silent = 0
    last: Result = {}
    heard = time.monotonic()
    while True:
        time.sleep(SECONDS_BETWEEN if last else SECONDS_BETWEEN / 4)
        found = _progress(action, progress_file, task_vars)
        if found and found.get("at") != last.get("at"):
            heard = time.monotonic()
            if {**found, "at": 0} != {**last, "at": 0}:
                tell(found)
            last = found
            continue
        status: Result = action._execute_module(
            module_name="ansible.legacy.async_status", module_args={**job, "mode": "status"}, task_vars=task_vars
        )
        if status.get("finished"):
            action._execute_module(module_name="ansible.legacy.async_status", module_args={**job, "mode": "cleanup"}, task_vars=task_vars)
            return {key: value for key, value in status.items() if key not in ("ansible_job_id", "results_file", "started", "finished")}
        silent = silent + 1 if status.get("failed") else 0
        if silent > MOST_SILENT:
            return status
        if time.monotonic() - heard > SECONDS_WITHOUT_LIFE:  # Ansible's own status says "started" for ever when the process was killed
            return {
                "failed": True,
                "msg": f"{module}: its process gave no sign of life for {SECONDS_WITHOUT_LIFE} s; it was killed, or the host stands still",
            }


def _progress(action: ActionBase, path: str, task_vars: Result) -> Result:
    """What the file holds; nothing when it cannot be read."""
    answer = action._execute_module(module_name="ansible.legacy.slurp", module_args={"src": path}, task_vars=task_vars)
    try:
        found = json.loads(base64.b64decode(answer.get("content", "")))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
