# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground that everything is measured on: a server, the flights, and a shift that can be brought to where a measurement begins."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
import typing as t

from psycopg import sql

from playground import flights
from playground.postgres import Postgres
from tests.support.documents import Connection
from tests.support.modules import Modules
from tests.support.servers import server

from .result import Options

SETTINGS = {
    "shared_buffers": "2GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",  # a checkpoint comes before each run and never within
    "autovacuum": "off",  # likewise for everybody
    "max_locks_per_transaction": "512",
}
LAYOUT: t.Sequence[t.Mapping[str, t.Any]] = ({"method": "hash", "column": "tenant_id", "modulus": 8},)  # as the demo's


@dataclasses.dataclass
class Ground:
    """``app.docs`` with the flights, and the modules on it."""

    database: Postgres
    connection: Connection
    modules: Modules
    rows: int
    layout: t.Sequence[t.Mapping[str, t.Any]] = LAYOUT

    def conditions(self, unit: str, **more: t.Any) -> dict[str, t.Any]:
        """What a number depends on."""
        size = self.value("SELECT pg_size_pretty(pg_total_relation_size('app.docs'))")
        return {
            "unit": unit,
            "rows": self.rows,
            "table": f"flights, {size} with indexes",
            "server": f"PostgreSQL {self.value('SHOW server_version')}",
            "cores": os.cpu_count(),
            "load_average_before": round(os.getloadavg()[0], 2),
            "settings": SETTINGS,
            "layout": list(self.layout),
            **more,
        }

    def value(self, query: str) -> t.Any:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def expand(self) -> None:
        self.modules.call("pg_partition", partition_by=list(self.layout), minimum_rows=1)

    def mirror(self) -> None:
        self.modules.call("pg_mirror", baseline_seconds=0)

    def unmirror(self) -> None:
        """Back to an empty new table without a mirror."""
        self.modules.call("pg_mirror", state="absent")

    def ready(self) -> None:
        """The source in memory, and nothing left to write."""
        self.connection.execute("SELECT count(*), sum(pg_column_size(body)) FROM app.docs")
        self.connection.execute("CHECKPOINT")


@contextlib.contextmanager
def prepared(options: Options, layout: t.Sequence[t.Mapping[str, t.Any]] = LAYOUT) -> t.Iterator[Ground]:
    """A server of its own with the table loaded."""
    with (
        server("bench", options.version, profile="measure", settings=SETTINGS) as database,
        database.connect(autocommit=True) as connection,
    ):
        load(connection, "docs", options.rows)
        connection.execute("SET timezone = 'UTC'")
        modules = Modules(database.module_parameters(), "app", "docs")
        yield Ground(database, connection, modules, options.rows, layout)


def load(connection: Connection, table: str, rows: int) -> None:
    """Exactly so many flights in a table of the schema app."""
    say(f"loading {rows:,} rows")
    flights.load(connection, "app", table, rows, progress=lambda _line: None)
    name = sql.Identifier("app", table)
    cut = connection.execute(sql.SQL("DELETE FROM {} WHERE id > %s").format(name), [rows]).rowcount
    connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}" if cut else "VACUUM (ANALYZE) {}").format(name))


def timed(rows: int, work: t.Callable[[], object]) -> float:
    """Rows a second."""
    started = time.monotonic()
    work()
    rate = rows / (time.monotonic() - started)
    say(f"  {rate:,.0f} rows/s")
    return rate


def say(text: str) -> None:
    """Progress goes to the error output: the answer is one line of JSON."""
    print(text, file=sys.stderr, flush=True)
