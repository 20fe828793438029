# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The table of a validation, for a terminal."""

from __future__ import annotations

import typing as t

from . import tables
from .tables import Column

WIDTH = 120
COLUMNS = (Column("result"), Column("what"), Column("seconds", right=True), Column("in words", wrapped=True))


def lines(rows: t.Sequence[t.Sequence[str]]) -> list[str]:
    """Phases, goals, checks and findings, one below the other."""
    return ["  ".join(cells).rstrip() for cells in tables.lines(COLUMNS, rows, WIDTH)]
