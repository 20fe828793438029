# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Long work in slices: the module runs for some seconds at a time, and a line is told after each.

A slice ends like any module call, so nothing is lost with the connection, the controller or the terminal, and no file has to be watched on the target.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

SLICE_SECONDS = 12

Result = dict[str, t.Any]


def run_in_slices(action: ActionBase, task_vars: Result, *, line: t.Callable[[Result, Result], str]) -> Result:
    """Run the task's module until it says ``finished``, telling ``line(arguments, result so far)`` after each slice.

    A task that sets ``max_seconds`` itself, or runs in check mode, gets exactly one call.
    """
    arguments = dict(action._task.args)
    module = action._task.action
    if arguments.get("max_seconds") or action._task.check_mode:
        return _run(action, module, arguments, task_vars)
    total: Result = {}
    while True:
        result = _run(action, module, {**arguments, "max_seconds": SLICE_SECONDS}, task_vars)
        total = _added(total, result)
        arguments.pop("again", None)  # a pass is begun anew once, then gone on with
        if result.get("failed") or result.get("unreachable") or "finished" not in result:
            return total
        if total.get("changed") or module.endswith("reconcile"):
            Display().display(line(arguments, total))
        if result["finished"]:
            return total


def _run(action: ActionBase, module: str, arguments: Result, task_vars: Result) -> Result:
    result: Result = action._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
    return result


def _added(total: Result, result: Result) -> Result:
    """The last slice's result, with what all slices did together."""
    added = dict(result)
    added["changed"] = bool(total.get("changed")) or bool(result.get("changed"))
    for name in ("rows_this_run", "repaired", "seconds"):
        if name in result:
            added[name] = total.get(name, 0) + result[name]
    if "differences" in result:
        added["differences"] = total.get("differences", []) + result["differences"]
    if added.get("seconds") and "rows_this_run" in added:
        added["rows_per_second"] = round(added["rows_this_run"] / added["seconds"])
    if total.get("diff") and result.get("diff"):
        added["diff"] = {"before": total["diff"]["before"], "after": result["diff"]["after"]}
    return added


def told(table: str, what: str, done: int, of: int, *details: str) -> str:
    """One line of progress: ``app.docs  copy      41 %  …``."""
    share = 100 * done // of if of else 100
    return f"  {table}  {what:<8} {share:>3} %  " + "  ".join(detail for detail in details if detail)


def duration(seconds: float) -> str:
    """``42 s`` or ``3 min 05 s``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ms"
