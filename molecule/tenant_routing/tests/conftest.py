# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session on each of the scenario's shards, as the application logs in, and the map that was published."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

import psycopg
import pytest
import yaml

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SHARDS = ("shard_a", "shard_b", "shard_c")
sys.path[:0] = [str(PROJECT), str(PROJECT / "build" / "collections")]

Session = psycopg.Connection[tuple[t.Any, ...]]


@pytest.fixture(scope="session")
def shards() -> t.Iterator[dict[str, Session]]:
    from playground import connection

    parameters = connection.read(FOLDER / "connection.yml")
    opened: dict[str, Session] = {
        shard: psycopg.connect(connection.dsn({**parameters, "login_db": shard, "login_user": "shop"}), autocommit=True) for shard in SHARDS
    }
    yield opened
    for session in opened.values():
        session.close()


@pytest.fixture(scope="session")
def published() -> dict[str, str]:
    """The data of the ConfigMap."""
    manifest = yaml.safe_load((FOLDER / "tenant-map.yml").read_text(encoding="utf-8"))
    data: dict[str, str] = manifest["data"]
    return data


@pytest.fixture(scope="session")
def moved() -> list[str]:
    """The airlines that live elsewhere on three shards than on two."""
    names: list[str] = yaml.safe_load((FOLDER / "moved.yml").read_text(encoding="utf-8"))
    return names


Insert = t.Callable[[str, str, int], str]


@pytest.fixture(scope="session")
def insert(shards: dict[str, Session]) -> Insert:
    """Write a row for the tenant on a shard, by a version of the map; gives the SQLSTATE, empty when it was let in. Nothing is kept."""

    def inserted(shard: str, tenant: str, version: int) -> str:
        try:
            with shards[shard].transaction(force_rollback=True):
                shards[shard].execute("SELECT governed_delivery.assert_route(%s, %s)", [tenant, version])
                shards[shard].execute("INSERT INTO app.docs (tenant_id) VALUES (%s)", [tenant])
        except psycopg.Error as error:
            return error.sqlstate or "none"
        return ""

    return inserted
