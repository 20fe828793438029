# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench answers, and how it measures: ours and the peer in turns, in the same minutes, each as often."""

from __future__ import annotations

import dataclasses
import json
import statistics
import typing as t
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "bench"


@dataclasses.dataclass(frozen=True)
class Options:
    """How large and how often."""

    rows: int = 2_000_000
    times: int = 3
    version: int = 16


@dataclasses.dataclass(frozen=True)
class Result:
    """One measurement.

    ``ours`` and ``peer`` are medians in the unit that ``conditions`` names; ``ratio`` is the median of the single turns' ratios and ``spread``
    the lowest and highest of them. Where there is no peer, ``spread`` is that of ours.
    """

    name: str
    ours: float | None
    peer: float | None
    ratio: float | None
    goal: str
    n: int
    spread: tuple[float, float] | None
    conditions: t.Mapping[str, t.Any]

    def save(self) -> str:
        """Leave it in build/bench and give it as a line."""
        line = json.dumps(dataclasses.asdict(self))
        BUILD.mkdir(parents=True, exist_ok=True)
        (BUILD / f"{self.name}.json").write_text(line + "\n", encoding="utf-8")
        return line


def in_turns(
    name: str,
    ours: t.Callable[[], float],
    peer: t.Callable[[], float],
    times: int,
    goal: str,
    conditions: t.Mapping[str, t.Any],
) -> Result:
    """Measure both, who goes first changing from turn to turn. Each gives a rate: more is better."""
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    for turn in range(times):
        for who in ("ours", "peer") if turn % 2 else ("peer", "ours"):
            rates[who].append((ours if who == "ours" else peer)())
    ratios = [one / other for one, other in zip(rates["ours"], rates["peer"], strict=True)]
    return Result(
        name=name,
        ours=round(statistics.median(rates["ours"])),
        peer=round(statistics.median(rates["peer"])),
        ratio=round(statistics.median(ratios), 3),
        goal=goal,
        n=times,
        spread=(round(min(ratios), 3), round(max(ratios), 3)),
        conditions={**conditions, "all": {who: [round(rate) for rate in found] for who, found in rates.items()}},
    )


def skipped(name: str, goal: str, why: str) -> Result:
    """A bench that could not be run here."""
    return Result(name, None, None, None, goal, 0, None, {"skipped": why})
