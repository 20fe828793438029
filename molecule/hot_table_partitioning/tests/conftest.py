# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session on the scenario's database, and one question asked of it."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

import psycopg
import pytest

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
sys.path.insert(0, os.environ["MOLECULE_PROJECT_DIRECTORY"])

Ask = t.Callable[..., t.Any]


@pytest.fixture(scope="session")
def session() -> t.Iterator[psycopg.Connection[tuple[t.Any, ...]]]:
    from playground import connection

    with psycopg.connect(connection.dsn(connection.read(FOLDER / "connection.yml")), autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def ask(session: psycopg.Connection[tuple[t.Any, ...]]) -> Ask:
    """The first column of the answer, as a list."""

    def asked(statement: t.LiteralString, *parameters: object) -> list[t.Any]:
        return [row[0] for row in session.execute(statement, parameters or None).fetchall()]

    return asked


@pytest.fixture(scope="session")
def failed_transactions() -> list[str]:
    """What the application's feed says went wrong."""
    lines = (FOLDER / "feed.csv").read_text(encoding="ascii").splitlines()
    assert len(lines) > 100, "the application does not run"
    return [line for line in lines if line.count(",") == 3 and not line.endswith(",1")]
