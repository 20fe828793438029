# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playground's heartbeat, as a systemd unit of the role verified_backups beats on a real platform.

``python -m playground.heartbeat start`` beats every second in the background; it ends by itself when its server does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import psycopg
from ansible_collections.governed.delivery.plugins.module_utils._backups import heartbeat

from . import connection
from .errors import Refusal, run_command

DATABASE = "postgres"
PERIOD_SECONDS = 1.0
SECONDS_TO_LOOK = 0.5


def beat(dsn: str) -> None:
    """Beat until the server goes away."""
    try:
        with psycopg.connect(dsn, autocommit=True, application_name="heartbeat") as session:
            while True:
                heartbeat.beat(session)
                time.sleep(PERIOD_SECONDS)
    except psycopg.OperationalError:
        return


def _start(path: Path) -> None:
    command = [sys.executable, "-m", "playground.heartbeat", "run", "--connection", str(path)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(connection.REPOSITORY), *filter(None, sys.path)])},
    )
    time.sleep(SECONDS_TO_LOOK)
    if process.poll() is not None:
        raise Refusal(
            "heartbeat",
            expected="to beat",
            found="an early end",
            remedy="Make its table first, by the module backup_heartbeat, in postgres.",
        )


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.heartbeat", description="A heartbeat for the playground's server.")
    parser.add_argument("command", choices=["start", "run"])
    parser.add_argument("--connection", type=Path, default=connection.DEFAULT_FILE, help="connection file of the server (%(default)s)")
    options = parser.parse_args(arguments)
    if options.command == "start":
        _start(options.connection)
    else:
        beat(connection.dsn({**connection.read(options.connection), "login_db": DATABASE}))
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
