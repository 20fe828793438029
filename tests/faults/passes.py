# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pass: one shift there and back under four writers, cut off at random moments of every phase, and compared at the end."""

from __future__ import annotations

import collections
import dataclasses
import random
import subprocess
import time
import typing as t

import psycopg

from playground.concurrent import Writers
from playground.postgres import Postgres
from tests.support import documents
from tests.support.modules import ModuleFailed, Modules

from .kills import KILLS, connected, seen
from .phases import REMOVAL, THERE_AND_BACK, Broken, Phase, Progress

WRITERS = 4
HOT_ROWS = 500
SECONDS_TO_ANSWER = 120
# What a module may say when its server goes away under it, or comes back only now.
LOST = ("server_lost", "no_connection")


@dataclasses.dataclass
class Tally:
    """Points so far, by phase; rows and writes lost and doubled; kills that came too late count as none."""

    points: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    kills: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    lost: int = 0
    doubled: int = 0
    transactions: int = 0


class Passes:
    """Passes over one table until enough points are made.

    :param name: what is killed, of ``KILLS``.
    """

    def __init__(self, server: Postgres, name: str, points: int, seed: int, rows: int) -> None:
        self.server = server
        self.kill = KILLS[name]
        self.name = name
        self.wanted = points
        self.chance = random.Random(f"{seed}/{name}")
        self.modules = Modules(server.module_parameters(), documents.SCHEMA, documents.TABLE)
        self.tally = Tally()
        self.seconds: dict[str, float] = {}  # that a phase takes when nobody disturbs it
        self.seed = seed
        self.number = 0
        with connected(server) as connection:
            documents.create(connection, rows)

    def run(self, say: t.Callable[[str], None]) -> Tally:
        """All passes; the first one undisturbed, to learn how long each phase takes.

        :raises Broken: when a pass cannot finish, or a phase starts over.
        """
        self._pass(say)
        while sum(self.tally.points.values()) < self.wanted:
            self._pass(say)
        return self.tally

    def _pass(self, say: t.Callable[[str], None]) -> None:
        started = time.monotonic()
        before = self.tally.points.copy()
        self._under_fire(THERE_AND_BACK)
        with connected(self.server) as connection:
            rows = documents.compare(connection, live=False)
        self.tally.lost += rows.lost
        self.tally.doubled += rows.extra
        self._under_fire(REMOVAL)
        made = self.tally.points - before
        cut = ", ".join(f"{phase} {count}" for phase, count in made.items())
        say(
            f"{self.name}, pass {self.number}: {cut or 'undisturbed'}; {self.tally.transactions} transactions,"
            f" {self.tally.lost} lost, {self.tally.doubled} doubled; {time.monotonic() - started:.1f} s"
        )
        self.number += 1

    def _under_fire(self, phases: t.Sequence[Phase]) -> None:
        """Go through phases beside writers, and compare the table with the writers' book."""
        writers = Writers(
            self.server.dsn, documents.SCHEMA, documents.TABLE, WRITERS, self.chance.randrange(1 << 30), isolation="mixed", hot=HOT_ROWS
        )
        with writers:
            for phase in phases:
                self._phase(phase)
            counts = writers.stop()
        if counts.failures:
            raise Broken(f"a writer's statement failed: {counts.failures[0]}")
        self.tally.transactions += counts.transactions
        with connected(self.server) as connection:
            book = writers.differences(connection)
        for kind in ("rows", "writes"):
            self.tally.lost += max(0, -book[kind])
            self.tally.doubled += max(0, book[kind])
        self.tally.doubled += book["doubled"]

    def _phase(self, phase: Phase) -> None:
        """Cut the phase off as often as it says, each time at a random moment of what is left, then let it finish."""
        earlier = seen(self.server, Progress.read)
        for left in range(phase.kills if self.number else 0, 0, -1):
            if sum(self.tally.points.values()) >= self.wanted:
                break
            usual = self.seconds.get(phase.name, 1.0)
            share = self.chance.random()
            # Half of the points fall on the module's whole way, the others early enough that some of it is left for the next.
            moment = share * usual / (1 if left == 1 else left)
            earlier, through = self._cut_off(phase, moment, earlier)
            if through:
                return
        started = self._started(phase)
        begun = time.monotonic()
        self._finished(phase, started)
        if not self.number:
            self.seconds[phase.name] = time.monotonic() - begun
        progress = seen(self.server, Progress.read)
        progress.follows(earlier, phase)
        if progress.state != phase.leads_to:
            raise Broken(f"{phase.name} ended well, but the shift is {progress.state} and not {phase.leads_to}")

    def _cut_off(self, phase: Phase, moment: float, earlier: Progress) -> tuple[Progress, bool]:
        """Kill at that moment (seconds after the module's first session); the progress then, and whether it was through before."""
        process = self._started(phase)
        time.sleep(moment)
        progress = seen(self.server, Progress.read)
        progress.follows(earlier, phase)
        if process.poll() is None:
            what = self.kill(self.server, process, self.chance)
            if what:
                self.tally.points[phase.name] += 1
                self.tally.kills[what] += 1
        try:
            answer = self.modules.answer(phase.module, process, SECONDS_TO_ANSWER)
        except ModuleFailed as failed:
            if not set(failed.codes) <= set(LOST) or not failed.codes:
                raise Broken(f"{phase.name}: {failed}") from failed
            answer = None
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            raise Broken(f"{phase.name}: {error}") from error
        after = seen(self.server, Progress.read)
        after.follows(progress, phase)
        return after, answer is not None

    def _started(self, phase: Phase) -> subprocess.Popen[str]:
        """The module's process, once it has a session."""
        with connected(self.server) as connection:
            query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'governed.delivery%%' AND backend_start > %s)"
            now = connection.execute("SELECT clock_timestamp()").fetchone()
            process = self.modules.start(phase.module, **phase.options)
            while process.poll() is None:
                found = connection.execute(query, now).fetchone()
                if found and found[0]:
                    break
                time.sleep(0.005)
        return process

    def _finished(self, phase: Phase, process: subprocess.Popen[str]) -> None:
        try:
            self.modules.answer(phase.module, process, SECONDS_TO_ANSWER)
        except (ModuleFailed, RuntimeError, subprocess.TimeoutExpired, psycopg.Error) as error:
            raise Broken(f"{phase.name} cannot finish: {error}") from error
