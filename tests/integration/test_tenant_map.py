# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tenant_map and tenant_map_check on real servers: each shard is a database of its own."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import psycopg
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_change, routes_shard
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import TenantMap
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_router import (
    NotOwner,
    Route,
    Router,
    StaleMap,
    WriteToken,
    assert_route,
    can_serve,
    map_from_shard,
    token_after_write,
)
from psycopg import sql

from playground import modules
from playground.account import server_account
from playground.installation import installation, reachable
from playground.postgres import Postgres, place, start
from playground.sessions import Connection
from tests.support import background

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = itertools.count(1)
TABLES = [{"schema": "app", "table": "docs"}]
ODD = [
    "acme",
    "Acme",
    "ACME",
    " acme",
    "\u00e9",
    "e\u0301",
    "42",
    "x" * 500,
    "it's",
    'quo"te',
    "per%cent",
    "%s",
    "{x}",
    "a;b",
    "\n",
    "\u65e5",
    "NULL",
]


@dataclasses.dataclass(frozen=True)
class Shards:
    """Databases on one server, the shards a, b and c."""

    databases: t.Mapping[str, Postgres]

    def options(self, names: str = "ab", **more: t.Any) -> dict[str, t.Any]:
        """Options of the modules for the shards ``names``; ``a={…}`` adds options to that shard."""
        shards = [{"name": name, **self.databases[name].module_parameters(), **more.pop(name, {})} for name in names]
        return {"shards": shards, "tenant_tables": [], **more}

    def apply(self, names: str = "ab", *, check: bool = False, **more: t.Any) -> modules.Result:
        result = modules.run("tenant_map", self.options(names, **more), check=check, diff=True)
        assert not result["failed"], result["msg"]
        return result

    def refuse(self, code: str, names: str = "ab", **more: t.Any) -> str:
        """Run it, expect it to fail for this reason, and give the message."""
        result = modules.run("tenant_map", self.options(names, **more))
        assert result["failed"], "it was expected to fail"
        assert [refusal["code"] for refusal in result["refusals"]] == [code], result["msg"]
        return str(result["msg"])

    def measures(self, names: str = "ab", *, check: bool = False, **more: t.Any) -> dict[str, dict[str, t.Any]]:
        result = modules.run("tenant_map_check", self.options(names, **more), check=check)
        assert not result["failed"], result["msg"]
        assert not result["changed"]
        return {measure["name"]: measure for measure in result["measures"]}

    def connect(self, name: str, **options: t.Any) -> Connection:
        return self.databases[name].connect(autocommit=True, **options)

    def fence(self, name: str) -> t.Any:
        """Everything the shard's fence holds, for comparing."""
        with self.connect(name) as session:
            head = session.execute("SELECT shard, version, oldest, slots::text FROM governed_delivery.tenant_fence").fetchone()
            owners = session.execute("SELECT tenant, shard FROM governed_delivery.tenant_owner ORDER BY 1").fetchall()
            maps = session.execute("SELECT version, digest, reverts FROM governed_delivery.tenant_map ORDER BY 1").fetchall()
        return head, owners, maps

    def letting_in(self, tenant: str, version: int = 1 << 40) -> list[str]:
        """The shards that let the tenant in, asked as an application asks."""
        return self.letting_in_each([tenant], version)[tenant]

    def letting_in_each(self, tenants: t.Iterable[str], version: int) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {tenant: [] for tenant in tenants}
        for name in self.databases:
            with self.connect(name) as session:
                for tenant, letting_in in found.items():
                    try:
                        assert_route(session, Route(tenant, name, version))
                    except (StaleMap, NotOwner, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedFunction):
                        continue
                    letting_in.append(name)
        return found

    def require_disjoint(self) -> None:
        """No slot and no tenant is let in twice, looked at in the tables themselves."""
        slots: set[int] = set()
        tenants: set[str] = set()
        for name in self.databases:
            with self.connect(name) as session:
                if session.execute("SELECT to_regclass('governed_delivery.tenant_owner')").fetchone() == (None,):
                    continue
                query = "SELECT generate_series(lower(r), upper(r) - 1) FROM governed_delivery.tenant_fence, unnest(slots) r"
                own_slots = {slot for (slot,) in session.execute(query)}
                query = "SELECT o.tenant FROM governed_delivery.tenant_owner o JOIN governed_delivery.tenant_fence f USING (shard)"
                own_tenants = {tenant for (tenant,) in session.execute(query)}
            assert not slots & own_slots
            assert not tenants & own_tenants
            slots |= own_slots
            tenants |= own_tenants

    def docs(self, name: str, *tenants: str | None, kind: str = "text", index: bool = True) -> None:
        """The table ``app.docs`` with a row for each tenant."""
        with self.connect(name) as session:
            session.execute("CREATE SCHEMA IF NOT EXISTS app")
            session.execute(sql.SQL("CREATE TABLE IF NOT EXISTS app.docs (tenant_id {})").format(sql.SQL(kind)))
            if index:
                session.execute("CREATE INDEX IF NOT EXISTS by_tenant ON app.docs (tenant_id)")
            for tenant in tenants:
                session.execute("INSERT INTO app.docs VALUES (%s)", [tenant])


def _shards(server: Postgres) -> t.Iterator[Shards]:
    number = next(NUMBERS)
    yield Shards({name: server.with_database(f"routes_{number}_{name}") for name in "abc"})
    for name in "abc":
        server.drop_database(f"routes_{number}_{name}")


@pytest.fixture
def shards(postgres: Postgres) -> t.Iterator[Shards]:
    """Three empty databases, on a server of each version in turn."""
    yield from _shards(postgres)


@pytest.fixture
def shards_16(postgres_16: Postgres) -> t.Iterator[Shards]:
    """The same on one version, for what takes long and does not depend on it."""
    yield from _shards(postgres_16)


def tenant_on(tenants: TenantMap, shard: str, but: str = "") -> str:
    """Some tenant that the map gives to the shard."""
    names = (f"tenant {number}" for number in itertools.count())
    return next(tenant for tenant in names if tenants.shard_for(tenant) == shard and tenant != but)


# Applying.


def test_applies_once(shards: Shards, tmp_path: Path) -> None:
    files: dict[str, t.Any] = {"config_map_path": str(tmp_path / "map.yml"), "pgbouncer_path": str(tmp_path / "shards.ini")}
    first = shards.apply(overrides={"acme": "b"}, **files)
    assert (first["changed"], first["version"]) == (True, 1)
    assert (tmp_path / "map.yml").read_text() == first["config_map"]
    assert (tmp_path / "shards.ini").read_text() == first["pgbouncer"]
    before = [shards.fence(name) for name in "ab"], [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]
    second = shards.apply(overrides={"acme": "b"}, **files)
    assert (second["changed"], second["version"], second["plan"]) == (False, 1, [])
    assert ([shards.fence(name) for name in "ab"], [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]) == before
    assert second["map"] == first["map"]


def test_check_mode_tells_the_truth_and_writes_nothing(shards: Shards, tmp_path: Path) -> None:
    files: dict[str, t.Any] = {"config_map_path": str(tmp_path / "map.yml")}
    same = ("changed", "version", "digest", "plan", "moves", "config_map", "diff")
    rehearsed = shards.apply(check=True, **files)
    assert list(tmp_path.iterdir()) == []
    for name in "ab":
        with shards.connect(name) as session:
            assert session.execute("SELECT to_regnamespace('governed_delivery')").fetchone() == (None,)
    real = shards.apply(**files)
    assert [rehearsed[key] for key in same] == [real[key] for key in same]
    before = [shards.fence(name) for name in "ab"], (tmp_path / "map.yml").read_text()
    rehearsed = shards.apply(check=True, overrides={"acme": "b"}, **files)
    assert ([shards.fence(name) for name in "ab"], (tmp_path / "map.yml").read_text()) == before
    real = shards.apply(overrides={"acme": "b"}, **files)
    assert [rehearsed[key] for key in same] == [real[key] for key in same]


def test_the_database_hashes_as_python_does(shards: Shards) -> None:
    result = shards.apply("abc", overrides=dict.fromkeys(ODD[::3], "c"))
    tenants = TenantMap.from_dict(result["map"])
    ids = [*ODD, *(f"tenant {number}" for number in range(3000))]
    query = "SELECT tenant FROM unnest(%s::text[]) AS tenant WHERE governed_delivery.route_refusal(tenant, 1) IS NULL"
    for name in "abc":
        with shards.connect(name) as session:
            assert {row[0] for row in session.execute(query, [ids])} == {tenant for tenant in ids if tenants.shard_for(tenant) == name}


def test_a_new_shard_gets_only_what_it_needs(shards: Shards) -> None:
    shards.apply("ab")
    result = shards.apply("abc")
    assert {move["target"] for move in result["moves"]} == {"c"}
    assert sum(move["slots"][1] - move["slots"][0] + 1 for move in result["moves"]) == 16384 // 3
    assert shards.apply("abc")["changed"] is False


def test_only_the_named_roles_may_ask_and_nobody_may_look(shards: Shards) -> None:
    with shards.connect("a") as session:
        for role in ("app_role", "other_role"):
            session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
            session.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    tenants = TenantMap.from_dict(shards.apply(application_roles=["app_role"])["map"])
    mine = Route(tenant_on(tenants, "a"), "a", 1)
    assert shards.apply(application_roles=["app_role"])["changed"] is False
    with shards.connect("a") as session:
        session.execute("SET ROLE app_role")
        assert_route(session, mine)
        assert map_from_shard(session) == tenants
        assert token_after_write(session).shard == "a"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SELECT * FROM governed_delivery.tenant_owner")
        session.execute("SET ROLE other_role")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            assert_route(session, mine)
    shards.refuse("no_role", application_roles=["app_role", "nobody_of_that_name"])
    shards.apply(state="absent")
    for name in "ab":
        with shards.connect(name) as session:
            session.execute("DROP OWNED BY app_role")
    with shards.connect("a") as session:
        session.execute("DROP ROLE app_role, other_role")


# What a router gets.


def test_stale_wrong_and_nameless_are_errors(shards: Shards) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    moved, other = tenant_on(first, "a"), tenant_on(first, "b")
    shards.apply(overrides={moved: "b"})
    still = tenant_on(first, "a", but=moved)
    cases: list[tuple[str, int, type[Exception], str]] = [
        (moved, 1, StaleMap, "TR001"),
        (still, 1, StaleMap, "TR001"),  # it did not move, but the router is stale all the same
        (moved, 2, NotOwner, "TR002"),  # a current version does not help on the wrong shard
        (other, 2, NotOwner, "TR002"),
        (other, 99, NotOwner, "TR002"),
    ]
    with shards.connect("a") as session:
        assert_route(session, Route(still, "a", 2))
        for tenant, version, error, state in cases:
            with pytest.raises(error) as caught:
                assert_route(session, Route(tenant, "a", version))
            assert getattr(caught.value.__cause__, "sqlstate", None) == state
        for nameless in ("", None):
            with pytest.raises(psycopg.Error) as nothing:
                session.execute("SELECT governed_delivery.assert_route(%s, 2)", [nameless])
            assert nothing.value.sqlstate == "TR003"
        with pytest.raises(psycopg.Error, match="version NULL is stale"):
            session.execute("SELECT governed_delivery.assert_route(%s, NULL)", [still])


def test_stale_routers_may_be_served_until_everybody_has_the_map(shards: Shards) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    moving = tenant_on(first, "a")
    still = tenant_on(first, "a", but=moving)
    assert shards.apply(overrides={moving: "b"}, refuse_stale=False)["version"] == 2
    assert shards.apply(overrides={moving: "b"}, refuse_stale=False)["changed"] is False
    assert shards.letting_in(still, version=1) == ["a"]
    assert shards.letting_in(moving, version=1) == ["b"], "never the wrong shard, also for a stale router"
    retired = shards.apply(overrides={moving: "b"})
    assert (retired["changed"], retired["version"], {step["phase"] for step in retired["plan"]}) == (True, 2, {"retire"})
    assert shards.letting_in(still, version=1) == []


def test_a_router_finds_its_way_alone(shards: Shards, tmp_path: Path) -> None:
    first = shards.apply()
    mounted = tmp_path / "tenant_map.json"
    mounted.write_text(json.dumps(first["map"]))
    tenant = tenant_on(TenantMap.from_dict(first["map"]), "a")
    router = Router(lambda: TenantMap.from_json(mounted.read_text()))

    def database(connection: Connection) -> str:
        return connection.info.dbname

    assert router.run(tenant, shards.connect, database) == shards.databases["a"].database
    shards.apply(overrides={tenant: "b"})
    assert router.shard_for(tenant) == "a", "the mounted file is the old one still"
    assert router.run(tenant, shards.connect, database) == shards.databases["b"].database
    assert router.shard_for(tenant) == "b"


# Moving under load.


class Writers:
    """Applications that write for one tenant wherever their router sends them.

    Each write is a row of ``visit``, in the shard that let it in, so that what was committed where can be looked up afterwards.
    """

    def __init__(self, shards: Shards, tenant: str, tenants: TenantMap, count: int = 4) -> None:
        self.shards, self.tenant = shards, tenant
        self.stop = threading.Event()
        self.done = 0
        self.failures: list[BaseException] = []
        for name in shards.databases:
            with shards.connect(name) as session:
                session.execute("CREATE TABLE visit (let_in timestamptz DEFAULT clock_timestamp(), finished timestamptz)")
        self.threads = [threading.Thread(target=self._write, args=(Router(lambda: tenants), number)) for number in range(count)]

    def _write(self, router: Router, number: int) -> None:
        sessions = {name: self.shards.connect(name) for name in self.shards.databases}

        def work(session: Connection) -> None:
            session.execute("INSERT INTO visit VALUES (DEFAULT)")
            session.execute("SELECT pg_sleep(%s)", [0.002 * (number + 1)])
            session.execute("UPDATE visit SET finished = clock_timestamp() WHERE xmin = pg_current_xact_id()::xid")

        try:
            while not self.stop.is_set():
                router.run(self.tenant, lambda shard: Lent(sessions[shard]), work)
                self.done += 1
        except Exception as error:
            self.failures.append(error)
            raise
        finally:
            for session in sessions.values():
                session.close()

    def __enter__(self) -> t.Self:
        for thread in self.threads:
            thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_error: object) -> None:
        time.sleep(0.3)
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def visits(self) -> list[tuple[t.Any, t.Any, str]]:
        """When each was let in, when it was done, and where; in order."""
        found = []
        for name in self.shards.databases:
            with self.shards.connect(name) as session:
                found += [(*row, name) for row in session.execute("SELECT let_in, finished FROM visit").fetchall()]
        return sorted(found)


class Lent:
    """A connection that is not closed after use, as from a pool."""

    def __init__(self, session: Connection) -> None:
        self.session = session

    def __enter__(self) -> Connection:
        return self.session

    def __exit__(self, *_error: object) -> None:
        pass


def test_a_tenant_moves_under_load_without_a_failure_and_without_two_owners(shards: Shards) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    tenant = tenant_on(first, "a")
    with Writers(shards, tenant, first) as writers:
        for owner in ("b", "a", "b"):
            shards.apply(overrides={tenant: owner})
            time.sleep(0.2)
    assert writers.failures == []
    visits = writers.visits()
    assert len(visits) == writers.done > 100
    assert sum(one[2] != other[2] for one, other in itertools.pairwise(visits)) == 3, "each move is one clean switch"
    for (_in, finished, shard), (let_in, _finished, other) in itertools.combinations(visits, 2):
        assert shard == other or finished < let_in, "the new shard lets in only after all on the old one are done"


def test_a_transaction_under_way_is_waited_for(shards: Shards) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    tenant = tenant_on(first, "a")
    with shards.connect("a") as session:
        session.execute("BEGIN")
        assert_route(session, Route(tenant, "a", 1))
        timer = threading.Timer(1.0, lambda: session.execute("COMMIT"))
        timer.start()
        started = time.monotonic()
        shards.apply(overrides={tenant: "b"})
        assert time.monotonic() - started >= 0.9
        timer.join()
    assert shards.letting_in(tenant) == ["b"]


def test_a_transaction_that_does_not_end_is_named_and_nothing_changes(shards: Shards) -> None:
    first = TenantMap.from_dict(shards.apply("abc")["map"])
    on_a, on_b = tenant_on(first, "a"), tenant_on(first, "b")
    before = [shards.fence(name) for name in "abc"]
    with shards.connect("b", application_name="reporting") as session:
        session.execute("BEGIN")
        assert_route(session, Route(on_b, "b", 1))
        waits: list[float] = []

        def others(over: threading.Event) -> None:
            with shards.connect("b") as other:
                while not over.wait(0.01):
                    started = time.monotonic()
                    assert_route(other, Route(on_b, "b", 1))
                    waits.append(time.monotonic() - started)

        with background.meanwhile(others):
            # "a" narrows first, and has to give back what it gave up when "b" turns out to be busy.
            message = shards.refuse("busy_shard", "abc", overrides={on_a: "c", on_b: "c"}, patience=1)
        assert "application reporting, idle in transaction" in message
        assert len(waits) > 20
        assert max(waits) < 0.2, "nobody queues behind it"
    assert [shards.fence(name) for name in "abc"] == before
    assert (shards.letting_in(on_a), shards.letting_in(on_b)) == (["a"], ["b"])


def test_a_gaining_shard_that_stays_busy_is_named_and_nothing_changes(shards: Shards) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    moving, there = tenant_on(first, "a"), tenant_on(first, "b")
    before = [shards.fence(name) for name in "ab"]
    with shards.connect("b") as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert_route(session, Route(there, "b", 1))
        assert "REPEATABLE READ" in shards.refuse("busy_shard", overrides={moving: "b"}, patience=1)
        assert [shards.fence(name) for name in "ab"] == before
    assert shards.apply(overrides={moving: "b"})["version"] == 2


def test_whoever_comes_while_we_wait_for_the_lock_waits_no_longer_than_the_lock_timeout(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that comes between the look and the lock is not seen by the look."""
    first = TenantMap.from_dict(shards.apply()["map"])
    tenant = tenant_on(first, "a")
    monkeypatch.setattr(routes_shard, "_long_holders", lambda _connection: [])
    with shards.connect("a") as session, shards.connect("a", options="-c statement_timeout=5s") as other:
        session.execute("BEGIN")
        assert_route(session, Route(tenant, "a", 1))
        run = threading.Thread(target=shards.refuse, args=("busy_shard",), kwargs={"overrides": {tenant: "b"}, "patience": 2})
        run.start()
        waits = []
        while run.is_alive():
            started = time.monotonic()
            assert_route(other, Route(tenant, "a", 1))
            waits.append(time.monotonic() - started)
            time.sleep(0.005)
        run.join()
    assert 0.02 < max(waits) < 0.25, "somebody did wait, but not for long"


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_old_snapshot_is_told_to_retry(shards: Shards, level: str) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    tenant = tenant_on(first, "a")
    begin = sql.SQL("BEGIN ISOLATION LEVEL {}").format(sql.SQL(level))
    with shards.connect("a") as session:
        session.execute(begin)
        session.execute("SELECT count(*) FROM pg_class")  # takes the snapshot
        shards.apply(overrides={tenant: "b"})
        with pytest.raises(psycopg.errors.SerializationFailure):
            assert_route(session, Route(tenant, "a", 1))
        session.execute("ROLLBACK")
        session.execute(begin)
        with pytest.raises(StaleMap):
            assert_route(session, Route(tenant, "a", 1))


# Cut at any point.


class Cut(BaseException):
    """Not an Exception: like a SIGKILL, nobody catches it."""


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[int | None], None]:
    """Cut the next run before its n-th transaction or file; None lets it run."""
    left: list[int | None] = [None]

    def counted(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def step(*arguments: t.Any, **options: t.Any) -> t.Any:
            if left[0] is not None:
                if left[0] == 0:
                    raise Cut
                left[0] -= 1
            return function(*arguments, **options)

        return step

    for module, name in ((routes_change, "_transaction"), (routes_change, "_publish"), (routes_shard, "when_quiet")):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))

    def after(steps: int | None) -> None:
        left[0] = steps

    return after


@pytest.mark.parametrize("then", ["again", "reverted", "given up"])
def test_cut_anywhere_no_tenant_has_two_shards_and_the_next_run_ends_it(
    shards_16: Shards, cut: t.Callable[[int | None], None], tmp_path: Path, then: str
) -> None:
    files: dict[str, t.Any] = {"pgbouncer_path": str(tmp_path / "shards.ini")}
    first = TenantMap.from_dict(shards_16.apply("abc", c={"weight": 0}, **files)["map"])
    watched = [*ODD, *(f"tenant {number}" for number in range(20))]
    overrides = {tenant_on(first, "a"): "b", tenant_on(first, "b"): "c"}
    for steps in itertools.count():
        shards_16.apply("abc", c={"weight": 0}, overrides={"marker": "a" if steps % 2 else "b"}, **files)
        before = shards_16.apply("abc", c={"weight": 0}, overrides={"marker": "c"}, **files)
        cut(steps)
        try:
            shards_16.apply("abc", overrides=overrides, **files)
            break
        except Cut:
            shards_16.require_disjoint()
        finally:
            cut(None)
        wanted: dict[str, dict[str, t.Any]] = {
            "again": {"overrides": overrides},
            "reverted": {"state": "reverted"},
            "given up": {"c": {"weight": 0}, "overrides": {"marker": "c"}},
        }
        done = shards_16.apply("abc", **wanted[then], **files)
        shards_16.require_disjoint()
        tenants = TenantMap.from_dict(done["map"])
        letting_in = shards_16.letting_in_each(watched, version=tenants.version)
        assert letting_in == {tenant: [tenants.shard_for(tenant)] for tenant in watched}, f"cut before step {steps}"
        assert shards_16.apply("abc", **wanted[then], **files)["changed"] is False
        if then == "given up":
            assert done["digest"] == before["digest"]
        if then == "reverted" and steps > 0:
            assert done["digest"] == before["digest"], "what was begun is taken back, also when no shard had arrived at it"
        shards_16.apply("abc", c={"weight": 0}, **files)
    assert steps >= 8, "every step of the rollout was cut once"


def test_a_shard_that_may_own_tenants_by_a_cut_run_cannot_be_left_out(shards: Shards, cut: t.Callable[[int | None], None]) -> None:
    # The steps: install c, narrow a, narrow b, settle a, settle b, settle c, publish, and retire three times.
    for steps in range(2, 9):
        shards.apply("ab")
        cut(steps)
        with pytest.raises(Cut):
            shards.apply("abc")
        cut(None)
        # To give the slots of "c" back to the others without looking at it could make two owners.
        message = shards.refuse("shard_missing", "ab")
        assert "shard c: expected to be listed, because it owns tenants by map version" in message
        shards.apply("abc", c={"weight": 0})


def test_killed_it_goes_on(shards_16: Shards) -> None:
    """SIGKILL of the module's process while it is at work on the shards_16."""
    shards_16.apply("abc", c={"weight": 0})
    at_work = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'governed.delivery tenant_map c' AND datname = current_database()"
    )
    killed = halfway = 0
    with shards_16.connect("c") as session:
        for number in range(16):
            options = shards_16.options("abc", c={"weight": (number + 1) % 2})
            process = modules.spawn("tenant_map", options)
            while process.poll() is None and session.execute(at_work).fetchone() == (0,):
                pass
            time.sleep(0.006 * number)
            process.kill()
            killed += modules.finished(process) is None
            shards_16.require_disjoint()
            halfway += len({shards_16.fence(name)[0][1:3] for name in "abc"}) > 1
            done = modules.run("tenant_map", options)
            assert not done["failed"], done["msg"]
            tenants = TenantMap.from_dict(done["map"])
            assert shards_16.letting_in_each(ODD, tenants.version) == {tenant: [tenants.shard_for(tenant)] for tenant in ODD}
    print(f"killed {killed} of 16, {halfway} of them between two shards")
    assert killed > 3


def test_two_runs_at_once_keep_out_of_each_others_way(shards: Shards) -> None:
    shards.apply()
    with shards.connect("a") as session:
        session.execute("SELECT pg_advisory_lock(hashtextextended('governed_delivery governed_delivery.tenant_map', 0))")
        shards.refuse("busy", overrides={"acme": "b"})
        assert shards.apply(overrides={"acme": "b"}, check=True)["changed"], "looking is free"
    assert shards.apply(overrides={"acme": "b"})["version"] == 2


# Tenants that have rows.


@pytest.mark.parametrize("index", [True, False])
def test_a_tenant_with_rows_is_not_moved_by_a_map(shards: Shards, index: bool) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    one = tenant_on(first, "a")
    two = tenant_on(first, "a", but=one)
    shards.docs("a", one, one, two, index=index)
    before = [shards.fence(name) for name in "ab"]
    assert f"found 1: {one} (to b)" in shards.refuse("tenants_would_move", overrides={one: "b"}, tenant_tables=TABLES)
    shards.refuse("not_moved", overrides={one: "b"}, tenant_tables=TABLES, moved_tenants=[one])
    assert [shards.fence(name) for name in "ab"] == before
    shards.docs("b", one, index=index)
    assert shards.apply(overrides={one: "b"}, tenant_tables=TABLES, moved_tenants=[one])["version"] == 2
    assert shards.apply(overrides={one: "b"}, tenant_tables=TABLES)["changed"] is False, "leftovers are no matter while the map stays"
    assert f"{two} (to b)" in shards.refuse("tenants_would_move", overrides={one: "b", two: "b"}, tenant_tables=TABLES)


def test_the_first_map_must_fit_what_is_there(shards: Shards) -> None:
    tenants = TenantMap.from_dict(shards.apply(check=True)["map"])
    here, elsewhere = tenant_on(tenants, "a"), tenant_on(tenants, "b")
    shards.docs("a", here, elsewhere)
    assert f"found 1: {elsewhere} (to b)" in shards.refuse("tenants_would_move", tenant_tables=TABLES)
    with shards.connect("a") as session:
        assert session.execute("SELECT to_regnamespace('governed_delivery')").fetchone() == (None,), "nothing was written"
    assert shards.apply(tenant_tables=TABLES, overrides={elsewhere: "a"})["changed"]


def test_a_tenant_that_comes_in_while_the_map_changes_is_found(shards: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    tenant = tenant_on(first, "a")
    shards.docs("a")
    before = [shards.fence(name) for name in "ab"]
    when_quiet = routes_shard.when_quiet

    def late(*arguments: t.Any, **options: t.Any) -> None:
        shards.docs("a", tenant)  # after the first look, before the fence is narrowed
        when_quiet(*arguments, **options)

    monkeypatch.setattr(routes_shard, "when_quiet", late)
    shards.refuse("tenants_would_move", overrides={tenant: "b"}, tenant_tables=TABLES)
    assert [shards.fence(name) for name in "ab"] == before
    assert shards.letting_in(tenant) == ["a"]


def test_a_run_that_was_cut_before_its_second_look_is_looked_after(shards: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    first = TenantMap.from_dict(shards.apply()["map"])
    tenant = tenant_on(first, "a")
    shards.docs("a")
    when_quiet = routes_shard.when_quiet

    def late_and_cut(*arguments: t.Any, **options: t.Any) -> None:
        shards.docs("a", tenant)
        when_quiet(*arguments, **options)
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(routes_shard, "when_quiet", late_and_cut)
        with pytest.raises(Cut):
            shards.apply(overrides={tenant: "b"}, tenant_tables=TABLES)
    assert shards.letting_in(tenant) == []
    shards.refuse("tenants_would_move", overrides={tenant: "b"}, tenant_tables=TABLES)
    assert shards.apply(tenant_tables=TABLES)["version"] == 1
    assert shards.letting_in(tenant) == ["a"]


@pytest.mark.parametrize(("kind", "tenants"), [("integer", ["7", "11", "13"]), ("uuid", ["00000000-0000-0000-0000-00000000000a"])])
def test_tenants_need_not_be_text(shards: Shards, kind: str, tenants: list[str]) -> None:
    shards.apply(overrides=dict.fromkeys(tenants, "a"))
    shards.docs("a", *tenants, kind=kind)
    message = shards.refuse("tenants_would_move", overrides=dict.fromkeys(tenants, "b"), tenant_tables=TABLES)
    assert f"found {len(tenants)}: " in message


@pytest.mark.parametrize("tenant", [None, ""])
def test_rows_without_a_tenant_are_refused(shards: Shards, tenant: str | None) -> None:
    shards.docs("a", tenant)
    shards.refuse("no_tenant", tenant_tables=TABLES)


def test_odd_names_are_names(shards: Shards) -> None:
    table = {"schema": "My Schema; --", "table": 'T "x" %s {}', "column": "Tenant %"}
    name, column = sql.Identifier(table["schema"], table["table"]), sql.Identifier(table["column"])
    for shard in "ab":
        with shards.connect(shard) as session:
            session.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(table["schema"])))
            session.execute(sql.SQL("CREATE TABLE {} ({} text)").format(name, column))
    shards.apply(overrides=dict.fromkeys(ODD, "a"), tenant_tables=[table])
    with shards.connect("a") as session:
        for tenant in ODD:
            session.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(name, sql.Literal(tenant)))
    assert f"found {len(ODD)}:" in shards.refuse("tenants_would_move", overrides=dict.fromkeys(ODD, "b"), tenant_tables=[table])
    assert shards.letting_in_each(ODD, 1) == {tenant: ["a"] for tenant in ODD}


def test_misspelt_tables_are_found(shards: Shards) -> None:
    shards.docs("a")
    shards.refuse("no_table", tenant_tables=[{"schema": "app", "table": "Docs"}])
    shards.refuse("no_column", tenant_tables=[{**TABLES[0], "column": "tenant"}])


def test_half_a_table_is_not_taken_for_the_whole(shards: Shards) -> None:
    """A role that row security shows nothing would find no tenants, and move them all."""
    database = sql.Identifier(shards.databases["a"].database)
    shards.docs("a", "acme")
    with shards.connect("a") as session:
        session.execute("ALTER TABLE app.docs ENABLE ROW LEVEL SECURITY")
        session.execute("DROP ROLE IF EXISTS plain_role")
        session.execute("CREATE ROLE plain_role LOGIN")
        session.execute("GRANT USAGE ON SCHEMA app TO plain_role")
        session.execute("GRANT SELECT ON app.docs TO plain_role")
        session.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO plain_role").format(database))
    message = shards.refuse("no_permission", a={"login_user": "plain_role"}, tenant_tables=TABLES)
    assert "row-level security" in message
    assert shards.refuse("no_permission", b={"login_user": "plain_role"})
    with shards.connect("a") as session:
        session.execute("DROP OWNED BY plain_role")
        session.execute("DROP ROLE plain_role")


# Going back.


def test_reverted_brings_back_what_was_before_as_a_newer_version(shards: Shards, tmp_path: Path) -> None:
    files: dict[str, t.Any] = {"config_map_path": str(tmp_path / "map.yml")}
    first = shards.apply("ab", **files)
    second = shards.apply("abc", overrides={"acme": "c"}, **files)
    reverted = shards.apply("abc", state="reverted", **files)
    assert (reverted["version"], reverted["digest"]) == (3, first["digest"])
    again = shards.apply("abc", state="reverted", **files)
    assert (again["changed"], again["version"]) == (False, 3)
    assert shards.letting_in("acme", version=2) == []
    assert 'tenant-map-version: "3"' in (tmp_path / "map.yml").read_text()
    assert shards.apply("abc", overrides={"acme": "c"}, **files)["digest"] == second["digest"]
    assert shards.apply("abc", state="reverted", **files)["version"] == 5


def test_reverted_to_a_version(shards: Shards) -> None:
    first = shards.apply()
    assert shards.apply(state="reverted", version=1)["changed"] is False, "an apply that changed nothing is taken back by changing nothing"
    shards.apply(overrides={"acme": "b"})
    shards.apply(overrides={"acme": "b", "globex": "a"})
    back = shards.apply(state="reverted", version=1)
    assert (back["version"], back["version_before"], back["digest"]) == (4, 3, first["digest"])
    assert shards.apply(state="reverted", version=1)["changed"] is False
    shards.refuse("no_record", state="reverted", version=9)
    assert shards.apply(state="reverted", version=0)["version"] == 0
    assert shards.measures()["shards_at_version"]["value"] is None


def test_only_the_last_maps_are_kept(shards: Shards) -> None:
    for number in range(24):
        shards.apply(overrides={"acme": "ab"[number % 2]})
    with shards.connect("a") as session:
        assert session.execute("SELECT count(*), min(version), max(version) FROM governed_delivery.tenant_map").fetchone() == (20, 5, 24)


def test_reverting_the_first_map_leaves_nothing(shards: Shards, tmp_path: Path) -> None:
    files: dict[str, t.Any] = {"config_map_path": str(tmp_path / "map.yml"), "pgbouncer_path": str(tmp_path / "shards.ini")}
    shards.apply(**files)
    rehearsed = shards.apply(state="reverted", check=True, **files)
    assert rehearsed["changed"]
    assert len(list(tmp_path.iterdir())) == 2
    done = shards.apply(state="reverted", **files)
    assert (done["changed"], done["version"], done["plan"]) == (True, 0, rehearsed["plan"])
    assert list(tmp_path.iterdir()) == []
    for state in ("reverted", "absent"):
        assert shards.apply(state=state, **files)["changed"] is False
    for name in "ab":
        with shards.connect(name) as session:
            assert session.execute("SELECT to_regnamespace('governed_delivery')").fetchone() == (None,)


def test_absent_leaves_what_others_keep_in_the_schema(shards: Shards) -> None:
    shards.apply()
    with shards.connect("a") as session:
        session.execute("CREATE TABLE governed_delivery.job (id int)")
    assert shards.apply(state="absent")["changed"]
    with shards.connect("a") as session:
        left = session.execute("SELECT relname::text FROM pg_class WHERE relnamespace = 'governed_delivery'::regnamespace").fetchall()
        assert left == [("job",)]
    assert shards.apply(state="absent")["changed"] is False
    assert shards.letting_in("acme") == []


def test_versions_never_go_backwards(shards: Shards, tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    files: dict[str, t.Any] = {"config_map_path": str(path)}
    shards.apply(version=7, **files)
    assert shards.apply(version=7, **files)["changed"] is False
    shards.refuse("backwards", version=6, **files)
    shards.refuse("backwards", version=7, overrides={"acme": "b"}, **files)
    newer = path.read_text().replace('version: "7"', 'version: "9"')
    path.write_text(newer)  # as after a restore of the shards: routers know a map that the shards have forgotten
    assert "give version 10" in shards.refuse("backwards", overrides={"acme": "b"}, **files)
    assert path.read_text() == newer
    assert shards.apply(version=10, overrides={"acme": "b"}, **files)["version"] == 10


# Wired up wrongly.


def test_wrong_wiring_is_found_before_anything_is_written(shards: Shards) -> None:
    a, b = shards.databases["a"].database, shards.databases["b"].database
    shards.refuse("same_database", b={"login_db": a})
    shards.refuse("same_database", b={"login_db": a, "connect_params": {"hostaddr": "127.0.0.1"}, "login_host": "another.name.invalid"})
    message = shards.refuse("no_connection", b={"login_port": 1, "login_password": "s3cret"})
    assert "s3cret" not in message
    shards.refuse("no_connection", b={"login_db": "no such database"})
    shards.apply()
    shards.refuse("wrong_shard", a={"login_db": b}, b={"login_db": a})
    shards.refuse("shard_missing", "ac")
    options = shards.options()
    options["shards"].append(options["shards"][0])
    assert [refusal["code"] for refusal in modules.run("tenant_map", options)["refusals"]] == ["shard_twice"]


def test_mistakes_in_the_wish_are_told_together(shards: Shards) -> None:
    result = modules.run("tenant_map", shards.options(overrides={"acme": "z", "": "a"}))
    assert [refusal["code"] for refusal in result["refusals"]] == ["unknown_shard", "bad_tenant"]
    shards.refuse("bad_weight", a={"weight": -1})
    assert "tenant_tables" in modules.run("tenant_map", {"shards": shards.options()["shards"]})["msg"]


def test_two_different_maps_of_one_version_stop_everything(shards: Shards) -> None:
    first = TenantMap.from_dict(shards.apply(overrides={"acme": "b"})["map"])
    other = dataclasses.replace(first, overrides={"other": "b"})
    with shards.connect("b") as session:  # restored from a backup of another life
        session.execute("UPDATE governed_delivery.tenant_map SET document = %s, digest = %s", [other.to_json(), other.digest])
    shards.refuse("two_maps", overrides={"acme": "b"})


def test_a_file_of_somebody_else_is_left_alone(shards: Shards, tmp_path: Path) -> None:
    path = tmp_path / "pgbouncer.ini"
    path.write_text("[pgbouncer]\n")
    shards.refuse("not_our_file", pgbouncer_path=str(path))
    shards.refuse("no_folder", pgbouncer_path=str(tmp_path / "missing" / "x.ini"))
    assert path.read_text() == "[pgbouncer]\n"


# Measuring.


def test_a_sound_map_measures_sound(shards: Shards) -> None:
    tenants = TenantMap.from_dict(shards.apply("abc")["map"])
    for name in "abc":
        shards.docs(name, *(tenant for tenant in (f"tenant {number}" for number in range(60)) if tenants.shard_for(tenant) == name))
    measures = shards.measures("abc", tenant_tables=TABLES, sample_size=300)
    assert {name: (measure["value"], measure["samples"]) for name, measure in measures.items()} == {
        "shards_at_version": (100.0, 3),
        "routed_wrong": (0, 300),
        "stale_router_refused": (100.0, 60),
        "read_your_writes_violations": (0, 60),
    }
    rehearsed = shards.measures("abc", check=True)
    assert rehearsed["read_your_writes_violations"]["value"] is None
    assert rehearsed["routed_wrong"]["value"] == 0


def test_every_measure_can_be_bad(shards: Shards) -> None:
    tenants = TenantMap.from_dict(shards.apply()["map"])
    lost = tenant_on(tenants, "a")
    shards.docs("b", lost)
    assert shards.measures(tenant_tables=TABLES)["routed_wrong"]["value"] == 1, "its rows are on b"
    shards.docs("a", lost)
    assert shards.measures(tenant_tables=TABLES)["routed_wrong"]["value"] == 0, "those on b are leftovers"
    with shards.connect("b") as session:
        session.execute("UPDATE governed_delivery.tenant_fence SET slots = '{[0,16384)}', oldest = 0")
    measures = shards.measures(sample_size=200)
    assert measures["routed_wrong"]["value"] > 50, "b lets everybody in"
    assert measures["shards_at_version"]["value"] == 50.0


def test_a_shard_that_is_still_to_come_is_behind(shards: Shards) -> None:
    shards.apply("ab")
    measures = shards.measures("abc")
    assert measures["shards_at_version"]["value"] == pytest.approx(200 / 3)
    assert measures["routed_wrong"]["value"] == 0


def test_without_a_map_there_is_nothing_to_measure(shards: Shards) -> None:
    measures = shards.measures()
    assert {(measure["value"], measure["samples"]) for measure in measures.values()} == {(None, 0)}
    assert len(measures) == 4


# Reading one's writes.


@dataclasses.dataclass(frozen=True)
class Pair:
    """A server with shard a, and a streaming copy of it."""

    primary: Postgres
    standby: Postgres

    def options(self) -> dict[str, t.Any]:
        replica = {"login_host": self.standby.host, "login_port": self.standby.port}
        return {"shards": [{"name": "a", **self.primary.module_parameters(), "replicas": [replica]}], "tenant_tables": []}


@pytest.fixture(scope="module")
def pair(postgres_16: Postgres) -> t.Iterator[Pair]:
    primary = postgres_16.with_database("routes_replicated")
    account = server_account()
    data = place(f"tests-{os.getpid()}-standby")
    data.mkdir(mode=0o700)
    if not account.is_ours:
        os.chown(data, account.uid, account.gid)
    program = reachable(installation(16), account).program("pg_basebackup")
    made = account.run(program, "-D", str(data), "-R", "-X", "stream", "-c", "fast", "-d", primary.dsn)
    assert made.returncode == 0, made.stdout
    standby = start(16, data, profile="small", settings={"max_prepared_transactions": "10"})
    try:
        yield Pair(primary, dataclasses.replace(standby, database=primary.database))
    finally:
        standby.remove()
        postgres_16.drop_database(primary.database)


def test_a_write_is_read_back_wherever_its_token_allows(pair: Pair) -> None:
    result = modules.run("tenant_map", pair.options())
    assert not result["failed"], result.get("msg")
    router = Router(lambda: TenantMap.from_dict(result["map"]))
    with pair.primary.connect(autocommit=True) as primary, pair.standby.connect(autocommit=True) as replica:

        def write(value: int) -> WriteToken:
            with primary.transaction():
                assert_route(primary, router.route("acme"))
                primary.execute("CREATE TABLE IF NOT EXISTS note (value int)")
                primary.execute("INSERT INTO note VALUES (%s)", [value])
            return token_after_write(primary)

        def newest() -> t.Any:
            row = replica.execute("SELECT max(value) FROM note").fetchone()
            return row and row[0]

        for value in range(1, 20):
            assert router.replica_may_serve("acme", write(value), replica, wait=10)
            assert newest() == value
        replica.execute("SELECT pg_wal_replay_pause()")
        try:
            token = write(20)
            assert not can_serve(replica, token, wait=0.3)
            assert newest() == 19, "without the token the write would be missed"
        finally:
            replica.execute("SELECT pg_wal_replay_resume()")
        assert can_serve(replica, WriteToken.parse(str(token)), wait=10)
        assert newest() == 20
        assert not can_serve(replica, dataclasses.replace(token, shard="b"))
        assert_route(replica, router.route("acme"))  # a copy checks the route as well
        with pytest.raises(Refusal, match="found a replica"):
            token_after_write(replica)
        with replica.transaction():
            replica.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            newest()
            with pytest.raises(Refusal, match="REPEATABLE READ"):
                can_serve(replica, token)
        with primary.transaction(force_rollback=True):
            primary.execute("INSERT INTO note VALUES (21)")
            with pytest.raises(Refusal, match="after COMMIT"):
                token_after_write(primary)


def test_the_measure_sees_replicas_and_falls_back_to_the_primary(pair: Pair) -> None:
    assert not modules.run("tenant_map", pair.options())["failed"]

    def measured(wait: float) -> dict[str, t.Any]:
        result = modules.run("tenant_map_check", {**pair.options(), "replica_wait": wait, "write_rounds": 10})
        found: dict[str, t.Any] = next(measure for measure in result["measures"] if measure["name"] == "read_your_writes_violations")
        return found

    streaming = measured(10)
    assert (streaming["value"], streaming["samples"]) == (0, 10)
    assert "10 on replicas, 0 on primaries" in streaming["how"]
    with pair.standby.connect(autocommit=True) as replica:
        replica.execute("SELECT pg_wal_replay_pause()")
        try:
            paused = measured(0)
        finally:
            replica.execute("SELECT pg_wal_replay_resume()")
    assert (paused["value"], paused["samples"]) == (0, 10)
    assert "0 on replicas, 10 on primaries" in paused["how"]


def test_a_replica_is_no_shard(pair: Pair) -> None:
    options = pair.options()
    options["shards"][0]["login_port"] = pair.standby.port
    assert [refusal["code"] for refusal in modules.run("tenant_map", options)["refusals"]] == ["replica"]


# From outside.

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - governed.delivery.tenant_map:
        shards: "{{ shards }}"
        overrides: {acme: b}
        tenant_tables: []
      register: routed
    - ansible.builtin.assert:
        that:
          - "'acme' | governed.delivery.tenant_shard(routed.map) == 'b'"
          - "'42' | governed.delivery.tenant_shard((routed.config_map | from_yaml).data['tenant_map.json']) in ['a', 'b']"
"""


def test_a_playbook_shows_no_password(shards_16: Shards, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    listed = shards_16.options(a={"login_password": "s3cret-word", "connect_params": {"passfile": "s3cret-word"}})["shards"]
    (tmp_path / "vars.json").write_text(json.dumps({"shards": listed, "ansible_python_interpreter": sys.executable}))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-v", "--diff"]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }
    for arguments, changed in [(["--check"], 1), ([], 1), ([], 0)]:
        done = subprocess.run(
            [*command, *arguments, "-e", f"@{tmp_path / 'vars.json'}", str(tmp_path / "play.yml")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"changed={changed} " in done.stdout
        assert "s3cret-word" not in done.stdout + done.stderr
    for name in "ab":
        with shards_16.connect(name) as session:
            query = "SELECT count(*) FROM governed_delivery.tenant_map WHERE document LIKE '%%s3cret%%'"
            assert session.execute(query).fetchone() == (0,)


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed")
def test_pgbouncer_reads_its_databases(shards_16: Shards) -> None:
    folder = place("pgbouncer-of-the-tests")  # where the servers' account can get to, unlike pytest's own folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    tenants = TenantMap.from_dict(shards_16.apply(pgbouncer_path=str(folder / "shards.ini"))["map"])
    port = 20000 + os.getpid() % 20000
    (folder / "users.txt").write_text('"postgres" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"%include {folder}/shards.ini\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder}/users.txt\npool_mode = transaction\n"
    )
    account = server_account()
    identity: dict[str, t.Any] = {} if account.is_ours else {"user": account.uid, "group": account.gid, "extra_groups": []}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(["pgbouncer", str(folder / "pgbouncer.ini")], cwd="/", stderr=log, **identity) as process,
    ):
        try:
            for shard in "ab":
                with through_pgbouncer(port, shard, folder / "log") as session:
                    assert session.execute("SELECT current_database()").fetchone() == (shards_16.databases[shard].database,)
                    with session.transaction():
                        assert_route(session, Route(tenant_on(tenants, shard), shard, 1))
        finally:
            process.terminate()
    shutil.rmtree(folder)


def through_pgbouncer(port: int, shard: str, log: Path) -> Connection:
    for _attempt in range(50):
        try:
            return psycopg.connect(host="127.0.0.1", port=port, dbname=shard, user="postgres", autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.fail(log.read_text())
