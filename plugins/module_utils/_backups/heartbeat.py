# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The heartbeat: one row that the primary is told the time in, so that a restored copy tells how much it lost.

Written by the server's own clock, every second; without it, an idle primary's healthy archive looks like a dead one, and a dead one like a healthy.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .capture.session import only_row

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection

SCHEMA = "governed_delivery"
TABLE = "governed_delivery.heartbeat"

CREATE = (
    "CREATE SCHEMA IF NOT EXISTS governed_delivery",
    # Updated every second for years: it is to be vacuumed by the number of dead rows, not by their share.
    (
        "CREATE TABLE governed_delivery.heartbeat (id integer PRIMARY KEY CHECK (id = 1), seq bigint NOT NULL, ts timestamptz NOT NULL)"
        " WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)"
    ),
    "COMMENT ON TABLE governed_delivery.heartbeat IS 'Beaten every second; restored copies tell by it how much they lost'",
    "INSERT INTO governed_delivery.heartbeat (id, seq, ts) VALUES (1, 0, clock_timestamp())",
)


@dataclasses.dataclass(frozen=True)
class Beat:
    """``seq`` counts beats; ``ts`` is the primary's clock, with zone."""

    seq: int
    ts: datetime.datetime

    @property
    def epoch(self) -> float:
        """``ts`` as epoch seconds."""
        return self.ts.timestamp()


def exists(connection: Connection) -> bool:
    """Whether the table is there."""
    return bool(only_row(connection, "SELECT to_regclass('governed_delivery.heartbeat') IS NOT NULL")[0])


def read(connection: Connection) -> Beat | None:
    """The last beat that the database knows; None without the table or its row. Reads only, also while a server recovers."""
    if not exists(connection):
        return None
    found = connection.execute("SELECT seq, ts FROM governed_delivery.heartbeat WHERE id = 1").fetchone()
    return None if found is None else Beat(int(found[0]), found[1])


def beat(connection: Connection) -> Beat:
    """One more. The session is in autocommit, so it is on its way to the archive when this returns."""
    seq, moment = only_row(
        connection,
        "INSERT INTO governed_delivery.heartbeat AS h (id, seq, ts) VALUES (1, 1, clock_timestamp())"
        " ON CONFLICT (id) DO UPDATE SET seq = h.seq + 1, ts = clock_timestamp() RETURNING seq, ts",
    )
    return Beat(int(seq), moment)


def create(connection: Connection) -> None:
    """Make schema and table, in one transaction."""
    with connection.transaction():
        for statement in CREATE:
            connection.execute(statement)


def drop(connection: Connection) -> None:
    """Drop the table, and the schema if nothing else is in it: it is the collection's, not the heartbeat's alone."""
    with connection.transaction():
        connection.execute("DROP TABLE governed_delivery.heartbeat")
        (left,) = only_row(
            connection,
            "SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace('governed_delivery')::oid",
        )
        if left == 0:
            connection.execute("DROP SCHEMA governed_delivery")
