# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference book: what a client knows its rows to be, after every commit that it saw. At the end the table must say the same."""

from __future__ import annotations

import dataclasses
import random
import typing as t

from psycopg import sql

from .sessions import Connection

MARK = "mark"  # the key in the body that names the last write


class Row(t.NamedTuple):
    """A row as the client left it. ``mark`` is None for a row that it found and has not written since."""

    tenant: str
    mark: str | None


class Book:
    """Rows by id. Each id belongs to one client only, so that the order of its own commits is the order of the writes."""

    def __init__(self, rows: t.Mapping[int, Row]) -> None:
        self.rows = dict(rows)
        self.deleted: list[int] = []
        self._order = list(rows)
        self._position = {key: position for position, key in enumerate(self._order)}

    def pick(self, chance: random.Random) -> int | None:
        """A live row's id, every one as likely; None when there is none."""
        return self._order[int(chance.random() * len(self._order))] if self._order else None

    def put(self, key: int, row: Row) -> None:
        """The row is now this."""
        if key not in self.rows:
            self._position[key] = len(self._order)
            self._order.append(key)
        self.rows[key] = row

    def strike(self, key: int) -> None:
        """The row is gone."""
        del self.rows[key]
        position = self._position.pop(key)
        last = self._order.pop()
        if last != key:
            self._order[position] = last
            self._position[last] = position
        self.deleted.append(key)

    def entries(self) -> list[list[t.Any]]:
        """All that is known, as lists for JSON: id, and tenant and mark, or None and None for a deleted row."""
        gone = set(self.deleted) - self.rows.keys()
        return [[key, *row] for key, row in self.rows.items()] + [[key, None, None] for key in sorted(gone)]


@dataclasses.dataclass(frozen=True)
class Findings:
    """What is wrong with the table, by id: rows it lost, rows with another content, rows there twice, deleted rows that are back."""

    checked: int
    lost: list[int]
    wrong: list[int]
    doubled: list[int]
    risen: list[int]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.wrong or self.doubled or self.risen)

    def as_dict(self) -> dict[str, t.Any]:
        """Numbers, and up to ten ids of each kind."""
        kinds = {"lost": self.lost, "wrong": self.wrong, "doubled": self.doubled, "risen": self.risen}
        return {
            "checked": self.checked,
            **{kind: len(keys) for kind, keys in kinds.items()},
            "examples": {kind: keys[:10] for kind, keys in kinds.items() if keys},
        }


def check(connection: Connection, schema: str, table: str, entries: t.Iterable[t.Sequence[t.Any]]) -> Findings:
    """Compare the table with the entries of books, in one snapshot."""
    with connection.transaction():
        connection.execute("CREATE TEMPORARY TABLE expected (id bigint PRIMARY KEY, tenant text, mark text) ON COMMIT DROP")
        with connection.cursor().copy("COPY expected FROM STDIN") as copy:
            for entry in entries:
                copy.write_row(entry)
        connection.execute("ANALYZE expected")
        compared = connection.execute(
            sql.SQL("""
                SELECT e.id, count(d.id), e.tenant IS NOT NULL AS wanted,
                       bool_and(d.tenant_id = e.tenant AND (e.mark IS NULL OR coalesce(d.body ->> {mark}, '') = e.mark))
                FROM expected e LEFT JOIN {table} d ON d.id = e.id GROUP BY e.id, wanted ORDER BY e.id
            """).format(mark=sql.Literal(MARK), table=sql.Identifier(schema, table))
        ).fetchall()
    return Findings(
        checked=len(compared),
        lost=[key for key, found, wanted, _unused in compared if wanted and found == 0],
        wrong=[key for key, found, wanted, same in compared if wanted and found == 1 and not same],
        doubled=[key for key, found, _unused, _unused in compared if found > 1],
        risen=[key for key, found, wanted, _unused in compared if not wanted and found == 1],
    )
