# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash safety: kill at random moments of every phase, run again until done, compare.

``python -m tests.faults [NAME] --points N --seed S`` with NAME of module, backend, server, ledger, promotion, restore, or all of them when it is left
out. The last line is ``n points, n lost, n doubled``; the exit code is 1 when anything was lost or doubled, or when a pass could not be finished.
"""

from __future__ import annotations

import argparse
import collections
import signal
import sys
import typing as t

from playground.postgres import available_versions
from tests.support.servers import server

from . import ledger, promotion, restore
from .kills import KILLS
from .passes import Passes, Tally
from .phases import Broken

POINTS = 102
ROWS = 4000
OTHERS: dict[str, t.Callable[[int, int, t.Callable[[str], None], Tally], None]] = {
    "ledger": ledger.run,
    "promotion": promotion.run,
    "restore": restore.run,
}
NAMES = (*KILLS, *OTHERS)


def say(text: str) -> None:
    print(text, flush=True)


def run(names: t.Sequence[str], points: int, seed: int, version: int, rows: int) -> int:
    """Share the points between the names; the exit code."""
    total = Tally()
    broken: list[str] = []
    for number, name in enumerate(names):
        share = points // len(names) + (number < points % len(names))
        if not share:
            continue
        tally, problem = _other(name, share, seed) if name in OTHERS else _shift(name, share, seed, version, rows)
        if problem:
            broken.append(f"{name}, seed {seed}, {problem}")
            say(f"BROKEN {broken[-1]}")
        total = Tally(
            total.points + tally.points,
            total.kills + tally.kills,
            total.lost + tally.lost,
            total.doubled + tally.doubled,
            total.transactions + tally.transactions,
        )
    say("by phase: " + _listed(total.points))
    say("by kind: " + _listed(total.kills))
    say(f"{sum(total.points.values())} points, {total.lost} lost, {total.doubled} doubled")
    return 1 if total.lost or total.doubled or broken else 0


def _shift(name: str, points: int, seed: int, version: int, rows: int) -> tuple[Tally, str]:
    """Kills of a shift on a server of its own; what was broken, if anything."""
    with server(f"faults-{name}", version) as database:
        passes = Passes(database, name, points, seed, rows)
        try:
            return passes.run(say), ""
        except Broken as error:
            return passes.tally, f"pass {passes.number}: {error}"


def _other(name: str, points: int, seed: int) -> tuple[Tally, str]:
    """Kills of what needs no database; what was broken, if anything."""
    tally = Tally()
    try:
        OTHERS[name](points, seed, say, tally)
    except Broken as error:
        return tally, str(error)
    return tally, ""


def _listed(counter: collections.Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and loads are cleared away
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kill it at random moments, run it again, compare.")
    parser.add_argument("name", nargs="?", choices=NAMES, help="what to kill (all in turn)")
    parser.add_argument("--only", choices=NAMES, help="the same")
    parser.add_argument("--points", type=int, default=POINTS, help="number of kills (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="start of the random numbers (%(default)s)")
    parser.add_argument("--version", type=int, choices=available_versions(), default=16, help="of PostgreSQL (%(default)s)")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the table (%(default)s)")
    options = parser.parse_args(arguments)
    chosen = options.only or options.name
    return run([chosen] if chosen else NAMES, options.points, options.seed, options.version, options.rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
