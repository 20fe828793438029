# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How PostgreSQL's own programs get a connection: by files that only they can read, never by arguments."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.connect import libpq_parameters
from ..programs import Account, hand_over

SERVICE = "governed_delivery"


@contextlib.contextmanager
def environment(parameters: t.Mapping[str, t.Any], account: Account | None, application: str) -> t.Iterator[dict[str, str]]:
    """Environment variables for the programs, as long as the context lasts: a service file, and a password file if there is a password.

    :param parameters: the options of ``CONNECTION_SPEC``.
    :raises Refusal: an option holds a line break, which such a file cannot.
    """
    arguments = {name: str(value) for name, value in libpq_parameters(parameters, application=application).items()}
    password = arguments.pop("password", None)
    if any("\n" in value for value in (*arguments.values(), password or "")):
        raise Refusal(
            "connection", expected="options of one line each", found="a line break", remedy="Take it out.", code="connection_options"
        )
    with tempfile.TemporaryDirectory(prefix="governed-") as made:
        folder = hand_over(pathlib.Path(made), account)
        if password is not None:
            escaped = password.replace("\\", "\\\\").replace(":", "\\:")
            arguments["passfile"] = str(_kept(folder / "pgpass", f"*:*:*:*:{escaped}\n", account))
        lines = "".join(f"{name}={value}\n" for name, value in arguments.items())
        yield {"PGSERVICEFILE": str(_kept(folder / "pg_service.conf", f"[{SERVICE}]\n{lines}", account)), "PGSERVICE": SERVICE}


def _kept(path: pathlib.Path, content: str, account: Account | None) -> pathlib.Path:
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    return hand_over(path, account)
