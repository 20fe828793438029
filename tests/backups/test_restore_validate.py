# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restore_validate on real servers: what a good backup gives, and the name that each damage is found by."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import shutil
import signal
import tarfile
import time
import typing as t

import psycopg
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys

from playground import modules, postgres
from playground.installation import installation, reachable
from tests.support.restores import Scene, as_it_lies, codes, finding, flipped, heap, resign, rewrite, scene

Result = dict[str, t.Any]


@pytest.fixture(scope="module")
def shop(session_name: str) -> t.Iterator[Scene]:
    """A primary of version 16 with a backup in each format, taken while it was busy, and archived beyond them."""

    def start(settings: t.Mapping[str, str]) -> postgres.Postgres:
        return postgres.start(16, postgres.place(f"{session_name}-shop"), settings=settings, profile="small")

    with scene(start) as made:
        with made.busy():
            for label, more in BACKUPS.items():
                assert not made.take(label=label, **more)["failed"]
            time.sleep(0.5)
        with made.busy(writes=False):
            with made.primary.connect(autocommit=True) as session:
                for _segment in range(3):
                    session.execute("INSERT INTO app.docs (body) SELECT repeat(md5(i::text), 5) FROM generate_series(1, 3000) AS i")
                    made.switch()
            yield made


BACKUPS: t.Mapping[str, Result] = {
    "dump": {"engine": "pg_dump", "compress": 0},
    "packed": {"engine": "basebackup", "compress": 1},
    "tar": {"engine": "basebackup"},
    "plain": {"engine": "basebackup", "format": "plain"},
}
DUMP: Result = {"engine": "pg_dump", "backup": "dump"}
TAR: Result = {"backup": "tar"}
PLAIN: Result = {"backup": "plain"}


@pytest.fixture
def copy(shop: Scene) -> t.Iterator[Scene]:
    """The same, with a place of its own that can be damaged."""
    folder = shop.folder.with_name(f"{shop.folder.name}-{os.urandom(3).hex()}")
    folder.mkdir(mode=0o755)
    shutil.copytree(shop.place, folder / "place", copy_function=_same)
    shutil.copy2(shop.key_file, folder / "backup.key")
    (folder / "work").mkdir()
    yield Scene(shop.primary, folder, shop.account, shop.bin_dir)
    shutil.rmtree(folder)


def _same(source: str, destination: str) -> None:
    shutil.copy2(source, destination)
    status = pathlib.Path(source).stat()
    os.chown(destination, status.st_uid, status.st_gid)


@pytest.mark.parametrize("label", list(BACKUPS))
def test_a_good_backup_passes(shop: Scene, label: str) -> None:
    result = shop.validate(engine=BACKUPS[label]["engine"], backup=label)
    assert result["verdict"] == "PASS", result
    record = result["record"]
    assert record["tables"]["compared"] == record["tables"]["matched"] == 3
    assert record["tables"]["rows"] > 20_000
    assert record["rto"]["seconds"] == pytest.approx(sum(record["rto"]["phases"].values()), abs=0.01)
    assert record["rpo"]["seconds"] > 0
    assert [path.name for path in shop.work.iterdir()] == [".restore_validate.lock"], "nothing of the restore is left"


def test_the_newest_is_the_one_that_ended_last(shop: Scene) -> None:
    assert shop.validate()["record"]["backup"]["label"] == "plain"


def test_check_mode_locates_and_starts_nothing(shop: Scene) -> None:
    result = shop.validate(backup="tar", check=True)
    assert result["changed"]
    assert result["plan"]["backup"]["label"] == "tar"
    assert result["plan"]["bytes_needed"] > 0
    assert not list(shop.work.glob("rv-*"))


def test_a_time_is_reached_and_nothing_behind_it(shop: Scene) -> None:
    with shop.primary.connect(autocommit=True) as session:
        session.execute("CREATE TABLE app.moments (at timestamptz)")
        session.execute("INSERT INTO app.moments VALUES (clock_timestamp())")
        time.sleep(0.2)
        row = session.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        time.sleep(0.2)
        session.execute("INSERT INTO app.moments VALUES (clock_timestamp())")
        shop.switch()
        invariant = {"name": "one", "database": "postgres", "query": "SELECT FROM (SELECT count(*) FROM app.moments) AS c (n) WHERE n <> 1"}
        result = shop.validate(backup="tar", target_time=row[0].isoformat(), invariants=[invariant])
        session.execute("DROP TABLE app.moments")
    assert result["verdict"] == "PASS", result
    assert result["record"]["rpo"]["seconds"] is None, "a time that was asked for is no loss"


# Each damage, what the validation is told, and what has to be found.


def test_a_flipped_bit_in_a_file(copy: Scene) -> None:
    path = heap(copy, "plain", "app.docs")
    rewrite(path, lambda content: flipped(content, 8150))
    result = copy.validate(**PLAIN)
    assert codes(result) == {"CORRUPT_FILE"}
    assert path.name in finding(result, "CORRUPT_FILE")["about"]
    assert not result["changed"] or result["record"]["rto"]["seconds"] is None


def test_a_flipped_bit_that_was_backed_up_whose_count_still_fits(copy: Scene) -> None:
    def flip(content: bytes) -> bytes:
        return flipped(content, content.index(b"c4ca4238a0b923820dcc509a6f75849b", 8192 - 400))

    rewrite(heap(copy, "plain", "app.docs"), flip)
    as_it_lies(copy, "plain")
    result = copy.validate(**PLAIN)
    assert codes(result) >= {"VERIFYBACKUP_FAILED"}
    assert codes(result) & {"CHECKSUM_MISMATCH", "UNREADABLE_TABLE"}, result["record"]["findings"]
    assert "app.docs" in str(result["record"]["findings"])


def test_a_truncated_dump_that_pg_restore_takes(copy: Scene) -> None:
    data = max((copy.place / "backups" / "dump").rglob("*.dat"), key=lambda path: path.stat().st_size)
    rewrite(data, lambda content: content[: content.index(b"\n", len(content) // 2) + 1] + b"\\.\n\n\n")
    assert codes(copy.validate(**DUMP)) == {"CORRUPT_FILE"}
    as_it_lies(copy, "dump")
    result = copy.validate(**DUMP)
    assert codes(result) == {"COUNT_MISMATCH"}
    assert "app.docs" in finding(result, "COUNT_MISMATCH")["about"]


def test_a_missing_segment_in_the_middle(copy: Scene) -> None:
    missing = copy.segments()[-3]
    copy.archive(missing).unlink()
    result = copy.validate(**TAR)
    assert codes(result) == {"WAL_GAP"}
    assert finding(result, "WAL_GAP")["about"] == missing
    assert "later ones: 2" in finding(result, "WAL_GAP")["found"]
    assert result["record"]["tables"]["matched"] == 3, "up to the anchor all was well"


@pytest.mark.parametrize("at", [100, 60_000])
def test_a_flipped_bit_in_a_segment(copy: Scene, at: int) -> None:
    damaged = copy.segments()[-2]
    rewrite(copy.archive(damaged), lambda content: flipped(content, at))
    result = copy.validate(**TAR)
    assert codes(result) == {"WAL_CORRUPT"}, result["record"]["findings"]
    assert damaged in finding(result, "WAL_CORRUPT")["about"]


def test_a_cut_segment(copy: Scene) -> None:
    damaged = copy.segments()[-1]
    rewrite(copy.archive(damaged), lambda content: content[:4_000_000])
    result = copy.validate(**TAR)
    assert codes(result) == {"WAL_CORRUPT"}
    assert "4000000 bytes" in finding(result, "WAL_CORRUPT")["found"]


def test_another_segment_under_the_name(copy: Scene) -> None:
    segments = copy.segments()
    rewrite(copy.archive(segments[-1]), lambda _content: copy.archive(segments[-2]).read_bytes())
    assert codes(copy.validate(**TAR)) == {"WAL_CORRUPT"}


def test_compressed_segments_are_read(copy: Scene) -> None:
    for name in copy.segments():
        path = copy.archive(name)
        (path.with_name(f"{name}.gz")).write_bytes(gzip.compress(path.read_bytes(), 1))
        path.unlink()
    assert copy.validate(**TAR)["verdict"] == "PASS"


def test_a_wrong_checksum(copy: Scene) -> None:
    def change(predicate: Result) -> None:
        lanes = predicate["databases"]["postgres"]["tables"]["app.tenants"]["lanes"]
        lanes[0] = str(int(lanes[0]) + 1)

    resign(copy, "tar", change)
    result = copy.validate(**TAR)
    assert codes(result) == {"CHECKSUM_MISMATCH"}
    assert "app.tenants" in finding(result, "CHECKSUM_MISMATCH")["about"]


def test_an_empty_dump(copy: Scene) -> None:
    with copy.primary.connect(autocommit=True) as session:
        session.execute("CREATE DATABASE nothing")
    try:
        assert not copy.take(engine="pg_dump", label="empty", databases=["nothing"])["failed"]
    finally:
        copy.primary.drop_database("nothing")
    assert "EMPTY_BACKUP" in codes(copy.validate(engine="pg_dump", backup="empty"))


def test_an_old_backup_that_was_uploaded_today(copy: Scene) -> None:
    for path in (copy.place / "backups").rglob("*"):
        os.utime(path)
    time.sleep(1.5)
    result = copy.validate(**TAR, max_age=1)
    assert codes(result) == {"STALE_BACKUP"}


def test_an_archive_command_that_lies(copy: Scene) -> None:
    """It says that all is well and keeps nothing: what was in the archive before is all there is."""
    for name in copy.segments()[-2:]:
        copy.archive(name).unlink()
    result = copy.validate(**TAR, rpo_at_most=1)
    assert codes(result) == {"GOAL_RPO"}
    assert result["record"]["rpo"]["seconds"] > 1
    assert result["record"]["rpo"]["worst_24h_seconds"] > 1


def test_an_archive_that_ends_before_the_backup_does(copy: Scene) -> None:
    backup = copy.place / "backups" / "tar"
    started = next(name for name in copy.segments() if name >= _first_segment(backup))
    for name in copy.segments():
        if name >= started:
            copy.archive(name).unlink()
    with tarfile.open(backup / "pg_wal.tar", "w"):
        pass
    as_it_lies(copy, "tar")
    assert codes(copy.validate(**TAR)) & {"WAL_GAP"}


def _first_segment(backup: pathlib.Path) -> str:
    with tarfile.open(backup / "base.tar") as tar:
        label = tar.extractfile("backup_label")
        assert label is not None
        return label.read().decode().split("file ", maxsplit=1)[1].split(")", maxsplit=1)[0]


def test_no_backup_label(copy: Scene) -> None:
    """Without it a server starts from the wrong place and says nothing."""
    (copy.place / "backups" / "plain" / "backup_label").unlink()
    assert codes(copy.validate(**PLAIN)) == {"FILE_MISSING"}
    assert codes(copy.validate(**PLAIN, manifest_keys=[])) == {"FILE_MISSING", "NO_MANIFEST"}


def test_a_full_disk_is_told_before_and_while(copy: Scene, tmp_path: pathlib.Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    small = tmp_path / "small"
    small.mkdir()
    assert os.system(f"mount -t tmpfs -o size=24m tmpfs {small}") == 0
    small.chmod(0o755)
    try:
        before = copy.validate(**TAR, work_directory=str(small / "work"))
        assert codes(before) == {"DISK_FULL"}
        assert "bytes free" in finding(before, "DISK_FULL")["expected"]
        meanwhile = copy.validate(backup="packed", work_directory=str(small / "work"), manifest_keys=[])
        assert codes(meanwhile) == {"DISK_FULL", "NO_MANIFEST"}
        assert not list((small / "work").glob("rv-*")), "what was fetched until then is gone"
    finally:
        assert os.system(f"umount {small}") == 0


WRONG: t.Mapping[str, tuple[Result, str]] = {
    "no key was pinned": ({"manifest_keys": []}, "NO_MANIFEST"),
    "a key that did not sign": ({"manifest_keys": [keys.new("mallory").verifier.text()]}, "MANIFEST_FORGED"),
    "no such backup": ({"backup": "yesterday"}, "NOT_FOUND"),
    "too old": ({"max_age": 0.001}, "STALE_BACKUP"),
    "a time before the backup": ({"target_time": "2020-01-01T00:00:00+00:00"}, "TARGET_BEFORE_BACKUP"),
    "a position before the backup": ({"target_lsn": "0/1000000"}, "TARGET_BEFORE_BACKUP"),
    "a position behind the archive": ({"target_lsn": "F/0"}, "TARGET_UNREACHABLE"),
    "a library that is not there": ({"server_settings": {"shared_preload_libraries": "no_such_library"}}, "EXTENSION_MISSING"),
    "no such program": ({"bin_dir": "/nowhere"}, "TOOL_MISSING"),
    "no time": ({"run_timeout": 0.05}, "RUN_TIMEOUT"),
    "too slow": ({"rto_at_most": 0.01}, "GOAL_RTO"),
    "too much lost": ({"rpo_at_most": 0.01}, "GOAL_RPO"),
    "something shrank": ({"accepted": {"postgres: app.tenants": 1000}}, "SHRUNK"),
    "something is gone": ({"accepted": {"postgres: app.orders": 1}}, "SHRUNK"),
    "an invariant does not hold": (
        {"invariants": [{"name": "no tenants", "database": "postgres", "query": "SELECT FROM app.tenants"}]},
        "INVARIANT_FAILED",
    ),
    "an invariant that writes": (
        {"invariants": [{"name": "writes", "database": "postgres", "query": "DELETE FROM app.tenants"}]},
        "INVARIANT_FAILED",
    ),
    "amcheck is required and not there": ({"amcheck": "required"}, "AMCHECK_MISSING"),
    "no locks in a directory": ({"required_lock_days": 7}, "LOCK_MISSING"),
    "another superuser": ({"superuser": "nobody_here"}, "START_FAILED"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_is_wrong_has_a_code(shop: Scene, case: str) -> None:
    options, code = WRONG[case]
    result = shop.validate(**{**TAR, **options})
    assert code in codes(result), result["record"]["findings"]
    assert result["verdict"] != "PASS"
    assert not list(shop.work.glob("rv-*"))


def test_another_cluster(copy: Scene) -> None:
    resign(copy, "tar", lambda predicate: predicate["cluster"].update(system_identifier="1"))
    assert codes(copy.validate(**TAR)) == {"WRONG_CLUSTER"}


def test_a_manifest_of_somebody_else(copy: Scene) -> None:
    path = copy.place / "manifests" / "tar.json"
    rewrite(path, lambda content: content.replace(b"backups", b"backupz", 1))
    assert codes(copy.validate(**TAR)) == {"MANIFEST_FORGED"}
    path.unlink()
    result = copy.validate(**TAR)
    assert codes(result) == {"NO_MANIFEST"}
    assert result["verdict"] == "INCONCLUSIVE"
    assert result["record"]["rto"]["seconds"] is not None, "it was restored all the same"


def test_programs_of_another_version(shop: Scene) -> None:
    if 18 not in postgres.available_versions():
        pytest.skip("PostgreSQL 18 is not installed")
    other = reachable(installation(18), shop.account).programs
    assert codes(shop.validate(**TAR, bin_dir=str(other))) == {"VERSION_MISMATCH"}


def test_a_target_among_the_living_is_refused(shop: Scene) -> None:
    for folder in (shop.primary.data / "restores", shop.place / "restores"):
        assert codes(shop.validate(**TAR, work_directory=str(folder))) == {"TARGET_REFUSED"}
        assert not folder.exists()


def test_a_heartbeat_that_stopped(shop: Scene) -> None:
    assert codes(shop.validate(**TAR, heartbeat_period=0.0001)) == {"HEARTBEAT_STALE"}
    result = shop.validate(**TAR, heartbeat_database="template1")
    assert codes(result) == {"HEARTBEAT_MISSING"}
    assert result["record"]["rpo"]["seconds"] is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"target_time": "2026-03-30T04:00:00"}, "target_time"),
        ({"target_time": "2999-03-30T04:00:00+00:00"}, "target_time"),
        ({"target_time": "yesterday"}, "target_time"),
        ({"target_lsn": "x"}, "target_lsn"),
        ({"engine": "pg_dump", "target_lsn": "0/1"}, "target_time"),
        ({"engine": "pgbackrest"}, "pgbackrest.stanza"),
        ({"jobs": 0}, "jobs"),
        ({"bytes_per_second": -1.0}, "bytes_per_second"),
        ({"night": "tonight"}, "night"),
        ({"run": "../x"}, "run"),
        ({"work_directory": "/tmp/a$(touch b)"}, "work_directory"),
        ({"run_as": "root"}, "run_as"),
    ],
)
def test_a_wrong_option_is_named(shop: Scene, options: Result, named: str) -> None:
    result = shop.validate(**options)
    assert result["failed"]
    assert named in result["msg"]
    assert "record" not in result


def test_no_password_of_the_primary_in_any_answer(shop: Scene) -> None:
    result = shop.validate(**TAR, heartbeat={**shop.connection, "login_password": "sesame-open"})
    assert "sesame-open" not in json.dumps({key: value for key, value in result.items() if key != "invocation"})
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(shop.primary.dsn, port=1)


def test_a_dump_that_fails_quotes_no_row(copy: Scene) -> None:
    data = max((copy.place / "backups" / "dump").rglob("*.dat"), key=lambda path: path.stat().st_size)
    rewrite(data, lambda content: content.replace(b"1\t", b"secret-of-a-customer\t", 1))
    as_it_lies(copy, "dump")
    result = copy.validate(**DUMP)
    assert codes(result) == {"RESTORE_FAILED"}
    assert "invalid input syntax" in finding(result, "RESTORE_FAILED")["found"]
    assert "line 1" not in finding(result, "RESTORE_FAILED")["found"], "the context quotes the row"


def test_a_server_that_is_killed_is_told(shop: Scene) -> None:
    """By whoever needs the memory: no traceback, and the clean-up as ever."""
    process = modules.spawn("restore_validate", shop.wanted(**TAR, bytes_per_second=30_000_000))
    until = time.monotonic() + 60
    while not (found := list(shop.work.glob("rv-*/data/postmaster.pid"))):
        assert time.monotonic() < until
        time.sleep(0.005)
    time.sleep(0.05)
    os.kill(int(found[0].read_text().split()[0]), signal.SIGKILL)
    answer = modules.finished(process, 60)
    assert answer is not None
    assert answer["verdict"] == "FAIL", answer["record"]["findings"]
    assert not list(shop.work.glob("rv-*"))


def test_what_is_kept_to_be_looked_at_goes_with_the_next_run(shop: Scene) -> None:
    kept = shop.validate(**TAR, rto_at_most=0.01, keep_on_failure=True)
    folder = shop.work / f"rv-{kept['record']['run']}"
    assert (folder / "data" / "PG_VERSION").exists()
    after = shop.validate(**TAR)
    assert after["verdict"] == "PASS"
    assert after["record"]["aborted"] == [], "it had ended"
    assert not folder.exists()
