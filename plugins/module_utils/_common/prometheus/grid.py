# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. At which moments a range query is evaluated. All times are whole milliseconds since 1970, as Prometheus keeps them."""

from __future__ import annotations

import dataclasses
import datetime


@dataclasses.dataclass(frozen=True)
class Grid:
    """``count`` moments, ``step`` apart, the last of them at ``end``. Each stands for the step before it."""

    end: int
    step: int
    count: int

    @property
    def start(self) -> int:
        return self.end - (self.count - 1) * self.step

    def holds(self, moment: int) -> bool:
        return self.start <= moment <= self.end and (self.end - moment) % self.step == 0


def spelt(moment: int) -> str:
    """A moment as Prometheus' API takes it: seconds with three decimals."""
    return f"{moment // 1000}.{moment % 1000:03d}"


def written(moment: int) -> str:
    """A moment as a measure has it: ``2026-03-30T10:00:00+00:00``."""
    return datetime.datetime.fromtimestamp(moment // 1000, datetime.UTC).isoformat()
