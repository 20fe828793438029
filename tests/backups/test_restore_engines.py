# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restore_validate with pgBackRest, on other versions of PostgreSQL, and what the copy must not do."""

from __future__ import annotations

import itertools
import pathlib
import shutil
import time
import typing as t

import pytest

from playground import modules, postgres
from tests.support.restores import as_it_lies, codes, finding, heap, rewrite, scene

Result = dict[str, t.Any]
NUMBERS = itertools.count(1)


@pytest.fixture
def start(session_name: str) -> t.Iterator[t.Callable[[int], t.Callable[[t.Mapping[str, str]], postgres.Postgres]]]:
    """Starts a server of a version with settings; it is gone after the test."""
    started: list[postgres.Postgres] = []

    def of_version(version: int) -> t.Callable[[t.Mapping[str, str]], postgres.Postgres]:
        if version not in postgres.available_versions():
            pytest.skip(f"PostgreSQL {version} is not installed")

        def begin(settings: t.Mapping[str, str]) -> postgres.Postgres:
            place = postgres.place(f"{session_name}-engines-{next(NUMBERS)}")
            started.append(postgres.start(version, place, settings=settings, profile="small"))
            return started[-1]

        return begin

    yield of_version
    for server in started:
        server.remove()


Start = t.Callable[[int], t.Callable[[t.Mapping[str, str]], postgres.Postgres]]


def inverted(content: bytes) -> bytes:
    """Other bytes near the beginning: a packed segment that was switched early ends in zeros, which zeros would not damage."""
    at = len(content) // 8
    return content[:at] + bytes(255 - one for one in content[at : at + 8]) + content[at + 8 :]


@pytest.mark.skipif(shutil.which("pgbackrest") is None, reason="pgbackrest is not installed")
def test_pgbackrest(start: Start) -> None:
    stanza = {"stanza": "shop"}
    with scene(start(15), pgbackrest=True) as shop, shop.busy():
        told: Result = {"engine": "pgbackrest", "pgbackrest": {**stanza, "config": str(shop.folder / "pgbackrest.conf")}}
        taken = shop.take(**told)
        assert not taken["failed"], taken
        shop.switch()
        told["pgbackrest"] = stanza
        good = shop.validate(**told, amcheck="required")
        assert good["verdict"] == "PASS", good["record"]["findings"]
        assert good["record"]["tables"]["matched"] == 3
        slow = shop.validate(**told, bytes_per_second=4_000_000)
        assert slow["verdict"] == "PASS", slow["record"]["findings"]
        assert slow["record"]["rates"]["worst_second_bytes"] <= 4_000_000 * 1.2
        assert slow["record"]["rto"]["throttle_sleep_seconds"] > 0
        with shop.primary.connect() as session:
            row = session.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        shop.switch()
        timed = shop.validate(**told, target_time=row[0].isoformat())
        assert timed["verdict"] == "PASS", timed["record"]["findings"]

        archive = shop.place / "archive" / "shop"
        segments = sorted(path for path in archive.rglob("0*-*") if path.is_file())
        missing, damaged = segments[-2], segments[-1]
        kept = damaged.read_bytes()
        rewrite(damaged, inverted)
        cut = shop.validate(**told)
        assert codes(cut) == {"WAL_CORRUPT"}, cut["record"]["findings"]
        rewrite(damaged, lambda _content: kept)
        missing.rename(shop.folder / "elsewhere")
        result = shop.validate(**told)
        assert codes(result) == {"WAL_GAP"}
        assert finding(result, "WAL_GAP")["about"] == missing.name.split("-", maxsplit=1)[0]
        (shop.folder / "elsewhere").rename(missing)

        victim = max((shop.place / "backup" / "shop").rglob("*.gz"), key=lambda path: path.stat().st_size)
        rewrite(victim, inverted)
        known = shop.validate(**told, bytes_per_second=1e9)
        assert codes(known) == {"CORRUPT_FILE"}, "the manifest's checksums, where our own fetcher copies"
        unknown = shop.validate(**told, manifest_keys=[])
        assert codes(unknown) == {"RESTORE_FAILED", "NO_MANIFEST"}, "pgBackRest's own"


@pytest.mark.parametrize("version", [15, 18])
def test_other_versions(start: Start, version: int) -> None:
    with scene(start(version)) as shop, shop.busy():
        assert not shop.take(label="tar")["failed"]
        assert not shop.take(label="plain", format="plain")["failed"]
        assert not shop.take(label="dump", engine="pg_dump")["failed"]
        shop.switch()
        for label, engine in (("tar", "basebackup"), ("plain", "basebackup"), ("dump", "pg_dump")):
            result = shop.validate(backup=label, engine=engine, amcheck="required" if version == 15 else "auto")
            assert result["verdict"] == "PASS", result["record"]["findings"]
        if version != 15:
            return  # the packaged versions come without amcheck

        def break_order(content: bytes) -> bytes:
            """On the second leaf page, after the page's header and line pointers, the keys' bytes."""
            at = 3 * 8192 - 512
            return content[:at] + bytes(255 - one for one in content[at : at + 256]) + content[at + 256 :]

        rewrite(heap(shop, "plain", "app.docs_pkey"), break_order)
        as_it_lies(shop, "plain")
        found = shop.validate(backup="plain", amcheck="required")
        assert codes(found) == {"VERIFYBACKUP_FAILED", "AMCHECK_FAILED"}, "no row is missing, and the index lies"


def test_the_copy_is_alone_in_the_world(start: Start) -> None:
    """Whatever the source was told, and however it was told."""
    with scene(start(16)) as shop:
        with shop.primary.connect(autocommit=True) as session:
            told = {
                "archive_command": f"touch {shop.folder}/polluted",
                "primary_conninfo": "host=production",
                "listen_addresses": "*",
                "shared_preload_libraries": "no_such_library",
                "synchronous_standby_names": "nobody",
                "cluster_name": "production",
            }
            assert not shop.take(label="before")["failed"]
            for name, value in told.items():
                session.execute(f"ALTER SYSTEM SET {name} = '{value}'")  # names of our own
            session.execute("SET synchronous_commit = local")
            session.execute("CREATE SUBSCRIPTION thief CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)")
            assert not shop.take(label="tar")["failed"]
            session.execute("ALTER SUBSCRIPTION thief SET (slot_name = NONE)")
            session.execute("DROP SUBSCRIPTION thief")
            shop.switch()
        query = """
            SELECT name FROM pg_settings WHERE (name, setting) IN (('archive_mode', 'on'), ('cluster_name', 'production'))
               OR name IN ('archive_command', 'primary_conninfo', 'listen_addresses', 'shared_preload_libraries', 'synchronous_standby_names')
                  AND setting NOT IN ('', '(disabled)')
               OR name = 'max_logical_replication_workers' AND setting <> '0'
            UNION ALL SELECT 'worker' FROM pg_stat_activity WHERE backend_type LIKE 'logical replication%'
        """
        alone = {"name": "alone", "database": "postgres", "query": query}
        result = shop.validate(backup="tar", invariants=[alone])
        assert "INVARIANT_FAILED" not in codes(result), result["record"]["findings"]
        assert result["verdict"] == "PASS", result["record"]["findings"]
        assert not (shop.folder / "polluted").exists()


def test_two_at_once(start: Start) -> None:
    """The second is refused at once, and the first is none the worse."""
    with scene(start(16)) as shop, shop.busy(writes=False):
        assert not shop.take(label="tar")["failed"]
        shop.switch()
        first = modules.spawn("restore_validate", shop.wanted(bytes_per_second=20_000_000))
        while not list(pathlib.Path(shop.work).glob("rv-*/progress.json")):
            assert first.poll() is None
            time.sleep(0.01)
        second = shop.validate()
        assert codes(second) == {"TARGET_REFUSED"}
        assert second["verdict"] == "ERROR"
        answer = modules.finished(first, 120)
        assert answer is not None
        assert answer["verdict"] == "PASS", answer["record"]["findings"]
