# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Writers that remember which of their commits the server acknowledged, and the count of those that are still there afterwards."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import threading
import time
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import psycopg
from .scratch_server import ScratchServer

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

SCHEMA = "CREATE SCHEMA governed_delivery_failover"
TABLE = "CREATE TABLE governed_delivery_failover.write (writer int, number bigint, content text NOT NULL, PRIMARY KEY (writer, number))"
INSERT = "INSERT INTO governed_delivery_failover.write (writer, number, content) VALUES (%s, %s, %s)"
READ = "SELECT writer, number, content FROM governed_delivery_failover.write WHERE writer = %s AND number = %s"
MISSING = """
    SELECT count(*), min(wanted) FROM generate_series(1::bigint, %(last)s::bigint) AS wanted
    WHERE NOT EXISTS (SELECT FROM governed_delivery_failover.write WHERE writer = %(writer)s AND number = wanted)
"""
UNANSWERED = "SELECT count(*) FROM governed_delivery_failover.write WHERE writer = %(writer)s AND number > %(last)s"
DIFFERING = """
    SELECT count(*) FROM governed_delivery_failover.write WHERE content <> encode(sha256(convert_to(format('%%s %%s', writer, number), 'UTF8')), 'hex')
"""
LEVELS = {"asynchronous": "local", "synchronous": "remote_apply"}  # of synchronous_commit
AFTERWARDS = (0, 1)  # key of the first row behind the failover; writers count from 1


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is left of the acknowledged writes.

    ``lost_seconds`` is how long before ``died`` the oldest lost write had been acknowledged, None when none was lost. ``in_doubt`` rows are there
    though their commit was never acknowledged; ``differing`` rows have another content than was written.
    """

    acknowledged: int
    lost: int
    lost_seconds: float | None
    in_doubt: int
    differing: int


def prepare(server: ScratchServer) -> None:
    """Make the table that is written to."""
    with server.connect() as session:
        session.execute(SCHEMA)
        session.execute(TABLE)


def content(writer: int, number: int) -> str:
    """What that row holds: 64 hexadecimal digits that follow from its key."""
    return hashlib.sha256(f"{writer} {number}".encode()).hexdigest()


class Writers:
    """Sessions that insert one row a transaction, as fast as the server answers, until they are told to stop or it dies.

    Row ``number`` of a writer is written after row ``number - 1`` was acknowledged; ``acknowledged[writer]`` holds the moments, of the monotonic clock.
    """

    def __init__(self, server: ScratchServer, count: int, replication: str) -> None:
        self.acknowledged: dict[int, list[float]] = {writer: [] for writer in range(1, count + 1)}
        self._server = server
        self._level = LEVELS[replication]
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(writer,), daemon=True) for writer in self.acknowledged]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Let each end the write it is at. The one that waits for a standby that is gone ends with its server."""
        self._enough.set()
        for thread in self._threads:
            thread.join(timeout)

    def _write(self, writer: int) -> None:
        moments = self.acknowledged[writer]
        # What a dying server says is not looked at: a write without an answer is in doubt, whatever ended it.
        with contextlib.suppress(psycopg.Error, Refusal), self._server.connect() as session:
            session.execute("SELECT set_config('synchronous_commit', %s, false)", (self._level,))
            while not self._enough.is_set():
                number = len(moments) + 1
                session.execute(INSERT, (writer, number, content(writer, number)))
                moments.append(time.monotonic())


def kept(session: Connection, acknowledged: t.Mapping[int, t.Sequence[float]], died: float) -> Kept:
    """Compare what is there with what was acknowledged.

    :param died: moment of the old server's death, on the same clock.
    """
    lost, in_doubt, oldest = 0, 0, died
    for writer, moments in acknowledged.items():
        told = {"writer": writer, "last": len(moments)}
        missing, first = _row(session, MISSING, told)
        lost += missing
        oldest = min(oldest, moments[first - 1]) if missing else oldest
        in_doubt += _row(session, UNANSWERED, told)[0]
    return Kept(
        acknowledged=sum(map(len, acknowledged.values())),
        lost=lost,
        lost_seconds=died - oldest if lost else None,
        in_doubt=in_doubt,
        differing=_row(session, DIFFERING, {})[0],
    )


def _row(session: Connection, query: t.LiteralString, told: t.Mapping[str, int]) -> tuple[t.Any, ...]:
    return session.execute(query, told).fetchone() or (0, None)
