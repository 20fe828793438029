# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When transactions are due, and what their latencies amount to."""

from __future__ import annotations

import random
import typing as t


def starts(rate: float, chance: random.Random) -> t.Iterator[float]:
    """Seconds from the beginning at which one connection's transactions are due: one in each interval of 1/rate, anywhere in it.

    They are due whether the one before has finished or not (an open loop: a stall is felt by all who come during it). Unlike a Poisson
    process, two are seldom due within the same millisecond, so that waiting for one's own predecessor does not reach the p95.
    """
    interval = 1.0 / rate
    number = 0
    while True:
        yield (number + chance.random()) * interval
        number += 1


def percentile(ordered: t.Sequence[float], share: float) -> float | None:
    """The value that this share (0 to 1) of the ascending values does not exceed (nearest rank); None when there are none."""
    if not ordered:
        return None
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def summary(milliseconds: t.Iterable[float]) -> dict[str, float | int | None]:
    """Number, p50, p95, p99 and the longest."""
    ordered = sorted(milliseconds)
    result: dict[str, float | int | None] = {"count": len(ordered)}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("longest", 1.0)):
        value = percentile(ordered, share)
        result[name] = None if value is None else round(value, 3)
    return result
