# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are children of ours and end with us."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from pathlib import Path

Child: t.TypeAlias = "subprocess.Popen[bytes]"
LAST_LINES = 6


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
