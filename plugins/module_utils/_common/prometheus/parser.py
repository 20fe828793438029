# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The one place that imports promql-parser, so that a missing library becomes a message, not a traceback."""

from __future__ import annotations

import traceback
import typing as t

from ..frame import Library

if t.TYPE_CHECKING:
    import promql_parser

    IMPORT_ERROR: str | None
else:
    try:
        import promql_parser

        IMPORT_ERROR = None
    except ImportError:
        promql_parser = None
        IMPORT_ERROR = traceback.format_exc()

PROMQL_PARSER = Library("promql-parser", IMPORT_ERROR)

__all__ = ["PROMQL_PARSER", "promql_parser"]
