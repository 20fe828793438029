# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The races of mirror, copy, repair and swap, each played move by move: two sessions, a gate, and what must be true in the end.

The negative controls take the fence out of the mirror: then the very same moves must leave a zombie row behind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._postgres import catalog, mirror, ranges, state
from ansible_collections.governed.delivery.plugins.module_utils._postgres.copy import Copier
from ansible_collections.governed.delivery.plugins.module_utils._postgres.digest import Comparer, Difference, Stretch
from ansible_collections.governed.delivery.plugins.module_utils._postgres.names import Table
from ansible_collections.governed.delivery.plugins.module_utils._postgres.repair import repair
from psycopg import errors, sql

from playground.postgres import Postgres
from tests.support import documents
from tests.support.documents import Connection
from tests.support.modules import ModuleFailed, Modules

GATE = 42  # advisory lock that a batch waits at, after it took its snapshot
ISOLATIONS = ("read committed", "repeatable read")
ROWS, RANGE_ROWS = 200, 10
DOCS = Table(documents.SCHEMA, documents.TABLE)


@dataclasses.dataclass
class Shift:
    """A table on its way, and sessions to play with it."""

    database: Postgres
    modules: Modules
    connection: Connection
    opened: contextlib.ExitStack

    def session(self, isolation: str = "read committed") -> Connection:
        """A session of the application."""
        connection = self.opened.enter_context(self.database.connect(autocommit=True))
        connection.execute(
            "SELECT set_config('default_transaction_isolation', %s, false), set_config('lock_timeout', '10s', false)", [isolation]
        )
        return connection

    def expand(self, layout: str = "hash") -> None:
        self.modules.call("pg_partition", partition_by=documents.LAYOUTS[layout], minimum_rows=1)

    def mirror(self) -> None:
        self.modules.call("pg_mirror", range_rows=RANGE_ROWS, baseline_seconds=0)

    def copy(self) -> None:
        self.modules.call("pg_backfill", max_duty_percent=100)

    def reconcile(self, **options: t.Any) -> dict[str, t.Any]:
        return self.modules.call("pg_reconcile", again=True, **options)

    def cut_over(self, state: str = "live", patience: int = 5) -> dict[str, t.Any]:
        return self.modules.call("pg_cutover", state=state, slower_reads="allow", patience=patience)

    @property
    def job(self) -> state.Job:
        found = state.find(self.connection, DOCS)
        if found is None:
            raise LookupError("no shift")
        return found

    def source(self) -> catalog.Description:
        found = catalog.describe(self.connection, self.job.source)
        if found is None:
            raise LookupError("no table")
        return found

    def space(self) -> ranges.KeySpace:
        return ranges.key_space(self.connection, self.job.source_oid, self.job.source_key)

    def differences(self) -> documents.Differences:
        return documents.compare(self.connection, live=self.job.state == state.LIVE)

    @contextlib.contextmanager
    def behind_the_mirror(self) -> t.Iterator[Connection]:
        """A session whose writes no mirror sees: how damage is done."""
        connection = self.session()
        connection.execute("SELECT set_config(%s, 'on', false)", [self.job.setting])
        yield connection

    def is_waiting(self, pid: int, within: float = 5.0) -> bool:
        """Whether the session comes to wait for a lock."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            row = self.connection.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
            if row and row[0] == "Lock":
                return True
            time.sleep(0.01)
        return False


@pytest.fixture
def shift(database: Postgres) -> t.Iterator[Shift]:
    with contextlib.ExitStack() as opened:
        connection = opened.enter_context(database.connect(autocommit=True))
        documents.create(connection, ROWS)
        yield Shift(database, Modules(database.module_parameters(), documents.SCHEMA, documents.TABLE), connection, opened)


@contextlib.contextmanager
def batch_in_flight(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Callable[[], None]]:
    """A batch over the whole table that has its snapshot and has written nothing yet. Gives the function that lets it go on and end."""
    gate = shift.session()
    gate.execute("SELECT pg_advisory_lock(%s)", [GATE])
    plain = Copier._insert

    def gated(self: Copier, condition: sql.Composable, *, careful: bool) -> sql.Composed:
        # An uncorrelated subquery runs after the statement took its snapshot and before it reads a row.
        behind = sql.SQL("{} AND (SELECT 1 FROM pg_advisory_xact_lock_shared({})) = 1").format(condition, sql.Literal(GATE))
        return plain(self, behind, careful=careful)

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as thread:
        patch.setattr(Copier, "_insert", gated)
        own = shift.session()
        copier = Copier(own, shift.job, shift.source(), shift.space(), range_rows=RANGE_ROWS)
        own.execute("SET lock_timeout = '10s'")  # or the gate would make the batch give way
        batch = thread.submit(copier.batch, ROWS)
        assert shift.is_waiting(own.info.backend_pid)

        def let_go() -> None:
            gate.execute("SELECT pg_advisory_unlock(%s)", [GATE])
            assert batch.result(20) == ROWS // RANGE_ROWS

        try:
            yield let_go
        finally:
            gate.close()


def without_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "_fence", lambda _job, _space: sql.SQL(""))


MOVES = {
    "delete": "DELETE FROM app.docs WHERE id = 25",
    "tenant change": "UPDATE app.docs SET tenant_id = 'tenant 7' WHERE id = 25 AND tenant_id <> 'tenant 7'",
    "key change": "UPDATE app.docs SET id = 100025 WHERE id = 25",
    "delete and reuse": "DELETE FROM app.docs WHERE id = 25; INSERT INTO app.docs VALUES (25, 'tenant 6', now(), '{}')",
}


def played(session: Connection, move: str) -> int:
    """Play a move in one transaction, again after a serialization failure, as every client of REPEATABLE READ does. Gives the retries."""
    for retries in range(5):
        try:
            with session.transaction():
                session.execute(move)
        except errors.SerializationFailure:
            continue
        return retries
    raise AssertionError("five serialization failures in a row")


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("move", list(MOVES))
def test_a_row_that_goes_while_a_batch_has_read_it(shift: Shift, monkeypatch: pytest.MonkeyPatch, move: str, isolation: str) -> None:
    shift.expand()
    shift.mirror()
    writer = shift.session(isolation)
    with batch_in_flight(shift, monkeypatch) as let_go, ThreadPoolExecutor(1) as thread:
        playing: Future[int] = thread.submit(played, writer, MOVES[move])
        assert shift.is_waiting(writer.info.backend_pid), "the fence let the writer pass a batch in flight"
        let_go()
        retries = playing.result(20)
    assert (retries > 0) == (isolation == "repeatable read")
    shift.copy()
    assert shift.differences().none
    assert shift.reconcile()["mismatches"] == 0


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("move", list(MOVES))
def test_negative_control_without_the_fence_the_row_rises_again(
    shift: Shift, monkeypatch: pytest.MonkeyPatch, move: str, isolation: str
) -> None:
    without_fence(monkeypatch)
    shift.expand()
    shift.mirror()
    writer = shift.session(isolation)
    with batch_in_flight(shift, monkeypatch) as let_go:
        played(writer, MOVES[move])
        let_go()
    assert shift.differences() == documents.Differences(lost=0, extra=1)
    answer = shift.modules.call("pg_backfill")
    assert answer["state"] == "copied"
    zombie = shift.reconcile()
    assert [(one["kind"], one["key"]["id"]) for one in zombie["differences"]] == [("extra", "25")]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_batch_leaves_a_range_whose_row_is_being_deleted(shift: Shift, isolation: str) -> None:
    """The other order: the delete is first, and not committed when the batch comes by."""
    shift.expand()
    shift.mirror()
    writer, own = shift.session(isolation), shift.session()
    copier = Copier(own, shift.job, shift.source(), shift.space(), range_rows=RANGE_ROWS)
    with writer.transaction():
        writer.execute("DELETE FROM app.docs WHERE id = 25")
        assert copier.batch(ROWS) == ROWS // RANGE_ROWS - 1
        assert copier.batch(ROWS) is None
    assert copier.batch(ROWS) == 1
    assert shift.differences().none


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_an_update_that_is_not_committed_makes_the_batch_give_way(shift: Shift, isolation: str) -> None:
    shift.expand()
    shift.mirror()
    writer, own = shift.session(isolation), shift.session()
    copier = Copier(own, shift.job, shift.source(), shift.space(), range_rows=RANGE_ROWS)
    with writer.transaction():
        writer.execute("UPDATE app.docs SET body = '{\"new\": true}' WHERE id = 25")
        with pytest.raises(errors.LockNotAvailable):
            copier.batch(ROWS)
    shift.copy()
    assert shift.differences().none
    found = shift.connection.execute("SELECT body FROM app.docs_partitioned WHERE id = 25").fetchone()
    assert found == ({"new": True},)


def test_a_row_that_stays_locked_holds_up_its_own_range_only(shift: Shift) -> None:
    shift.expand()
    shift.mirror()
    writer = shift.session()
    left = sql.SQL("SELECT count(*) FROM {} WHERE NOT done").format(sql.Identifier("governed_delivery", shift.job.ranges))
    with writer.transaction():
        writer.execute("UPDATE app.docs SET body = '{\"new\": true}' WHERE id = 25")
        process = shift.modules.start("pg_backfill", max_duty_percent=100)
        deadline = time.monotonic() + 20
        while shift.connection.execute(left).fetchone() != (1,):
            assert process.poll() is None
            assert time.monotonic() < deadline, "one locked row keeps other ranges from being copied"
            time.sleep(0.05)
    answer = shift.modules.answer("pg_backfill", process)
    assert answer is not None
    assert answer["state"] == "copied"
    assert shift.differences().none


@pytest.mark.parametrize("rows", [RANGE_ROWS, 100_000], ids=["careful batch", "trusting batch"])
def test_a_batch_never_overwrites_what_the_mirror_wrote(shift: Shift, rows: int) -> None:
    shift.expand()
    shift.mirror()
    shift.session().execute("UPDATE app.docs SET body = '{\"new\": true}' WHERE id IN (5, 25, 195)")
    own = shift.session()
    copier = Copier(own, shift.job, shift.source(), shift.space(), range_rows=RANGE_ROWS)
    while True:
        try:
            if copier.batch(rows) is None:
                break
        except errors.UniqueViolation:
            copier.distrust()
    assert shift.differences().none


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_the_copy_reads_committed_whatever_the_database_defaults_to(shift: Shift, level: str) -> None:
    """With one snapshot for claim and read, a row deleted between the two would rise again."""
    shift.connection.execute(
        sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = {}").format(
            sql.Identifier(shift.database.database), sql.Literal(level)
        )
    )
    try:
        shift.expand()
        shift.mirror()
        deleter = shift.session()
        claim = Copier._claim
        with pytest.MonkeyPatch.context() as patch:

            def claim_late(self: Copier, _count: int) -> list[tuple[int, int, t.Any, t.Any]]:
                self.connection.execute("SELECT")  # the transaction's first statement: where one snapshot for all would be taken
                deleter.execute("DELETE FROM app.docs WHERE id = 25")
                return claim(self, ROWS)  # all ranges at once

            patch.setattr(Copier, "_claim", claim_late)
            shift.copy()
        assert shift.differences().none
    finally:
        name = sql.Identifier(shift.database.database)
        shift.connection.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_isolation").format(name))


@pytest.mark.parametrize("move", ["delete", "tenant change", "key change"])
def test_a_snapshot_older_than_the_mirror_gets_a_serialization_failure(shift: Shift, move: str) -> None:
    shift.expand()
    old = shift.session("repeatable read")
    old.execute("BEGIN")
    old.execute("SELECT")  # the snapshot; nothing of the table is locked
    shift.mirror()
    with pytest.raises(errors.SerializationFailure):
        old.execute(MOVES[move])
    old.execute("ROLLBACK")
    shift.copy()
    assert shift.differences().none


def test_a_plain_update_by_a_snapshot_older_than_the_mirror_is_mirrored(shift: Shift) -> None:
    shift.expand()
    old = shift.session("repeatable read")
    with old.transaction():
        old.execute("SELECT")
        shift.mirror()
        old.execute("UPDATE app.docs SET body = '{\"new\": true}' WHERE id = 25")
    shift.copy()
    assert shift.differences().none


def test_a_snapshot_older_than_the_copy_keeps_the_swap_waiting(shift: Shift) -> None:
    """Rows that the copy wrote are invisible to it: after the swap it would find an empty table behind the name."""
    shift.expand()
    shift.mirror()
    old = shift.session("repeatable read")
    with old.transaction():
        before = old.execute("SELECT count(*) FROM pg_class").fetchone()  # no lock on the table is held
        assert before is not None
        shift.copy()
        assert shift.reconcile()["mismatches"] == 0
        with pytest.raises(ModuleFailed) as refused:
            shift.cut_over(patience=1)
        assert refused.value.codes == ["busy_table"]
        assert old.execute("SELECT count(*) FROM app.docs").fetchone() == (ROWS,)
    assert shift.cut_over()["state"] == "live"


def test_truncate_is_mirrored_both_ways(shift: Shift) -> None:
    shift.expand()
    shift.mirror()
    shift.copy()
    writer = shift.session()
    writer.execute("TRUNCATE app.docs")
    assert shift.differences().none
    writer.execute("INSERT INTO app.docs (tenant_id, created_at, body) SELECT 'tenant 1', now(), '{}' FROM generate_series(1, 10)")
    assert shift.differences().none
    assert shift.reconcile()["mismatches"] == 0
    shift.cut_over()
    writer.execute("TRUNCATE app.docs")
    assert shift.differences().none
    assert shift.connection.execute("SELECT count(*) FROM app.docs_retired").fetchone() == (0,)


@pytest.mark.parametrize("state_", ["copied", "live"])
def test_a_partition_cannot_be_truncated_by_itself(shift: Shift, state_: str) -> None:
    shift.expand()
    shift.mirror()
    shift.copy()
    if state_ == "live":
        shift.reconcile()
        shift.cut_over()
    leaves = shift.connection.execute(
        "SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf", [shift.job.target_oid]
    ).fetchall()
    for (leaf,) in leaves:
        with pytest.raises(errors.ObjectNotInPrerequisiteState, match="cannot be truncated by itself"):
            shift.session().execute(f"TRUNCATE {leaf}")
    assert shift.differences().none


@pytest.mark.parametrize("state_", ["mirrored", "live"])
def test_writes_of_a_session_in_replica_mode_are_mirrored(shift: Shift, state_: str) -> None:
    shift.expand()
    shift.mirror()
    if state_ == "live":
        shift.copy()
        shift.reconcile()
        shift.cut_over()
    writer = shift.session()
    writer.execute("SET session_replication_role = replica")
    writer.execute("DELETE FROM app.docs WHERE id = 25")
    writer.execute("UPDATE app.docs SET tenant_id = 'tenant 7', body = '{}' WHERE id = 26")
    writer.execute("INSERT INTO app.docs (tenant_id, created_at, body) VALUES ('tenant 3', now(), '{}')")
    if state_ == "mirrored":
        shift.copy()
    assert shift.differences().none


@pytest.mark.parametrize("state_", ["mirrored", "half copied", "copied", "live", "rolled back"])
@pytest.mark.parametrize("action", ["CASCADE", "SET DEFAULT"])
def test_what_a_foreign_key_does_reaches_both(shift: Shift, state_: str, action: str) -> None:
    """The new table carries the key as well, so the server acts on both tables by itself, and each act is mirrored."""
    run = shift.connection.execute
    run("CREATE TABLE app.tenants (tenant_id text PRIMARY KEY)")
    run("INSERT INTO app.tenants SELECT DISTINCT tenant_id FROM app.docs")
    run("ALTER TABLE app.docs ALTER tenant_id SET DEFAULT 'tenant 0'")
    act = sql.SQL("ON DELETE {action} ON UPDATE CASCADE").format(action=sql.SQL(action))
    run(sql.SQL("ALTER TABLE app.docs ADD FOREIGN KEY (tenant_id) REFERENCES app.tenants {}").format(act))
    shift.expand()
    shift.mirror()
    if state_ == "half copied":
        Copier(shift.session(), shift.job, shift.source(), shift.space(), range_rows=RANGE_ROWS).batch(ROWS // 2)
    elif state_ != "mirrored":
        shift.copy()
    if state_ in ("live", "rolled back"):
        shift.reconcile()
        shift.cut_over()
    if state_ == "rolled back":
        shift.cut_over("rolled_back")
    writer = shift.session()
    writer.execute("DELETE FROM app.tenants WHERE tenant_id = 'tenant 3'")
    writer.execute("UPDATE app.tenants SET tenant_id = 'tenant 99' WHERE tenant_id = 'tenant 5'")
    if state_ in ("mirrored", "half copied"):
        shift.copy()
    assert shift.differences().none
    assert shift.reconcile()["mismatches"] == 0
    counted: dict[str, int] = dict(run("SELECT tenant_id, count(*)::int FROM app.docs GROUP BY 1").fetchall())
    each = ROWS // documents.TENANTS
    expected = {f"tenant {number}": each for number in (0, 1, 2, 4, 6, 7, 99)}
    if action == "SET DEFAULT":
        expected["tenant 0"] *= 2
    assert counted == expected


DAMAGE = {  # what is done to the copy, and what the comparison must say; {} is the copy
    "lost": ("DELETE FROM {} WHERE id = 25", [("missing", "25")]),
    "changed": ("UPDATE {} SET body = body || '{{\"n\": 1}}' WHERE id = 25", [("changed", "25")]),
    "null": ("UPDATE {} SET body = 'null' WHERE id = 25", [("changed", "25")]),
    "extra": ("INSERT INTO {} VALUES (100025, 'tenant 1', now(), '{{}}')", [("extra", "100025")]),
    "swapped": (
        "UPDATE {} AS a SET body = b.body FROM {} AS b WHERE a.id IN (25, 125) AND b.id IN (25, 125) AND a.id <> b.id",
        [("changed", "125"), ("changed", "25")],
    ),
}


def damaged_and_repaired(shift: Shift, statement: str, expected: list[tuple[str, str]]) -> None:
    copy = shift.job.source if shift.job.state == state.LIVE else shift.job.target
    with shift.behind_the_mirror() as connection:
        names = [copy.identifier] * statement.replace("{{", "").count("{")
        connection.execute(sql.SQL(statement).format(*names))
    found = shift.reconcile(workers=2, ranges_each=3)
    assert sorted((one["kind"], one["key"]["id"]) for one in found["differences"]) == expected
    assert all(one["key"]["tenant_id"].startswith("tenant ") for one in found["differences"])
    assert found["mismatches"] == len(expected)
    if shift.job.state != state.LIVE:
        assert shift.job.state == state.COPIED
        with pytest.raises(ModuleFailed) as refused:
            shift.cut_over()
        assert refused.value.codes == ["wrong_state"]
    repaired = shift.reconcile(repair=True)
    assert (repaired["repaired"], repaired["changed"]) == (len(expected), True)
    assert shift.differences().none
    events = [event["detail"]["key"]["id"] for event in state.events(shift.connection, shift.job) if event["what"] == "repaired"]
    assert sorted(events) == sorted(key for _kind, key in expected)
    again = shift.reconcile()
    assert (again["mismatches"], again["repaired"], again["changed"]) == (0, 0, False)


@pytest.mark.parametrize("damage", list(DAMAGE))
@pytest.mark.parametrize("layout", ["hash", "hash, range"])
def test_damage_is_found_named_and_repaired(shift: Shift, damage: str, layout: str) -> None:
    shift.expand(layout)
    shift.mirror()
    shift.copy()
    assert shift.reconcile()["mismatches"] == 0
    damaged_and_repaired(shift, *DAMAGE[damage])


SUBTLE = {  # values that some equality takes for the same
    "scale of a numeric": ("number = 1.0", "number = 1.00"),
    "scale of a number in jsonb": ("body = '{\"n\": 1.0}'", "body = '{\"n\": 1.00}'"),
    "sign of zero": ("float = 0", "float = '-0'"),
    "last digit of a float": ("float = 0.1", "float = 0.10000000000000002"),
    "nothing and the empty text": ("note = NULL", "note = ''"),
    "blank at the end": ("note = 'a'", "note = 'a '"),
    "blank in json": ("document = '{\"a\":1}'", "document = '{\"a\": 1}'"),
    "order of keys in json": ('document = \'{"a":1,"b":2}\'', 'document = \'{"b":2,"a":1}\''),
    "point": ("place = '(1,2)'", "place = '(2,1)'"),
    "bounds of an array": ("list = '{1,2}'", "list = '[2:3]={1,2}'"),
    "two columns exchanged": ("number = 1, float = 2", "number = 2, float = 1"),
    "long value": ("note = repeat('a', 100000)", "note = repeat('a', 99999) || 'b'"),
}


@pytest.mark.parametrize("difference", list(SUBTLE))
def test_values_that_are_nearly_the_same_differ(shift: Shift, difference: str) -> None:
    shift.connection.execute(
        "ALTER TABLE app.docs ADD number numeric DEFAULT 1, ADD float float8, ADD note text, ADD document json, ADD place point, ADD list int[]"
    )
    shift.connection.execute("ALTER TABLE app.docs DROP COLUMN created_at")
    right, wrong = SUBTLE[difference]
    shift.connection.execute(sql.SQL("UPDATE app.docs SET {} WHERE id IN (25, 26)").format(sql.SQL(right)))
    shift.expand()
    shift.mirror()
    shift.copy()
    assert shift.reconcile()["mismatches"] == 0
    with shift.behind_the_mirror() as connection:
        connection.execute(sql.SQL("UPDATE app.docs_partitioned SET {} WHERE id = 25").format(sql.SQL(wrong)))
    found = shift.reconcile()
    assert [(one["kind"], one["key"]["id"]) for one in found["differences"]] == [("changed", "25")]
    assert shift.reconcile(repair=True)["repaired"] == 1
    assert shift.reconcile()["mismatches"] == 0
    both = (
        "SELECT DISTINCT (SELECT d FROM (SELECT number, float, note, document, place, list, body) AS d)::text FROM {} WHERE id IN (25, 26)"
    )
    assert (
        shift.connection.execute(both.format("app.docs")).fetchall()
        == shift.connection.execute(both.format("app.docs_partitioned")).fetchall()
    )


def test_a_row_there_twice_under_two_tenants_is_found_named_and_repaired(shift: Shift) -> None:
    shift.expand()
    shift.mirror()
    shift.copy()
    statement = "INSERT INTO {} SELECT id, 'tenant 0', created_at, body FROM {} WHERE id = 25 AND tenant_id <> 'tenant 0'"
    damaged_and_repaired(shift, statement, [("extra", "25")])


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_damage_to_the_old_table_after_the_cutover_is_found_named_and_repaired(shift: Shift, damage: str) -> None:
    shift.expand()
    shift.mirror()
    shift.copy()
    shift.reconcile()
    shift.cut_over()
    damaged_and_repaired(shift, *DAMAGE[damage])


@pytest.mark.parametrize("wrong", ["tenant 0", "tenant 7"])
def test_a_row_of_the_old_table_with_another_tenant_is_repaired_after_the_cutover(shift: Shift, wrong: str) -> None:
    """Its old key is there already, under the wrong tenant: whichever of the two is repaired first must make room."""
    shift.expand()
    shift.mirror()
    shift.copy()
    shift.reconcile()
    shift.cut_over()
    with shift.behind_the_mirror() as connection:
        connection.execute("UPDATE app.docs_retired SET tenant_id = %s WHERE id = 25", [wrong])
    found = shift.reconcile(repair=True)
    assert sorted(one["kind"] for one in found["differences"]) == ["extra", "missing"]
    assert shift.differences().none


@pytest.mark.parametrize("state_", ["copied", "live"])
def test_a_repair_does_not_lose_a_row_that_is_written_meanwhile(shift: Shift, state_: str) -> None:
    """The row is only in the copy when the repair looks, and the application inserts it before the repair deletes it."""
    shift.expand()
    shift.mirror()
    shift.copy()
    if state_ == "live":
        shift.reconcile()
        shift.cut_over()
    copy = shift.job.source if state_ == "live" else shift.job.target
    with shift.behind_the_mirror() as connection:
        connection.execute(sql.SQL("INSERT INTO {} VALUES (100025, 'tenant 1', now(), '{{}}')").format(copy.identifier))
    writer, own = shift.session(), shift.session()
    with ThreadPoolExecutor(1) as thread:
        with writer.transaction():
            writer.execute("INSERT INTO app.docs VALUES (100025, 'tenant 1', now(), '{\"new\": true}')")
            only_there = Difference("extra", {"tenant_id": "tenant 1", "id": "100025"})
            repairing = thread.submit(repair, own, shift.job, shift.source(), only_there)
            time.sleep(0.3)
        repairing.result(20)
    assert shift.differences().none


def test_a_repair_gives_way_to_the_application(shift: Shift) -> None:
    """Two rows, repaired and written in opposite orders: the application must never be the one that a deadlock or a wait hits."""
    shift.expand()
    shift.mirror()
    shift.copy()
    with shift.behind_the_mirror() as connection:
        connection.execute("UPDATE app.docs_partitioned SET body = '{}' WHERE id = 25")
    writer, own = shift.session(), shift.session()
    writer.execute("SET deadlock_timeout = '10s'")
    row = shift.connection.execute("SELECT tenant_id FROM app.docs WHERE id = 25").fetchone()
    assert row is not None
    with ThreadPoolExecutor(1) as thread:
        with writer.transaction():
            writer.execute("UPDATE app.docs SET body = '{\"new\": true}' WHERE id = 25")
            repairing = thread.submit(repair, own, shift.job, shift.source(), Difference("changed", {"tenant_id": row[0], "id": "25"}))
            time.sleep(0.2)
            started = time.monotonic()
            writer.execute("DELETE FROM app.docs WHERE id = 24")  # the same range
            waited = time.monotonic() - started
        repairing.result(20)
    assert waited < 0.5
    assert shift.differences().none


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("state_", ["copied", "live"])
def test_a_repaired_row_does_not_outlive_one_that_is_deleted_by_an_older_snapshot(shift: Shift, state_: str, isolation: str) -> None:
    """The row that the repair wrote is invisible to that snapshot, so the mirror could not delete it."""
    shift.expand()
    shift.mirror()
    shift.copy()
    if state_ == "live":
        shift.reconcile()
        shift.cut_over()
    copy = shift.job.source if state_ == "live" else shift.job.target
    with shift.behind_the_mirror() as connection:
        connection.execute(sql.SQL("DELETE FROM {} WHERE id = 25").format(copy.identifier))
    writer = shift.session(isolation)
    try:
        with writer.transaction():
            writer.execute("SELECT")  # the snapshot
            assert shift.reconcile(repair=True)["repaired"] == 1
            writer.execute("DELETE FROM app.docs WHERE id = 25")
    except errors.SerializationFailure:
        assert isolation == "repeatable read"
        assert played(writer, "DELETE FROM app.docs WHERE id = 25") == 0
    assert shift.differences().none


def test_a_comparison_that_was_cut_after_it_found_a_difference_keeps_the_swap_away(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    shift.expand()
    shift.mirror()
    shift.copy()
    assert shift.reconcile()["state"] == "verified"
    with shift.behind_the_mirror() as connection:
        connection.execute("DELETE FROM app.docs_partitioned WHERE id = 5")
    equal = Comparer.equal

    def cut_off(self: Comparer, stretch: Stretch) -> tuple[bool, int]:
        if stretch.first > 1:
            raise Refusal("the pass", expected="to be cut off", found="here", remedy="", code="cut")
        return equal(self, stretch)

    with monkeypatch.context() as patch:
        patch.setattr(Comparer, "equal", cut_off)
        with pytest.raises(ModuleFailed):
            shift.reconcile(ranges_each=5)
    with pytest.raises(ModuleFailed) as refused:
        shift.cut_over()
    assert refused.value.codes == ["not_verified"]
    rest = shift.modules.call("pg_reconcile")
    assert (rest["mismatches"], rest["state"]) == (1, "copied")


def test_writers_that_wait_for_the_swap_go_on_with_the_new_table(shift: Shift) -> None:
    """Statements prepared before the swap, and one that waits in the queue behind its lock, reach the table that has the name now."""
    shift.expand()
    shift.mirror()
    shift.copy()
    shift.reconcile()
    writer = shift.session()
    for _time in range(7):  # server-side prepared, generic plan
        writer.execute("UPDATE app.docs SET body = body || '{\"n\": 1}' WHERE tenant_id = %s AND id = %s", ["tenant 1", 25], prepare=True)
    stop = threading.Event()
    done = 0

    def write() -> None:
        nonlocal done
        while not stop.is_set():
            found = writer.execute(
                "UPDATE app.docs SET body = body || '{\"n\": 1}' WHERE tenant_id = %s AND id = %s", ["tenant 1", 25], prepare=True
            )
            assert found.rowcount == 1
            done += 1

    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(write)
        try:
            for _time in range(3):
                shift.cut_over()
                assert shift.differences().none
                shift.cut_over("rolled_back")
                assert shift.differences().none
        finally:
            stop.set()
        writing.result(20)
    assert done > 0
    assert shift.differences().none


def test_a_broken_mirror_stops_backfill_reconcile_and_cutover(shift: Shift) -> None:
    shift.expand()
    shift.mirror()
    trigger = sql.Identifier(mirror.trigger_name(shift.job, "mirror"))
    shift.connection.execute(sql.SQL("ALTER TABLE app.docs DISABLE TRIGGER {}").format(trigger))
    with pytest.raises(ModuleFailed) as refused:
        shift.copy()
    assert refused.value.codes == ["mirror_broken"]
    shift.connection.execute(sql.SQL("ALTER TABLE app.docs ENABLE ALWAYS TRIGGER {}").format(trigger))
    shift.copy()
    shift.reconcile()
    shift.connection.execute(sql.SQL("DROP TRIGGER {} ON app.docs").format(trigger))
    for step in (shift.reconcile, shift.cut_over):
        with pytest.raises(ModuleFailed) as refused:
            step()
        assert refused.value.codes == ["mirror_broken"]


def test_psycopg_is_the_one_the_modules_use() -> None:
    """The patches of this file reach the code only when both mean the same library."""
    assert errors.LockNotAvailable is psycopg.errors.LockNotAvailable
