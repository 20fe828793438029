# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few points of each kind, in small, and what a kill may cost. ``make faults`` makes many points."""

from __future__ import annotations

import time
import typing as t

import pytest

from playground.postgres import Postgres
from tests.faults.__main__ import main
from tests.faults.phases import Phase, Progress
from tests.support import documents
from tests.support.modules import Modules
from tests.support.servers import server

ROWS, KILLS, WORKERS = 20_000, 5, 2
LARGEST_BATCH = 1000  # rows; batches of 2 ms are smaller


@pytest.mark.parametrize(
    ("name", "points"), [("module", 6), ("backend", 6), ("server", 6), ("ledger", 12), ("promotion", 4), ("restore", 6)]
)
def test_a_few_points(name: str, points: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--points", str(points), "--seed", "4", "--rows", "600"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{points} points, 0 lost, 0 doubled"


@pytest.fixture
def database() -> t.Iterator[Postgres]:
    with server("kill-cost") as started:
        yield started


def test_a_kill_costs_no_more_than_the_batches_in_flight(database: Postgres) -> None:
    modules = Modules(database.module_parameters(), documents.SCHEMA, documents.TABLE)
    with database.connect(autocommit=True) as connection:
        documents.create(connection, ROWS)
        modules.call("pg_partition", partition_by=documents.LAYOUTS["hash"], minimum_rows=1)
        modules.call("pg_mirror", range_rows=20, baseline_seconds=0)
        progress = Progress.read(connection)
        for _time in range(KILLS):
            process = modules.start("pg_backfill", workers=WORKERS, copy_seconds=0.5, hold_seconds=0.5)
            begun = progress.copied
            while progress.copied == begun:
                assert process.poll() is None
                time.sleep(0.01)
                later = Progress.read(connection)
                later.follows(progress, Phase("backfill", "pg_backfill", "copied", KILLS))
                progress = later
            process.kill()
            assert modules.answer("pg_backfill", process) is None
        assert progress.done < progress.planned, "nothing was left to go on with"
        modules.call("pg_backfill", max_duty_percent=100)
        finished = Progress.read(connection)
        assert (finished.state, finished.done, finished.copied) == ("copied", finished.planned, ROWS)
        assert documents.compare(connection, live=False).none
        connection.execute("SELECT pg_stat_force_next_flush()")
        inserted = connection.execute(
            "SELECT sum(n_tup_ins)::bigint FROM pg_stat_user_tables WHERE relid IN (SELECT relid FROM pg_partition_tree('app.docs_partitioned'))"
        ).fetchone()
    assert inserted is not None
    assert ROWS <= inserted[0] <= ROWS + KILLS * WORKERS * LARGEST_BATCH
