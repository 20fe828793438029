# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_manifest`` on real servers: exact points, no half backups, and bad input that is named."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture import compare, content, sampling
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place_directory import DirectoryPlace
from ansible_collections.governed.delivery.plugins.module_utils._backups.taking import anchor, anchor_standby, manifest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.connect import CONNECTION_SPEC
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys

from playground import modules, postgres
from playground.account import server_account
from playground.postgres import Postgres, available_versions
from tests.integration import anchors
from tests.integration.conftest import wanted_versions
from tests.support import backups, restores
from tests.support.backups import DATABASE, Source

ROUNDS = int(os.environ.get("ROUNDS", "3"))


@pytest.fixture(scope="module", params=wanted_versions(), ids=lambda version: f"pg{version}")
def origin(request: pytest.FixtureRequest) -> t.Iterator[Source]:
    """A primary that archives, of each version in turn."""
    if request.param not in available_versions():
        pytest.skip(f"PostgreSQL {request.param} is not installed")
    with backups.source("manifest", request.param) as made:
        yield made


@pytest.fixture(scope="module")
def replica(origin: Source) -> t.Iterator[Postgres]:
    """Its standby."""
    with backups.standby(origin.server) as made:
        yield made


@pytest.fixture
def scratch(origin: Source) -> t.Iterator[Postgres]:
    """An empty database of the same server."""
    made = origin.server.with_database(f"scratch_{next(backups.NUMBERS)}")
    yield made
    made.drop_database(made.database)


def read(origin: Source, label: str) -> manifest.Manifest:
    return manifest.read(DirectoryPlace(str(origin.place)), label, [origin.trusted], time.time() + 1)


def captured(server: Postgres) -> dict[str, t.Any]:
    found: dict[str, t.Any] = content.capture(backups.connector(server), [server.database])[server.database]
    return found


def login(server: Postgres) -> dict[str, t.Any]:
    """All connection options, as a module has them."""
    return {**{name: option.get("default") for name, option in CONNECTION_SPEC.options.items()}, **server.module_parameters()}


@pytest.mark.parametrize("method", ["snapshot", "slot"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_restore_to_the_anchor_is_exact(origin: Source, method: anchors.Method, number: int) -> None:
    _read, found = anchors.round_of(origin, method)
    assert found.findings == (), number
    assert found.matched == found.compared > 3


@pytest.mark.parametrize("number", range(ROUNDS))
def test_restore_to_the_anchor_of_a_standby_is_exact(origin: Source, replica: Postgres, number: int) -> None:
    _read, found = anchors.round_of(origin, "standby", replica)
    assert found.findings == (), number
    backups.wait_for(replica, "SELECT pg_get_wal_replay_pause_state() = 'not paused'")


def test_one_changed_row_is_found_and_named(origin: Source) -> None:
    origin.take(engine="pg_dump", label="changed")
    expected = read(origin, "changed").databases[DATABASE]
    copy = backups.restored_dump(origin, "changed")
    with copy.connect(autocommit=True) as connection:
        connection.execute("UPDATE ledger_old SET amount = amount + 1 WHERE ctid = (SELECT min(ctid) FROM ledger_old)")
        connection.execute("DELETE FROM docs WHERE id = 7")
        connection.execute("ALTER TABLE docs DROP CONSTRAINT docs_kind_check")
        connection.execute('TRUNCATE "Odd.name %s"')
    found = compare.compare(expected, captured(copy), kind="logical", exact=True)
    copy.drop_database(copy.database)
    assert sorted((one.code, one.about) for one in found.findings) == [
        ("CHECKSUM_MISMATCH", "public.ledger_old"),
        ("COUNT_MISMATCH", 'public."Odd.name %s"'),
        ("COUNT_MISMATCH", "public.docs"),
        ("SCHEMA_MISMATCH", "missing constraints"),
    ]
    assert "as many rows" in next(one.found for one in found.findings if one.code == "CHECKSUM_MISMATCH")


@pytest.mark.parametrize("blocks", [1, 7])
def test_a_table_in_pieces_adds_up_to_the_whole(scratch: Postgres, monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    with scratch.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE wide AS SELECT i AS id, repeat('x', 900) AS body FROM generate_series(1, 250) AS i")
        connection.execute("DELETE FROM wide WHERE id % 9 = 0")
    whole = captured(scratch)
    monkeypatch.setattr(content, "PIECE_BLOCKS", blocks)
    assert captured(scratch)["tables"] == whole["tables"]
    assert whole["tables"]["public.wide"]["rows"] == 250 - 27


@pytest.mark.parametrize(("engine", "more"), [("pg_dump", {}), ("basebackup", {"format": "plain"}), ("basebackup", {"format": "tar"})])
def test_second_run_changes_nothing_and_check_mode_writes_nothing(origin: Source, engine: str, more: dict[str, t.Any]) -> None:
    label = f"twice-{next(backups.NUMBERS)}"
    planned = origin.take(check=True, engine=engine, label=label, **more)
    assert planned["changed"]
    assert len(planned["plan"]) == 3
    assert not [path for path in origin.place.rglob("*") if label in path.name]
    first = origin.take(engine=engine, label=label, **more)
    second = origin.take(engine=engine, label=label, **more)
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["manifest"] == first["manifest"]
    files = read(origin, label).files
    assert {str(path.relative_to(origin.place)) for path in (origin.place / "backups" / label).rglob("*") if path.is_file()} == set(files)


def test_manifest_of_a_backup_that_somebody_else_took(origin: Source) -> None:
    origin.take(engine="basebackup", label="theirs")
    (origin.place / "manifests" / "theirs.json").unlink()
    refused = origin.take(engine="basebackup", label="theirs", fails=True)
    assert refused["refusals"][0]["code"] == "OBJECT_REPLACED"
    taken = origin.take(engine="basebackup", label="theirs", take=False)
    assert taken["anchor"]["exact"]
    found = read(origin, "theirs")
    assert found.start_lsn is not None
    assert found.files["backups/theirs/base.tar"].size == (origin.place / "backups/theirs/base.tar").stat().st_size


def test_killed_take_leaves_nothing_under_its_label(origin: Source) -> None:
    options = origin.options(engine="basebackup", label="killed", bytes_per_second=1_000_000)
    process = modules.spawn("backup_manifest", options)
    deadline = time.monotonic() + 60
    while not list((origin.place / "backups").glob(".killed.*.partial/base.tar")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert modules.finished(process, 60) is None
    # Bound to our life: an orphan would go on for minutes.
    backups.wait_for(
        origin.server, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'governed.delivery backup_manifest%'", 10
    )
    names = [path.name for path in (origin.place / "backups").iterdir() if "killed" in path.name]
    assert names, "nothing was left to be cleared up"
    assert all(name.startswith(".") for name in names)
    assert origin.take(engine="basebackup", label="killed")["changed"]
    assert [path.name for path in (origin.place / "backups").iterdir() if "killed" in path.name] == ["killed"]


def test_password_stands_in_no_argument(origin: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "se:cr\\et 'x'"
    account = server_account()
    folder = origin.place / "tools"
    folder.mkdir()
    log = folder / "seen"
    log.touch()
    os.chown(log, account.uid, account.gid)
    real = origin.options()["bin_dir"]
    for name in ("pg_dump", "pg_dumpall"):
        (folder / name).write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" >> {log}\nenv | grep ^PG >> {log}\n'
            f'[ -n "$PGSERVICEFILE" ] && cat "$(dirname "$PGSERVICEFILE")/pgpass" > {log}.pass\nexec {real}/{name} "$@"\n',
            encoding="utf-8",
        )
        (folder / name).chmod(0o755)
    folder.chmod(0o777)
    monkeypatch.chdir(tmp_path)
    result = origin.take(engine="pg_dump", label="secret", login_password=secret, bin_dir=str(folder))
    seen = log.read_text(encoding="utf-8")
    assert "--format=directory" in seen
    assert "cr\\et" not in seen
    assert secret not in json.dumps(result)
    assert Path(f"{log}.pass").read_text(encoding="utf-8") == "*:*:*:*:se\\:cr\\\\et 'x'\n"


def test_standby_goes_on_when_the_module_is_killed(origin: Source, replica: Postgres) -> None:
    with replica.connect(autocommit=True) as connection:
        connection.execute("SELECT 1")
    reader = os.fork()
    if reader == 0:
        with (
            contextlib.suppress(BaseException),
            anchor_standby.standby(backups.connector(replica), DATABASE, system_identifier=identifier(origin), reached=None, timeout=30),
        ):
            time.sleep(60)
        os._exit(1)
    backups.wait_for(replica, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
    time.sleep(0.3)
    os.kill(reader, signal.SIGKILL)
    os.waitpid(reader, 0)
    backups.wait_for(replica, "SELECT pg_get_wal_replay_pause_state() = 'not paused'", 10)


def test_standby_that_is_none_or_was_paused_by_somebody_is_refused(origin: Source, replica: Postgres) -> None:
    with pytest.raises(Refusal, match="a primary of the cluster"), standing(origin, origin.server):
        pass
    with pytest.raises(Refusal, match="a standby of the cluster 42"), standing(origin, replica, "42"):
        pass
    with replica.connect(autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        with pytest.raises(Refusal, match="somebody paused"), standing(origin, replica):
            pass
        assert connection.execute("SELECT pg_is_wal_replay_paused()").fetchone() == (True,), "it is not ours to resume"
        connection.execute("SELECT pg_wal_replay_resume()")


def test_standby_resumes_after_an_error(origin: Source, replica: Postgres) -> None:
    with pytest.raises(ZeroDivisionError), standing(origin, replica):
        raise ZeroDivisionError
    backups.wait_for(replica, "SELECT pg_get_wal_replay_pause_state() = 'not paused'", 5)


def standing(origin: Source, server: Postgres, cluster: str | None = None) -> contextlib.AbstractContextManager[anchor.Point]:
    own = cluster or identifier(origin)
    return anchor_standby.standby(backups.connector(server), DATABASE, system_identifier=own, reached=None, timeout=30)


def identifier(origin: Source) -> str:
    with origin.server.connect() as connection:
        found = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    assert found is not None
    return str(found[0])


def test_slot_does_not_wait_for_a_transaction_for_ever(origin: Source) -> None:
    began = time.monotonic()
    with origin.server.connect() as writer:
        writer.execute("SELECT pg_current_xact_id()")
        refused = origin.take(engine="basebackup", label="waits", anchor="slot", anchor_timeout=1.0, fails=True)
    assert refused["refusals"][0]["code"] == "anchor_timeout"
    assert time.monotonic() - began < 30
    assert not (origin.place / "backups" / "waits").exists()
    backups.wait_for(origin.server, "SELECT count(*) = 0 FROM pg_replication_slots WHERE temporary")


def test_slot_is_refused_for_two_databases_with_tables(origin: Source, scratch: Postgres) -> None:
    with scratch.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE also (id integer)")
    slot = anchor.slot(login(origin.server), backups.connector(origin.server), sorted([scratch.database, DATABASE]), timeout=5)
    with contextlib.ExitStack() as held, pytest.raises(Refusal, match=f"{scratch.database}, {DATABASE}") as refused:
        held.enter_context(slot)
    assert refused.value.code == "anchor_databases"


def test_table_truncated_behind_the_snapshot_is_refused(origin: Source, scratch: Postgres) -> None:
    with scratch.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT generate_series(1, 10) AS n")
        connect = backups.connector(origin.server)
        with anchor.snapshot(connect, [scratch.database]) as point:
            connection.execute("TRUNCATE numbers")
            with pytest.raises(Refusal, match=r"public\.numbers") as refused:
                content.capture(connect, [scratch.database], snapshots=point.snapshots)
    assert refused.value.code == "rewritten"


def test_unreadable_table_is_said_and_the_others_are_read(scratch: Postgres) -> None:
    with scratch.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE bad AS SELECT g, repeat('x', 100) FROM generate_series(1, 1000) g")
        connection.execute("CREATE TABLE good AS SELECT 1 AS n")
        connection.execute("CHECKPOINT")
        found = connection.execute("SELECT pg_relation_filepath('bad')").fetchone()
    before = captured(scratch)
    scratch.stop()
    assert found is not None
    with (scratch.data / str(found[0])).open("r+b") as file:
        file.seek(8192)
        file.write(b"\x55" * 24)  # the header of the second page
    scratch.restart()
    after = captured(scratch)
    assert after["tables"]["public.bad"]["error"].startswith("XX001: invalid page")
    assert after["tables"]["public.good"] == before["tables"]["public.good"]
    compared = compare.compare(before, after, kind="physical", exact=True)
    assert [one.code for one in compared.findings] == ["UNREADABLE_TABLE"]


def test_without_an_anchor_rows_are_not_compared(origin: Source) -> None:
    taken = origin.take(engine="basebackup", label="loose", anchor="none")
    assert taken["anchor"] | {"taken": ""} == {"method": "none", "lsn": None, "exact": False, "taken": ""}
    assert "no exact point" in taken["warnings"][0]


def test_manifest_is_believed_only_by_a_pinned_key(origin: Source) -> None:
    origin.take(engine="pg_dump", label="signed")
    place = DirectoryPlace(str(origin.place))
    with pytest.raises(Stopped, match="MANIFEST_FORGED"):
        manifest.read(place, "signed", [keys.new("somebody/else").verifier], time.time() + 1)
    with pytest.raises(Stopped, match="NO_MANIFEST"):
        manifest.read(place, "nothing", [origin.trusted], time.time() + 1)
    path = origin.place / "manifests" / "signed.json"
    (origin.place / "manifests" / "other.json").write_bytes(path.read_bytes())
    with pytest.raises(Stopped, match="a manifest of other"):
        manifest.read(place, "other", [origin.trusted], time.time() + 1)
    (origin.place / "manifests" / "other.json").unlink()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"engine": "pg_dump", "databases": ["nowhere"]}, "wrong_option"),
        ({"engine": "pg_dump", "anchor": "slot"}, "wrong_option"),
        ({"engine": "basebackup", "anchor": "snapshot"}, "wrong_option"),
        ({"engine": "basebackup", "label": "../out"}, "wrong_option"),
        ({"engine": "basebackup", "label": "none", "take": False}, "NOT_FOUND"),
        ({"engine": "basebackup", "bin_dir": "/nowhere"}, "TOOL_MISSING"),
        ({"engine": "basebackup", "source": {"directory": "/nowhere"}}, "NOT_FOUND"),
        ({"engine": "basebackup", "key_file": "/"}, "key_unreadable"),
        ({"engine": "basebackup", "jobs": 0}, "wrong_option"),
        ({"engine": "basebackup", "login_user": "nobody_known"}, "no_connection"),
    ],
)
def test_bad_input_is_named(origin: Source, options: dict[str, t.Any], code: str) -> None:
    before = sorted(origin.place.rglob("*"))
    refused = origin.take(fails=True, **options)
    assert refused["refusals"][0]["code"] == code, refused["msg"]
    assert sorted(origin.place.rglob("*")) == before


@pytest.fixture
def empty_place(origin: Source) -> t.Iterator[Path]:
    """A folder that the server's account can write to."""
    place = origin.place.with_name(f"{origin.place.name}-{next(backups.NUMBERS)}")
    place.mkdir()
    os.chown(place, server_account().uid, server_account().gid)
    yield place
    shutil.rmtree(place)


def test_the_first_backup_of_a_place_makes_its_key_and_no_later_one(
    origin: Source, scratch: Postgres, empty_place: Path, tmp_path: Path
) -> None:
    key_file = tmp_path / "keys" / "backup.key"

    def take(label: str, *, check: bool = False, fails: bool = False) -> modules.Result:
        source = {"directory": str(empty_place)}
        own = {"label": label, "source": source, "key_file": str(key_file)}
        return origin.take(check=check, fails=fails, engine="pg_dump", login_db=scratch.database, **own)

    assert take("one", check=True)["changed"]
    assert not key_file.exists()
    taken = take("one")
    assert "a new key signs" in " ".join(taken["warnings"])
    assert key_file.stat().st_mode & 0o777 == 0o600
    believed = keys.parse_verifier(taken["verifier_key"])
    assert manifest.read(DirectoryPlace(str(empty_place)), "one", [believed], time.time() + 1).signer == believed.label
    assert take("two")["verifier_key"] == taken["verifier_key"]
    key_file.unlink()
    refused = take("three", fails=True)
    assert refused["refusals"][0]["code"] == "key_missing"
    assert not key_file.exists()


def test_program_of_another_version_is_refused(origin: Source) -> None:
    others = [version for version in available_versions() if version != origin.server.version]
    if not others:
        pytest.skip("only one version is installed")
    refused = origin.take(engine="basebackup", fails=True, bin_dir=backups.run_options(others[0])["bin_dir"])
    assert refused["refusals"][0]["code"] == "VERSION_MISMATCH"


def test_samples_agree_on_a_copy_and_everything_has_its_turn(origin: Source) -> None:
    sample = {"percent": 50.0, "coverage_days": 3, "above_bytes": 100_000}
    origin.take(engine="pg_dump", label="sampled1", sample=sample)
    first = read(origin, "sampled1").databases[DATABASE]["tables"]
    assert all(entry["full"] for entry in first.values()), "the first time everything is added up"
    taken = origin.take(engine="pg_dump", label="sampled2", sample=sample)
    found = read(origin, "sampled2")
    tables = found.databases[DATABASE]["tables"]
    sampled = {name for name, entry in tables.items() if "sample" in entry}
    assert len(sampled) == taken["sampled"] > 0
    assert all(0 < tables[name]["sample"]["rows"] < tables[name]["rows"] for name in sampled)
    copy = backups.restored_dump(origin, "sampled2")
    compared = compare.compare(found.databases[DATABASE], sampled_as(found, copy), kind="logical", exact=True)
    copy.drop_database(copy.database)
    assert compared.findings == ()
    assert compared.sampled == len(sampled)


def test_samples_by_blocks_agree_on_a_physical_copy(origin: Source) -> None:
    sample = {"percent": 50.0, "coverage_days": 3, "above_bytes": 100_000}
    origin.take(engine="basebackup", label="blocks1", sample=sample)
    with backups.load(origin.server):
        taken = origin.take(engine="basebackup", label="blocks2", anchor="slot", sample=sample)
    found = read(origin, "blocks2")
    anchors.archived(origin)
    with backups.restored(origin, "blocks2", str(found.anchor.lsn)) as copy:
        compared = compare.compare(found.databases[DATABASE], sampled_as(found, copy), kind="physical", exact=True)
    assert compared.findings == ()
    assert compared.sampled == taken["sampled"] > 0


def sampled_as(found: manifest.Manifest, copy: Postgres) -> dict[str, t.Any]:
    """What the copy holds, read as the manifest says for the source's database."""

    def choose(_database: str, tables: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
        return sampling.as_captured(found.databases)(DATABASE, tables)

    read_as: dict[str, t.Any] = content.capture(backups.connector(copy), [copy.database], sample=choose, strong=found.strong)[copy.database]
    return read_as


def test_strong_checksums_are_others_and_agree_too(origin: Source) -> None:
    origin.take(engine="pg_dump", label="strong", strong=True)
    found = read(origin, "strong")
    assert found.strong
    copy = backups.restored_dump(origin, "strong")
    both = (sampled_as(found, copy), captured(copy))
    copy.drop_database(copy.database)
    results = [compare.compare(found.databases[DATABASE], one, kind="logical", exact=True) for one in both]
    assert [bool(one.findings) for one in results] == [False, True]


@pytest.mark.skipif(shutil.which("pgbackrest") is None, reason="pgBackRest is not installed")
def test_pgbackrest_names_its_backup_and_gets_a_manifest() -> None:
    if 15 not in available_versions():
        pytest.skip("PostgreSQL 15 is not installed, and Debian's pgBackRest knows no newer one")
    with (
        restores.scene(functools.partial(start_15, f"pgbackrest-{os.getpid()}"), rows=500, pgbackrest=True) as scene,
        removing(scene.primary),
    ):
        options = {"engine": "pgbackrest", "pgbackrest": {"stanza": "shop", "config": str(scene.folder / "pgbackrest.conf")}}
        taken = scene.take(**options)
        assert taken["changed"], taken.get("msg")
        assert taken["anchor"]["exact"]
        place = DirectoryPlace(str(scene.place))
        found = manifest.read(place, taken["label"], [keys.read(scene.key_file).verifier], time.time() + 1)
        assert set(found.files) == set(place.listing(f"backup/shop/{taken['label']}/", time.time() + 1).items)
        assert None not in (found.start_lsn, found.stop_lsn)
        again = scene.take(**options, take=False, label=taken["label"])
        assert (again.get("changed"), again.get("manifest")) == (False, taken["manifest"])
        refused = scene.take(**options, take=False, label="20200101-000000F")
        assert refused["refusals"][0]["code"] == "NOT_FOUND"


@contextlib.contextmanager
def removing(server: Postgres) -> t.Iterator[None]:
    try:
        yield
    finally:
        server.remove()


def start_15(name: str, settings: t.Mapping[str, str]) -> Postgres:
    return postgres.start(15, postgres.place(name), profile="small", settings=settings)


def test_heartbeat_is_there_beats_and_goes(scratch: Postgres) -> None:
    def run(**more: t.Any) -> modules.Result:
        return modules.run("backup_heartbeat", {**scratch.module_parameters(), **more.pop("options", {})}, **more)

    assert run(check=True, diff=True)["diff"] == {
        "before": "governed_delivery.heartbeat: absent\n",
        "after": "governed_delivery.heartbeat: present\n",
    }
    assert [run()["changed"], run()["changed"]] == [True, False]
    beaten = run(options={"beat_seconds": 1.5})
    assert beaten["seq"] == 2
    gone = {"options": {"state": "absent"}}
    assert [run(**gone)["changed"], run(**gone)["changed"]] == [True, False]
    with scratch.connect() as connection:
        assert connection.execute("SELECT to_regnamespace('governed_delivery')").fetchone() == (None,)
