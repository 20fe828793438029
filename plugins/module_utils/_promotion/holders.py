# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether the process that holds a target can still act.

From another machine nobody can tell, so only the lease's end counts there. On the same machine the kernel knows at once.
"""

from __future__ import annotations

import fcntl
import pathlib
import typing as t

from . import clocks
from .state import Holder

Life = t.Literal["alive", "dead", "unknown"]
PROC = pathlib.Path("/proc")


def holder(process: int, lock: str = "") -> Holder:
    """The process, named so that no later process with the same number is taken for it, and the file that it will keep locked."""
    return Holder(_text("/etc/machine-id"), clocks.boot_id() or "", _namespace(), process, _started(process), lock)


def life(found: Holder) -> Life:
    """``dead`` only when this kernel, in this process namespace, knows it: process and workers are gone.

    Another boot with the same machine id is no proof: cloned images and containers share their machine id.
    """
    if not found.process or not found.started or not found.boot:
        return "unknown"
    if found.boot != clocks.boot_id() or found.namespace != _namespace():
        return "unknown"
    return "alive" if _started(found.process) == found.started or _is_locked(found.lock) else "dead"


def _is_locked(path: str) -> bool:
    """Whether any process still holds the file that the run's first process locked: its workers inherit the lock, and go on when it is killed."""
    try:
        with pathlib.Path(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none: nobody had to lock it
        return False
    return False


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


def _text(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
