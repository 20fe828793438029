# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Having a collector take on what its file says.

A reload ends the pipelines and makes them anew: traces that wait for their decision are decided on what has come so far, and the caches of decisions
are empty. So a change costs one ``decision_wait`` of traffic, by SIGHUP no less than by a restart.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import time
import typing as t

from ..._common.errors import Refusal
from ..._common.web import Server
from . import programs, verification
from .verification import Expected, Seen

WAYS = ("none", "sighup", "command", "rollout")


@dataclasses.dataclass(frozen=True)
class Reload:
    """How: ``none``, ``sighup`` to the process of a file, or a ``command``."""

    way: str
    pid_file: str | None = None
    command: tuple[str, ...] = ()
    timeout: float = 120.0

    def __call__(self) -> None:
        """:raises Refusal: there is no such process, or the command fails."""
        if self.way == "sighup":
            _hang_up(self.pid_file or "")
        elif self.way == "command":
            programs.succeeded(self.command, code="reload_failed", timeout=self.timeout)


class Collectors:
    """The collectors of a configuration, for ``apply``: reloaded in one of the ways, and seen by their metrics.

    :param reload: called with the content that is now in place.
    :param expected: what has to be seen; None when nobody looks.
    :param renews: whether a reload begins them anew, so that how long they have run tells whether they did.
    """

    def __init__(self, reload: t.Callable[[bytes], None], servers: t.Sequence[Server], expected: Expected | None, *, renews: bool) -> None:
        self._reload = reload
        self._servers = servers
        self._expected = expected
        self._renews = renews
        self._told_at: float | None = None

    def reload(self, content: bytes) -> None:
        """See ``Activation``."""
        self._told_at = time.monotonic() if self._renews else None
        self._reload(content)

    def verify(self) -> Seen | None:
        """See ``Activation``; None when nobody looks."""
        return None if self._expected is None else verification.verified(self._servers, self._expected, self._told_at)


def _hang_up(pid_file: str) -> None:
    try:
        pid = int(pathlib.Path(pid_file).read_text(encoding="ascii").strip())
        if pid <= 1:
            raise ValueError(pid)
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError) as error:
        found = error.strerror if isinstance(error, OSError) else "no number of a process"
        raise Refusal(
            f"pid_file {pid_file}",
            expected="the number of the collector's process",
            found=found or str(error),
            remedy="Start the collector, or correct pid_file.",
            code="reload_failed",
        ) from error
