# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody is made to wait: what other sessions feel while a shift goes through its phases, and while a long transaction is in its way.

The other sessions' ``lock_timeout`` is the modules' own plus 100 ms: whoever waits longer than that fails, and the test with it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._postgres.locks import LOCK_TIMEOUT_MILLISECONDS, SILENT_MILLISECONDS

from playground import connection as connection_file
from playground.postgres import Postgres
from tests.support import documents
from tests.support.documents import Connection
from tests.support.modules import ModuleFailed, Modules

UTILS = "ansible_collections.governed.delivery.plugins.module_utils._postgres"
LONGEST_WAIT_MS = LOCK_TIMEOUT_MILLISECONDS + 100
LONG_TRANSACTION_SECONDS = 4.0
ROWS = 3000


@dataclasses.dataclass
class Application:
    """Sessions that read and write single rows, some fifty times a second each, and remember what failed."""

    database: Postgres
    hold_seconds: float = 0.0
    sessions: int = 2
    done: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)
    _stop: threading.Event = dataclasses.field(default_factory=threading.Event)

    def _run(self, number: int) -> None:
        with self.database.connect() as connection:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LONGEST_WAIT_MS}ms"])
            connection.commit()
            while not self._stop.is_set():
                key = 1 + number + self.sessions * (self.done % 100)
                try:
                    connection.execute("UPDATE app.docs SET body = body || '{\"n\": 1}' WHERE id = %s", [key])
                    connection.execute("SELECT body FROM app.docs WHERE id = %s", [key])
                    time.sleep(self.hold_seconds)
                    connection.commit()
                    self.done += 1
                except psycopg.Error as error:
                    connection.rollback()
                    self.failures.append(f"{error.sqlstate} {error}")
                time.sleep(0 if self.hold_seconds else 0.02)

    @contextlib.contextmanager
    def at_work(self) -> t.Iterator[None]:
        threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.sessions)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


@dataclasses.dataclass(frozen=True)
class Strong:
    """A step that needs a strong lock: the state it starts from, the module and its option, and a function it calls with the lock in its hands."""

    start: str
    module: str
    state: str
    within: str


STRONG = {
    "trigger install": Strong("expanded", "pg_mirror", "present", "ranges.close_plan"),
    "mirror removal": Strong("verified", "pg_mirror", "absent", "work_mirror.execute"),
    "cutover": Strong("verified", "pg_cutover", "live", "switch._still_as_planned"),
    "rollback": Strong("live", "pg_cutover", "rolled_back", "switch._still_as_planned"),
}


def modules_of(database: Postgres) -> Modules:
    return Modules(database.module_parameters(), documents.SCHEMA, documents.TABLE)


def brought_to(database: Postgres, connection: Connection, state: str) -> Modules:
    """A small table whose shift is in that state."""
    documents.create(connection, ROWS)
    modules = modules_of(database)
    modules.call("pg_partition", partition_by=documents.LAYOUTS["hash"], minimum_rows=1)
    if state == "expanded":
        return modules
    modules.call("pg_mirror", baseline_seconds=0)
    modules.call("pg_backfill", max_duty_percent=100)
    modules.call("pg_reconcile")
    if state == "live":
        modules.call("pg_cutover", slower_reads="allow")
    return modules


def options_of(step: Strong, patience: int) -> dict[str, t.Any]:
    extra: dict[str, t.Any] = {"slower_reads": "allow"} if step.module == "pg_cutover" else {"baseline_seconds": 0}
    return {"state": step.state, "patience": patience, **extra}


CATALOG = """
    SELECT c.relname::text, c.relkind::text, coalesce(string_agg(t.tgname::text || t.tgenabled::text, ',' ORDER BY t.tgname), '')
    FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid WHERE c.relnamespace = 'app'::regnamespace GROUP BY 1, 2 ORDER BY 1
"""


@pytest.mark.parametrize("step", STRONG.values(), ids=list(STRONG))
def test_a_long_transaction_is_waited_for_from_outside(database: Postgres, step: Strong) -> None:
    with database.connect(autocommit=True) as connection, database.connect() as long, contextlib.ExitStack() as stack:
        modules = brought_to(database, connection, step.start)
        application = Application(database)
        long.execute("UPDATE app.docs SET body = body || '{\"long\": true}' WHERE id = 2900")
        stack.enter_context(application.at_work())
        started = time.monotonic()
        process = modules.start(step.module, **options_of(step, patience=60))
        time.sleep(LONG_TRANSACTION_SECONDS)
        assert process.poll() is None, "it did not wait for the long transaction"
        assert application.failures == []
        long.commit()
        answer = modules.answer(step.module, process)
        assert answer is not None
        assert time.monotonic() - started > LONG_TRANSACTION_SECONDS
        stack.close()
        assert application.failures == []
        assert application.done > LONG_TRANSACTION_SECONDS * 20
        assert answer.get("waits", 1) > 0
        found = connection.execute("SELECT body ->> 'long' FROM app.docs WHERE id = 2900").fetchone()
        assert found == ("true",)


@pytest.mark.parametrize("step", STRONG.values(), ids=list(STRONG))
def test_without_patience_it_gives_up_and_nothing_is_changed(database: Postgres, step: Strong) -> None:
    with database.connect(autocommit=True) as connection, database.connect(application_name="the long one") as long:
        modules = brought_to(database, connection, step.start)
        before = connection.execute(CATALOG).fetchall()
        long.execute("SELECT FROM app.docs LIMIT 1")
        application = Application(database)
        with application.at_work():
            started = time.monotonic()
            with pytest.raises(ModuleFailed) as failed:
                modules.call(step.module, **options_of(step, patience=1))
            seconds = time.monotonic() - started
        assert failed.value.codes == ["busy_table"]
        assert "the long one" in str(failed.value)
        assert 1 < seconds < 10
        assert application.failures == []
        assert application.done > 0
        assert connection.execute(CATALOG).fetchall() == before
        assert modules.call("pg_partition_info")["state"] == step.start
        long.execute("SELECT FROM app.docs LIMIT 1")  # nobody ended it
        long.rollback()
        assert modules.call(step.module, **options_of(step, patience=30))["changed"] is True


@pytest.mark.parametrize("step", STRONG.values(), ids=list(STRONG))
def test_a_table_that_is_never_free_is_taken_between_two_transactions(database: Postgres, step: Strong) -> None:
    """Short transactions overlap all the time: no look finds the table free, and everybody waits a moment at most."""
    with database.connect(autocommit=True) as connection:
        modules = brought_to(database, connection, step.start)
        application = Application(database, hold_seconds=0.03, sessions=3)
        with application.at_work():
            time.sleep(0.2)
            assert modules.call(step.module, **options_of(step, patience=60))["changed"] is True
        assert application.failures == []
        assert application.done > 0


@pytest.mark.parametrize("step", STRONG.values(), ids=list(STRONG))
def test_a_module_that_freezes_with_the_lock_in_its_hands_is_thrown_out(
    database: Postgres, step: Strong, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process or a cut network closes no connection: without a limit the table would be locked for hours."""

    def freeze(*_arguments: t.Any, **_options: t.Any) -> t.Any:
        time.sleep(2 * SILENT_MILLISECONDS / 1000)
        return {}

    with database.connect(autocommit=True) as connection:
        modules = brought_to(database, connection, step.start)
        before = connection.execute(CATALOG).fetchall()
        monkeypatch.setattr(f"{UTILS}.{step.within}", freeze)
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{SILENT_MILLISECONDS + 500}ms"])
        with ThreadPoolExecutor(1) as thread:
            frozen = thread.submit(modules.call, step.module, **options_of(step, patience=5))
            while not frozen.done():
                connection.execute(
                    "UPDATE app.docs SET body = body || '{\"n\": 1}' WHERE id = 7"
                )  # fails with 55P03 when it waits too long
                time.sleep(0.01)
        with pytest.raises(ModuleFailed) as failed:
            frozen.result()
        assert failed.value.codes == ["server_lost"]
        monkeypatch.undo()
        assert connection.execute(CATALOG).fetchall() == before
        assert modules.call("pg_partition_info")["state"] == step.start
        assert modules.call(step.module, **options_of(step, patience=30))["changed"] is True


def load(command: str, *arguments: str) -> dict[str, t.Any]:
    """The foreground load as the demo runs it, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "playground.foreground", command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, t.Any] = json.loads(done.stdout)
    return answer


def test_no_statement_fails_or_waits_in_any_phase(postgres_16: Postgres, tmp_path: Path) -> None:
    database = postgres_16.with_database("waiting")
    connection_path = tmp_path / "connection.yml"
    connection_file.write(connection_path, database.module_parameters())
    where = ["--pid", str(tmp_path / "pid")]
    given = [*where, "--connection", str(connection_path), "--feed", str(tmp_path / "feed.csv"), "--rate", "200"]
    with database.connect(autocommit=True) as connection:
        documents.create(connection, 20_000)
        load("start", *given, "--isolation", "mixed", "--lock-timeout", str(LONGEST_WAIT_MS))
        try:
            modules = modules_of(database)
            feed = {"feed_file": str(tmp_path / "feed.csv")}
            modules.call("pg_partition", partition_by=documents.LAYOUTS["hash, range"], minimum_rows=1)
            modules.call("pg_mirror", baseline_seconds=2, **feed)
            modules.call("pg_backfill", max_seconds=3, **feed)
            modules.call("pg_backfill", workers=2, max_duty_percent=100)
            for _time in range(3):
                assert modules.call("pg_reconcile", again=True, workers=2)["mismatches"] == 0
                modules.call("pg_cutover", slower_reads="allow", watch_seconds=1, **feed)
                assert documents.compare(connection, live=True).none
                modules.call("pg_cutover", state="rolled_back")
            modules.call("pg_mirror", state="absent")
            modules.call("pg_partition", state="absent")
        finally:
            summary = load("stop", *where)
        assert summary["failures"] == {}, summary["messages"]
        assert summary["unexpected"] == 0, summary["messages"]
        kinds = summary["transactions"]
        assert all(kinds[kind] > 0 for kind in ("read", "update", "insert", "delete", "rekey", "reuse"))
        checked = load("check", "--connection", str(connection_path), "--book", summary["book"])
        assert {kind: checked[kind] for kind in ("lost", "wrong", "doubled", "risen")} == dict.fromkeys(
            ("lost", "wrong", "doubled", "risen"), 0
        )
    database.drop_database("waiting")
