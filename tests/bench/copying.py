# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving the rows: ours beside the server's own limit, beside the sprint plan's sketch, and beside pg_partman."""

from __future__ import annotations

import typing as t

from playground.postgres import available_versions

from .ground import Ground, prepared, say, timed
from .result import Options, Result, in_turns, skipped

SKETCH_ROWS = 100_000  # it takes its time
SKETCH_BATCH = 1000
PARTMAN_VERSION = 15
MONTHLY: t.Sequence[t.Mapping[str, t.Any]] = (
    {"method": "range", "column": "created_at", "interval": "month", "start": "2013-01-01", "ahead": 4, "default": True},
)


def ours(ground: Ground, workers: int) -> t.Callable[[], float]:
    """An unthrottled copy beside the mirror, from an empty new table; rows a second over the module's whole run."""

    def copy() -> float:
        ground.mirror()
        ground.ready()
        say(f"ours, {workers} workers")
        rate = timed(ground.rows, lambda: ground.modules.call("pg_backfill", workers=workers, max_duty_percent=100))
        ground.unmirror()
        return rate

    return copy


def insert_select(ground: Ground) -> t.Callable[[], float]:
    """One statement into the same partitions and indexes, with no mirror: the limit."""

    def copy() -> float:
        ground.ready()
        say("INSERT … SELECT")
        rate = timed(ground.rows, lambda: ground.connection.execute("INSERT INTO app.docs_partitioned TABLE app.docs"))
        ground.connection.execute("TRUNCATE app.docs_partitioned")
        return rate

    return copy


def sketch(ground: Ground) -> t.Callable[[], float]:
    """The sprint plan's loop: a thousand rows to the client, each written back by a statement of its own, one transaction a thousand."""
    write = "INSERT INTO app.docs_partitioned VALUES (%s, %s, %s, %s::jsonb) ON CONFLICT DO NOTHING"
    read = "SELECT id, tenant_id, created_at, body::text FROM app.docs WHERE id > %s AND id <= %s ORDER BY id LIMIT %s"

    def loop() -> None:
        last = 0
        with ground.database.connect(autocommit=True) as old, ground.database.connect(autocommit=True) as new:
            while rows := old.execute(read, [last, SKETCH_ROWS, SKETCH_BATCH]).fetchall():
                with new.transaction():
                    for row in rows:
                        new.execute(write, row, prepare=True)
                last = rows[-1][0]

    def copy() -> float:
        ground.ready()
        say(f"the plan's sketch, the first {SKETCH_ROWS:,} rows")
        rate = timed(min(SKETCH_ROWS, ground.rows), loop)
        ground.connection.execute("TRUNCATE app.docs_partitioned")
        return rate

    return copy


def copy_one_worker(options: Options) -> Result:
    with prepared(options) as ground:
        ground.expand()
        conditions = ground.conditions("rows/s", peer="INSERT … SELECT into the same partitions")
        return in_turns("copy_one_worker", ours(ground, 1), insert_select(ground), options.times, "ratio >= 0.6", conditions)


def copy_two_workers(options: Options) -> Result:
    with prepared(options) as ground:
        ground.expand()
        conditions = ground.conditions("rows/s", peer="INSERT … SELECT into the same partitions")
        return in_turns("copy_two_workers", ours(ground, 2), insert_select(ground), options.times, "ratio >= 1.0", conditions)


def copy_vs_client_sketch(options: Options) -> Result:
    with prepared(options) as ground:
        ground.expand()
        conditions = ground.conditions("rows/s", peer=f"client loop, {SKETCH_BATCH} rows a transaction, first {SKETCH_ROWS} rows")
        return in_turns("copy_vs_client_sketch", ours(ground, 1), sketch(ground), options.times, "ratio >= 10", conditions)


def partman(ground: Ground) -> t.Callable[[], float]:
    """pg_partman's partition_data_proc: one partition a commit, DELETE and INSERT. It needs a source of its own each time."""

    def move() -> float:
        run = ground.connection.execute
        run("DROP TABLE IF EXISTS app.parent, app.parent_source")
        run("CREATE TABLE app.parent_source (LIKE app.docs INCLUDING ALL)")
        run("INSERT INTO app.parent_source TABLE app.docs")
        run("CREATE TABLE app.parent (LIKE app.docs INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (created_at)")
        run("ALTER TABLE app.parent ADD PRIMARY KEY (id, created_at)")
        run("CREATE INDEX ON app.parent (tenant_id, created_at)")
        run("SELECT partman.create_parent('app.parent', 'created_at', 'native', 'monthly', p_start_partition := '2013-01-01')")
        ground.ready()
        run("SELECT count(*) FROM app.parent_source")
        say("pg_partman")
        rate = timed(
            ground.rows,
            lambda: run(
                "CALL partman.partition_data_proc('app.parent', p_wait := 0, p_source_table := 'app.parent_source', p_quiet := true)"
            ),
        )
        moved = ground.value("SELECT count(*) FROM app.parent")
        if moved != ground.rows:
            raise RuntimeError(f"pg_partman moved {moved} of {ground.rows} rows")
        run("DELETE FROM partman.part_config")
        run("DROP TABLE app.parent, app.parent_source")
        return rate

    return move


def copy_vs_partman(options: Options) -> Result:
    name, goal = "copy_vs_partman", "ratio >= 1.0"
    if PARTMAN_VERSION not in available_versions():
        return skipped(name, goal, f"PostgreSQL {PARTMAN_VERSION} is not installed (Debian: postgresql-15, postgresql-15-partman)")
    with prepared(Options(options.rows, options.times, PARTMAN_VERSION), MONTHLY) as ground:
        version = ground.value("SELECT default_version FROM pg_available_extensions WHERE name = 'pg_partman'")
        if version is None:
            return skipped(name, goal, "pg_partman is not installed (Debian: postgresql-15-partman)")
        ground.connection.execute("CREATE SCHEMA partman")
        ground.connection.execute("CREATE EXTENSION pg_partman SCHEMA partman")
        ground.expand()
        conditions = ground.conditions("rows/s", peer=f"pg_partman {version}, partition_data_proc, p_wait 0; ours with one worker")
        return in_turns(name, ours(ground, 1), partman(ground), options.times, goal, conditions)


BENCHES = (copy_one_worker, copy_two_workers, copy_vs_client_sketch, copy_vs_partman)
