# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole shifts there and back while four writers do all they can to the same rows; each round draws its own layout, sizes and paces.

``python -m tests.integration.rounds --rounds 50 --seed 7`` prints a line a round and ends with the number of rounds and of differences.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import signal
import sys
import time
import typing as t

from playground.concurrent import Counts, Writers
from playground.postgres import Postgres, available_versions
from tests.support import documents
from tests.support.modules import Modules
from tests.support.servers import server

Isolation = t.Literal["read_committed", "repeatable_read", "mixed"]

ISOLATIONS: tuple[Isolation, ...] = ("read_committed", "repeatable_read", "mixed")
WRITERS = 4
SWAPS = 3  # there and back


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a round draws."""

    isolation: Isolation
    layout: str
    identity: bool
    rows: int
    hot: int
    range_rows: int
    duty_percent: int
    ranges_each: int
    seed: int

    @classmethod
    def draw(cls, seed: int, number: int) -> Plan:
        chance = random.Random(f"{seed}/{number}")
        rows = chance.choice([300, 1000, 3000])
        return cls(
            isolation=ISOLATIONS[number % len(ISOLATIONS)],
            layout=chance.choice(sorted(documents.LAYOUTS)),
            identity=chance.random() < 0.5,
            rows=rows,
            hot=chance.choice([100, 300, rows]),
            range_rows=chance.choice([3, 20, 100]),
            duty_percent=chance.choice([40, 100, 100]),
            ranges_each=chance.choice([5, 20, 100]),
            seed=chance.randrange(1 << 30),
        )


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a round. ``differences`` says where which two things differed; an empty list is a good round."""

    plan: Plan
    differences: list[str]
    counts: Counts
    seconds: float


def play(database: Postgres, plan: Plan) -> Result:
    """One round: a new table, a shift under fire, and comparisons by the module and by EXCEPT ALL at every stage."""
    started = time.monotonic()
    found: list[str] = []
    modules = Modules(database.module_parameters(), documents.SCHEMA, documents.TABLE)
    with database.connect(autocommit=True) as connection:
        documents.create(connection, plan.rows, identity=plan.identity)
        writers = Writers(database.dsn, documents.SCHEMA, documents.TABLE, WRITERS, plan.seed, plan.isolation, hot=plan.hot)

        def compare(stage: str, *, live: bool) -> None:
            answer = modules.call("pg_reconcile", again=True, workers=2, ranges_each=plan.ranges_each)
            if answer["mismatches"]:
                found.append(f"{stage}: pg_reconcile {answer['mismatches']} ({answer['differences'][:3]})")
            rows = documents.compare(connection, live=live)
            if not rows.none:
                found.append(f"{stage}: EXCEPT ALL {rows.lost} lost, {rows.extra} extra")

        with writers:
            modules.call("pg_partition", partition_by=documents.LAYOUTS[plan.layout], minimum_rows=1)
            modules.call("pg_mirror", range_rows=plan.range_rows, baseline_seconds=0)
            # The writers' latencies are all noise: let them not slow the copy down.
            modules.call(
                "pg_backfill", workers=2, max_duty_percent=plan.duty_percent, copy_seconds=0.5, hold_seconds=0.5, p95_floor_ms=10000
            )
            compare("copied", live=False)
            for swap in range(1, SWAPS + 1) if not found else ():  # a table that differs is refused
                modules.call("pg_cutover", slower_reads="allow")
                compare(f"live {swap}", live=True)
                modules.call("pg_cutover", state="rolled_back")
                compare(f"rolled back {swap}", live=False)
            counts = writers.stop()
        found += [f"{kind} that the writers miss: {number}" for kind, number in writers.differences(connection).items() if number]
        compare("at rest", live=False)
        found += [f"a statement failed: {failure}" for failure in counts.failures[:3]]
    return Result(plan, found, counts, time.monotonic() - started)


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is cleared away
    parser = argparse.ArgumentParser(
        prog="python -m tests.integration.rounds", description="Shifts there and back under concurrent writers."
    )
    parser.add_argument("--rounds", type=int, default=50, help="number of rounds (50)")
    parser.add_argument("--seed", type=int, default=1, help="start of the random numbers (1)")
    parser.add_argument("--version", type=int, choices=available_versions(), default=16, help="of PostgreSQL (16)")
    options = parser.parse_args(arguments)
    differing = 0
    with server("rounds", options.version) as database:
        for number in range(options.rounds):
            result = play(database, Plan.draw(options.seed, number))
            differing += bool(result.differences)
            counts = result.counts
            drawn = " ".join(f"{name} {value}" for name, value in dataclasses.asdict(result.plan).items() if name != "seed")
            print(
                f"{number + 1:>3}: {drawn}; {counts.transactions} transactions, {sum(counts.retries.values())} retries,"
                f" longest {counts.longest_ms:.0f} ms; {result.seconds:.1f} s; {'; '.join(result.differences) or '0 differences'}",
                flush=True,
            )
    print(f"{options.rounds} rounds, {differing} with differences")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
