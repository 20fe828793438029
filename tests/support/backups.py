# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster to be backed up, under load, with an archive; and plain restores of its backups, made without any of the collection's code."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import os
import random
import shutil
import subprocess
import tarfile
import threading
import time
import typing as t
from pathlib import Path

import psycopg
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture import session
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.connect import CONNECTION_SPEC
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import VerifierKey

from playground import modules, postgres
from playground.account import room, server_account
from playground.installation import installation, reachable
from playground.postgres import Postgres

from . import background

NUMBERS = itertools.count(1)
DATABASE = "shop"

SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE docs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind varchar(9) DEFAULT 'x' CHECK (kind IN ('x', 'y')), feels mood,
  at timestamptz NOT NULL DEFAULT clock_timestamp(), price numeric(12, 3), weight double precision, body text, about jsonb);
CREATE INDEX docs_kind ON docs (lower(kind), at) WHERE kind IN ('x', 'y') AND (price > 0 OR weight < 2);
CREATE TABLE ledger (id bigint, at date NOT NULL, amount integer NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE ledger_old PARTITION OF ledger FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
CREATE TABLE ledger_new PARTITION OF ledger FOR VALUES FROM ('2026-01-01') TO ('2030-01-01');
CREATE TABLE "Odd.name %s" ("a b" integer, "c%" bytea);
CREATE UNLOGGED TABLE scratch (id integer);
CREATE VIEW glad AS SELECT id, kind FROM docs WHERE kind IN ('x', 'y') AND feels = 'glad';
CREATE MATERIALIZED VIEW totals AS SELECT kind, count(*) FROM docs GROUP BY kind;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.weight := random(); RETURN NEW; END$$;
CREATE TRIGGER touched BEFORE UPDATE ON docs FOR EACH ROW WHEN (NEW.kind IN ('x', 'y')) EXECUTE FUNCTION touch();
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON docs USING (kind IN ('x', 'y'));
CREATE STATISTICS docs_together ON kind, feels FROM docs;
INSERT INTO docs (kind, feels, price, weight, body, about) SELECT 'x', 'glad', g * 0.001, random(), repeat(md5(g::text), 1 + g % 90), '{"a": [1, null]}'
  FROM generate_series(1, 3000) g;
INSERT INTO ledger SELECT g, date '2025-01-01' + g % 700, g FROM generate_series(1, 5000) g;
INSERT INTO "Odd.name %s" SELECT g, sha256(g::text::bytea) FROM generate_series(1, 100) g;
REFRESH MATERIALIZED VIEW totals;
SELECT lo_from_bytea(0, repeat('large', 2000)::bytea) FROM generate_series(1, 3);
"""

STATEMENTS = (
    "INSERT INTO docs (feels, price, weight, body) VALUES ('sad', random() * 1000, random(), repeat(md5(random()::text), 40))",
    "INSERT INTO ledger SELECT g, date '2026-02-02', g FROM generate_series(1, 20) g",
    "UPDATE docs SET price = price + 1 WHERE id IN (SELECT (random() * 3000)::bigint FROM generate_series(1, 5))",
    "UPDATE ledger SET amount = amount + 1 WHERE id = (random() * 5000)::bigint",
    "DELETE FROM ledger WHERE id = (random() * 5000)::bigint AND at < '2026-01-01'",
    "SELECT lo_from_bytea(0, md5(random()::text)::bytea)",
)


@dataclasses.dataclass(frozen=True)
class Source:
    """A primary that archives into ``place/wal``."""

    server: Postgres
    place: Path
    key_file: Path
    trusted: VerifierKey

    def connector(self) -> session.Connect:
        return connector(self.server)

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        """Options of ``backup_manifest`` but for the engine."""
        own = {"source": {"directory": str(self.place)}, "key_file": str(self.key_file), **run_options(self.server.version)}
        return {**self.server.module_parameters(), **own, **more}

    def take(self, *, check: bool = False, fails: bool = False, **options: t.Any) -> modules.Result:
        """Run ``backup_manifest``."""
        result = modules.run("backup_manifest", self.options(**options), check=check)
        assert result["failed"] == fails, result.get("msg")
        return result


def run_options(version: int) -> dict[str, t.Any]:
    """Where the programs are, and who may run them."""
    account = server_account()
    folder = reachable(installation(version), account).programs
    return {"bin_dir": str(folder), **({} if account.is_ours else {"run_as": account.name})}


def connector(server: Postgres) -> session.Connect:
    """How to open a session in any database of a server."""
    defaults = {name: option.get("default") for name, option in CONNECTION_SPEC.options.items()}
    return session.connector({**defaults, **server.module_parameters()}, "tests")


@contextlib.contextmanager
def source(name: str, version: int = 16, **settings: str) -> t.Iterator[Source]:
    """A running primary with tables of every kind, and an empty place for its backups."""
    account = server_account()
    place = room("places") / f"{name}-{version}-{os.getpid()}-{next(NUMBERS)}"
    for folder in (place, place / "wal", place / "backups", place / "manifests"):
        folder.mkdir(parents=True)
        os.chown(folder, account.uid, account.gid)
    archive = f"test ! -f {place}/wal/%f && cp %p {place}/wal/.%f && mv {place}/wal/.%f {place}/wal/%f"
    started = postgres.start(
        version,
        postgres.place(f"{name}-{version}-{os.getpid()}"),
        profile="small",
        settings={"wal_level": "logical", "archive_mode": "on", "archive_command": archive, **settings},
    )
    try:
        server = started.with_database(DATABASE)
        with server.connect(autocommit=True) as connection:
            connection.execute(SCHEMA)
        key = keys.generate(place / "key", "tests/backups")
        yield Source(server, place, place / "key", key.verifier)
    finally:
        started.remove()
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def load(server: Postgres, clients: int = 3, seed: int = 1) -> t.Iterator[list[int]]:
    """Clients that write all the time; gives their numbers of transactions, and fails when one of them did."""
    done, failures = [0] * clients, []

    def write(number: int, over: threading.Event) -> None:
        chance = random.Random(f"{seed}/{number}")
        try:
            with server.connect(autocommit=True) as connection:
                while not over.is_set():
                    connection.execute(chance.choice(STATEMENTS).encode())
                    done[number] += 1
                    time.sleep(0.002)
        except psycopg.Error as problem:
            failures.append(problem)

    with background.meanwhile(*(functools.partial(write, number) for number in range(clients))):
        yield done
    assert not failures, failures


@contextlib.contextmanager
def standby(primary: Postgres) -> t.Iterator[Postgres]:
    """A streaming standby of it."""
    account = server_account()
    data = postgres.place(f"standby-{primary.version}-{os.getpid()}-{next(NUMBERS)}")
    program = reachable(installation(primary.version), account).program("pg_basebackup")
    answer = account.run(
        program, "-h", primary.host, "-p", str(primary.port), "-U", primary.user, "-D", str(_empty(data)), "-R", "--checkpoint=fast"
    )
    assert answer.returncode == 0, answer.stdout
    started = postgres.start(primary.version, data, profile="small", settings={"archive_mode": "off"})
    try:
        yield dataclasses.replace(started, database=primary.database)
    finally:
        started.remove()


@contextlib.contextmanager
def restored(origin: Source, label: str, lsn: str) -> t.Iterator[Postgres]:
    """A physical backup, recovered to just before that point, and standing there."""
    account = server_account()
    data = _empty(postgres.place(f"restored-{origin.server.version}-{os.getpid()}-{next(NUMBERS)}"))
    backup = origin.place / "backups" / label
    if (backup / "base.tar").exists():
        with tarfile.open(backup / "base.tar") as archive:
            archive.extractall(data, filter="data")
    else:
        shutil.copytree(backup, data, dirs_exist_ok=True)
    for folder in ("pg_wal", "pg_wal/archive_status"):
        (data / folder).mkdir(exist_ok=True)
    (data / "recovery.signal").touch()
    for path in (data, *data.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(path, account.uid, account.gid)
    settings = {
        "restore_command": f"cp {origin.place}/wal/%f %p",
        "recovery_target_lsn": lsn,
        "recovery_target_inclusive": "off",
        "recovery_target_action": "pause",
        "archive_mode": "off",
        "wal_level": "logical",
    }
    started = postgres.start(origin.server.version, data, profile="small", settings=settings)
    try:
        wait_for(started, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
        yield dataclasses.replace(started, database=DATABASE)
    finally:
        started.remove()


def restored_dump(origin: Source, label: str) -> Postgres:
    """A dump of the database, restored into another one of the same server."""
    copy = origin.server.with_database(f"copy_{next(NUMBERS)}", template="template0")
    program = origin.server.program("pg_restore")
    subprocess.run([str(program), "--exit-on-error", "-j2", "-d", copy.dsn, str(origin.place / "backups" / label / DATABASE)], check=True)
    return copy


def wait_for(server: Postgres, query: t.LiteralString, seconds: float = 60) -> None:
    """Until the query says true."""
    deadline = time.monotonic() + seconds
    with server.connect(autocommit=True) as connection:
        while True:
            found = connection.execute(query).fetchone()
            if found and found[0]:
                return
            assert time.monotonic() < deadline, query
            time.sleep(0.05)


def _empty(data: Path) -> Path:
    account = server_account()
    data.mkdir(mode=0o700, parents=True)
    os.chown(data, account.uid, account.gid)
    return data
