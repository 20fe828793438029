# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What all parts of one validation share, and what is known of it so far."""

from __future__ import annotations

import time
import typing as t

from ..findings import stop
from ..programs import Programs
from ..source.place import Place
from ..source.rate import Rate
from .checks import Checks, Look
from .engine import Tools, Transfer
from .phases import Phases
from .progress import Progress
from .pulse import Pulse
from .wish import Wish


class Validation:
    """One validation. ``known`` are parts of the record, filled as they become known: a run that is stopped says what it knows."""

    def __init__(self, wish: Wish, place: Place) -> None:
        self.wish = wish
        self.place = place
        self.programs = Programs(wish.bin_dir, wish.account)
        self.rate = Rate(wish.bytes_per_second)
        self.phases = Phases()
        self.checks = Checks()
        self.progress = Progress(None)
        self.known: dict[str, t.Any] = {}
        self.started = time.time()
        self.t0 = self.started
        self.pulse: Pulse | None = None
        self.restored = False  # whether a copy was made
        self.recovered = False  # whether it came to its first query
        self.deadline = time.monotonic() + wish.run_timeout

    @property
    def tools(self) -> Tools:
        return Tools(Transfer(self.place, self.rate, self.wish.jobs, self._came), self.programs, self.wish.jobs)

    def require_time(self) -> None:
        """Nothing, while there is time left.

        :raises Stopped: RUN_TIMEOUT with the phase.
        """
        if time.monotonic() > self.deadline:
            phase = self.phases.current or "verification"
            raise stop("RUN_TIMEOUT", phase, expected=f"the run to end within {self.wish.run_timeout:g} s", found=f"still in {phase}")

    def check(self, name: str, look: t.Callable[[], Look | None]) -> None:
        """Make a check, if there is time for it."""
        self.require_time()
        self.progress.begin(f"check {name}")
        self.checks.run(name, look)

    def _came(self, count: int) -> None:
        self.progress.add(count)
        self.require_time()
