# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Concurrent writers that get in each other's way, for tests of correctness.

They do everything an application may do to a row — insert, update, delete, change of tenant, change of key, reuse of a deleted key, several
of these in one transaction and in any order, rollback — and do it all to the same few rows.

Nobody can know beforehand what such a race leaves in a row. What is known is what all of it amounts to: each write adds one to the number
``n`` in the row's body, so at the end the rows' numbers, and those that deleted rows took with them, must add up to the writes committed.
``Writers.differences`` counts what does not. It holds as long as nobody else writes to the table.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import random
import threading
import time
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
from psycopg import sql

from .sessions import LOST, RETRIED, Connection, Isolation, in_one_line, isolation_level, one_row, set_lock_timeout

SECONDS_WITHOUT_SERVER = 60
ROLLED_BACK = 0.1  # share of the transactions that change their mind

# Share of each operation, in percent.
OPERATIONS: t.Mapping[str, float] = {"insert": 12, "update": 30, "many": 5, "delete": 16, "rekey": 15, "renumber": 10, "reuse": 12}
TENANTS = [f"tenant {number}" for number in range(8)]


@dataclasses.dataclass
class Counts:
    """What was committed, and what went wrong. ``failures`` are texts that begin with the SQLSTATE; there should be none."""

    transactions: int = 0
    rolled_back: int = 0
    lost_connections: int = 0
    operations: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    retries: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    failures: list[str] = dataclasses.field(default_factory=list)
    rows: int = 0  # inserted minus deleted
    writes: int = 0  # what the rows' numbers must have grown by, less those of deleted rows
    longest_ms: float = 0.0  # the longest transaction, without its retries

    def add(self, other: Counts) -> None:
        """Take another worker's counts in."""
        for name in ("transactions", "rolled_back", "lost_connections", "rows", "writes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.operations += other.operations
        self.retries += other.retries
        self.failures += other.failures
        self.longest_ms = max(self.longest_ms, other.longest_ms)


@dataclasses.dataclass
class Effect:
    """What one transaction does if it commits."""

    rows: int = 0
    writes: int = 0
    operations: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    new_keys: list[int] = dataclasses.field(default_factory=list)


class Statements:
    """The SQL, for one table. All names are schema-qualified: the table behind the name may change at any time."""

    def __init__(self, schema: str, table: str) -> None:
        name = sql.Identifier(schema, table)
        number = sql.SQL("coalesce((body ->> 'n')::int, 0)")
        counted = sql.SQL("body = body || jsonb_build_object('n', {} + 1)").format(number)
        here = sql.SQL("tenant_id = %s AND id = %s")
        body = sql.SQL("""'{"n": 0}'""")
        free = sql.SQL("NOT EXISTS (SELECT 1 FROM {} WHERE id = %s)").format(name)
        self.state = sql.SQL("SELECT count(*), coalesce(sum({}), 0), count(*) - count(DISTINCT id) FROM {}").format(number, name)
        self.keys = sql.SQL("SELECT id FROM {} ORDER BY hashint8(id), id LIMIT %s").format(name)
        self.tenant = sql.SQL("SELECT tenant_id FROM {} WHERE id = %s").format(name)
        self.insert = sql.SQL("INSERT INTO {} (tenant_id, created_at, body) VALUES (%s, now(), {}) RETURNING id").format(name, body)
        self.reuse = sql.SQL("INSERT INTO {} (id, tenant_id, created_at, body) SELECT %s, %s, now(), {} WHERE {}").format(name, body, free)
        self.update = sql.SQL("UPDATE {} SET {} WHERE {}").format(name, counted, here)
        self.many = sql.SQL("UPDATE {} SET {} WHERE id = ANY(%s)").format(name, counted)
        self.delete = sql.SQL("DELETE FROM {} WHERE {} RETURNING {}").format(name, here, number)
        self.rekey = sql.SQL("UPDATE {} SET tenant_id = %s, {} WHERE {}").format(name, counted, here)
        self.renumber = sql.SQL("UPDATE {} SET id = %s, {} WHERE {} AND {}").format(name, counted, here, free)


class Writers:
    """Several connections that write at random until they are stopped.

    :param workers: connections, a thread each.
    :param seed: the same seed draws the same operations; who wins a race is up to the machine.
    :param isolation: ``mixed`` alternates between the workers.
    :param hot: number of rows that everybody fights over.
    :param lock_timeout_ms: a wait longer than this is a failure, 55P03.
    """

    def __init__(
        self,
        dsn: str,
        schema: str,
        table: str,
        workers: int = 4,
        seed: int = 0,
        isolation: Isolation = "read_committed",
        *,
        hot: int = 100,
        lock_timeout_ms: int = 5000,
    ) -> None:
        self.dsn = dsn
        self.workers = workers
        self.isolation = isolation
        self.seed = seed
        self.hot = hot
        self.lock_timeout_ms = lock_timeout_ms
        self.statements = Statements(schema, table)
        self.keys: list[int] = []
        self.stopped = threading.Event()
        self.mark = f"{schema}.{table}"
        self._before: tuple[int, int] = (0, 0)
        self._threads: ThreadPoolExecutor | None = None
        self._running: list[Future[Counts]] = []
        self.counts = Counts()

    def start(self) -> None:
        """Note what is in the table and begin to write."""
        with psycopg.connect(self.dsn) as connection:
            # Tells, after a connection broke during COMMIT, whether that transaction came through.
            connection.execute("CREATE SCHEMA IF NOT EXISTS playground")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS playground.writer (mark text, worker int, committed bigint, PRIMARY KEY (mark, worker))"
            )
            connection.execute("DELETE FROM playground.writer WHERE mark = %s", [self.mark])
            for worker in range(self.workers):
                connection.execute("INSERT INTO playground.writer VALUES (%s, %s, 0)", [self.mark, worker])
            rows, numbers, _unused = one_row(connection, self.statements.state)
            self._before = (rows, int(numbers))
            # Half of them are spread over the table and stay; the other half makes room for new rows.
            self.keys = [key for (key,) in connection.execute(self.statements.keys, [self.hot])]
        self.stopped.clear()
        self._threads = ThreadPoolExecutor(self.workers)
        self._running = [self._threads.submit(_Worker(self, number).run) for number in range(self.workers)]

    def stop(self) -> Counts:
        """Let every worker finish its transaction; what all of them did since ``start``."""
        self.stopped.set()
        self.counts = Counts()
        for future in self._running:
            self.counts.add(future.result())
        if self._threads is not None:
            self._threads.shutdown()
        return self.counts

    def differences(self, connection: Connection) -> dict[str, int]:
        """After ``stop``: by how many rows and writes the table differs from what was committed, and how many rows share another's id."""
        rows, numbers, doubled = one_row(connection, self.statements.state)
        return {
            "rows": rows - self._before[0] - self.counts.rows,
            "writes": int(numbers) - self._before[1] - self.counts.writes,
            "doubled": doubled,
        }

    def __enter__(self) -> t.Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.stopped.is_set():
            self.stop()


class _Worker:
    """One connection.

    Only the worker with number ``key % workers`` brings a key back to life, be it by insert or by renumbering, and only one that was in use
    before and that no row has now. So ids stay unique even where the table, partitioned by tenant, cannot see to it.
    """

    def __init__(self, writers: Writers, number: int) -> None:
        self._writers = writers
        self._statements = writers.statements
        self._number = number
        self._chance = random.Random(f"{writers.seed}/{number}")
        self._committed = 0  # transactions, as this worker's row of playground.writer counts them
        self._counts = Counts()

    def run(self) -> Counts:
        connection: Connection | None = None
        while not self._writers.stopped.is_set():
            plan = self._plan()
            rollback = self._chance.random() < ROLLED_BACK
            while True:
                effect = Effect()
                started = time.monotonic()
                try:
                    connection = connection or self._connect()
                    self._transact(connection, plan, effect, rollback)
                    self._book(effect, rollback)
                except psycopg.Error as error:
                    if connection is not None and not connection.closed:
                        with contextlib.suppress(psycopg.Error):  # the server may go right now
                            connection.rollback()
                    if connection is None or connection.closed:
                        connection = None
                        if self._lost(effect, rollback):
                            break
                        return self._counts
                    if error.sqlstate in RETRIED:
                        self._counts.retries[error.sqlstate or ""] += 1
                        continue
                    self._counts.failures.append(f"{error.sqlstate} {in_one_line(error)}")
                self._counts.longest_ms = max(self._counts.longest_ms, (time.monotonic() - started) * 1000)
                break
        if connection is not None:
            connection.close()
        return self._counts

    def _connect(self) -> Connection:
        writers = self._writers
        connection = psycopg.connect(writers.dsn, application_name=f"writer {self._number}", connect_timeout=5)
        connection.isolation_level = isolation_level(writers.isolation, self._number)
        set_lock_timeout(connection, writers.lock_timeout_ms)
        connection.commit()
        return connection

    def _plan(self) -> list[tuple[str, float]]:
        """The operations of one transaction, each with a seed of its own: a retry does the same again."""
        chance = self._chance
        length = 1 if chance.random() < 0.5 else chance.randint(2, 5)
        kinds = chance.choices(list(OPERATIONS), list(OPERATIONS.values()), k=length)
        return [(kind, chance.random()) for kind in kinds]

    def _transact(self, connection: Connection, plan: t.Sequence[tuple[str, float]], effect: Effect, rollback: bool) -> None:
        keys = list(self._writers.keys)  # before the snapshot: a key that joins later may be in use and yet not be seen
        for kind, seed in plan:
            self._operate(connection, kind, keys, random.Random(seed), effect)
        if rollback:
            connection.rollback()
            return
        connection.execute(
            "UPDATE playground.writer SET committed = %s WHERE mark = %s AND worker = %s",
            [self._committed + 1, self._writers.mark, self._number],
        )
        connection.commit()

    def _operate(self, connection: Connection, kind: str, keys: t.Sequence[int], chance: random.Random, effect: Effect) -> None:
        s = self._statements
        if kind == "insert" or not keys:
            (key,) = one_row(connection, s.insert, [chance.choice(TENANTS)])
            effect.new_keys.append(key)
            effect.rows += 1
            effect.operations["insert"] += 1
            return
        if kind == "many":
            effect.writes += self._done(connection.execute(s.many, [chance.sample(keys, min(5, len(keys)))]), kind, effect)
            return
        key = chance.choice(keys)
        owned = [other for other in keys if other % self._writers.workers == self._number and other != key]
        if kind == "reuse":
            if owned:
                mine = chance.choice(owned)
                effect.rows += self._done(connection.execute(s.reuse, [mine, chance.choice(TENANTS), mine]), kind, effect)
            return
        found = connection.execute(s.tenant, [key]).fetchone()
        if found is None:
            return
        here = [found[0], key]
        if kind == "delete":
            for (number,) in connection.execute(s.delete, here):
                effect.rows -= 1
                effect.writes -= number
                effect.operations[kind] += 1
        elif kind == "update":
            effect.writes += self._done(connection.execute(s.update, here), kind, effect)
        elif kind == "rekey":
            effect.writes += self._done(connection.execute(s.rekey, [chance.choice(TENANTS), *here]), kind, effect)
        elif kind == "renumber" and owned:
            mine = chance.choice(owned)
            effect.writes += self._done(connection.execute(s.renumber, [mine, *here, mine]), kind, effect)

    @staticmethod
    def _done(cursor: psycopg.Cursor[tuple[t.Any, ...]], kind: str, effect: Effect) -> int:
        effect.operations[kind] += cursor.rowcount
        return cursor.rowcount

    def _book(self, effect: Effect, rollback: bool) -> None:
        counts = self._counts
        if rollback:
            counts.rolled_back += 1
            return
        self._committed += 1
        counts.transactions += 1
        counts.rows += effect.rows
        counts.writes += effect.writes
        counts.operations += effect.operations
        keys, hot = self._writers.keys, self._writers.hot
        for key in effect.new_keys:
            if len(keys) < hot:
                keys.append(key)
            else:
                keys[self._chance.randrange(hot // 2, hot)] = key

    def _lost(self, effect: Effect, rollback: bool) -> bool:
        """The connection broke: wait for the server, and look whether the transaction came through. False when the server stays away."""
        self._counts.lost_connections += 1
        deadline = time.monotonic() + SECONDS_WITHOUT_SERVER
        while time.monotonic() < deadline:
            try:
                with psycopg.connect(self._writers.dsn, connect_timeout=5) as connection:
                    (committed,) = one_row(
                        connection,
                        sql.SQL("SELECT committed FROM playground.writer WHERE mark = %s AND worker = %s FOR UPDATE"),
                        [self._writers.mark, self._number],
                    )
            except psycopg.OperationalError:
                time.sleep(0.1)
                continue
            if committed > self._committed:
                self._book(effect, rollback)
            return True
        self._counts.failures.append(f"{LOST} no server for {SECONDS_WITHOUT_SERVER} s")
        return False
