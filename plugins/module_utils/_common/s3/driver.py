# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The one place that imports boto3, so that a missing library becomes a message, not a traceback."""

from __future__ import annotations

import traceback
import typing as t

from ..frame import Library

if t.TYPE_CHECKING:
    import boto3
    from botocore import config, exceptions, parsers, session

    IMPORT_ERROR: str | None
else:
    try:
        import boto3
        from botocore import config, exceptions, parsers, session

        IMPORT_ERROR = None
    except ImportError:
        boto3 = config = exceptions = parsers = session = None
        IMPORT_ERROR = traceback.format_exc()

BOTO3 = Library("boto3 (https://boto3.amazonaws.com)", IMPORT_ERROR)

__all__ = ["BOTO3", "boto3", "config", "exceptions", "parsers", "session"]
