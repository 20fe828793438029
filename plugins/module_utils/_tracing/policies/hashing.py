# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which trace ids a ``probabilistic`` policy keeps: FNV-1a of salt and id, below a share of 2**64."""

from __future__ import annotations

import fractions
import math

OFFSET = 0xCBF29CE484222325
PRIME = 0x100000001B3
MASK = 0xFFFFFFFFFFFFFFFF


def fnv1a(data: bytes, state: int = OFFSET) -> int:
    """The 64-bit FNV-1a hash; ``state`` goes on from an earlier one (http://www.isthe.com/chongo/tech/comp/fnv/)."""
    for byte in data:
        state = ((state ^ byte) * PRIME) & MASK
    return state


def threshold(percentage: float) -> int:
    """The largest hash that is kept, as the collector computes it: ``big.Float`` of 64 bits, rounded half to even, then cut to an integer."""
    share = fractions.Fraction(MASK) * fractions.Fraction(percentage / 100)
    if share <= 0:
        return 0
    scale = fractions.Fraction(2) ** (64 - math.floor(share).bit_length())  # below 1 for more than 100 %
    return min(MASK, math.floor(round(share * scale) / scale))
