# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The time at which recorded spans arrive."""

from __future__ import annotations

LEAP = 3600.0


class EventClock:
    """Seconds. Spans arrive in the order of the record, none before it has ended: the clock is the latest end so far.

    A constant delay of the exporters changes no decision, so none is added. A single batch that leaps by more than an hour doesn't
    move the clock; the next one that confirms it does.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.first = 0.0
        self.implausible = 0
        self._leapt = False

    def arrive(self, latest: float, spans: int) -> float:
        """The time at which so many spans arrive, all at once, the latest of which ended at ``latest``."""
        if not self.first:
            self.now = self.first = latest
        elif latest - self.now > LEAP and not self._leapt:
            self._leapt = True
            self.implausible += spans
        elif latest > self.now:
            self.now = latest
            self._leapt = False
        else:
            self._leapt = False
        return self.now
