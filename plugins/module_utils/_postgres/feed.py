# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the foreground feels: the latency of finished transactions, COMMIT included.

Either the application tells (a feed file, see docs/architecture.md), or a probe of our own stands in for it.
"""

from __future__ import annotations

import dataclasses
import pathlib
import random
import threading
import time
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import psycopg, sql
from .names import columns, state

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .ranges import KeySpace
    from .state import Job

PROBES_A_SECOND = 60


@dataclasses.dataclass(frozen=True)
class Sample:
    """One finished transaction: when it ended (epoch seconds), how long it took, whether it succeeded."""

    at: float
    milliseconds: float
    succeeded: bool


class Feed(t.Protocol):
    """Where samples come from."""

    def take(self) -> list[Sample]:
        """The samples since the last call."""

    def close(self) -> None:
        """Let go of whatever it holds."""


class FileFeed:
    """Follows the file that the application's load appends to."""

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path)
        try:
            self._offset = self._path.stat().st_size
        except OSError as error:
            raise Refusal(
                path,
                expected="the application's latency feed",
                found=str(error.strerror),
                remedy="Start what writes it, or leave feed_file out: a probe stands in.",
                code="no_feed",
            ) from error

    def take(self) -> list[Sample]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            read = file.read()
        whole = read[: read.rfind(b"\n") + 1]  # a last line that is still being written comes next time
        self._offset += len(whole)
        return [sample for line in whole.decode(errors="replace").splitlines() if (sample := parse(line)) is not None]

    def close(self) -> None:
        """Nothing is held between two looks."""


def parse(line: str) -> Sample | None:
    """A line ``<epoch seconds>,<milliseconds>,<kind>,<ok 1|0>``; None for one that is not."""
    parts = line.split(",")
    try:
        return Sample(float(parts[0]), float(parts[1]), parts[3].strip() == "1")
    except (IndexError, ValueError):
        return None


class ProbeFeed:
    """A point read of the live table and a one-row commit, some sixty times a second, on a connection of its own."""

    def __init__(self, connection: Connection, job: Job, space: KeySpace) -> None:
        self._connection = connection
        self._samples: list[Sample] = []
        self._lost: psycopg.Error | None = None
        self._stop = threading.Event()
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in space.names)
        sample = sql.SQL("SELECT {} FROM {} LIMIT 100").format(texts, job.live.identifier)
        self._keys = [list(row) for row in connection.execute(sample).fetchall()]
        self._read = sql.SQL("SELECT FROM {} WHERE ({}) = {}").format(job.live.identifier, columns(space.names), space.values())
        self._write = sql.SQL("INSERT INTO {} VALUES (1, clock_timestamp()) ON CONFLICT (id) DO UPDATE SET at = excluded.at").format(
            state("probe")
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            started = time.monotonic()
            succeeded = True
            try:
                if self._keys:
                    self._connection.execute(self._read, random.choice(self._keys))
                self._connection.execute(self._write)
            except psycopg.Error as error:
                succeeded = False
                if self._connection.closed:
                    self._lost = error
                    return
            self._samples.append(Sample(time.time(), (time.monotonic() - started) * 1000, succeeded))
            due = max(due + 1 / PROBES_A_SECOND, time.monotonic())
            self._stop.wait(max(0.0, due - time.monotonic()))

    def take(self) -> list[Sample]:
        if self._lost is not None:
            raise self._lost  # without samples the throttle would only go slower and slower
        taken, self._samples = self._samples, []
        return taken

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()


@dataclasses.dataclass(frozen=True)
class Slot:
    """A stretch of time under one condition, and what the foreground felt in it."""

    kind: str  # before (no mirror), hold (mirror on, nothing else), copy, verify, swap
    started: float
    ended: float
    milliseconds: list[float]
    failed: int
    rows: int = 0


def slot_of(samples: t.Iterable[Sample], kind: str, started: float, ended: float, rows: int = 0) -> Slot:
    """The slot of the samples that ended within it."""
    inside = [sample for sample in samples if started <= sample.at < ended]
    return Slot(
        kind,
        started,
        ended,
        [sample.milliseconds for sample in inside if sample.succeeded],
        sum(not sample.succeeded for sample in inside),
        rows,
    )


def observe(feed: Feed, seconds: float, kind: str) -> Slot:
    """Watch for a while and do nothing else."""
    feed.take()
    started = time.time()
    time.sleep(seconds)
    ended = time.time()
    time.sleep(0.3)  # the feed is flushed a few times a second
    return slot_of(feed.take(), kind, started, ended)


def save(connection: Connection, job: Job, phase: str, slots: t.Iterable[Slot]) -> None:
    """Keep slots for the verdict and the report."""
    query = sql.SQL(
        "INSERT INTO {} (job, phase, kind, started_at, ended_at, milliseconds, failed, rows)"
        " VALUES (%s, %s, %s, to_timestamp(%s), to_timestamp(%s), %s::real[], %s, %s)"
    ).format(state("slot"))
    for slot in slots:
        connection.execute(query, (job.id, phase, slot.kind, slot.started, slot.ended, slot.milliseconds, slot.failed, slot.rows))


def saved(connection: Connection, job: Job) -> list[tuple[str, Slot]]:
    """All slots of the job in order, each behind its phase."""
    query = sql.SQL(
        "SELECT phase, kind, extract(epoch FROM started_at)::float8, extract(epoch FROM ended_at)::float8, milliseconds, failed, rows"
        " FROM {} WHERE job = %s ORDER BY started_at"
    ).format(state("slot"))
    return [(row[0], Slot(*row[1:])) for row in connection.execute(query, (job.id,)).fetchall()]
