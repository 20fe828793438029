# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether there is room for a restore before its first byte is fetched."""

from __future__ import annotations

import pathlib
import shutil

from .findings import stop

SPARE = 1.2


def require(work: pathlib.Path, needed: int) -> None:
    """Nothing, when the disk has room for that many bytes and a fifth more.

    :raises Stopped: DISK_FULL with both numbers.
    """
    existing = next(path for path in (work, *work.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed * SPARE:
        raise stop("DISK_FULL", str(work), expected=f"{int(needed * SPARE):,} bytes free", found=f"{free:,}")
