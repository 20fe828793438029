# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether the process that holds a target can still act.

From another machine nobody can tell, so only the lease's end counts there. On the same machine the kernel knows at once.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

from .state import Holder

Life = t.Literal["alive", "dead", "unknown"]
PROC = pathlib.Path("/proc")


def holder(process: int) -> Holder:
    """The process, named so that no later process with the same number is taken for it."""
    return Holder(_text("/etc/machine-id"), _boot(), _namespace(), process, _started(process))


def life(found: Holder) -> Life:
    """``dead`` only when this kernel, in this process namespace, knows it: the process is gone, or the machine was booted since."""
    if not found.process or not found.started or not found.boot:
        return "unknown"
    if found.machine and found.machine == _text("/etc/machine-id") and found.boot != _boot() and _boot():
        return "dead"
    if found.boot != _boot() or found.namespace != _namespace():
        return "unknown"
    return "alive" if _started(found.process) == found.started else "dead"


def _started(process: int) -> str:
    """Clock ticks from boot to the process's start; empty when there is no such process, or it is a zombie."""
    try:
        fields = (PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]


def _namespace() -> str:
    try:
        return str((PROC / "self" / "ns" / "pid").readlink())
    except OSError:
        return ""


def _boot() -> str:
    return _text(str(PROC / "sys/kernel/random/boot_id"))


def _text(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def own(process: int | None = None) -> Holder:
    """Whoever runs this: the process given, by default this one."""
    return holder(os.getpid() if process is None else process)
