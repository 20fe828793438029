# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What every server of a run has in common: a socket in a private folder, no network, and nothing left of what its original did."""

from __future__ import annotations

import pathlib
import typing as t

from .._common.postgres.connect import connect
from .findings import Stopped, stop

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection

SETTINGS: t.Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "ssl": "off",
    "archive_mode": "off",  # a copy must not write into its source's archive: one once polluted its own repository
    "max_logical_replication_workers": "0",  # a copied subscription would take the source's slot
    "hot_standby": "on",
    "logging_collector": "off",
    "log_destination": "stderr",
}
# What a copied data folder brings along of its source's and a server would read.
FOREIGN = ("postgresql.auto.conf", "standby.signal", "recovery.signal", "postmaster.pid", "postmaster.opts")
LIBRARY_MISSING = ("could not access file", "could not load library")


def put_away(data: pathlib.Path) -> None:
    """Delete what came with the data and would count here."""
    for name in FOREIGN:
        (data / name).unlink(missing_ok=True)


def lines(settings: t.Mapping[str, str]) -> str:
    """A configuration file."""
    return "".join(f"{name} = '{_quoted(value)}'\n" for name, value in settings.items())


def session(sockets: pathlib.Path, port: int, user: str, database: str, application: str) -> Connection:
    """A session on the server of that socket.

    :raises Refusal: it does not answer (yet).
    """
    where = {"login_host": "", "login_unix_socket": str(sockets), "login_port": port, "login_user": user, "login_db": database}
    told: dict[str, t.Any] = {"login_password": "", "ssl_mode": "disable", "ca_cert": None, "connect_params": {}}
    return connect({**where, **told}, application=application)


def died(log: str) -> Stopped:
    """What a server's last words mean."""
    said = last_line(log)
    if "No space left on device" in log:
        return stop("DISK_FULL", "target", expected="room for the restored cluster", found=said)
    if any(text in said for text in LIBRARY_MISSING):
        return stop("EXTENSION_MISSING", "target", expected="the libraries that the configuration loads", found=said)
    return stop("START_FAILED", "server", expected="to start and stay", found=said)


def last_line(log: str) -> str:
    """The last line that says why."""
    found = [line for line in log.splitlines() if any(f" {level}: " in line for level in ("FATAL", "PANIC", "ERROR"))] or log.splitlines()
    return found[-1].strip()[-400:] if found else "nothing"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
