# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The one place that imports dateutil, so that a missing library becomes a message, not a traceback."""

from __future__ import annotations

import traceback
import typing as t

from .frame import Library

if t.TYPE_CHECKING:
    from dateutil import rrule

    IMPORT_ERROR: str | None
else:
    try:
        from dateutil import rrule

        IMPORT_ERROR = None
    except ImportError:
        rrule = None
        IMPORT_ERROR = traceback.format_exc()

DATEUTIL = Library("python-dateutil (https://dateutil.readthedocs.io)", IMPORT_ERROR)

__all__ = ["DATEUTIL", "rrule"]
