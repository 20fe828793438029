# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How far a run is, in a file that is always whole, for whoever watches from outside."""

from __future__ import annotations

import json
import pathlib
import threading
import time
import typing as t

SECONDS_BETWEEN = 0.25
SECONDS_OF_LIFE = 2.0  # between two signs of life, when there is nothing to tell
FILE = "progress.json"


class Progress:
    """Phase, what is done of how much, and since when. Several threads may add.

    The file holds ``{"phase", "done", "total", "unit", "since", "at"}``: ``total`` null where nobody knows, times in epoch seconds.
    """

    def __init__(self, folder: pathlib.Path | None, clock: t.Callable[[], float] = time.time) -> None:
        self._file = None if folder is None else folder / FILE
        self._clock = clock
        self._lock = threading.Lock()
        self._written = 0.0
        self._state: dict[str, t.Any] = {"phase": "", "done": 0, "total": None, "unit": "bytes", "since": 0.0}
        if folder is not None:
            threading.Thread(target=self._live, name="progress", daemon=True).start()

    def close(self) -> None:
        """Write no more: the folder is about to go."""
        with self._lock:
            self._file = None

    def begin(self, phase: str, total: float | None = None, unit: str = "bytes") -> None:
        """Another phase."""
        with self._lock:
            self._state = {"phase": phase, "done": 0, "total": total, "unit": unit, "since": self._clock()}
            self._write(self._clock())

    def add(self, more: float) -> None:
        """So much more is done."""
        with self._lock:
            self._state["done"] += more
            self._perhaps()

    def reach(self, done: float) -> None:
        """So much is done in all."""
        with self._lock:
            self._state["done"] = done
            self._perhaps()

    def _live(self) -> None:
        """Write the time again and again until it is closed: whoever watches can tell a long step from a dead process."""
        while self._file is not None:
            time.sleep(SECONDS_OF_LIFE)
            with self._lock:
                self._perhaps()

    def _perhaps(self) -> None:
        now = self._clock()
        if now - self._written >= SECONDS_BETWEEN:
            self._write(now)

    def _write(self, now: float) -> None:
        self._written = now
        if self._file is None:
            return
        unfinished = self._file.with_suffix(".new")
        try:
            unfinished.write_text(json.dumps({**self._state, "at": now}), encoding="utf-8")
            unfinished.replace(self._file)
        except OSError:  # a full disk is found by who writes data
            return
