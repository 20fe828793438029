# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are children of ours and end with us."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

from .errors import Refusal

Child: t.TypeAlias = "subprocess.Popen[bytes]"
Server = t.TypeVar("Server")
LAST_LINES = 6
SECONDS_TO_START = 60
TRIES = 3


@dataclasses.dataclass(frozen=True)
class Started(t.Generic[Server]):
    """A server that was launched: what its callers know it by, and how to see that it is ready."""

    name: str
    address: str
    server: Server
    child: Child
    log: Path
    is_ready: t.Callable[[], bool]


@contextlib.contextmanager
def serving(launch: t.Callable[[], Started[Server]]) -> t.Iterator[Started[Server]]:
    """Launch it until it is ready, and kill it at the end. Each launch chooses its ports anew.

    :raises Refusal: it does not start; the message holds its own last words.
    """
    for attempt in range(1, TRIES + 1):
        started = launch()
        try:
            if _is_ready_in_time(started):
                yield started
                return
        finally:
            ended(started.child)
        said = last_words(started.log) or f"not ready within {SECONDS_TO_START} s"
        # Between our choosing a free port and the server's taking it, somebody else can be quicker.
        if attempt == TRIES or "address already in use" not in said:
            raise Refusal(started.name, expected=f"to answer on {started.address}", found=said, remedy=f"Look at {started.log}.")


def _is_ready_in_time(started: Started[Server]) -> bool:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and started.child.poll() is None:
        if started.is_ready():
            return True
        time.sleep(0.05)
    return False


def launched(command: t.Sequence[str], log: Path, *, env: t.Mapping[str, str] | None = None, cwd: Path | None = None) -> Child:
    """Start it; all it says goes to ``log``, written anew."""
    # Its end must not depend on ours being orderly: where setpriv is, the system ends it with us.
    guard = [found, "--pdeathsig", "KILL", "--"] if (found := shutil.which("setpriv")) else []
    with log.open("wb") as output:
        return subprocess.Popen([*guard, *command], env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def ended(child: Child) -> None:
    """Kill it and wait for it."""
    child.kill()
    child.wait()


def last_words(log: Path) -> str:
    """The last lines of a log as one; empty when it said nothing."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return " / ".join(text.split("\n")[-LAST_LINES:]).strip(" /")


def has_said(log: Path, text: str) -> bool:
    """Whether the text stands in the log."""
    return text in log.read_text(encoding="utf-8", errors="replace")
