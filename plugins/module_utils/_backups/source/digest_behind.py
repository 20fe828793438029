# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. SHA-256 of a long stream, by a thread of its own: the one that reads and writes does not wait for it."""

from __future__ import annotations

import collections
import concurrent.futures
import hashlib

TOGETHER = 4  # contents that are handed over at once: a hand-over costs as much as a tenth of a digest
AHEAD = 4  # hand-overs that may wait: what they hold of memory is bounded


class DigestBehind:
    """``update`` and ``hexdigest`` as of hashlib, from one thread; ``close`` it in the end."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._pool = concurrent.futures.ThreadPoolExecutor(1, "digest")
        self._gathered: list[bytes] = []
        self._waiting: collections.deque[concurrent.futures.Future[None]] = collections.deque()

    def update(self, content: bytes) -> None:
        self._gathered.append(content)
        if len(self._gathered) >= TOGETHER:
            self._hand_over()
            self._wait(AHEAD)

    def hexdigest(self) -> str:
        self._hand_over()
        self._wait(0)
        return self._digest.hexdigest()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _hand_over(self) -> None:
        contents, self._gathered = self._gathered, []
        self._waiting.append(self._pool.submit(self._add, contents))

    def _add(self, contents: list[bytes]) -> None:
        for content in contents:
            self._digest.update(content)

    def _wait(self, left: int) -> None:
        while len(self._waiting) > left:
            self._waiting.popleft().result()
