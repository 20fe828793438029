# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real PostgreSQL servers for the integration tests.

A test that asks for ``postgres`` or ``database`` runs on the oldest and the newest version that is installed, of 15, 16 and 18; ``PG_VERSIONS=15,16,18`` names
others. A version that is named and not installed is skipped by name. Servers start when the first test needs them, one a version and session, and are
removed at the end.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import typing as t

import pytest

from playground import modules
from playground.account import room
from playground.postgres import Postgres, available_versions, place, servers, start

VERSIONS = (15, 16, 18)
PREFIX = "tests"
NUMBERS = itertools.count(1)


def wanted_versions() -> list[int]:
    """The versions to test on: as the environment says, or the oldest and the newest. What is tested on one alone is tested on 16."""
    text = os.environ.get("PG_VERSIONS", "")
    installed = [version for version in VERSIONS if version in available_versions()]
    try:
        wanted = [int(part) for part in text.replace(",", " ").split()] or [*installed[:1], *installed[1:][-1:]]
    except ValueError:
        wanted = []
    if not wanted or not set(wanted) <= set(VERSIONS):
        raise pytest.UsageError(f"PG_VERSIONS: expected some of {', '.join(map(str, VERSIONS))}; found {text!r}")
    return wanted


def remove_abandoned_servers() -> None:
    """Remove what sessions left that were killed before they could: those that no longer hold the lock on their file."""
    for path in room("servers").glob(f"{PREFIX}-*.session"):
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for name, server in servers().items():
                if name.startswith(f"{path.stem}-"):
                    server.remove()
            path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def session_name() -> t.Iterator[str]:
    """What the names of this session's servers begin with. Names that begin so are removed when the session was killed."""
    remove_abandoned_servers()
    name = f"{PREFIX}-{os.getpid()}"
    path = room("servers") / f"{name}.session"
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield name
        path.unlink()


def _serve(session_name: str, version: int) -> t.Iterator[Postgres]:
    if version not in available_versions():
        pytest.skip(f"PostgreSQL {version} is not installed")
    # Prepared transactions and enough locks, so that tests may use what a real server may be set to.
    server = start(version, place(f"{session_name}-{version}"), profile="small", settings={"max_prepared_transactions": "10"})
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_15(session_name: str) -> t.Iterator[Postgres]:
    """Debian's PostgreSQL 15."""
    yield from _serve(session_name, 15)


@pytest.fixture(scope="session")
def postgres_16(session_name: str) -> t.Iterator[Postgres]:
    """PostgreSQL 16 of the Python package."""
    yield from _serve(session_name, 16)


@pytest.fixture(scope="session")
def postgres_18(session_name: str) -> t.Iterator[Postgres]:
    """PostgreSQL 18 of the Python package."""
    yield from _serve(session_name, 18)


@pytest.fixture
def postgres_alone(session_name: str) -> t.Iterator[Postgres]:
    """A PostgreSQL 16 for one test that has no standby, as a test of tablespaces needs.

    A standby on the same machine replays CREATE TABLESPACE into the primary's own folder, late, and hinders its removal.
    """
    yield from _serve(f"{session_name}-alone", 16)


@pytest.fixture(scope="session", params=wanted_versions(), ids=lambda version: f"pg{version}")
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """A server of each version in turn."""
    server = request.getfixturevalue(f"postgres_{request.param}")
    assert isinstance(server, Postgres)
    return server


@pytest.fixture
def database(postgres: Postgres) -> t.Iterator[Postgres]:
    """A fresh, empty database on each version's server; it is dropped after the test."""
    fresh = postgres.with_database(f"test_{next(NUMBERS)}")
    yield fresh
    fresh.drop_database(fresh.database)


class RunModule(t.Protocol):
    """Run a module of the collection on the test's database.

    ``check`` and ``diff`` are the modes of ansible-playbook. The result is what the module printed, ``failed`` and ``changed`` included. A test
    that expects a failure says ``fails=True``; any other outcome than the one expected fails the test with the module's message.
    """

    def __call__(self, name: str, *, check: bool = False, diff: bool = False, fails: bool = False, **options: t.Any) -> modules.Result: ...


@pytest.fixture
def run_module(database: Postgres) -> RunModule:
    """See ``RunModule``. Connection options are the test database's unless given."""

    def run(name: str, *, check: bool = False, diff: bool = False, fails: bool = False, **options: t.Any) -> modules.Result:
        result = modules.run(name, {**database.module_parameters(), **options}, check=check, diff=diff)
        if result["failed"] != fails:
            pytest.fail(f"{name} was expected to {'fail' if fails else 'succeed'}; it said: {result.get('msg', result)}")
        return result

    return run
