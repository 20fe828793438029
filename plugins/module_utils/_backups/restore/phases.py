# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a recovery takes, phase by phase, on the monotonic clock; what is only done to verify is not in it."""

from __future__ import annotations

import contextlib
import time
import typing as t

Clock = t.Callable[[], float]


class Phases:
    """Seconds by phase, in the order of their first beginning. A phase can be entered again: its times add up."""

    def __init__(self, clock: Clock = time.monotonic, wall: Clock = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self.seconds: dict[str, float] = {}
        self.spans: list[tuple[str, float, float]] = []  # name, and epoch seconds of begin and end, for the timeline
        self.current = ""

    @contextlib.contextmanager
    def phase(self, name: str) -> t.Iterator[None]:
        """Time what is done inside; also when it fails."""
        began, began_at = self._clock(), self._wall()
        before, self.current = self.current, name
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - began
            self.spans.append((name, began_at, self._wall()))
            self.current = before

    @property
    def total(self) -> float:
        """The recovery time: all phases."""
        return sum(self.seconds.values())
