# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How sure a share is that was counted on a sample."""

from __future__ import annotations

import statistics
import typing as t

OF_A_MEASURE = 0.90
OF_A_PREDICTION = 0.95


def wilson(successes: float, trials: float, confidence: float = OF_A_PREDICTION) -> tuple[float, float]:
    """The Wilson score interval of a share (E. B. Wilson, 1927); from 0 to 1 when nothing was tried."""
    if trials <= 0:
        return 0.0, 1.0
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    middle = share + z * z / (2 * trials)
    half = z * (share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5
    whole = 1 + z * z / trials
    # At either end the bound is exact; rounding would leave the share itself out.
    return 0.0 if successes <= 0 else (middle - half) / whole, 1.0 if successes >= trials else (middle + half) / whole


def percentage(some: float, of: int) -> dict[str, t.Any]:
    """Value, unit and interval of a share, as a measure has them: in percent.

    :param of: above 0.
    """
    low, high = wilson(some, of, OF_A_MEASURE)
    return {"value": 100 * some / of, "unit": "%", "interval": [100 * low, 100 * high]}
