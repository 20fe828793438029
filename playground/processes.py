# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of one server. A number in a pid file is not believed: after a crash it may be somebody else's by now."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil

from .errors import Refusal


def alive(process: psutil.Process) -> bool:
    """Whether it still runs. A process that ended but that nobody has waited for (usual in containers) does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def works_in(process: psutil.Process, data: Path) -> bool:
    """Whether it is a PostgreSQL process of this data folder: all of them have it as their working directory."""
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == data.resolve() and alive(process)
    except psutil.Error:
        return False


def postmaster(data: Path) -> psutil.Process | None:
    """The running main process of a data folder's server, or None."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]))
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return process if works_in(process, data) else None


def members(data: Path) -> list[psutil.Process]:
    """All running processes of a data folder's server, also those that its main process left behind.

    They are about to be killed, perhaps by root, so three things have to agree: name, owner and working directory.
    """
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return []
    candidates = psutil.process_iter(["name", "uids"])
    named = [process for process in candidates if (process.info["name"] or "").startswith("postgres")]
    owned = [process for process in named if process.info["uids"] is not None and process.info["uids"].real == owner]
    return [process for process in owned if works_in(process, data)]


def kill_all(data: Path) -> None:
    """SIGKILL for every process of this data folder's server, as when the machine loses power.

    :raises Refusal: when one of them is still there after ten seconds.
    """
    main = postmaster(data)
    if main is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            main.suspend()  # or it would start new children while we kill the old ones
    victims = members(data)
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    deadline = time.monotonic() + 10
    while left := [victim.pid for victim in victims if alive(victim)]:
        if time.monotonic() > deadline:
            raise Refusal(str(data), expected="no process after SIGKILL", found=f"processes {left}", remedy="Look at their state with ps.")
        time.sleep(0.01)
