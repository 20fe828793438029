# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing the tables: ours beside a client that pulls both and hashes there."""

from __future__ import annotations

import typing as t

from .ground import Ground, prepared, say, timed
from .result import Options, Result, in_turns


def ours(ground: Ground, workers: int) -> t.Callable[[], float]:
    def compare() -> None:
        answer = ground.modules.call("pg_reconcile", workers=workers, again=True)
        if answer["mismatches"] or answer["rows_compared"] != ground.rows:
            raise RuntimeError(f"{answer['mismatches']} mismatches over {answer['rows_compared']} rows")

    def run() -> float:
        ready(ground)
        say(f"ours, {workers} workers")
        return timed(ground.rows, compare)

    return run


def pulled(ground: Ground) -> t.Callable[[], float]:
    """Both tables to this process by COPY, one after the other, and a sum of hashes that no order changes."""

    def table(name: str) -> int:
        total = 0
        with ground.connection.cursor().copy(f"COPY (TABLE {name}) TO STDOUT") as copy:
            for line in copy:
                total += hash(bytes(line))
        return total

    def compare() -> None:
        if table("app.docs") != table("app.docs_partitioned"):
            raise RuntimeError("the client finds a difference")

    def run() -> float:
        ready(ground)
        say("both to the client by COPY")
        return timed(ground.rows, compare)

    return run


def ready(ground: Ground) -> None:
    """Both tables in memory."""
    ground.connection.execute("SELECT sum(pg_column_size(body)) FROM app.docs_partitioned")
    ground.ready()


def reconcile(options: Options) -> Result:
    with prepared(options) as ground:
        ground.expand()
        ground.mirror()
        ground.modules.call("pg_backfill", workers=2, max_duty_percent=100)
        ground.connection.execute("VACUUM (ANALYZE) app.docs_partitioned")
        conditions = ground.conditions("rows/s of each table, both compared", peer="COPY of both to one client, hashed there", workers=2)
        return in_turns("reconcile", ours(ground, 2), pulled(ground), options.times, "ratio >= 2.5", conditions)


BENCHES = (reconcile,)
