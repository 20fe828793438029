# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two shards for the tenant map: databases of the playground's server, with some rows of every airline where the map puts it.

``python -m playground.shards`` creates them, or finds them there.
"""

from __future__ import annotations

import argparse
import sys
import typing as t
from pathlib import Path

import psycopg
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out
from psycopg import sql

from . import connection
from .errors import run_command

AIRLINES = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
SHARDS = ("shard_a", "shard_b")
ROWS_EACH = 100
TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.orders (id bigserial, tenant_id text NOT NULL, body jsonb, PRIMARY KEY (tenant_id, id));
"""


def create(parameters: t.Mapping[str, t.Any]) -> None:
    """Both databases on the server, each with its airlines' rows; one that is there already is left alone."""
    places = share_out(None, dict.fromkeys(SHARDS, 1))
    for shard in SHARDS:
        with psycopg.connect(connection.dsn(parameters), autocommit=True) as session:
            if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [shard]).fetchone():
                continue
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(shard)))
        with psycopg.connect(connection.dsn({**parameters, "login_db": shard})) as session:
            session.execute(TABLE)
            for airline in AIRLINES:
                if places.shard_for(airline) == shard:
                    session.execute("INSERT INTO app.orders (tenant_id) SELECT %s FROM generate_series(1, %s)", [airline, ROWS_EACH])


def main(arguments: t.Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.shards", description="Two shards for the tenant map.")
    parser.add_argument("--connection", type=Path, default=connection.DEFAULT_FILE, help="connection file of the server (%(default)s)")
    create(connection.read(parser.parse_args(arguments).connection))
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
