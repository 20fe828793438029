# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Tables for a terminal or a log: aligned, wrapped, no wider than asked."""

from __future__ import annotations

import dataclasses
import textwrap
import typing as t


@dataclasses.dataclass(frozen=True)
class Column:
    """A heading, and whether its cells stand to the right; a column that is ``wrapped`` gives way when the table is too wide."""

    heading: str
    right: bool = False
    wrapped: bool = False


def lines(columns: t.Sequence[Column], rows: t.Sequence[t.Sequence[str]], width: int) -> list[list[str]]:
    """The table as lines of padded cells, the heading first; a row whose cells wrap takes several lines.

    Joined with two spaces, no line is wider than ``width``, as long as the columns that are not wrapped leave room.
    """
    cells = [[column.heading for column in columns], *[[" ".join(cell.split()) for cell in row] for row in rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    excess = sum(widths) + 2 * (len(columns) - 1) - width
    while excess > 0:
        flexible = [index for index, column in enumerate(columns) if column.wrapped and widths[index] > _narrowest(column)]
        if not flexible:
            break
        widest = max(flexible, key=lambda index: widths[index])
        widths[widest] -= 1
        excess -= 1
    return [line for row in cells for line in _row(columns, row, widths)]


def _narrowest(column: Column) -> int:
    return max(12, len(column.heading))


def _row(columns: t.Sequence[Column], cells: t.Sequence[str], widths: t.Sequence[int]) -> t.Iterator[list[str]]:
    parts = [
        textwrap.wrap(cell, width, break_on_hyphens=False) or [""] if column.wrapped else [cell]
        for column, cell, width in zip(columns, cells, widths, strict=True)
    ]
    for number in range(max(len(part) for part in parts)):
        found = [part[number] if number < len(part) else "" for part in parts]
        yield [text.rjust(width) if column.right else text.ljust(width) for column, text, width in zip(columns, found, widths, strict=True)]
