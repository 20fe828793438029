# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Python's search for circles of objects, and going without it."""

from __future__ import annotations

import contextlib
import gc
import typing as t


@contextlib.contextmanager
def uncollected() -> t.Iterator[None]:
    """Without the search for circles of objects: spans are in none, and looking through them again and again takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
