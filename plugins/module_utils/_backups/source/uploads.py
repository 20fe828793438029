# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How long the archive once stood still: the most that a loss in that time could have cost."""

from __future__ import annotations

import dataclasses
import itertools
import re

from .place import Listing

DAY = 86400.0
# As archive_command, pg_receivewal or pgBackRest (with the SHA-1 of its content) name a whole segment, perhaps compressed.
SEGMENT = re.compile(r"(?:.*/)?[0-9A-F]{24}(?:-[0-9a-f]{40})?(?:\.(?:gz|lz4|zst|bz2))?\Z")


@dataclasses.dataclass(frozen=True)
class Gap:
    """``seconds`` between two uploads, the later at ``at`` (epoch seconds; T0 when nothing followed). None: there was nothing to measure.

    ``segments`` is how many came within the window.
    """

    seconds: float | None
    at: float | None
    segments: int


def worst_gap(listing_of_wal: Listing, t0: float, window: float = DAY) -> Gap:
    """The largest gap between successive uploads that ended within the window before ``t0``, the one from the last upload to ``t0`` too.

    A gap that began before the window counts whole: just before its end that much would have been lost. Pure.
    """
    times = sorted(item.written for path, item in listing_of_wal.items.items() if SEGMENT.match(path) and item.written <= t0)
    if not times:
        return Gap(None, None, 0)
    gaps = [(later - earlier, later) for earlier, later in itertools.pairwise([*times, t0]) if later >= t0 - window]
    seconds, at = max(gaps)
    return Gap(seconds, at, sum(time >= t0 - window for time in times))
