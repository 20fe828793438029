# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router: it keeps its map fresh, never goes back, and does what the shards tell it. The shards here are fences without a database."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_fence as fences
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_router
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import TenantMap
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_router import NotOwner, Router, StaleMap, WriteToken
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
FIRST = share_out(None, {"a": 1, "b": 1}, {"acme": "a"})
SECOND = share_out(FIRST, {"a": 1, "b": 1}, {"acme": "b"}, version=2)


class Refused(Exception):
    """What a driver raises for an error of the server."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(f"SQLSTATE {sqlstate}")


class FakeShard:
    """A shard's database as the router sees it; also its own connection and cursor."""

    def __init__(self, name: str, tenants: TenantMap) -> None:
        self.name = name
        self.settle(tenants)
        self.row: t.Any = None
        self.position: tuple[t.Any, ...] = (name, tenants.version, "0/10", False, False, False)
        self.asked: list[tuple[str, int]] = []
        self.error: Exception | None = None

    def settle(self, tenants: TenantMap) -> None:
        self.tenants = tenants
        self.fence = fences.settled(tenants, self.name, tenants.version)

    def execute(self, query: str, params: t.Sequence[t.Any] | None = None, /) -> FakeShard:
        if self.error:
            raise self.error
        if "assert_route" in query and params:
            tenant, version = params
            self.asked.append((tenant, version))
            if version < self.fence.oldest:
                raise Refused("TR001")
            if not self.fence.lets_in(tenant):
                raise Refused("TR001" if version < self.fence.version else "TR002")
        elif "current_map" in query:
            self.row = (self.tenants.to_json(),)
        elif "route_position" in query:
            self.row = self.position
        return self

    def fetchone(self) -> t.Any:
        return self.row

    def transaction(self) -> t.ContextManager[None]:
        return contextlib.nullcontext()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """A source of maps that counts, and fails while ``error`` is set."""

    def __init__(self, tenants: TenantMap) -> None:
        self.tenants = tenants
        self.error: Exception | None = None
        self.calls = 0

    def __call__(self) -> TenantMap:
        self.calls += 1
        if self.error:
            raise self.error
        return self.tenants


def connector(**shards: FakeShard) -> t.Callable[[str], t.ContextManager[FakeShard]]:
    return lambda shard: contextlib.nullcontext(shards[shard])


def test_the_source_is_asked_once_in_a_time_to_live() -> None:
    clock, source = Clock(), Source(FIRST)
    router = Router(source, time_to_live=30, clock=clock)
    assert (router.shard_for("acme"), router.shard_for("acme"), source.calls) == ("a", "a", 1)
    source.tenants, clock.now = SECOND, 29.9
    assert router.shard_for("acme") == "a"
    clock.now = 30
    assert (router.shard_for("acme"), source.calls) == ("b", 2)


def test_a_map_never_goes_backwards() -> None:
    source = Source(SECOND)
    router = Router(source)
    router.refresh()
    source.tenants = FIRST  # a ConfigMap that lags behind
    assert router.refresh() == SECOND
    assert router.shard_for("acme") == "b"


def test_two_maps_of_one_version_are_refused() -> None:
    router = Router(Source(FIRST))
    router.refresh()
    with pytest.raises(Refusal) as caught:
        router.adopt(share_out(FIRST, {"a": 1, "b": 1}, {"acme": "b"}, version=1))
    assert caught.value.code == "two_maps"


def test_when_the_source_fails_the_last_map_stays_in_use() -> None:
    clock, source = Clock(), Source(FIRST)
    router = Router(source, time_to_live=30, clock=clock)
    router.refresh()
    source.error, clock.now = OSError("gone"), 40
    assert router.shard_for("acme") == "a"
    assert router.shard_for("acme") == "a"
    assert source.calls == 2, "it is not asked again for every tenant"
    source.error, source.tenants, clock.now = None, SECOND, 42
    assert router.shard_for("acme") == "b"


def test_without_any_map_the_failure_is_told() -> None:
    source = Source(FIRST)
    source.error = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        Router(source).shard_for("acme")


def test_only_one_thread_waits_for_the_source() -> None:
    clock, asked, answer = Clock(), threading.Event(), threading.Event()

    def source() -> TenantMap:
        if clock.now:
            asked.set()
            answer.wait(10)
            return SECOND
        return FIRST

    router = Router(source, time_to_live=30, clock=clock)
    router.refresh()
    clock.now = 31
    waiting = threading.Thread(target=router.map)
    waiting.start()
    assert asked.wait(10)
    assert router.map() == FIRST, "the others go on with what is there"
    answer.set()
    waiting.join(10)
    assert router.map() == SECOND


def test_run_works_on_the_shard_that_agreed() -> None:
    a, b = FakeShard("a", FIRST), FakeShard("b", FIRST)
    assert Router(Source(FIRST)).run("acme", connector(a=a, b=b), lambda connection: connection.name) == "a"
    assert (a.asked, b.asked) == ([("acme", 1)], [])


def test_a_stale_router_takes_the_newer_map_from_the_shard_that_refused() -> None:
    a, b = FakeShard("a", SECOND), FakeShard("b", SECOND)
    source = Source(FIRST)  # still the old one, as a ConfigMap is for a minute
    assert Router(source).run("acme", connector(a=a, b=b), lambda connection: connection.name) == "b"
    assert (a.asked, b.asked, source.calls) == ([("acme", 1)], [("acme", 2)], 1)


def test_a_tenant_on_its_way_is_waited_for() -> None:
    a, b = FakeShard("a", FIRST), FakeShard("b", FIRST)
    a.fence = fences.narrowed(a.fence, SECOND)
    visits: list[str] = []

    def connect(shard: str) -> t.ContextManager[FakeShard]:
        visits.append(shard)
        if len(visits) == 2:
            a.settle(SECOND)  # "b" is the last to settle
        if len(visits) == 4:
            b.settle(SECOND)
        return contextlib.nullcontext({"a": a, "b": b}[shard])

    assert Router(Source(FIRST)).run("acme", connect, lambda connection: connection.name, pause=0.001) == "b"
    assert visits == ["a", "a", "b", "b"]


@pytest.mark.parametrize(("fence", "error"), [("narrow", NotOwner), ("stale", StaleMap)])
def test_a_shard_that_goes_on_refusing_is_an_error_and_nothing_is_written(fence: str, error: type[Exception]) -> None:
    a = FakeShard("a", FIRST)
    if fence == "narrow":
        a.fence = fences.narrowed(a.fence, SECOND)
    else:
        a.fence = fences.settled(SECOND, "a", 2)  # refuses, but still hands over the old map
    with pytest.raises(error, match="tenant 'acme' on shard a by map version 1"):
        Router(Source(FIRST)).run("acme", connector(a=a), lambda _: pytest.fail("not agreed"), attempts=3, pause=0.001)
    assert len(a.asked) == 3


def test_work_is_called_once_whatever_it_raises() -> None:
    a = FakeShard("a", FIRST)
    calls: list[FakeShard] = []

    def work(connection: FakeShard) -> None:
        calls.append(connection)
        raise NotOwner(routes_router.Route("other", "b", 1), "a nested call")

    with pytest.raises(NotOwner):
        Router(Source(FIRST)).run("acme", connector(a=a), work)
    assert len(calls) == 1


def test_other_errors_of_the_database_are_left_alone() -> None:
    a = FakeShard("a", FIRST)
    a.error = Refused("57P01")
    with pytest.raises(Refused, match="57P01"):
        Router(Source(FIRST)).run("acme", connector(a=a), lambda _: None)


@given(st.integers(0, (1 << 64) - 1), st.integers(1, 10**18), st.sampled_from(["a", "shard-1", "A_b"]))
def test_a_token_survives_a_header(lsn: int, version: int, shard: str) -> None:
    assert WriteToken.parse(str(WriteToken(shard, version, lsn))) == WriteToken(shard, version, lsn)


def test_a_token_reads_like_postgresql_writes_positions() -> None:
    assert str(WriteToken("a", 7, 0x1_0000_00AB)) == "7.1/AB.a"


@pytest.mark.parametrize("text", ["", "7.1/AB", "0.1/AB.a", "7.1/AB.a b", "7.1-AB.a", "x.1/AB.a", "7.111111111/1.a", "7.1/AB.a\n", "'; --"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        WriteToken.parse(text)
    assert caught.value.code == "bad_token"


@pytest.mark.parametrize(("replica", "writing"), [(True, False), (False, True)])
def test_no_token_from_a_replica_or_before_commit(replica: bool, writing: bool) -> None:
    shard = FakeShard("a", FIRST)
    shard.position = ("a", 1, "0/10", replica, writing, False)
    with pytest.raises(Refusal) as caught:
        routes_router.token_after_write(shard)
    assert caught.value.code == "no_token"


@pytest.mark.parametrize(
    ("shard", "version", "lsn", "serves"),
    [("a", 1, "0/10", True), ("a", 2, "1/0", True), ("a", 1, "0/F", False), ("a", 0, "0/10", False), ("b", 1, "FF/0", False)],
)
def test_a_replica_serves_when_it_has_shard_map_and_write(shard: str, version: int, lsn: str, serves: bool) -> None:
    replica = FakeShard("a", FIRST)
    replica.position = (shard, version, lsn, True, False, False)
    assert routes_router.can_serve(replica, WriteToken("a", 1, 0x10)) is serves


def test_a_replica_that_arrives_in_time_serves() -> None:
    class Arriving(FakeShard):
        def execute(self, query: str, params: t.Sequence[t.Any] | None = None, /) -> FakeShard:
            self.asked.append(("", 0))
            self.position = ("a", 1, "0/10" if len(self.asked) > 3 else "0/F", True, False, False)
            return super().execute(query, params)

    assert routes_router.can_serve(Arriving("a", FIRST), WriteToken("a", 1, 0x10), wait=10)


def test_an_old_snapshot_is_refused() -> None:
    replica = FakeShard("a", FIRST)
    replica.position = ("a", 1, "0/10", True, False, True)
    with pytest.raises(Refusal) as caught:
        routes_router.can_serve(replica, WriteToken("a", 1, 0x10))
    assert caught.value.code == "old_snapshot"


def test_a_tenant_that_moved_is_not_read_by_its_old_token() -> None:
    router = Router(Source(SECOND))
    replica = FakeShard("a", SECOND)
    assert router.replica_may_serve("acme", None, replica)
    assert not router.replica_may_serve("acme", WriteToken("a", 1, 0), replica), "acme lives on b now"


def test_a_token_of_a_newer_map_makes_the_router_look_again() -> None:
    source = Source(FIRST)
    router = Router(source)
    router.refresh()
    source.tenants = SECOND
    replica = FakeShard("b", SECOND)
    assert router.replica_may_serve("acme", WriteToken("b", 2, 0x10), replica)


def test_the_map_is_read_from_a_mounted_file(tmp_path: Path) -> None:
    (tmp_path / "tenant_map.json").write_text(FIRST.to_json())
    assert Router(routes_router.map_from_file(tmp_path / "tenant_map.json")).shard_for("acme") == "a"


def test_an_application_needs_neither_ansible_nor_psycopg() -> None:
    code = (
        "import sys; sys.modules.update(ansible=None, psycopg=None);"
        "from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_router as library;"
        "print(library.Router(lambda: library.TenantMap.from_json(sys.argv[1])).shard_for('acme'))"
    )
    path = str(ROOT / "build" / "collections")
    done = subprocess.run(
        [sys.executable, "-c", code, FIRST.to_json()], env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("a", "")
