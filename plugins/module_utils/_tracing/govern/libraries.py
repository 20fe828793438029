# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The one place of this room that imports ruamel.yaml, so that a missing library becomes a message, not a traceback."""

from __future__ import annotations

import traceback
import typing as t

from ..._common.frame import Library

if t.TYPE_CHECKING:
    from ruamel import yaml

    RUAMEL_ERROR: str | None
else:
    try:
        from ruamel import yaml

        RUAMEL_ERROR = None
    except ImportError:
        yaml = None
        RUAMEL_ERROR = traceback.format_exc()

RUAMEL = Library("ruamel.yaml (https://pypi.org/project/ruamel.yaml)", RUAMEL_ERROR)

__all__ = ["RUAMEL", "yaml"]
