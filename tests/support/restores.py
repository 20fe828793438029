# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary that archives and has a heartbeat, a place for its backups, and the modules that take and validate them."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import threading
import time
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups import heartbeat, run_directory
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore import progress
from ansible_collections.governed.delivery.plugins.module_utils._backups.taking import manifest
from ansible_collections.governed.delivery.plugins.module_utils._ledger import envelope, keys

from playground import modules
from playground.account import Account, room, server_account
from playground.installation import installation, reachable
from playground.postgres import Postgres

from . import background

ARCHIVING = {"archive_mode": "on", "wal_level": "logical", "max_connections": "60", "max_wal_senders": "10", "archive_timeout": "60"}

Result = dict[str, t.Any]


@dataclasses.dataclass
class Scene:
    """The primary's databases are backed up into ``place``; restores happen in ``work``."""

    primary: Postgres
    folder: pathlib.Path
    account: Account
    bin_dir: pathlib.Path

    @property
    def place(self) -> pathlib.Path:
        return self.folder / "place"

    @property
    def work(self) -> pathlib.Path:
        return self.folder / "work"

    @property
    def key_file(self) -> pathlib.Path:
        return self.folder / "backup.key"

    @property
    def verifier(self) -> str:
        return keys.read(self.key_file).verifier.text()

    @property
    def connection(self) -> dict[str, t.Any]:
        return {**self.primary.module_parameters(), "login_db": "postgres"}

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        """What both modules are told."""
        shared = {"source": {"directory": str(self.place)}, "bin_dir": str(self.bin_dir), "run_as": self.account.name}
        return {"engine": "basebackup", **shared, **more}

    def take(self, **more: t.Any) -> dict[str, t.Any]:
        """A backup with its manifest; the module's answer."""
        return modules.run("backup_manifest", {**self.connection, **self.options(key_file=str(self.key_file)), **more})

    def wanted(self, **more: t.Any) -> dict[str, t.Any]:
        """The options of a validation."""
        told = {"manifest_keys": [self.verifier], "work_directory": str(self.work), "superuser": self.primary.user}
        return self.options(**{**told, "heartbeat": self.connection, **more})

    def validate(self, *, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        """Restore it; the module's answer."""
        return modules.run("restore_validate", self.wanted(**more), check=check)

    @property
    def phase(self) -> str:
        """Of the validation that is at work; nothing when there is none."""
        for path in self.work.glob(f"{run_directory.PREFIX}*/{progress.FILE}"):
            with contextlib.suppress(OSError, ValueError):  # it ends meanwhile
                return str(json.loads(path.read_text())["phase"])
        return ""

    def archive(self, name: str = "") -> pathlib.Path:
        """The archive, or one of its files."""
        return self.place / "wal" / name

    def segments(self) -> list[str]:
        """What the archive holds, in order."""
        return sorted(path.name for path in self.archive().iterdir() if len(path.name) == 24)

    def switch(self) -> None:
        """Let everything that was written be archived, by whatever archives."""
        with self.primary.connect(autocommit=True) as session:
            name = session.execute("SELECT pg_walfile_name(pg_logical_emit_message(true, 'scene', 'switch'))").fetchone()
            session.execute("SELECT pg_switch_wal()")
            assert name is not None
            until = time.monotonic() + 30
            while session.execute("SELECT coalesce(last_archived_wal, '') < %s FROM pg_stat_archiver", name).fetchone() != (False,):
                assert time.monotonic() < until, f"{name[0]} was not archived"
                time.sleep(0.05)

    def make_stanza(self) -> None:
        """A repository of pgBackRest in the place."""
        with self.primary.connect() as session:
            found = session.execute("SHOW unix_socket_directories").fetchone()
        assert found is not None
        lines = [
            "[global]",
            f"repo1-path={self.place}",
            f"log-path={self.folder / 'work'}",
            f"lock-path={self.folder / 'work'}",
            f"spool-path={self.folder / 'work'}",
            "log-level-file=off",
            "start-fast=y",
            "[shop]",
            f"pg1-path={self.primary.data}",
            f"pg1-port={self.primary.port}",
            f"pg1-socket-path={found[0]}",
            f"pg1-user={self.primary.user}",
        ]
        (self.folder / "pgbackrest.conf").write_text("\n".join(lines) + "\n")
        program = pathlib.Path(shutil.which("pgbackrest") or "pgbackrest")
        answer = self.account.run(program, f"--config={self.folder}/pgbackrest.conf", "--stanza=shop", "stanza-create")
        assert answer.returncode == 0, answer.stdout

    @contextlib.contextmanager
    def busy(self, *, writes: bool = True) -> t.Iterator[None]:
        """Meanwhile the heartbeat beats ten times a second, and each time some rows are written."""

        def write(stopping: threading.Event) -> None:
            with self.primary.connect(autocommit=True) as session:
                while not stopping.wait(0.1):
                    heartbeat.beat(session)
                    if not writes:
                        continue
                    session.execute("INSERT INTO app.docs (body) SELECT repeat(md5(random()::text), 3) FROM generate_series(1, 20)")
                    session.execute("UPDATE app.docs SET body = 'changed' WHERE id IN (SELECT id FROM app.docs ORDER BY random() LIMIT 3)")

        with background.meanwhile(write):
            yield


@contextlib.contextmanager
def scene(start: t.Callable[[t.Mapping[str, str]], Postgres], *, rows: int = 20_000, pgbackrest: bool = False) -> t.Iterator[Scene]:
    """A primary of its own with some tables.

    :param start: starts a server with these settings.
    :param pgbackrest: whether pgBackRest keeps its archive, in a stanza ``shop``.
    """
    account = server_account()
    folder = room("restores") / secrets.token_hex(4)
    for path in (folder, folder / "place", *(folder / "place" / name for name in ("wal", "backups", "manifests")), folder / "work"):
        path.mkdir(mode=0o755)
        if not account.is_ours:
            os.chown(path, account.uid, account.gid)
    archive = folder / "place" / "wal"
    command = f"test ! -f {archive}/%f && cp %p {archive}/.%f && mv {archive}/.%f {archive}/%f"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        primary = start(
            {
                **ARCHIVING,
                "archive_command": f"pgbackrest --config={folder}/pgbackrest.conf --stanza=shop archive-push %p" if pgbackrest else command,
            }
        )
        stack.callback(primary.remove)
        keys.generate(folder / "backup.key", "backups")
        with primary.connect(autocommit=True) as session:
            session.execute("CREATE SCHEMA app")
            session.execute("CREATE TABLE app.docs (id bigserial PRIMARY KEY, body text, written timestamptz DEFAULT now())")
            session.execute("CREATE TABLE app.tenants (name text PRIMARY KEY, plan jsonb)")
            session.execute("INSERT INTO app.docs (body) SELECT repeat(md5(i::text), 5) FROM generate_series(1, %s) AS i", [rows])
            session.execute(
                "INSERT INTO app.tenants SELECT 'tenant ' || i, jsonb_build_object('seats', i) FROM generate_series(1, 100) AS i"
            )
            heartbeat.create(session)
            heartbeat.beat(session)
        programs = reachable(installation(primary.version), account).programs
        made = Scene(primary, folder, account, programs)
        if pgbackrest:
            made.make_stanza()
        yield made


def codes(result: Result) -> set[str]:
    """What was found, but for what is only said."""
    return {one["code"] for one in result["record"]["findings"] if one["verdict"] != "PASS"}


def finding(result: Result, code: str) -> Result:
    """The finding of that code."""
    found: Result = next(one for one in result["record"]["findings"] if one["code"] == code)
    return found


def rewrite(path: pathlib.Path, change: t.Callable[[bytes], bytes]) -> None:
    """Change a file, with its time of change: a damage does not tell when it came."""
    status = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def flipped(content: bytes, at: int) -> bytes:
    """One bit is another."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def resign(made: Scene, label: str, change: t.Callable[[Result], None]) -> None:
    """As if the manifest had been captured that way."""
    path = made.place / "manifests" / f"{label}.json"
    predicate = json.loads(envelope.unseal(path.read_bytes()).payload)["predicate"]
    change(predicate)
    rewrite(path, lambda _before: manifest.seal(predicate, keys.read(made.key_file)))


def as_it_lies(made: Scene, label: str) -> None:
    """As if the damage had been there before the manifest's digests were taken."""

    def digest(predicate: Result) -> None:
        for path, one in predicate["backup"]["files"].items():
            content = (made.place / path).read_bytes()
            one.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())

    resign(made, label, digest)


def heap(made: Scene, label: str, table: str) -> pathlib.Path:
    """The file of a table in a plain backup."""
    with made.primary.connect() as session:
        found = session.execute("SELECT pg_relation_filepath(%s)", [table]).fetchone()
    assert found is not None
    return made.place / "backups" / label / str(found[0])
