# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doors of the role hot_table_partitioning, through ansible-playbook, on a real server.

That check mode writes nothing is proven by the server's transaction counter: whoever writes takes a number.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib
import typing as t

import pytest
from psycopg import sql

from playground import modules
from playground.postgres import Postgres, available_versions, place, start
from tests.support import playbooks

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = "governed.delivery.hot_table_partitioning"
PREFIX = "hot_table_partitioning_"
ROWS = 12_000
TABLE: tuple[t.LiteralString, ...] = (
    "CREATE SCHEMA app",
    "CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL, created_at timestamptz NOT NULL, body jsonb NOT NULL)",
    """INSERT INTO app.docs (tenant_id, created_at, body)
       SELECT 't' || n % 7, timestamptz '2013-01-01' + n * interval '40 minutes', jsonb_build_object('n', n) FROM generate_series(1, 12000) n""",
    "ANALYZE app.docs",
)
VARIABLES: dict[str, t.Any] = {
    "schema": "app",
    "table": "docs",
    "partition_by": [{"method": "hash", "column": "tenant_id", "modulus": 2}],
    "baseline_seconds": 0,
    "watch_seconds": 0,
    "max_duty_percent": 100,
    "shadow_floor_ms": 50.0,
}
NUMBERS = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Run:
    """How a run of ansible-playbook ended: tasks that changed something over all hosts, its output, and the facts that doors set."""

    succeeded: bool
    changed: int
    output: str
    facts: dict[str, t.Any]

    @property
    def values(self) -> dict[str, t.Any]:
        return {measure["name"]: measure["value"] for measure in self.facts["measures"]}


@dataclasses.dataclass(frozen=True)
class Bench:
    """A database with a table of 12,000 rows, and ansible-playbook."""

    database: Postgres
    folder: pathlib.Path

    def doors(self, *doors: str, check: bool = False, hosts: t.Mapping[str, dict[str, t.Any]] | None = None, **variables: t.Any) -> Run:
        """Go through the doors, one after the other, in one run."""
        fact_file = self.folder / f"facts-{next(NUMBERS)}.json"
        named = {PREFIX + name: value for name, value in {**VARIABLES, **variables}.items()}
        playbook = {
            "vars": {"governed_delivery_postgres": self.database.module_parameters(), **named},
            "tasks": [
                *({"ansible.builtin.include_role": {"name": ROLE, "tasks_from": door}} for door in doors),
                {
                    "ansible.builtin.copy": {"content": "{{ facts | to_json }}", "dest": str(fact_file), "mode": "0600"},
                    "vars": {"facts": {name: f"{{{{ {PREFIX}{name} | default(none) }}}}" for name in ("measures", "timeline", "ready")}},
                    "check_mode": False,
                    "changed_when": False,
                    "run_once": True,
                },
            ],
        }
        ended = playbooks.run(self.folder, playbook, check=check, hosts=hosts)
        facts = json.loads(fact_file.read_text()) if fact_file.exists() else {}
        return Run(ended.succeeded, ended.changed, ended.output, facts)

    def passes(self, *doors: str, **more: t.Any) -> Run:
        run = self.doors(*doors, **more)
        assert run.succeeded, run.output
        return run

    def fails(self, *doors: str, **more: t.Any) -> str:
        """The whole output, on one line, so that a message can be looked for however it is wrapped."""
        run = self.doors(*doors, **more)
        assert not run.succeeded, run.output
        return " ".join(run.output.split())

    def module(self, name: str, **options: t.Any) -> modules.Result:
        """One of the collection's modules alone, to get somewhere fast."""
        result = modules.run(name, {**self.database.module_parameters(), "schema": "app", "table": "docs", **options})
        assert not result["failed"], result
        return result

    @property
    def state(self) -> str:
        return str(self.module("pg_partition_info")["state"])

    def execute(self, *statements: t.LiteralString) -> None:
        with self.database.connect(autocommit=True) as session:
            for statement in statements:
                session.execute(statement)

    def ask(self, question: t.LiteralString) -> t.Any:
        with self.database.connect(autocommit=True) as session:
            row = session.execute(question).fetchone()
        return row[0] if row else None

    def next_transaction(self) -> int:
        """The number that the next transaction that writes will get; only that one takes it."""
        return int(self.ask("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))

    def catalog(self) -> list[t.Any]:
        """How many rows each catalog has."""
        with self.database.connect(autocommit=True) as session:
            names = session.execute(
                "SELECT relname::text FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' ORDER BY 1"
            )
            return [
                (name, session.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("pg_catalog", name))).fetchone())
                for (name,) in names.fetchall()
            ]


@pytest.fixture(scope="module")
def quiet_server(session_name: str) -> t.Iterator[Postgres]:
    """A server on which nobody but the test writes: autovacuum would take transaction numbers, too."""
    version = 16 if 16 in available_versions() else available_versions()[-1]
    server = start(version, place(f"{session_name}-quiet"), profile="small", settings={"autovacuum": "off"})
    yield server
    server.remove()


@pytest.fixture
def bench(quiet_server: Postgres, tmp_path: pathlib.Path) -> t.Iterator[Bench]:
    database = quiet_server.with_database(f"role_{next(NUMBERS)}")
    made = Bench(database, tmp_path)
    made.execute(*TABLE)
    yield made
    database.drop_database(database.database)


def to_copied(bench: Bench) -> None:
    bench.module("pg_partition", partition_by=VARIABLES["partition_by"])
    bench.module("pg_mirror", baseline_seconds=0)
    bench.module("pg_backfill", max_duty_percent=100)


def test_goal_by_goal_there_and_back(bench: Bench) -> None:
    """At every state: check mode writes nothing, apply arrives, and a second run of every door changes nothing."""
    state = "absent"
    for goal in ("rehearsed", "mirrored", "copied", "verified", "live"):
        transaction, catalog = bench.next_transaction(), bench.catalog()
        planned = bench.passes("main", "verify", "undo", check=True, goal_state=goal)
        assert (bench.next_transaction(), bench.catalog()) == (transaction, catalog), f"check mode wrote in state {state}: {planned.output}"
        applied = bench.passes("precheck", "main", goal_state=goal)
        assert applied.facts["ready"] is True
        state = "absent" if goal == "rehearsed" else goal
        assert bench.state == state
        assert (applied.changed > 0) == (goal in ("mirrored", "copied", "live"))  # a rehearsal and a comparison leave nothing
        again = bench.passes("main", "verify", goal_state=goal)
        assert again.changed == 0
        assert bench.ask("SELECT count(*) FROM app.docs") == ROWS

    assert bench.state == "live"
    assert again.values["reconcile_mismatches"] == 0
    assert again.values["rows_copied"] == ROWS
    assert again.values["cutover_lock_ms"] > 0
    assert again.values["cutover_foreground_p95_change"] is None  # nobody watched
    assert [mark["name"] for mark in again.facts["timeline"]["marks"]][-1] == "cutover"

    transaction = bench.next_transaction()
    planned = bench.passes("undo", check=True)
    assert planned.changed == 1
    assert bench.next_transaction() == transaction
    assert bench.passes("undo").changed == 3
    assert bench.passes("undo", "undo").changed == 0
    assert bench.ask("SELECT relkind::text FROM pg_class WHERE oid = 'app.docs'::regclass") == "r"
    assert bench.ask("SELECT count(*) FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p')") == 1
    assert bench.ask("SELECT count(*) FROM app.docs") == ROWS


def test_check_mode_plans_the_next_step_and_says_so(bench: Bench) -> None:
    transaction = bench.next_transaction()
    assert bench.passes("precheck", goal_state="live").changed == 0
    assert bench.next_transaction() == transaction  # although this was no check mode

    planned = bench.passes("main", check=True, goal_state="live")
    assert planned.changed == 1
    assert 'CREATE TABLE "app"."docs_partitioned"' in planned.output
    assert "ahead of it: expanded, mirrored, copied, verified, live" in " ".join(planned.output.split())

    bench.module("pg_partition", partition_by=VARIABLES["partition_by"])
    planned = bench.passes("main", check=True, goal_state="live")
    assert planned.changed == 1
    assert "CREATE TRIGGER" in planned.output

    bench.module("pg_mirror", baseline_seconds=0)
    bench.module("pg_backfill", max_duty_percent=100)
    bench.module("pg_reconcile")
    planned = bench.passes("main", check=True, goal_state="live")
    assert planned.changed == 1
    assert 'ALTER TABLE "app"."docs" RENAME TO "docs_retired"' in planned.output


def test_a_rehearsal_is_measured_once_and_leaves_nothing(bench: Bench) -> None:
    run = bench.passes("main", "verify", goal_state="rehearsed", rehearse_rows=5000)
    assert run.values == {
        "rehearsed_rows": 5000,
        "rehearsal_mismatches": 0,
        "rehearsal_default_rows": 0,
        "shadow_reads_slower": run.values["shadow_reads_slower"],
    }
    assert run.output.count("Try the layout on a sample") == 1
    alone = bench.passes("verify", goal_state="rehearsed", rehearse_rows=4000)
    assert alone.values["rehearsed_rows"] == 4000
    assert bench.ask("SELECT count(*) FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p')") == 1


def test_verify_of_a_table_that_nobody_moved_sees_nothing(bench: Bench) -> None:
    assert set(bench.passes("verify", goal_state="live").values.values()) == {None}


def test_what_apply_did_not_make_undo_does_not_take(bench: Bench) -> None:
    to_copied(bench)
    bench.passes("main", goal_state="live")
    run = bench.passes("main", "undo", goal_state="verified")
    assert run.changed == 0
    assert "app.docs was live already when verified was asked for" in " ".join(run.output.split())
    assert bench.state == "live"
    assert bench.passes("main", "undo", goal_state="live").changed == 3
    assert bench.state == "absent"


def test_undo_of_an_apply_that_was_cut(bench: Bench) -> None:
    bench.module("pg_partition", partition_by=VARIABLES["partition_by"])
    assert bench.passes("undo").changed == 1
    bench.module("pg_partition", partition_by=VARIABLES["partition_by"])
    bench.module("pg_mirror", baseline_seconds=0)
    assert bench.passes("undo").changed == 2
    bench.execute(
        "CREATE TABLE app.docs_rehearsal (LIKE app.docs)",
        "COMMENT ON TABLE app.docs_rehearsal IS 'governed.delivery rehearsal, to be dropped'",
    )
    assert bench.passes("undo").changed == 1
    assert bench.ask("SELECT to_regclass('app.docs_rehearsal')::text") is None


def test_a_contracted_shift_stays_and_cannot_be_undone(bench: Bench) -> None:
    to_copied(bench)
    bench.passes("main", goal_state="live")
    bench.module("pg_cutover", state="contracted", confirm="docs_retired")
    assert bench.passes("precheck", "main", goal_state="live").changed == 0
    assert "app.docs: expected a shift that can be taken back; found it contracted" in bench.fails("undo")
    values = bench.passes("verify", goal_state="live").values
    assert values["cutover_lock_ms"] > 0
    assert values["reconcile_mismatches"] is None


def test_rows_that_differ_end_the_run_until_repaired(bench: Bench) -> None:
    to_copied(bench)
    # The setting by which one direction of the mirror keeps the other quiet: the way past both.
    bench.execute("SET governed_delivery.applying_1 = 'on'", "DELETE FROM app.docs_partitioned WHERE id = 4711")
    message = bench.fails("main", goal_state="live")
    assert "app.docs: expected the same rows in both layouts; found 1 that differ" in message
    assert "4711" in message
    assert bench.state == "copied"
    assert bench.passes("verify", goal_state="copied").values["reconcile_mismatches"] == 1
    assert bench.passes("main", goal_state="live", repair=True).changed == 2
    assert bench.passes("verify", goal_state="live").values["reconcile_mismatches"] == 0


def test_undo_does_not_lose_what_only_the_new_layout_has(bench: Bench) -> None:
    to_copied(bench)
    bench.passes("main", goal_state="live")
    bench.execute("SET governed_delivery.applying_1 = 'on'", "UPDATE app.docs SET body = '{}' WHERE id = 4711")
    assert bench.passes("verify", goal_state="live").values["reconcile_mismatches"] == 1
    assert "app.docs: expected the old table to have every row of the live one; found 1 that differ" in bench.fails("undo")
    assert bench.state == "live"
    assert bench.passes("undo", repair=True).changed == 4
    assert bench.ask("SELECT body::text FROM app.docs WHERE id = 4711") == "{}"


def test_a_comparison_that_is_too_old_is_made_again(bench: Bench) -> None:
    to_copied(bench)
    bench.module("pg_reconcile")
    bench.execute("UPDATE governed_delivery.job SET verified_at = verified_at - interval '2 hours'")
    planned = bench.passes("main", check=True, goal_state="live")
    assert planned.changed == 0
    bench.passes("main", goal_state="live")
    assert bench.state == "live"


def test_two_hosts_share_a_copy(bench: Bench) -> None:
    hosts = {"one": {f"{PREFIX}part": 1}, "two": {f"{PREFIX}part": 2}}
    run = bench.passes("precheck", "main", "verify", hosts=hosts, goal_state="verified", parts=2)
    assert bench.state == "verified"
    assert run.values["rows_copied"] == ROWS
    assert run.output.count("rows/s") >= 2
    assert bench.passes("main", "verify", hosts=hosts, goal_state="verified", parts=2).changed == 0


def test_one_part_alone_does_not_pretend_to_be_all(bench: Bench) -> None:
    message = bench.fails("main", goal_state="verified", parts=2)
    assert "app.docs: expected every range to be copied; found 60 of 120" in message
    assert bench.state == "mirrored"


def test_refusals_reach_the_person_and_nothing_is_written(bench: Bench, tmp_path: pathlib.Path) -> None:
    transaction = bench.next_transaction()
    assert "app.dcos: expected a table of this name" in bench.fails("precheck", table="dcos")
    assert "at least 50000 rows, or it is not worth it" in bench.fails("precheck", minimum_rows=50000, goal_state="live")
    assert "hot_table_partitioning_feed_file: expected the application's latency feed; found no such file" in bench.fails(
        "precheck", goal_state="live", feed_file=str(tmp_path / "none.csv")
    )
    assert "must be one of: rehearsed, mirrored, copied, verified, live, got: contracted" in bench.fails("main", goal_state="contracted")
    assert bench.next_transaction() == transaction
