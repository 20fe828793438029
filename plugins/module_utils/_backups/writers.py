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

from .._common.errors import Refusal
from .._common.postgres.driver import psycopg
from .scratch_server import ScratchServer

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection

SCHEMA = "CREATE SCHEMA governed_delivery_failover"
TABLE = "CREATE TABLE governed_delivery_failover.write (writer int, number bigint, content text NOT NULL, PRIMARY KEY (writer, number))"
INSERT = "INSERT INTO governed_delivery_failover.write (writer, number, content) VALUES (%s, %s, %s)"
READ = "SELECT writer, number, content FROM governed_delivery_failover.write WHERE (writer = %s) = %s"
LEVELS = {"asynchronous": "local", "synchronous": "remote_apply"}  # of synchronous_commit
AFTERWARDS = 0  # the writer of the first row behind the failover


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

    @property
    def total(self) -> int:
        return sum(map(len, self.acknowledged.values()))

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
    found: dict[int, dict[int, str]] = {writer: {} for writer in acknowledged}
    for writer, number, text in session.execute(READ, (AFTERWARDS, False)):
        found.setdefault(writer, {})[number] = text
    lost = [moment for writer, moments in acknowledged.items() for number, moment in enumerate(moments, 1) if number not in found[writer]]
    rows = [(writer, number, text) for writer, texts in found.items() for number, text in texts.items()]
    return Kept(
        acknowledged=sum(map(len, acknowledged.values())),
        lost=len(lost),
        lost_seconds=max(0.0, died - min(lost)) if lost else None,
        in_doubt=sum(number > len(acknowledged.get(writer, ())) for writer, number, _text in rows),
        differing=sum(text != content(writer, number) for writer, number, text in rows),
    )
