# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fill``: customers and their orders. ``archive``: wait until the heartbeat has beaten, and all that was written is archived."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psycopg

from playground import connection

SECONDS_AT_MOST = 30
FILL = """
CREATE SCHEMA app;
CREATE TABLE app.customers (customer_id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE app.orders (order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id integer NOT NULL REFERENCES app.customers, about jsonb);
INSERT INTO app.customers SELECT i, 'customer ' || i FROM generate_series(1, 500) AS i;
INSERT INTO app.orders (customer_id, about) SELECT 1 + i % 500, jsonb_build_object('items', i % 7) FROM generate_series(1, 20000) AS i;
"""


def fill(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(FILL)


def archive(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True, dbname="postgres") as session:
        _until(session, "SELECT seq >= 2 FROM governed_delivery.heartbeat")
        [(segment,)] = session.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchall()
        _until(session, "SELECT coalesce(last_archived_wal >= %s, false) FROM pg_stat_archiver", segment)


def _until(session: psycopg.Connection[tuple[bool]], question: str, *parameters: str) -> None:
    deadline = time.monotonic() + SECONDS_AT_MOST
    while session.execute(question.encode(), parameters).fetchall() != [(True,)]:
        if time.monotonic() > deadline:
            raise SystemExit(f"expected within {SECONDS_AT_MOST} s: {question}")
        time.sleep(0.1)


if __name__ == "__main__":
    {"fill": fill, "archive": archive}[sys.argv[1]](connection.dsn(connection.read(Path(sys.argv[2]))))
