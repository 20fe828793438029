# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of starting a server on a data folder. ``postgres.py`` puts them in order."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import time
import typing as t
from pathlib import Path

from psycopg.pq import PGconn, Ping

from . import configuration, processes
from .account import Account, closed_to, room
from .errors import Refusal
from .installation import Installation

HOST = "127.0.0.1"
SUPERUSER = "postgres"
LONGEST_SOCKET_PATH = 103  # bytes; macOS takes no more, Linux four more
SECONDS_TO_START = 120  # crash recovery of a large table takes its time
LINE_OF_PORT, LINE_OF_STATUS = 3, 7  # in postmaster.pid


def beside(data: Path, ending: str) -> Path:
    """A file that belongs to a data folder but is not the server's: ours, so that it may lie where the server cannot write."""
    return data.with_name(f"{data.name}.{ending}")


@contextlib.contextmanager
def locked(data: Path) -> t.Iterator[Path]:
    """Keep other starts and stops of the same data folder out; gives the lock file, which may be deleted inside."""
    path = beside(data, "lock")
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    yield path
                    return
        # The one before us deleted the file that we waited for.


def require_way(account: Account, data: Path) -> None:
    """:raises Refusal: when the server's account cannot get to its data folder."""
    obstacle = closed_to(account, data)
    if obstacle is not None:
        raise Refusal(
            str(data),
            expected=f"a folder that {account.name} can get to, because PostgreSQL does not run as root",
            found=f"{obstacle} is closed to it",
            remedy="Use playground.postgres.place(name), or another place; permissions of existing folders are not changed for this.",
        )


def require_version(data: Path, version: int) -> None:
    """:raises Refusal: when the folder holds another version's data, or something that is no PostgreSQL data at all."""
    try:
        found = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        if not data.exists() or (data.is_dir() and not any(data.iterdir())):
            return
        found = "something else"
    except NotADirectoryError:
        found = "a file"
    if found != str(version):
        raise Refusal(
            str(data),
            expected=f"a data folder of PostgreSQL {version}, or nothing",
            found=f"version {found}" if found.isdecimal() else found,
            remedy="Use another name or folder, or remove this one.",
        )


def running_port(data: Path) -> int | None:
    """The port of the server that runs on this data folder, once it takes connections; None when none runs."""
    deadline = time.monotonic() + SECONDS_TO_START
    while processes.postmaster(data) is not None:
        with contextlib.suppress(FileNotFoundError, IndexError):
            lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            port = int(lines[LINE_OF_PORT])
            # Asked as well, because one that was killed just now may still look alive.
            if lines[LINE_OF_STATUS].strip() == "ready" and PGconn.ping(f"host={HOST} port={port} connect_timeout=5".encode()) == Ping.OK:
                return port
        if time.monotonic() > deadline:
            raise Refusal(
                str(data),
                expected=f"a running server to be ready within {SECONDS_TO_START} s",
                found="still starting",
                remedy="Read its log.",
            )
        time.sleep(0.1)
    return None


def tidy(data: Path) -> None:
    """Clear away what a killed server left: its children, which would keep its memory, and lock files that may name a stranger."""
    processes.kill_all(data)
    (data / "postmaster.pid").unlink(missing_ok=True)
    for lock in room("sockets").glob(".s.PGSQL.*.lock"):  # names its data folder; its process may linger as one that nobody waited for
        with contextlib.suppress(FileNotFoundError, IndexError):
            if Path(lock.read_text(encoding="utf-8").splitlines()[1]) == data.resolve():
                lock.unlink()


def initialise(programs: Installation, account: Account, data: Path) -> None:
    """Make a new database cluster, complete or not at all."""
    unfinished = beside(data, "unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if not account.is_ours:
        os.chown(unfinished, account.uid, account.gid)
    arguments = ["-D", str(unfinished), "-U", SUPERUSER, "-E", "UTF8", "--auth=trust", "--no-sync", "--no-instructions"]
    for locale in ("C.UTF-8", "C"):  # the first is missing on some systems; both sort alike
        answer = account.run(programs.program("initdb"), *arguments, f"--locale={locale}")
        if answer.returncode == 0:
            break
    else:
        raise Refusal(str(data), expected="initdb to make a database cluster", found=_last_words(answer.stdout), remedy="See the message.")
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(f"include_if_exists '{configuration.FILE}'\n")
    unfinished.rename(data)


def configure(account: Account, data: Path, settings: t.Mapping[str, str]) -> None:
    """Write our settings into the data folder."""
    path = data / configuration.FILE
    path.write_text(configuration.render(settings), encoding="utf-8")
    path.chmod(0o600)
    if not account.is_ours:
        os.chown(path, account.uid, account.gid)


def launch(programs: Installation, account: Account, data: Path) -> None:
    """Start the server and wait until it takes connections.

    :raises Refusal: when it does not; with the end of its log.
    """
    with beside(data, "log").open("a+", encoding="utf-8", errors="replace") as log:
        before = log.seek(0, os.SEEK_END)
        answer = account.run(programs.program("pg_ctl"), "start", "-D", str(data), "-w", "-t", str(SECONDS_TO_START), output=log)
        if answer.returncode != 0:
            log.seek(before)
            raise Refusal(str(data), expected="the server to start", found=_last_words(log.read()), remedy=f"Read {log.name}.")


def _last_words(text: str) -> str:
    return " / ".join(line.strip() for line in text.splitlines()[-8:] if line.strip()) or "no message"


def socket_folder(account: Account, port: int) -> str:
    """A folder for Unix sockets that belongs to the account, or none ("") where its path would be too long for a socket."""
    folder = room("sockets")
    if len(os.fsencode(folder / f".s.PGSQL.{port}.lock")) > LONGEST_SOCKET_PATH:
        return ""
    if not account.is_ours:
        os.chown(folder, account.uid, account.gid)
    return str(folder)


def free_port(preferred: int | None) -> int:
    """The preferred port if nobody uses it, else any that nobody uses."""
    for port in [preferred, 0] if preferred else [0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port or 0))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Refusal(HOST, expected="a free port", found="none", remedy="Stop something.")
