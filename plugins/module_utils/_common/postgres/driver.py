# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The one place that imports psycopg, so that a missing library becomes a message, not a traceback."""

from __future__ import annotations

import traceback
import typing as t

from ..frame import Library

if t.TYPE_CHECKING:
    import psycopg
    from psycopg import errors, sql

    IMPORT_ERROR: str | None
else:
    try:
        import psycopg
        from psycopg import errors, sql

        IMPORT_ERROR = None
    except ImportError:
        psycopg = errors = sql = None
        IMPORT_ERROR = traceback.format_exc()

PSYCOPG = Library("psycopg (version 3, https://www.psycopg.org)", IMPORT_ERROR)

__all__ = ["PSYCOPG", "errors", "psycopg", "sql"]
