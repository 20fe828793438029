# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Running a program that belongs to somebody else: kubectl, otelcol, a reload command."""

from __future__ import annotations

import subprocess
import typing as t

from ..._common.errors import Refusal

LAST_WORDS = 800


def run(command: t.Sequence[str], *, said: bytes = b"", timeout: float = 60.0) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end, whatever its exit code.

    :param said: what it reads on standard input.
    :raises Refusal: it is not there, or does not end in time.
    """
    try:
        return subprocess.run(list(command), input=said, capture_output=True, check=False, timeout=timeout)
    except FileNotFoundError as error:
        raise _refused(
            command, "a program that is installed on the host that runs the task", "no such program", "program_missing"
        ) from error
    except OSError as error:
        raise _refused(command, "a program that can be run", error.strerror or str(error), "program_missing") from error
    except subprocess.TimeoutExpired as error:
        raise _refused(command, f"an end within {timeout:g} s", "none", "program_timeout") from error


def succeeded(command: t.Sequence[str], *, code: str, said: bytes = b"", timeout: float = 60.0) -> bytes:
    """What it writes to standard output.

    :raises Refusal: it fails; with its own last words.
    """
    done = run(command, said=said, timeout=timeout)
    if done.returncode != 0:
        raise _refused(command, "exit code 0", f"{done.returncode}: {last_words(done)}", code)
    return done.stdout


def last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """The end of what it said, in one line."""
    return " ".join((done.stderr + done.stdout).decode(errors="replace").split())[-LAST_WORDS:] or "nothing said"


def _refused(command: t.Sequence[str], expected: str, found: str, code: str) -> Refusal:
    return Refusal(str(command[0]), expected=expected, found=found, remedy="Look at what it says, and run this again.", code=code)
