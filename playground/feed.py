# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The foreground feed: one line a finished transaction, in the format of docs/architecture.md."""

from __future__ import annotations

import os
import types
import typing as t
from pathlib import Path


def line(end: float, milliseconds: float, kind: str, ok: bool) -> str:
    """One transaction: epoch seconds of its end, its latency from the scheduled start to after COMMIT, its kind and whether it succeeded."""
    return f"{end:.6f},{milliseconds:.3f},{kind},{int(ok)}\n"


class Feed:
    """An open feed file. Several processes may append to the same one: each line is one write, so that no reader sees half a line."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def add(self, end: float, milliseconds: float, kind: str, ok: bool) -> None:
        """Append a transaction; it is in the file when this returns."""
        os.write(self._file, line(end, milliseconds, kind, ok).encode("ascii"))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self.close()
