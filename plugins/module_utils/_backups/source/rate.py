# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How fast a restore may read: one token bucket for all its threads and engines, and what it let through."""

from __future__ import annotations

import collections
import threading
import time
import typing as t

from ..._common.errors import Refusal

BURST_SECONDS = 0.1  # what may be caught up after a pause
PORTION_SECONDS = 0.05  # of what one read may fetch; with the burst, no second has more than 1.15 times the rate
LARGEST_PORTION = 256 * 1024  # fits in a core's cache: what is read is hashed and written from there; a megabyte takes half as long again


class Rate:
    """A token bucket (as a virtual schedule: ITU-T I.371, generic cell rate algorithm). Without a limit it only counts.

    Ask before reading, for ``portion`` bytes at most: then what is on its way is within the limit too. ``clock`` and ``sleep`` are seconds.

    :raises Refusal: the limit is not above 0.
    """

    def __init__(
        self,
        bytes_per_second: float | None,
        *,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        if bytes_per_second is not None and not bytes_per_second > 0:
            raise Refusal(
                "bytes_per_second",
                expected="more than 0, or nothing for no limit",
                found=str(bytes_per_second),
                remedy="Name how many bytes a second the restore may read.",
                code="rate_limit",
            )
        self.bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._scheduled = float("-inf")  # when the bucket has given all that was asked for
        self._waited_until = float("-inf")
        self._slept = 0.0
        self._begun: float | None = None
        self._ended = 0.0
        self._seconds: collections.Counter[int] = collections.Counter()

    @property
    def portion(self) -> int:
        """How many bytes to ask for at once."""
        if self.bytes_per_second is None:
            return LARGEST_PORTION
        return max(1, min(LARGEST_PORTION, int(self.bytes_per_second * PORTION_SECONDS)))

    def take(self, count: int) -> None:
        """Returns when so many bytes may be read. More than a portion is given portion by portion."""
        while count > 0:
            piece = min(count, self.portion)
            wait = self._reserve(piece)
            if wait > 0:
                self._sleep(wait)
            with self._lock:
                self._ended = self._clock()
                self._seconds[int(self._ended)] += piece
            count -= piece

    @property
    def bytes(self) -> int:
        """All that was given."""
        with self._lock:
            return self._seconds.total()

    @property
    def mean(self) -> float | None:
        """Bytes a second from the first question to the last answer; None when that is no time."""
        with self._lock:
            seconds = self._ended - self._begun if self._begun is not None else 0.0
            return self._seconds.total() / seconds if seconds > 0 else None

    @property
    def worst_second(self) -> int | None:
        """The most bytes in any whole second of the clock; None before the first."""
        with self._lock:
            return max(self._seconds.values(), default=None)

    @property
    def slept_seconds(self) -> float:
        """How long at least one thread waited for the bucket; several that wait at once count once."""
        with self._lock:
            return self._slept

    def _reserve(self, piece: int) -> float:
        """Seconds until these bytes are there."""
        with self._lock:
            now = self._clock()
            if self._begun is None:
                self._begun = now
            if self.bytes_per_second is None:
                return 0.0
            self._scheduled = max(self._scheduled, now - BURST_SECONDS) + piece / self.bytes_per_second
            if self._scheduled <= now:
                return 0.0
            self._slept += self._scheduled - max(now, self._waited_until)
            self._waited_until = self._scheduled
            return self._scheduled - now
