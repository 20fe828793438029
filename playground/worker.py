# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection of the foreground load: sends each transaction when it is due and keeps the record."""

from __future__ import annotations

import array
import collections
import dataclasses
import os
import random
import threading
import time
import typing as t
from pathlib import Path

import psycopg

from .book import MARK
from .feed import Feed
from .schedule import starts
from .sessions import LOST, RETRIED, Connection, Isolation, in_one_line, isolation_level, set_lock_timeout
from .transactions import Client, Statements, Template, Transaction, sample

SECONDS_BETWEEN_ATTEMPTS = 0.2


@dataclasses.dataclass(frozen=True)
class Load:
    """What the load is told."""

    dsn: str
    schema: str
    table: str
    feed: Path
    rate: float = 300.0
    connections: int = 4
    isolation: Isolation = "read_committed"
    lock_timeout_ms: int = 1000
    prepared: bool = True
    seconds: float = 1800.0
    seconds_without_server: float = 60.0
    seed: int = 1


@dataclasses.dataclass
class Record:
    """What one connection saw. Latencies are milliseconds from the scheduled start to after COMMIT, lateness is until it was sent."""

    kinds: list[str] = dataclasses.field(default_factory=list)
    latencies: array.array[float] = dataclasses.field(default_factory=lambda: array.array("d"))
    lateness: array.array[float] = dataclasses.field(default_factory=lambda: array.array("d"))
    failures: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    retries: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    messages: list[str] = dataclasses.field(default_factory=list)
    unexpected: list[str] = dataclasses.field(default_factory=list)
    entries: list[list[t.Any]] = dataclasses.field(default_factory=list)
    ended: str = "stopped"


class Unexpected(Exception):
    """The statement succeeded but did not find what the client knows to be there."""


class Worker:
    """One connection and its client."""

    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._number = number
        self._connection: Connection | None = None
        self._attempted = 0.0
        self._seen = time.monotonic()
        self._unsure: Transaction | None = None
        self._client: Client
        self.record = Record()

    def prepare(self) -> list[Template]:
        """Connect and choose the rows to start with; no templates mean an empty table."""
        load = self._load
        self._connection = self._connect()
        book, templates = sample(self._connection, load.schema, load.table, self._number, load.connections, load.seed)
        statements = Statements.for_table(load.schema, load.table)
        self._client = Client(statements, book, templates, f"{os.getpid()}-{self._number}", load.seed)
        return templates

    def _connect(self) -> Connection:
        connection = psycopg.connect(self._load.dsn, autocommit=True, application_name="foreground load", connect_timeout=5)
        connection.prepare_threshold = 2 if self._load.prepared else None
        level = isolation_level(self._load.isolation, self._number).name.lower().replace("_", " ")
        connection.execute("SELECT set_config('default_transaction_isolation', %s, false)", [level])
        set_lock_timeout(connection, self._load.lock_timeout_ms)
        return connection

    def run(self, begin: float, stopped: threading.Event) -> Record:
        """Work from ``begin`` (monotonic clock) until ``stopped`` is set, the time is up or the server has been away for too long."""
        load, record = self._load, self.record
        epoch = time.time() - time.monotonic()
        chance = random.Random(f"{load.seed}/{self._number}/schedule")
        with Feed(load.feed) as feed:
            for offset in starts(load.rate / load.connections, chance):
                due = begin + offset
                wait = due - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                if stopped.is_set():
                    break
                if offset > load.seconds:
                    record.ended = "time is up"
                    break
                transaction = self._client.next()
                sent = time.monotonic()
                ok = self._run_one(transaction)
                end = time.monotonic()
                milliseconds = (end - due) * 1000
                feed.add(epoch + end, milliseconds, transaction.kind, ok)
                record.kinds.append(transaction.kind)
                record.latencies.append(milliseconds)
                record.lateness.append((sent - due) * 1000)
                if end - self._seen > load.seconds_without_server:
                    record.ended = f"no server for {load.seconds_without_server:.0f} s"
                    break
        record.entries = self._client.book.entries()
        if self._connection is not None:
            self._connection.close()
        return record

    def _run_one(self, transaction: Transaction) -> bool:
        while True:
            connection = self._reconnected()
            if connection is None:
                self.record.failures[LOST] += 1
                return False
            try:
                self._execute(connection, transaction)
            except psycopg.Error as error:
                code = error.sqlstate or LOST
                if connection.closed:
                    self._connection, self._unsure = None, transaction
                elif code in RETRIED:
                    self.record.retries[code] += 1
                    continue
                self.record.failures[code] += 1
                self._note(self.record.messages, f"{transaction.kind}: {code} {in_one_line(error)}")
                return False
            except Unexpected as found:
                self._note(self.record.unexpected, str(found))
                return False
            return True

    def _execute(self, connection: Connection, transaction: Transaction) -> None:
        cursor = connection.execute(transaction.statement, transaction.parameters)
        self._seen = time.monotonic()
        if cursor.rowcount != 1:
            raise Unexpected(f"{transaction.kind} of {transaction.key} {transaction.parameters[:3]}: {cursor.rowcount} rows")
        key = None
        if transaction.kind == "insert":
            (key,) = cursor.fetchone() or (None,)
        elif transaction.kind == "read" and transaction.after is not None and transaction.after.mark is not None:
            _unused, body = cursor.fetchone() or (None, {})
            if body.get(MARK) != transaction.after.mark:
                raise Unexpected(f"read of {transaction.key}: {body.get(MARK)}, but {transaction.after.mark} was committed")
        self._client.committed(transaction, key)

    def _reconnected(self) -> Connection | None:
        if self._connection is not None:
            return self._connection
        now = time.monotonic()
        if now - self._attempted < SECONDS_BETWEEN_ATTEMPTS:
            return None
        self._attempted = now
        try:
            self._connection = self._connect()
            if self._unsure is not None:
                if not self._client.resolve(self._connection, self._unsure):
                    self._note(
                        self.record.unexpected, f"{self._unsure.kind} of {self._unsure.key}: neither before nor after, once reconnected"
                    )
                self._unsure = None
            self._seen = time.monotonic()
        except psycopg.OperationalError:
            self._connection = None
        return self._connection

    @staticmethod
    def _note(where: list[str], what: str) -> None:
        if len(where) < 100:
            where.append(what)
