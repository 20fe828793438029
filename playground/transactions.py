# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the foreground load does: the mix, the statements, and what each of them has to find.

Every transaction is one statement, so that its latency holds one round trip and its COMMIT. All names are schema-qualified and all writes
name tenant and id: nothing has to change when the table behind the name does.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import random
import typing as t

from psycopg import sql

from .book import MARK, Book, Row
from .sessions import Connection, one_row

# Share of each kind, in percent. Deletes equal inserts and reuses: the table keeps its size.
MIX: t.Mapping[str, float] = {"read": 80.0, "update": 10.5, "insert": 3.5, "reuse": 0.5, "delete": 4.0, "rekey": 1.5}
KEYS = 5_000  # that one client starts with


@dataclasses.dataclass(frozen=True)
class Template:
    """A flight that new rows are copied from."""

    tenant: str
    created_at: datetime.datetime
    body: t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Statements:
    """The SQL of each kind, for one table."""

    read: sql.Composed
    update: sql.Composed
    insert: sql.Composed
    reuse: sql.Composed
    delete: sql.Composed
    rekey: sql.Composed
    look: sql.Composed

    @classmethod
    def for_table(cls, schema: str, table: str) -> Statements:
        name = sql.Identifier(schema, table)
        mark = sql.Literal(MARK)
        written = sql.SQL("body = body || jsonb_build_object({}, %s::text)").format(mark)
        return cls(
            read=sql.SQL("SELECT created_at, body FROM {} WHERE tenant_id = %s AND id = %s").format(name),
            update=sql.SQL("UPDATE {} SET {} WHERE tenant_id = %s AND id = %s").format(name, written),
            insert=sql.SQL("INSERT INTO {} (tenant_id, created_at, body) VALUES (%s, %s, %s::jsonb) RETURNING id").format(name),
            reuse=sql.SQL("INSERT INTO {} (id, tenant_id, created_at, body) VALUES (%s, %s, %s, %s::jsonb)").format(name),
            delete=sql.SQL("DELETE FROM {} WHERE tenant_id = %s AND id = %s").format(name),
            rekey=sql.SQL("UPDATE {} SET tenant_id = %s, {} WHERE tenant_id = %s AND id = %s").format(name, written),
            look=sql.SQL("SELECT tenant_id, body ->> {} FROM {} WHERE id = %s").format(mark, name),
        )


@dataclasses.dataclass
class Transaction:
    """One statement with its parameters, the row it is about, and what that row is when it has committed (None: gone)."""

    kind: str
    statement: sql.Composed
    parameters: tuple[t.Any, ...]
    key: int | None
    after: Row | None


class Client:
    """Decides what one connection does next and keeps its book."""

    def __init__(self, statements: Statements, book: Book, templates: t.Sequence[Template], name: str, seed: int) -> None:
        self.book = book
        self._statements = statements
        self._templates = templates
        self._tenants = sorted({template.tenant for template in templates})
        self._name = name
        self._written = 0
        self._chance = random.Random(f"{seed}/{name}")
        self._kinds = list(MIX)
        self._weights = list(MIX.values())

    def next(self) -> Transaction:
        """The next transaction. Where a kind is impossible just now (nothing deleted to reuse, no row left), it is an insert."""
        kind = self._chance.choices(self._kinds, self._weights)[0]
        key = self.book.pick(self._chance)
        if kind == "reuse" and self.book.deleted:
            return self._reuse(self.book.deleted[-1])
        if kind in ("insert", "reuse") or key is None:
            return self._insert()
        row = self.book.rows[key]
        s = self._statements
        if kind == "read":
            return Transaction(kind, s.read, (row.tenant, key), key, row)
        if kind == "delete":
            return Transaction(kind, s.delete, (row.tenant, key), key, None)
        mark = self._mark()
        if kind == "update":
            return Transaction(kind, s.update, (mark, row.tenant, key), key, Row(row.tenant, mark))
        tenant = self._chance.choice([other for other in self._tenants if other != row.tenant] or self._tenants)
        return Transaction(kind, s.rekey, (tenant, mark, row.tenant, key), key, Row(tenant, mark))

    def _insert(self) -> Transaction:
        template, mark = self._chance.choice(self._templates), self._mark()
        body = json.dumps({**template.body, MARK: mark})
        return Transaction(
            "insert", self._statements.insert, (template.tenant, template.created_at, body), None, Row(template.tenant, mark)
        )

    def _reuse(self, key: int) -> Transaction:
        template, mark = self._chance.choice(self._templates), self._mark()
        body = json.dumps({**template.body, MARK: mark})
        after = Row(template.tenant, mark)
        return Transaction("reuse", self._statements.reuse, (key, template.tenant, template.created_at, body), key, after)

    def _mark(self) -> str:
        self._written += 1
        return f"{self._name}:{self._written}"

    def committed(self, done: Transaction, key: int | None) -> None:
        """Write it down. ``key`` is the id that an insert was given."""
        key = done.key if done.key is not None else key
        if done.kind == "read" or key is None:
            return
        if done.after is None:
            self.book.strike(key)
            return
        if done.kind == "reuse":
            self.book.deleted.remove(key)
        self.book.put(key, done.after)

    def resolve(self, connection: Connection, unsure: Transaction) -> bool:
        """After a connection was lost in the middle: look whether the transaction came through, and write that down.

        :returns: whether the row is what it was before or what it would be after; anything else is a lost write.
        """
        if unsure.key is None or unsure.kind == "read":
            return True  # an insert's id is not known: it is nobody's row now
        found = connection.execute(self._statements.look, [unsure.key]).fetchall()
        before = self.book.rows.get(unsure.key)
        if _same(found, unsure.after):
            self.committed(unsure, None)
            return True
        return _same(found, before)


def _same(found: t.Sequence[tuple[t.Any, ...]], row: Row | None) -> bool:
    if row is None:
        return not found
    return len(found) == 1 and found[0][0] == row.tenant and row.mark in (None, found[0][1])


def sample(connection: Connection, schema: str, table: str, client: int, clients: int, seed: int) -> tuple[Book, list[Template]]:
    """A client's first rows: random ids that leave ``client`` as the remainder of the division by ``clients``, so that nobody shares one."""
    name = sql.Identifier(schema, table)
    lowest, highest = one_row(connection, sql.SQL("SELECT min(id), max(id) FROM {}").format(name))
    if lowest is None:
        return Book({}), []
    chance = random.Random(f"{seed}/{client}")
    ids = sorted(
        {identifier - identifier % clients + client for identifier in (chance.randint(lowest, highest) for _unused in range(KEYS))}
    )
    found = connection.execute(
        sql.SQL("SELECT id, tenant_id, created_at, body FROM {} WHERE id = ANY(%s)").format(name),
        [ids],
    ).fetchall()
    rows = {identifier: Row(tenant, None) for identifier, tenant, _unused, _unused in found}
    return Book(rows), [Template(tenant, created_at, body) for _unused, tenant, created_at, body in found[:500]]
