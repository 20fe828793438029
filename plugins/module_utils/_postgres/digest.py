# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Are two tables equal? Row by row, both in one snapshot, stretch by stretch of the key space, down to the differing keys.

Rows are joined by the new table's key and compared by their image, byte for byte, which is exact and several times faster than a checksum over their text
(see docs/adr/0015). Where images differ, a second look compares the texts and names the rows.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._common.postgres.driver import sql
from .names import columns, state
from .ranges import last_bound

if t.TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .ranges import Key, KeySpace
    from .state import Job


TAIL_RANGE_ROWS = 100  # what counts as a range above the last one


@dataclasses.dataclass(frozen=True)
class Difference:
    """A row that is not the same on both sides. ``key`` holds the new table's key columns as text."""

    kind: str  # missing (not in the copy), extra (only in the copy), changed
    key: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Ranges ``first`` to ``last`` as one stretch of the key space, ``low < key <= high``; None is open. Above the last range it holds none."""

    first: int
    last: int
    low: Key | None
    high: Key | None


class Comparer:
    """Compares the truth with its copy: before the cutover the old table is the truth, after it the new one."""

    def __init__(self, connection: Connection, job: Job, source: Description, space: KeySpace) -> None:
        self.connection = connection
        self.job = job
        self.source = source
        self.space = space
        truth, copy = (job.target, job.source) if job.state == "live" else (job.source, job.target)
        self.truth, self.copy = truth, copy

    def _paired(self, condition: Composable) -> Composed:
        """Both sides' rows joined by the key: how many each side has, and how many have no partner or one that is not the same byte for byte."""
        keys = [sql.Identifier(f"key_{number}") for number in range(1, len(self.job.target_key) + 1)]
        own = sql.SQL(", ").join(
            sql.SQL("compared.{} AS {}").format(sql.Identifier(name), key) for name, key in zip(self.job.target_key, keys, strict=True)
        )
        side = sql.SQL("SELECT {}, ROW({}) AS image FROM {} AS compared WHERE {}")
        stored = columns(self.source.stored_columns, "compared")
        truth, copy = (side.format(own, stored, table.identifier, condition) for table in (self.truth, self.copy))
        return sql.SQL(
            "SELECT count(a.{key}), count(b.{key}), count(*) FILTER (WHERE a.{key} IS NULL OR b.{key} IS NULL OR a.image *<> b.image)"
            " FROM ({truth}) AS a FULL JOIN ({copy}) AS b ON {same}"
        ).format(
            key=keys[0],
            truth=truth,
            copy=copy,
            same=sql.SQL(" AND ").join(sql.SQL("a.{0} = b.{0}").format(key) for key in keys),
        )

    def _rows(self, condition: Composable) -> Composed:
        """Row by row, as text on both sides, because not every type has an equality."""
        key = sql.SQL(", ").join(sql.SQL("compared.{}::text").format(sql.Identifier(name)) for name in self.job.target_key)
        side = sql.SQL("SELECT ARRAY[{}] AS key, ROW({})::text AS body FROM {} AS compared WHERE {}")
        stored = columns(self.source.stored_columns, "compared")
        sides = (side.format(key, stored, table.identifier, condition) for table in (self.truth, self.copy))
        return sql.SQL(
            "SELECT CASE WHEN b.body IS NULL THEN 'missing' WHEN a.body IS NULL THEN 'extra' ELSE 'changed' END, coalesce(a.key, b.key)"
            " FROM ({}) AS a FULL JOIN ({}) AS b ON a.key = b.key WHERE a.body IS DISTINCT FROM b.body ORDER BY 2 LIMIT %s"
        ).format(*sides)

    def stretches(self, after: int, ranges_each: int) -> t.Iterator[Stretch]:
        """The whole key space from range ``after`` on, in stretches of some ranges; then the rows above the last range, in stretches of as many."""
        last, last_high = last_bound(self.connection, self.job, self.space)
        number, low = after, self._bound(after)
        while number < last:
            upto = min(number + ranges_each, last)
            high = self._bound(upto)
            yield Stretch(number + 1, upto, low, high)
            number, low = upto, high
        low = last_high
        while (high := self._row_after(low, ranges_each * TAIL_RANGE_ROWS)) is not None:
            yield Stretch(last + 1, last, low, high)
            low = high
        yield Stretch(last + 1, last, low, None)

    def _row_after(self, low: Key | None, rows: int) -> Key | None:
        """The key so many rows after ``low`` in the truth; None when there are fewer."""
        condition, values = self.space.between(low, None)
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in self.space.names)
        query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {} OFFSET %s LIMIT 1").format(
            texts, self.truth.identifier, condition, columns(self.space.names)
        )
        found = self.connection.execute(query, [*values, rows]).fetchone()
        return None if found is None else list(found)

    def _bound(self, number: int) -> Key | None:
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(bound)) for bound in self.space.bounds)
        found = self.connection.execute(
            sql.SQL("SELECT {} FROM {} WHERE number = %s AND number > 0").format(texts, state(self.job.ranges)), (number,)
        ).fetchone()
        return None if found is None else list(found)

    def equal(self, stretch: Stretch) -> tuple[bool, int]:
        """Whether both tables hold the same rows there, and how many the truth has. One statement, so one snapshot."""
        condition, values = self.space.between(stretch.low, stretch.high, "compared")
        found = self.connection.execute(self._paired(condition), values + values).fetchone()
        return (found[0] == found[1] and found[2] == 0, found[0]) if found else (False, 0)

    def differences(self, stretch: Stretch, most: int) -> list[Difference]:
        """The differing rows there, by key; at most ``most``."""
        condition, values = self.space.between(stretch.low, stretch.high, "compared")
        found = self.connection.execute(self._rows(condition), [*values, *values, most]).fetchall()
        return [Difference(kind, dict(zip(self.job.target_key, key, strict=False))) for kind, key in found]
