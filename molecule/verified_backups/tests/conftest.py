# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario's folder, its server, and what the ledger says."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

import psycopg
import pytest

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
sys.path[:0] = [str(PROJECT), str(PROJECT / "build" / "collections")]

Session = psycopg.Connection[tuple[t.Any, ...]]


@pytest.fixture(scope="session")
def folder() -> Path:
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(scope="session")
def session(folder: Path) -> t.Iterator[Session]:
    from playground import connection

    with psycopg.connect(connection.dsn(connection.read(folder / "connection.yml")), dbname="postgres", autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def said(folder: Path) -> list[tuple[str, dict[str, t.Any]]]:
    """Kind and predicate of every statement about restores, in order."""
    from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

    log = ledgers.log({"directory": str(folder / "evidence")}, writes=False)
    return [(entry.kind, dict(entry.said)) for entry in ledgers.entries(log) if entry.kind.startswith("restore_")]
