# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The checksum of a table: how many rows, and two sums over hashes of the rows' text.

A sum does not care for the order of rows, adds up over pieces of a table, and other than XOR notices a lost pair of equal rows. 64 bits of
``hashtextextended`` under two seeds make 128; both come from one scan, as the text of a row costs most. ``strong`` takes the first 128 bits of
SHA-256 instead, for who must hold against somebody who forges rows. See docs/adr/0092.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common.postgres.driver import sql

if t.TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

KEY_BUCKETS = 1 << 20  # primary keys are sampled by a hash in so many buckets
SAMPLED_TEXT = "CASE WHEN {picked} THEN {row} END"


@dataclasses.dataclass(frozen=True)
class Sum:
    """Of a table or a piece of it. ``summed`` rows went into the lanes, all ``rows`` unless it was sampled."""

    rows: int
    summed: int
    lanes: tuple[int, int]

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.rows + other.rows, self.summed + other.summed, (self.lanes[0] + other.lanes[0], self.lanes[1] + other.lanes[1]))


NOTHING = Sum(0, 0, (0, 0))


def row_text(columns: t.Sequence[str]) -> Composed:
    """A row as text: its columns by name, as inheritance and restored dumps may keep them in another order."""
    named = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in columns)
    return sql.SQL('ROW({})::text COLLATE "C"').format(named)


def sums(source: Composable, text: Composable, *, strong: bool) -> Composed:
    """Rows, summed rows and both lanes of ``source`` (what stands behind FROM). Rows whose ``text`` is null are counted, not summed.

    OFFSET 0 keeps the planner from computing the text once a lane. A sum of bigint is a numeric: it does not overflow.
    """
    if strong:
        inner = sql.SQL("SELECT sha256(convert_to({text}, getdatabaseencoding())) AS body FROM {source} OFFSET 0").format(
            text=text, source=source
        )
        lane = "('x' || encode(substring(body FROM {first} FOR 8), 'hex'))::bit(64)::bigint"
        lanes = [sql.SQL(lane).format(first=sql.Literal(first)) for first in (1, 9)]
    else:
        inner = sql.SQL("SELECT {text} AS body FROM {source} OFFSET 0").format(text=text, source=source)
        lanes = [sql.SQL("hashtextextended(body, {seed})").format(seed=sql.Literal(seed)) for seed in (0, 1)]
    return sql.SQL("SELECT count(*), count(body), coalesce(sum({0}), 0)::text, coalesce(sum({1}), 0)::text FROM ({2}) s").format(
        *lanes, inner
    )


def between_blocks(table: Composable, first: int, end: int | None) -> Composed:
    """FROM for the rows in the heap's blocks ``first`` to before ``end``; None is open."""
    low = sql.SQL("t.ctid >= {}::tid").format(sql.Literal(f"({first},0)"))
    if end is None:
        return sql.SQL("ONLY {} AS t WHERE {}").format(table, low)
    return sql.SQL("ONLY {} AS t WHERE {} AND t.ctid < {}::tid").format(table, low, sql.Literal(f"({end},0)"))


def whole(table: Composable) -> Composed:
    """FROM for all rows."""
    return sql.SQL("ONLY {} AS t").format(table)


def of_blocks(table: Composable, percent: float, seed: int) -> Composed:
    """FROM for a sample of the heap's blocks: the same blocks on a physical copy."""
    return sql.SQL("ONLY {} AS t TABLESAMPLE SYSTEM ({}) REPEATABLE ({})").format(table, sql.Literal(percent), sql.Literal(seed))


def of_keys(key: t.Sequence[str], row: Composable, percent: float, seed: int) -> Composed:
    """The text of the rows whose primary key falls into the sample, null for others: the same rows wherever they lie in a logical copy."""
    picked = sql.SQL("hashtextextended({}, {}) & {} < {}").format(
        row_text(key), sql.Literal(seed), sql.Literal(KEY_BUCKETS - 1), sql.Literal(round(KEY_BUCKETS * percent / 100))
    )
    return sql.SQL(SAMPLED_TEXT).format(picked=picked, row=row)
