# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be killed, by name: the module's process, one of its sessions on the server, the whole server."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
import typing as t

import psycopg

from playground.postgres import Postgres

from .phases import Broken

Seen = t.TypeVar("Seen")
SECONDS_TO_RETURN = 60

Kill = t.Callable[[Postgres, "subprocess.Popen[str]", random.Random], str]


def module(_server: Postgres, process: subprocess.Popen[str], _chance: random.Random) -> str:
    """SIGKILL for the module. Its sessions go when the server finds out, on its own."""
    process.kill()
    return "SIGKILL of the module"


def backend(server: Postgres, _process: subprocess.Popen[str], chance: random.Random) -> str:
    """End one of the module's sessions, or SIGKILL its server process, upon which the server throws everybody out and recovers."""
    how = chance.choice(["pg_terminate_backend", "SIGKILL"])
    with server.connect(autocommit=True, application_name="fault") as session:
        found = session.execute(
            "SELECT pid, application_name FROM pg_stat_activity WHERE application_name LIKE 'governed.delivery%' ORDER BY application_name, pid"
        ).fetchall()
        place = chance.random()
        if not found:
            return ""
        pid, name = found[int(place * len(found))]
        if how == "SIGKILL":
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        else:
            session.execute("SELECT pg_terminate_backend(%s)", [pid])
    return f"{how} of the session {name}"


def whole_server(server: Postgres, _process: subprocess.Popen[str], _chance: random.Random) -> str:
    """SIGKILL for every process of the server, and a new start."""
    server.kill()
    server.restart()
    return "SIGKILL of the server"


KILLS: t.Mapping[str, Kill] = {"module": module, "backend": backend, "server": whole_server}


def connected(server: Postgres) -> psycopg.Connection[tuple[t.Any, ...]]:
    """A session, once the server takes one again.

    :raises Broken: when it does not within a minute.
    """
    deadline = time.monotonic() + SECONDS_TO_RETURN
    while True:
        try:
            return server.connect(autocommit=True, application_name="observer")
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise Broken(f"the server does not come back: {error}") from error
            time.sleep(0.02)


def seen(server: Postgres, read: t.Callable[[psycopg.Connection[tuple[t.Any, ...]]], Seen]) -> Seen:
    """What ``read`` finds in a session of its own, which is made anew when the server throws it out: it may still be on its way down, or up.

    :raises Broken: when the server does not come back within a minute.
    """
    deadline = time.monotonic() + SECONDS_TO_RETURN
    while True:
        with contextlib.suppress(psycopg.OperationalError), connected(server) as connection:
            return read(connection)
        if time.monotonic() > deadline:
            raise Broken("the server throws every session out")
        time.sleep(0.05)
