# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. ``_common/shape.py`` under the name that this field knows it by."""

from __future__ import annotations

from .._common.shape import mapping, name, number, sequence, text, unique, wrong

__all__ = ["mapping", "name", "number", "sequence", "text", "unique", "wrong"]
