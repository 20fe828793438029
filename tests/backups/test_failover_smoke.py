# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failover rehearsed on real servers: what is lost is counted truthfully, and nothing of it stays, also after a kill."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import psutil
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups import run_directory
from ansible_collections.governed.delivery.plugins.module_utils._backups.failover import pair, writers
from ansible_collections.governed.delivery.plugins.module_utils._backups.programs import Programs, account_of
from ansible_collections.governed.delivery.plugins.module_utils._ledger import statement
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

from playground import modules
from playground.account import room, server_account
from playground.installation import installation, reachable
from playground.postgres import Postgres, available_versions

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Place:
    """A work directory, and the programs of one version."""

    version: int
    folder: Path

    @property
    def bin_dir(self) -> Path:
        return reachable(installation(self.version), server_account()).programs

    @property
    def run_as(self) -> str:
        return server_account().name

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        short = {"write_seconds": 0.5, "timeout": 60}
        return {"work_directory": str(self.folder), "bin_dir": str(self.bin_dir), "run_as": self.run_as, **short, **more}

    def run(self, *, check: bool = False, **more: t.Any) -> modules.Result:
        return modules.run("failover_smoke", self.options(**more), check=check)

    def left(self) -> list[str]:
        """What lies in it and should not."""
        return sorted(path.name for path in self.folder.glob("rv-*"))

    def processes(self) -> list[psutil.Process]:
        """Those that work in it."""
        return [process for process in psutil.process_iter() if _works_below(process, self.folder)]


def _works_below(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:
        return False


@pytest.fixture(params=[15, 16, 18], ids=lambda version: f"pg{version}")
def place(request: pytest.FixtureRequest) -> t.Iterator[Place]:
    """A new work directory for each version that is here."""
    if request.param not in available_versions():
        pytest.skip(f"PostgreSQL {request.param} is not installed")
    folder = room("servers") / f"failover.{os.getpid()}.{next(NUMBERS)}"
    yield Place(request.param, folder)
    shutil.rmtree(folder, ignore_errors=True)


only_16 = pytest.mark.parametrize("place", [16], ids=["pg16"], indirect=True)


def measured(result: modules.Result) -> dict[str, t.Any]:
    return {one["name"]: one["value"] for one in result["measures"]}


def codes(result: modules.Result) -> list[str]:
    return [finding["code"] for finding in result["record"]["findings"]]


def test_a_standby_takes_over_and_the_old_primary_comes_back(place: Place) -> None:
    result = place.run(failover_at_most=60)
    record = result["record"]
    assert (record["verdict"], record["findings"]) == ("PASS", [])
    assert (result["changed"], place.left(), place.processes()) == (False, [], [])
    assert list(record["phases"]) == ["provision", "write", "promote", "first_write", "first_read", "verify", "rejoin"]
    assert record["versions"]["server"] // 10000 == place.version
    assert record["timeline"] == {"before": 1, "after": 2}
    found = measured(result)
    assert found["failover_seconds"] >= found["failover_promote_seconds"] + found["failover_first_write_seconds"] > 0
    assert found["failover_read_ok"] == 1
    assert record["writes"]["acknowledged"] > 10
    assert record["cleanup"]["ok"]


@only_16
def test_synchronous_replication_loses_nothing_even_without_its_standby(place: Place) -> None:
    record = place.run(replication="synchronous", partition_seconds=0.5, rejoin=False)["record"]
    assert record["verdict"] == "PASS"
    assert (record["writes"]["lost"], record["writes"]["lost_at_most"]) == (0, 0)
    assert record["writes"]["acknowledged"] > 10
    assert "rejoin" not in record["phases"]


@only_16
def test_what_a_lagging_standby_loses_is_counted_and_judged_only_when_asked(place: Place) -> None:
    record = place.run(partition_seconds=0.5, rejoin=False)["record"]
    assert record["verdict"] == "PASS"
    assert 0 < record["writes"]["lost"] < record["writes"]["acknowledged"]
    assert 0.3 < record["writes"]["lost_seconds"] < 5
    result = place.run(partition_seconds=0.5, lost_writes_at_most=0)
    assert (result["record"]["verdict"], codes(result)) == ("FAIL", ["WRITES_LOST"])
    assert result["record"]["phases"]["rejoin"] > 0, "the old primary, which has more than the new one, is rewound"


def test_exactly_the_writes_that_were_acknowledged_behind_the_partition_are_lost(place: Place) -> None:
    programs = Programs(str(place.bin_dir), account_of(place.run_as))
    directory = run_directory.create(place.folder, "counted", "test", programs.account)
    try:
        both = pair.make(pair.Wanted(None, "postgres", "asynchronous", 60), programs, directory)
        writers.prepare(both.primary)
        acknowledged: list[float] = []
        with both.primary.connect() as session:

            def write(until: int) -> None:
                while len(acknowledged) < until:
                    session.execute(writers.INSERT, (1, len(acknowledged) + 1, writers.content(1, len(acknowledged) + 1)))
                    acknowledged.append(time.monotonic())

            write(100)
            end = session.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
            query = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= %s::pg_lsn"
            pair.wait_for(lambda: session.execute(query, end).fetchone() == (1,), 30, "START_FAILED", "all replayed")
            pair.cut(both.standby, 30)
            write(137)
        both.primary.kill()
        with both.standby.connect() as session:
            session.execute("SELECT pg_promote()")
            kept = writers.kept(session, {1: acknowledged}, time.monotonic())
            assert (kept.acknowledged, kept.lost, kept.in_doubt, kept.differing) == (137, 37, 0, 0)
            session.execute("UPDATE governed_delivery_failover.write SET content = 'x' WHERE number = 5")
            kept = writers.kept(session, {1: acknowledged[:98]}, time.monotonic())
            assert (kept.lost, kept.lost_seconds, kept.in_doubt, kept.differing) == (0, None, 2, 1)
    finally:
        directory.remove()
    assert place.processes() == []


@only_16
def test_check_mode_says_what_it_would_do_and_makes_nothing(place: Place) -> None:
    result = place.run(check=True, partition_seconds=2)
    assert (result["failed"], result["changed"], place.folder.exists()) == (False, False, False)
    assert any("PostgreSQL 16" in line for line in result["plan"])
    assert any("for 2 s more" in line for line in result["plan"])


@only_16
@pytest.mark.parametrize("moment", ["provision", "write", "promoted"])
def test_what_a_killed_run_leaves_the_next_one_removes(place: Place, moment: str) -> None:
    process = modules.spawn("failover_smoke", place.options(write_seconds=0.1 if moment == "promoted" else 30))
    _await(place, moment)
    process.kill()
    assert modules.finished(process, 30) is None
    assert len(place.left()) == 1
    plan = place.run(check=True)["plan"]
    assert "remove what the dead run" in plan[0]
    assert len(place.left()) == 1
    result = place.run()
    assert (result["record"]["verdict"], place.left(), place.processes()) == ("PASS", [], [])


def _await(place: Place, moment: str) -> None:
    wanted = {
        "provision": "rv-*/primary/PG_VERSION",
        "write": "rv-*/standby/standby.signal",
        "promoted": "rv-*/standby/pg_wal/00000002.history",
    }
    deadline = time.monotonic() + 60
    while not list(place.folder.glob(wanted[moment])):
        assert time.monotonic() < deadline
        time.sleep(0.002)


@only_16
def test_a_run_that_is_told_to_end_cleans_up(place: Place) -> None:
    process = modules.spawn("failover_smoke", place.options(write_seconds=60))
    _await(place, "write")
    process.send_signal(signal.SIGTERM)
    result = modules.finished(process, 60)
    assert result is not None
    assert (result["record"]["verdict"], codes(result)) == ("ERROR", ["ABORTED"])
    assert (measured(result)["failover_lost_writes"], place.left(), place.processes()) == (None, [], [])


@only_16
def test_two_at_once_do_not_disturb_each_other(place: Place) -> None:
    first = modules.spawn("failover_smoke", place.options(write_seconds=4))
    _await(place, "write")
    result = place.run()
    assert (result["record"]["verdict"], codes(result)) == ("ERROR", ["TARGET_REFUSED"])
    ended = modules.finished(first, 60)
    assert ended is not None
    assert ended["record"]["verdict"] == "PASS"


@only_16
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"writers": 0}, "plan_shape"),
        ({"write_seconds": float("inf")}, "plan_shape"),
        ({"night": "yesterday"}, "plan_shape"),
        ({"run_as": "no-such-account"}, "no_account"),
        ({"run_as": "root"}, "no_account"),
        ({"backup": "/nowhere"}, "no_base_backup"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(place: Place, options: dict[str, t.Any], code: str) -> None:
    result = place.run(**options)
    assert result["failed"], result
    assert result["refusals"][0]["code"] == code
    assert place.left() == []


@only_16
def test_missing_programs_are_an_error_and_no_failure(place: Place, tmp_path: Path) -> None:
    result = place.run(bin_dir=str(tmp_path))
    assert (result["failed"], result["record"]["verdict"], codes(result)) == (False, "ERROR", ["TOOL_MISSING"])
    result = place.run(check=True, bin_dir=str(tmp_path))
    assert (result["failed"], result["refusals"][0]["code"]) == (True, "tool_missing")


@pytest.fixture
def base_backup(place: Place, postgres_16: Postgres) -> Path:
    """A plain base backup of a server that archives and has a table."""
    place.folder.mkdir(mode=0o711, parents=True)
    target = place.folder / "backup"
    account = server_account()
    target.mkdir(mode=0o700)
    if not account.is_ours:
        os.chown(target, account.uid, account.gid)
    done = account.run(place.bin_dir / "pg_basebackup", "-D", str(target), "-d", postgres_16.dsn, "-X", "stream", "-c", "fast")
    assert done.returncode == 0, done.stdout
    return target


@only_16
def test_a_base_backup_is_copied_and_its_source_never_asked(place: Place, base_backup: Path) -> None:
    trace = place.folder / "archived"
    with (base_backup / "postgresql.auto.conf").open("a") as file:
        file.write(f"archive_mode = 'always'\narchive_command = 'touch {trace}'\nprimary_conninfo = 'host=production'\n")
    (base_backup / "standby.signal").touch()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in base_backup.rglob("*"))
    result = place.run(backup=str(base_backup))
    assert (result["record"]["verdict"], result["record"]["source"]) == ("PASS", "backup"), result["record"]
    assert sorted((path.name, path.stat().st_mtime_ns) for path in base_backup.rglob("*")) == before
    assert not trace.exists()
    assert place.left() == []


@only_16
def test_a_backup_that_refuses_its_writers_is_a_verdict(place: Place, base_backup: Path) -> None:
    result = place.run(backup=str(base_backup), login_user="nobody_here")
    assert (result["record"]["verdict"], codes(result)) == ("FAIL", ["START_FAILED"])
    assert "nobody_here" in result["record"]["findings"][0]["found"]
    assert place.left() == []


@only_16
def test_servers_that_do_not_write_are_a_verdict(place: Place, postgres_16: Postgres, request: pytest.FixtureRequest) -> None:
    with postgres_16.connect(autocommit=True) as session:
        session.execute("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on")
        try:
            backup = request.getfixturevalue("base_backup")
        finally:
            session.execute("ALTER ROLE CURRENT_USER RESET default_transaction_read_only")
    result = place.run(backup=str(backup))
    assert (result["record"]["verdict"], codes(result)) == ("FAIL", ["START_FAILED"])
    assert "read-only" in result["record"]["findings"][0]["found"]
    assert (place.left(), place.processes()) == ([], [])


@only_16
@pytest.mark.parametrize("spoil", ["live", "link", "label", "version"])
def test_a_folder_that_is_no_safe_backup_is_refused(place: Place, base_backup: Path, spoil: str) -> None:
    if spoil == "live":
        (base_backup / "postmaster.pid").write_text("1\n")
    elif spoil == "link":
        (base_backup / "pg_tblspc" / "16400").symlink_to("/var/tmp")
    elif spoil == "label":
        (base_backup / "backup_label").unlink()
    else:
        (base_backup / "PG_VERSION").write_text("15\n")
    result = place.run(backup=str(base_backup))
    if spoil == "version":
        assert codes(result) == ["VERSION_MISMATCH"]
    else:
        assert result["refusals"][0]["code"] == "no_base_backup"
    assert place.left() == []


@only_16
def test_the_playbook_keeps_its_record_in_the_ledger_and_fails_unless_it_passed(place: Place, tmp_path: Path) -> None:
    def play(*flags: str, **more: str) -> subprocess.CompletedProcess[str]:
        told = {f"failover_smoke_{name}": value for name, value in place.options(ledger={"directory": str(tmp_path)}, **more).items()}
        told["ansible_python_interpreter"] = sys.executable
        command = [
            "ansible-playbook",
            "-c",
            "local",
            "-i",
            "localhost,",
            str(ROOT / "playbooks" / "failover_smoke.yml"),
            "-e",
            json.dumps(told),
        ]
        return subprocess.run([*command, *flags], capture_output=True, text=True, check=False)

    rehearsed = play("--check")
    assert rehearsed.returncode == 0, rehearsed.stdout + rehearsed.stderr
    assert "kill the primary" in rehearsed.stdout
    assert list(tmp_path.iterdir()) == []
    passed = play(cluster="orders", replication="synchronous")  # otherwise a busy machine loses some
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "failover_lost_writes: 0" in passed.stdout
    failed = play(failover_at_most="0")
    assert failed.returncode == 2, failed.stdout + failed.stderr
    assert "GOAL_FAILOVER" in failed.stdout
    kept = [entry.statement for entry in ledgers.log({"directory": tmp_path}, writes=False).read()]
    assert [statement.kind(one) for one in kept] == ["failover_finished"] * 2
    assert [one["predicate"]["verdict"] for one in kept] == ["PASS", "FAIL"]
    assert kept[0]["predicate"]["cluster"] == "orders"
