# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real PostgreSQL servers on 127.0.0.1, started and stopped by name.

``python -m playground.postgres start --version 16 --name demo`` starts one (or finds it running) and writes its connection file;
``stop --name demo``, ``remove --name demo`` and ``status`` do what they say. From Python: ``start(16, place("demo"))``.

Everybody on this machine may log in as the superuser (trust on the loopback interface), so: not on a machine shared with strangers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import shutil
import sys
import typing as t
from pathlib import Path
from types import MappingProxyType

import psycopg
from psycopg import sql

from . import cluster, configuration, connection, processes
from .account import room, server_account
from .errors import Refusal, run_command
from .installation import installation, installations, reachable
from .sessions import Connection

SECONDS_TO_STOP = 60

StopMode = t.Literal["smart", "fast", "immediate"]
NO_SETTINGS: t.Mapping[str, str] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Postgres:
    """A server and one of its databases."""

    version: int
    port: int
    data: Path
    host: str = cluster.HOST
    user: str = cluster.SUPERUSER
    database: str = "postgres"

    @property
    def dsn(self) -> str:
        """libpq's connection string."""
        return connection.dsn(self.module_parameters())

    def module_parameters(self) -> dict[str, t.Any]:
        """The connection options of the collection's modules."""
        return {"login_host": self.host, "login_port": self.port, "login_user": self.user, "login_db": self.database}

    def connect(self, *, autocommit: bool = False, **options: t.Any) -> Connection:
        """A session; ``options`` are libpq's, for instance ``application_name``."""
        return psycopg.connect(self.dsn, autocommit=autocommit, **options)

    def program(self, name: str) -> Path:
        """Path of ``psql``, ``pg_dump``, ``pgbench`` … of the same version."""
        return installation(self.version).program(name)

    @property
    def pid(self) -> int | None:
        """Process id of the running server; None when it does not run."""
        main = processes.postmaster(self.data)
        return main.pid if main else None

    @property
    def log(self) -> Path:
        """The server's log file."""
        return cluster.beside(self.data, "log")

    def with_database(self, name: str, *, template: str = "template1") -> Postgres:
        """The same server with another database, which is created from the template when it is missing."""
        with self.connect(autocommit=True) as session:
            if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return dataclasses.replace(self, database=name)

    def drop_database(self, name: str) -> None:
        """Drop a database and throw out whoever is connected to it; nothing happens when there is none."""
        with dataclasses.replace(self, database="postgres").connect(autocommit=True) as session:
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server; nothing happens when it does not run.

        :raises Refusal: when it does not stop within a minute (``smart`` waits for every client to leave).
        """
        with cluster.locked(self.data):
            if processes.postmaster(self.data) is None:
                return
            account = server_account()
            control = reachable(installation(self.version), account).program("pg_ctl")
            answer = account.run(control, "stop", "-D", str(self.data), "-m", mode, "-w", "-t", str(SECONDS_TO_STOP))
            if answer.returncode != 0 and processes.postmaster(self.data) is not None:
                raise Refusal(
                    str(self.data),
                    expected=f"the server to stop within {SECONDS_TO_STOP} s in mode {mode}",
                    found=" ".join(answer.stdout.split()),
                    remedy="Use mode immediate, or look at the sessions that are still open.",
                )

    def kill(self) -> None:
        """SIGKILL for the server and all its children, as when the machine loses power. ``start`` and ``restart`` recover it."""
        processes.kill_all(self.data)

    def restart(self, mode: StopMode = "fast") -> Postgres:
        """Stop it if it runs, and start it with the same settings and port."""
        self.stop(mode)
        account = server_account()
        programs = reachable(installation(self.version), account)
        with cluster.locked(self.data):
            cluster.tidy(self.data)
            cluster.launch(programs, account, self.data)
        return self

    def remove(self) -> None:
        """Kill the server and delete all its data."""
        with cluster.locked(self.data) as lock:
            processes.kill_all(self.data)
            shutil.rmtree(self.data, ignore_errors=True)
            self.log.unlink(missing_ok=True)
            for left in room("sockets").glob(f".s.PGSQL.{self.port}*"):
                left.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)


def available_versions() -> list[int]:
    """The major versions that ``start`` can start on this machine, ascending."""
    return list(installations())


def place(name: str) -> Path:
    """The data folder of a server known by name.

    :raises Refusal: when it is not a plain name.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,40}", name):
        raise Refusal(f"server name {name!r}", expected="1 to 41 of a-z, 0-9, _, -", found=repr(name), remedy="Choose a name like demo.")
    return room("servers") / name


def start(
    version: int,
    data: Path,
    *,
    port: int | None = None,
    settings: t.Mapping[str, str] = NO_SETTINGS,
    profile: str = "measure",
) -> Postgres:
    """Start a server on this data folder, made when it is missing; one that runs already is used as it is.

    :param version: major version; ``available_versions()`` lists what is there.
    :param data: the data folder, best from ``place(name)``: as root, its parents must be open to the account ``nobody``.
    :param port: None takes the port of the last start if it is free, else any free one.
    :param settings: PostgreSQL settings on top of the profile's. They count from the next start, not for a server that runs.
    :param profile: ``measure`` (512 MB shared buffers) or ``small`` (64 MB).
    :raises Refusal: when it does not start; the message holds the server's own last words.
    """
    data = data.absolute()
    wanted = configuration.merged(profile, settings)
    account = server_account()
    programs = reachable(installation(version), account)
    with cluster.locked(data):
        cluster.require_way(account, data)
        cluster.require_version(data, version)
        running = cluster.running_port(data)
        if running is not None and port not in (None, running):
            raise Refusal(
                f"port {port}", expected="the port of the running server", found=f"{data} is on {running}", remedy="Stop it first."
            )
        if running is not None:
            return Postgres(version, running, data)
        cluster.tidy(data)
        if not (data / "PG_VERSION").exists():
            cluster.initialise(programs, account, data)
        for attempt in (1, 2, 3):
            chosen = port or cluster.free_port(configuration.last_port(data))
            listening = {"port": str(chosen), "unix_socket_directories": cluster.socket_folder(account, chosen)}
            cluster.configure(account, data, {**wanted, **listening})
            try:
                cluster.launch(programs, account, data)
                break
            except Refusal as refusal:
                # Between our choosing a free port and the server's taking it, somebody else can be quicker.
                if port is not None or attempt == 3 or "Address already in use" not in refusal.found:
                    raise
    return Postgres(version, chosen, data)


def find(name: str) -> Postgres | None:
    """A server that was started by this name, running or not; None when there is none."""
    data = place(name)
    try:
        version = int((data / "PG_VERSION").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Postgres(version, cluster.running_port(data) or configuration.last_port(data) or 0, data)


def servers() -> dict[str, Postgres]:
    """All servers that were started by name, running or not."""
    made = (path.name for path in sorted(room("servers").iterdir()) if "." not in path.name and (path / "PG_VERSION").exists())
    found = {name: find(name) for name in made}  # with a dot: one that initdb has not finished
    return {name: server for name, server in found.items() if server is not None}


def _require(name: str) -> Postgres:
    server = find(name)
    if server is None:
        raise Refusal(
            f"server {name}", expected="to have been started", found=f"only {', '.join(servers()) or 'none'}", remedy="Start it first."
        )
    return server


def _forget(path: Path, server: Postgres) -> None:
    """Delete the connection file if it points to this server."""
    if path.exists() and connection.read(path).get("login_port") == server.port:
        path.unlink()


def _run(options: argparse.Namespace) -> int:
    if options.command == "status":
        report = {
            name: {
                "version": server.version,
                "running": server.pid is not None,
                "pid": server.pid,
                "port": server.port,
                "data": str(server.data),
            }
            for name, server in servers().items()
        }
        print(json.dumps(report, indent=2))
        return 0
    if options.command == "start":
        server = start(options.version, place(options.name), port=options.port, settings=dict(options.set), profile=options.profile)
        parameters = server.with_database(options.database or options.name).module_parameters()
        connection.write(options.connection, parameters)
        print(json.dumps(parameters, indent=2))
        return 0
    if options.command == "remove" and find(options.name) is None:
        print(f"There is no server {options.name} to remove.")  # what a fresh machine's first run asks for
        return 0
    server = _require(options.name)
    if options.command == "stop":
        server.stop(options.mode)
    else:
        server.remove()
    _forget(options.connection, server)
    return 0


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected name=value, found {text!r}")
    return name, value


def main(arguments: t.Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.postgres", description="Real PostgreSQL servers on 127.0.0.1, by name.")
    commands = parser.add_subparsers(dest="command", required=True)
    begin = commands.add_parser("start", help="start a server, or find it running; prints how to connect")
    end = commands.add_parser("stop", help="stop a server")
    away = commands.add_parser("remove", help="kill a server and delete its data")
    commands.add_parser("status", help="list all servers")
    for command in (begin, end, away):
        command.add_argument("--name", default="demo", help="name of the server (demo)")
        command.add_argument(
            "--connection", type=Path, default=connection.DEFAULT_FILE, help="connection file to write or delete (%(default)s)"
        )
    begin.add_argument("--version", type=int, default=16, help=f"major version, of {available_versions()} (16)")
    begin.add_argument("--port", type=int, help="port to listen on (the last one used, or a free one)")
    begin.add_argument("--database", help="database to create (as the server's name)")
    begin.add_argument("--profile", choices=list(configuration.PROFILES), default="measure", help="size of the server (measure)")
    begin.add_argument("--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="a PostgreSQL setting; repeat it")
    end.add_argument("--mode", choices=t.get_args(StopMode), default="fast", help="as pg_ctl's (fast)")
    return _run(parser.parse_args(arguments))


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
