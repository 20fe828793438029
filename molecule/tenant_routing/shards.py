# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three databases, with the rows of each airline where the map of two shards puts them and, copied already, where that of three does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psycopg
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out

from playground import connection

AIRLINES = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
SHARDS = ("shard_a", "shard_b", "shard_c")
TWO = share_out(None, dict.fromkeys(SHARDS[:2], 1))
THREE = share_out(TWO, dict.fromkeys(SHARDS, 1), {"UA": "shard_b", "DL": "shard_c"})


def main() -> None:
    file = Path(sys.argv[1])
    parameters = connection.read(file)
    with psycopg.connect(connection.dsn(parameters), autocommit=True) as session:
        session.execute("CREATE ROLE shop LOGIN")
        for shard in SHARDS:
            session.execute(f"CREATE DATABASE {shard}")
    for shard in SHARDS:
        with psycopg.connect(connection.dsn({**parameters, "login_db": shard}), autocommit=True) as session:
            session.execute("CREATE SCHEMA app")
            session.execute("CREATE TABLE app.docs (id bigserial, tenant_id text NOT NULL, body jsonb, PRIMARY KEY (tenant_id, id))")
            session.execute("GRANT USAGE ON SCHEMA app TO shop")
            session.execute("GRANT SELECT, INSERT ON app.docs TO shop")
            session.execute("GRANT USAGE ON SEQUENCE app.docs_id_seq TO shop")
            for airline in AIRLINES:
                if shard in (TWO.shard_for(airline), THREE.shard_for(airline)):
                    session.execute("INSERT INTO app.docs (tenant_id) SELECT %s FROM generate_series(1, 100)", [airline])
    moved = [airline for airline in AIRLINES if TWO.shard_for(airline) != THREE.shard_for(airline)]
    file.with_name("moved.yml").write_text(json.dumps(moved), encoding="utf-8")


if __name__ == "__main__":
    main()
