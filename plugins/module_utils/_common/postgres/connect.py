# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Connection options, named as community.postgresql names them, and how a session behaves."""

from __future__ import annotations

import typing as t

from ..argument_spec import ArgumentSpec
from ..errors import Refusal
from .cursor import Cursor
from .driver import psycopg
from .moments import read_all

if t.TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[t.Any, ...]]

OLDEST_SERVER = 15

# What a session of ours goes by, whatever the database or the role defaults to.
SETTINGS = {
    # Claim and read of a batch need a snapshot each.
    "default_transaction_isolation": "read committed",
    # Keys travel as text between sessions: it must mean the same to all of them, and lose nothing.
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    # The catalog prints names with their schema, so that what it prints can be used anywhere; the mirror's functions see no more than that either.
    "search_path": "pg_catalog, pg_temp",
    "quote_all_identifiers": "off",
    # What is new goes where the old is, or where the database keeps everything.
    "default_tablespace": "",
    # We say ourselves how long anything may take.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

CONNECTION_SPEC = ArgumentSpec(
    options={
        "login_host": {"type": "str", "default": ""},
        "login_port": {"type": "int", "default": 5432},
        "login_unix_socket": {"type": "path", "default": ""},
        "login_user": {"type": "str", "default": "postgres"},
        "login_password": {"type": "str", "default": "", "no_log": True},
        "login_db": {"type": "str", "required": True},
        "ssl_mode": {"type": "str", "default": "prefer", "choices": ["allow", "disable", "prefer", "require", "verify-ca", "verify-full"]},
        "ca_cert": {"type": "path"},
        "connect_params": {"type": "dict", "default": {}, "no_log": True},
    }
)


def libpq_parameters(parameters: t.Mapping[str, t.Any], *, application: str) -> dict[str, t.Any]:
    """The options of ``CONNECTION_SPEC`` by libpq's names. The password is among them."""
    arguments: dict[str, t.Any] = {
        "port": parameters["login_port"],
        "user": parameters["login_user"],
        "dbname": parameters["login_db"],
        "sslmode": parameters["ssl_mode"],
        "application_name": f"governed.delivery {application}",
        "connect_timeout": 10,
        "client_encoding": "utf8",
    }
    host = parameters["login_unix_socket"] or parameters["login_host"]
    if host:
        arguments["host"] = host
    if parameters["login_password"]:
        arguments["password"] = parameters["login_password"]
    if parameters["ca_cert"]:
        arguments["sslrootcert"] = parameters["ca_cert"]
    return {**arguments, **(parameters["connect_params"] or {})}


def described(parameters: t.Mapping[str, t.Any]) -> str:
    """Host, port and database, for messages."""
    host = parameters["login_unix_socket"] or parameters["login_host"]
    return f"{host or 'local socket'}:{parameters['login_port']}/{parameters['login_db']}"


def connect(parameters: t.Mapping[str, t.Any], *, application: str, autocommit: bool = True) -> Connection:
    """Open a session that says who it is and never waits for a lock for long.

    :param parameters: the options of ``CONNECTION_SPEC``.
    :param application: shown in ``pg_stat_activity.application_name``, for whoever looks at the server meanwhile.
    :raises Refusal: when the server does not answer, refuses the login, or is too old.
    """
    where = described(parameters)
    arguments = libpq_parameters(parameters, application=application)
    try:
        connection = psycopg.connect(autocommit=autocommit, cursor_factory=Cursor, **arguments)
    except psycopg.Error as error:
        raise Refusal(
            where,
            expected=f"a PostgreSQL server that lets {parameters['login_user']} in",
            found=" ".join(str(error).split()),
            remedy="Check login_host, login_port, login_db, login_user, login_password, connect_params and the server's pg_hba.conf.",
            code="no_connection",
        ) from error
    version = connection.info.server_version
    if version < OLDEST_SERVER * 10000:
        connection.close()
        raise Refusal(
            where,
            expected=f"PostgreSQL {OLDEST_SERVER} or newer",
            found=f"server version {version // 10000}.{version % 10000}",
            remedy="Upgrade the server; older ones lack what a safe cutover needs.",
            code="server_too_old",
        )
    connection.execute(
        "SELECT set_config(s.name, own.value, false) FROM unnest(%s::text[], %s::text[]) AS own (name, value) JOIN pg_settings s USING (name)",
        (list(SETTINGS), list(SETTINGS.values())),
    )
    read_all(connection)
    if not autocommit:
        connection.commit()
    return connection
