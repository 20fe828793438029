# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A cursor for which a name is a name: psycopg takes a percent sign in a quoted name for a placeholder."""

from __future__ import annotations

import typing as t

from .driver import psycopg, sql

if t.TYPE_CHECKING:
    from psycopg.sql import Composable

    PlainCursor = psycopg.Cursor[tuple[t.Any, ...]]
else:
    PlainCursor = psycopg.Cursor if psycopg else object


class Cursor(PlainCursor):
    """Placeholders are read in what we wrote (``sql.SQL``), never in a name or value that was put into it."""

    def execute(self, query: t.Any, params: t.Any = None, **options: t.Any) -> t.Self:
        if params is not None and isinstance(query, sql.Composable):
            query = _without_placeholders(query)
        super().execute(query, params, **options)
        return self


def _without_placeholders(query: Composable) -> Composable:
    if isinstance(query, sql.Composed):
        return sql.Composed([_without_placeholders(part) for part in query])
    if isinstance(query, (sql.Identifier, sql.Literal)):
        return sql.SQL(query.as_string(None).replace("%", "%%"))
    return query
