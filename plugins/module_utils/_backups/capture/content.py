# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What databases hold, captured: the same way on the source for the manifest, and on the restored copy to compare with it.

One session in each database holds a snapshot and a lock against TRUNCATE and rewrites; ``jobs`` others import the snapshot and add up pieces of
tables, the largest first. A table that cannot be read is said so, and the others are still read.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import queue
import threading
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import psycopg, sql
from . import checksum, inventory
from .checksum import NOTHING, Sum
from .fingerprint import fingerprint
from .inventory import Inventory, Table
from .session import Connect, only_row, pin, reading

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

    from ..._common.postgres.connect import Connection
    from .sampling import Sample

PIECE_BLOCKS = 32_768  # 256 MB: what one session adds up at a time

# Of a database's tables by name, which are only sampled, and how.
Sampling: t.TypeAlias = "t.Callable[[str, t.Mapping[str, Table]], t.Mapping[str, Sample]]"


@dataclasses.dataclass(frozen=True)
class _Piece:
    table: Table
    query: Composed
    blocks: int


def capture(
    connect: Connect,
    databases: t.Sequence[str],
    *,
    snapshots: t.Mapping[str, str] | None = None,
    jobs: int = 2,
    sample: Sampling | None = None,
    tick: t.Callable[[int], None] | None = None,
    strong: bool = False,
) -> dict[str, t.Any]:
    """The databases by name, as a manifest has them: properties, ``schema``, ``tables``, ``materialized_views``, ``sequences``, ``large_objects``
    and ``excluded``.

    A table is ``{rows, lanes, bytes, columns}`` and, if it was sampled, ``sample``; lanes are decimal text. One that could not be read is ``{error, bytes,
    columns}``.

    :param connect: opens a session in a database, as a role that may read everything.
    :param snapshots: exported snapshots by database; without, one is taken here.
    :param jobs: sessions that read at the same time.
    :param tick: told the heaps' bytes that are read of a database, from several threads, never two at once.
    :param strong: SHA-256 instead of PostgreSQL's hash, twice as slow.
    :raises Refusal: no connection, or a table was truncated or rewritten since the snapshot.
    """
    return {
        database: _database(connect, database, (snapshots or {}).get(database), max(1, jobs), sample, tick, strong)
        for database in databases
    }


def sequences(connect: Connect, databases: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
    """Where the sequences stand, by database. They know no snapshot: what is read before the anchor was taken bounds them from below."""
    found = {}
    for database in databases:
        with contextlib.closing(connect(database)) as connection:
            found[database] = inventory.sequences(connection)
    return found


def _database(
    connect: Connect,
    database: str,
    snapshot: str | None,
    jobs: int,
    sample: Sampling | None,
    tick: t.Callable[[int], None] | None,
    strong: bool,
) -> dict[str, t.Any]:
    with contextlib.closing(connect(database)) as holder:
        pin(holder)
        with reading(holder, snapshot):
            seen = _held(holder, database)
            shared = snapshot or str(only_row(holder, "SELECT pg_export_snapshot()")[0])
            samples = sample(database, seen.tables) if sample else {}
            found = {**inventory.properties(holder), "schema": fingerprint(holder), "sequences": inventory.sequences(holder)}
            found["large_objects"], unread = inventory.large_objects(holder, strong=strong)
            read = _read(connect, database, shared, _pieces(seen, samples, strong), jobs, tick)
            entries = {name: _entry(table, read[name], samples.get(name)) for name, table in seen.tables.items()}
    found["tables"] = {name: entry for name, entry in entries.items() if not seen.tables[name].materialized}
    found["materialized_views"] = {name: entry for name, entry in entries.items() if seen.tables[name].materialized}
    found["excluded"] = {**seen.excluded, **({"pg_catalog.pg_largeobject": unread} if unread else {})}
    return found


def _held(holder: Connection, database: str) -> Inventory:
    """All tables, locked; what happened to them between the snapshot and the lock is looked for behind it."""
    inventory.hold(holder, inventory.tables(holder))
    seen = inventory.tables(holder)
    if seen.rewritten:
        raise Refusal(
            f"{database}: {', '.join(seen.rewritten[:5])}",
            expected="nobody to truncate or rewrite a table while the snapshot is taken",
            found="storage that is newer than the snapshot, which the snapshot cannot read",
            remedy="Run it again.",
            code="rewritten",
        )
    return seen


def _pieces(seen: Inventory, samples: t.Mapping[str, Sample], strong: bool) -> list[_Piece]:
    """The statements that add up all tables, the largest table first."""
    made: list[_Piece] = []
    for table in sorted(seen.tables.values(), key=lambda one: (-one.bytes, one.name)):
        text = checksum.row_text(table.columns)
        sample = samples.get(table.name)
        if sample is None:
            made += _whole(table, text, strong)
        elif sample.method == "keys":
            picked = checksum.of_keys(table.key, text, sample.percent, sample.seed)
            made.append(_Piece(table, checksum.sums(checksum.whole(table.identifier), picked, strong=strong), table.blocks))
        else:
            blocks = checksum.of_blocks(table.identifier, sample.percent, sample.seed)
            count = sql.SQL("SELECT count(*), 0, '0', '0' FROM {}").format(checksum.whole(table.identifier))
            summed = sql.SQL("SELECT 0, s.* FROM ({}) AS s").format(_without_rows(checksum.sums(blocks, text, strong=strong)))
            made += [_Piece(table, count, table.blocks), _Piece(table, summed, 0)]
    return made


def _without_rows(sums: Composed) -> Composed:
    return sql.SQL("SELECT summed, first, second FROM ({}) AS x (rows, summed, first, second)").format(sums)


def _whole(table: Table, text: Composed, strong: bool) -> list[_Piece]:
    if not table.heap or table.blocks <= PIECE_BLOCKS:
        return [_Piece(table, checksum.sums(checksum.whole(table.identifier), text, strong=strong), table.blocks)]
    starts = range(0, table.blocks, PIECE_BLOCKS)
    ends: list[int | None] = [*starts[1:], None]  # the last is open: the table may have grown
    return [
        _Piece(table, checksum.sums(checksum.between_blocks(table.identifier, first, end), text, strong=strong), PIECE_BLOCKS)
        for first, end in zip(starts, ends, strict=True)
    ]


class _Reading:
    """Pieces that several threads work off, and what they found."""

    def __init__(self, database: str, pieces: t.Sequence[_Piece], tick: t.Callable[[int], None] | None) -> None:
        self.database = database
        self.tick = tick
        self.waiting: queue.SimpleQueue[_Piece] = queue.SimpleQueue()
        for piece in pieces:
            self.waiting.put(piece)
        self.found: dict[str, Sum | str] = dict.fromkeys((piece.table.name for piece in pieces), NOTHING)
        self.blocks = 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    def took(self, piece: _Piece, answer: Sum | str) -> None:
        name = piece.table.name
        with self.lock:
            before = self.found[name]
            if isinstance(answer, str) or isinstance(before, str):
                self.found[name] = before if isinstance(before, str) else answer
            else:
                self.found[name] = before + answer
            self.blocks += piece.blocks
            if self.tick is not None:
                self.tick(self.blocks * inventory.BLOCK)


def _read(
    connect: Connect,
    database: str,
    snapshot: str,
    pieces: t.Sequence[_Piece],
    jobs: int,
    tick: t.Callable[[int], None] | None,
) -> dict[str, Sum | str]:
    """Rows and lanes of each table, or why it could not be read."""
    if not pieces:
        return {}
    state = _Reading(database, pieces, tick)
    with concurrent.futures.ThreadPoolExecutor(min(jobs, len(pieces))) as pool:
        workers = [pool.submit(_work, connect, state, snapshot) for _number in range(min(jobs, len(pieces)))]
        try:
            for worker in concurrent.futures.as_completed(workers):
                worker.result()
        finally:
            state.stopped.set()
    return state.found


def _work(connect: Connect, state: _Reading, snapshot: str) -> None:
    """One session's share. A session that the server ended (a damaged page may crash it) is opened again for the next piece."""
    with contextlib.ExitStack() as opened:
        connection: Connection | None = None
        while not state.stopped.is_set():
            try:
                piece = state.waiting.get_nowait()
            except queue.Empty:
                return
            if connection is None or connection.closed:
                connection = opened.enter_context(contextlib.closing(connect(state.database)))
                pin(connection)
            try:
                with reading(connection, snapshot):
                    rows, summed, first, second = only_row(connection, piece.query)
                state.took(piece, Sum(rows, summed, (int(first), int(second))))
            except psycopg.Error as problem:
                state.took(piece, f"{problem.sqlstate or 'connection lost'}: {problem.diag.message_primary or type(problem).__name__}")


def _entry(table: Table, found: Sum | str, sample: Sample | None) -> dict[str, t.Any]:
    about = {"bytes": table.bytes, "columns": table.columns_sha256}
    if isinstance(found, str):
        return {"error": found, **about}
    entry = {"rows": found.rows, "lanes": [str(found.lanes[0]), str(found.lanes[1])], **about}
    if sample is not None:
        entry["sample"] = {"method": sample.method, "percent": sample.percent, "seed": sample.seed, "rows": found.summed}
    return entry
