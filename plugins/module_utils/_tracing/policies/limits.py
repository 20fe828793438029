# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Limits of spans and bytes a second, with the clock handed in."""

from __future__ import annotations

import math
import typing as t


class Limiter(t.Protocol):
    """Says whether so much more may pass now, and counts it if so."""

    def allow(self, cost: int, now: float) -> bool: ...


class TokenBucket:
    """Go's ``rate.Limiter``: full at first, refilled continuously, never asked to wait.

    :param per_second: tokens a second; 0 never refills.
    :param burst: tokens it holds; more than that at once never passes.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self.per_second = per_second
        self.burst = burst
        self.tokens = float(burst)
        self.last = -math.inf

    def allow(self, cost: int, now: float) -> bool:
        tokens = self.tokens
        if self.per_second > 0 and now > self.last:
            tokens = float(self.burst) if self.last == -math.inf else min(float(self.burst), tokens + (now - self.last) * self.per_second)
        if cost > self.burst or cost > tokens:
            return False
        self.tokens = tokens - cost
        self.last = now
        return True


class SecondCounter:
    """Spans of the current wall-clock second.

    :param per_second: how many may pass in one.
    :param reaches: whether exactly as many may; ``rate_limiting`` before v0.153 stops one short of it, ``composite`` does not.
    """

    def __init__(self, per_second: int, *, reaches: bool) -> None:
        self.per_second = per_second
        self.reaches = reaches
        self.second = -1
        self.passed = 0

    def allow(self, cost: int, now: float) -> bool:
        second = math.floor(now)
        if second != self.second:
            self.second, self.passed = second, 0
        after = self.passed + cost
        if after > self.per_second or (after == self.per_second and not self.reaches):
            return False
        self.passed = after
        return True
