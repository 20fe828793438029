# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection file: the modules' connection options in YAML, so that a playbook and the playground's programs read the same one."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import psycopg.conninfo
import yaml

from .errors import Refusal
from .sessions import in_one_line

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT_FILE = REPOSITORY / "build" / "playground" / "connection.yml"

_LIBPQ_NAMES = {
    "login_host": "host",
    "login_port": "port",
    "login_user": "user",
    "login_password": "password",
    "login_db": "dbname",
    "ssl_mode": "sslmode",
    "ca_cert": "sslrootcert",
}


def write(path: Path, parameters: t.Mapping[str, t.Any]) -> None:
    """Write the file in one step: a reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(yaml.safe_dump(dict(parameters), sort_keys=False), encoding="utf-8")
    unfinished.replace(path)


def read(path: Path) -> dict[str, t.Any]:
    """The connection options in a file.

    :raises Refusal: when there is no such file, or it holds something else.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = in_one_line(error)
    else:
        if isinstance(found, dict) and "login_db" in found:
            return found
        reason = "something else"
    raise Refusal(
        str(path),
        expected="a YAML file with login_host, login_port, login_user and login_db",
        found=reason,
        remedy="Start a server with: python -m playground.postgres start",
    )


def dsn(parameters: t.Mapping[str, t.Any]) -> str:
    """libpq's connection string for a module's connection options."""
    arguments = {_LIBPQ_NAMES[name]: value for name, value in parameters.items() if name in _LIBPQ_NAMES and value not in (None, "")}
    if parameters.get("login_unix_socket"):
        arguments["host"] = parameters["login_unix_socket"]
    arguments.update(parameters.get("connect_params") or {})
    return psycopg.conninfo.make_conninfo("", **arguments)
