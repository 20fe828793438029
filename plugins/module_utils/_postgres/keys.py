# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which columns name a row, in the old table and in the new one. Pure."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .catalog import Description, Index
    from .layout import Level


def source_key(source: Description) -> Index | None:
    """The key that names a row: the primary key, or else the smallest unique one that is as good."""
    if source.primary_key and not source.primary_key.deferrable:
        return source.primary_key
    good = [
        index
        for index in source.indexes
        if index.unique
        and index.valid
        and not index.partial
        and not index.deferrable
        and not index.exclusion
        and all(_not_null(source, c) for c in index.columns)
    ]
    return min(good, key=lambda index: (len(index.columns), index.name), default=None)


def target_key(source: Description, levels: t.Sequence[Level]) -> tuple[str, ...]:
    """The new table's key: it must hold every column that the table is divided by. Tenants first, times last."""
    key = source_key(source)
    own = key.columns if key else ()
    before = tuple(level.column for level in levels if level.method != "range" and level.column not in own)
    after = tuple(level.column for level in levels if level.method == "range" and level.column not in own)
    return before + own + after


def _not_null(source: Description, name: str) -> bool:
    column = source.column(name)
    return column is not None and column.not_null


def carried_indexes(source: Description) -> list[Index]:
    """The indexes that the new table gets as they are: all but the key's own."""
    return [index for index in source.indexes if index is not source_key(source)]
