# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What taking a backup comes to, whatever the engine."""

from __future__ import annotations

import dataclasses

from ..._common.errors import Refusal
from ..programs import Completed


@dataclasses.dataclass(frozen=True)
class Taken:
    """A backup that was taken: from when to when (ISO 8601), and from where to where in the log, for a physical one."""

    label: str
    started: str
    stopped: str
    start_lsn: str | None = None
    stop_lsn: str | None = None


def require_success(program: str, answer: Completed) -> None:
    """:raises Refusal: the program failed; with its last words."""
    if answer.code != 0:
        raise Refusal(
            program,
            expected="to take the backup",
            found=answer.last_words or f"exit code {answer.code}",
            remedy="See to what it says, and run it again: nothing was left under the backup's label.",
            code="take_failed",
        )
