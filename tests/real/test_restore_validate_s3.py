# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restore_validate from a real S3 server to a real PostgreSQL: what was done to a locked bucket, what cannot be read, what came too late, and how fast."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import time
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore import locate
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import wal

from playground import modules, postgres
from playground.cluster import HOST, free_port
from playground.versitygw import Gateway
from tests.support.restores import Scene, codes, finding, scene

from .conftest import Fresh, bucket, with_keys_of

PREFIX = "clusters/shop"
RETAINED_DAYS = 10
CAP = 20_000_000
SAMPLING_SECONDS = 0.25

Result = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Shop:
    """A primary, and a bucket with its backups and archive."""

    made: Scene
    bucket: Fresh

    def source(self, **changed: t.Any) -> Result:
        """The bucket, or one with something else about it."""
        return {"s3": {"bucket": self.bucket.name, "prefix": PREFIX, "endpoint": self.bucket.gateway.endpoint, **changed}}

    def options(self, **more: t.Any) -> Result:
        """How long ago these tests began is no loss."""
        return self.made.wanted(**{"source": self.source(), "backup": "one", "rpo_at_most": 3600.0, **more})

    def validate(self, **more: t.Any) -> Result:
        """Restore it; the module's answer, which never has the key in it."""
        answer = modules.run("restore_validate", self.options(**more))
        assert self.bucket.gateway.secret_key not in json.dumps(answer)
        return answer

    def names(self) -> list[str]:
        """What lies in the bucket."""
        pages = self.bucket.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket.name)
        return [str(one.get("Key")) for page in pages for one in page.get("Contents", [])]

    def archive(self) -> list[str]:
        """Bring what the primary archived, and the bucket has not, into the bucket; the names of these segments."""
        there = set(self.names())
        new = [name for name in self.made.segments() if f"{PREFIX}/wal/{name}" not in there]
        for name in new:
            self.bucket.client.put_object(Bucket=self.bucket.name, Key=f"{PREFIX}/wal/{name}", Body=self.made.archive(name).read_bytes())
        return new

    def copied(self, to: Fresh, *, without: str = "no such object") -> Shop:
        """The small backup with manifest and archive in another bucket."""
        for key in self.names():
            path = key.removeprefix(f"{PREFIX}/")
            if path != without and not path.startswith("backups/large/"):
                to.client.copy_object(Bucket=to.name, Key=key, CopySource={"Bucket": self.bucket.name, "Key": key})
        return dataclasses.replace(self, bucket=to)


@pytest.fixture(scope="module")
def shop(gateway: Gateway) -> t.Iterator[Shop]:
    """Backups ``large``, a file an object and more than 80 MB, and ``one``, in a bucket that locks for ten days; then some more log."""

    def start(settings: t.Mapping[str, str]) -> postgres.Postgres:
        return postgres.start(16, postgres.place(f"restore-s3-{os.getpid()}"), settings=settings, profile="small")

    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        with_keys_of(gateway, patch)
        made = stack.enter_context(scene(start))
        stack.enter_context(made.busy(writes=False))
        found = Shop(made, bucket(gateway, locked=True, days=RETAINED_DAYS))
        with made.primary.connect(autocommit=True) as session:
            session.execute("CREATE TABLE app.bulk AS SELECT i, repeat(md5(i::text), 31) AS body FROM generate_series(1, 70_000) AS i")
            assert not made.take(label="large", format="plain", source=found.source())["failed"]
            session.execute("DROP TABLE app.bulk")
            assert not made.take(label="one", source=found.source())["failed"]
            for _segment in range(3):
                session.execute("INSERT INTO app.docs (body) SELECT repeat(md5(i::text), 5) FROM generate_series(1, 3000) AS i")
                made.switch()
        found.archive()
        yield found


@pytest.fixture
def copy(shop: Shop, locked: Fresh) -> Shop:
    """The same in a bucket of its own, with versions and for damage."""
    return shop.copied(locked)


def require_restored(record: Result) -> None:
    """Whatever was said about the bucket, these are the rows that were backed up."""
    assert record["tables"]["compared"] == record["tables"]["matched"] == 3
    assert record["rto"]["seconds"] is not None


def wait_until_fetching(process: subprocess.Popen[str], made: Scene) -> None:
    """Until the first byte may have come."""
    while made.phase != "fetch":
        assert process.poll() is None, modules.finished(process)
        time.sleep(0.005)


def fetched_bytes(work: pathlib.Path) -> int:
    """What has been written so far, and the few bytes of folders."""
    while True:
        with contextlib.suppress(FileNotFoundError):  # one got its name while we looked
            return sum(path.stat().st_size for path in work.glob("rv-*/data/**/*"))


def test_a_good_backup_passes_and_its_locks_are_on_record(shop: Shop) -> None:
    result = shop.validate(required_lock_days=RETAINED_DAYS - 1)
    assert result["verdict"] == "PASS", result
    record = result["record"]
    require_restored(record)
    assert record["source"]["kind"] == "s3"
    assert record["source"]["name"] == f"s3://{shop.bucket.name}/{PREFIX}/"
    assert record["source"]["lock_mode"] == "COMPLIANCE"
    lasting = locate.epoch(record["source"]["lock_until"]) - time.time()
    assert RETAINED_DAYS - 1 < lasting / 86_400 <= RETAINED_DAYS
    assert record["source"]["objects"] == sum(key.startswith(f"{PREFIX}/backups/one/") for key in shop.names())
    assert record["findings"] == []
    assert record["rpo"]["seconds"] > 0


def test_locks_that_end_too_early(shop: Shop) -> None:
    result = shop.validate(required_lock_days=RETAINED_DAYS + 20)
    assert codes(result) == {"LOCK_EXPIRED"}
    assert result["verdict"] == "FAIL"
    require_restored(result["record"])


def test_a_bucket_without_locks(shop: Shop, plain: Fresh) -> None:
    result = shop.copied(plain).validate(required_lock_days=1)
    assert codes(result) == {"LOCK_MISSING"}
    assert result["record"]["source"]["lock_mode"] is None
    require_restored(result["record"])


def last_segment(shop: Shop) -> str:
    return f"wal/{shop.made.segments()[-1]}"


DAMAGED: t.Mapping[str, t.Callable[[Shop], str]] = {"backup": lambda _shop: "backups/one/base.tar", "archive": last_segment}


@pytest.mark.parametrize("damaged", list(DAMAGED))
def test_an_overwritten_object_is_told_and_the_good_bytes_are_restored(copy: Shop, damaged: str) -> None:
    path = DAMAGED[damaged](copy)
    copy.bucket.client.put_object(Bucket=copy.bucket.name, Key=f"{PREFIX}/{path}", Body=b"ransom")
    result = copy.validate()
    assert codes(result) == {"OBJECT_REPLACED"}
    assert finding(result, "OBJECT_REPLACED")["about"] == path
    assert result["verdict"] == "FAIL"
    require_restored(result["record"])


@pytest.mark.parametrize("damaged", list(DAMAGED))
def test_a_delete_marker_is_said_and_no_fault(copy: Shop, damaged: str) -> None:
    path = DAMAGED[damaged](copy)
    copy.bucket.client.delete_object(Bucket=copy.bucket.name, Key=f"{PREFIX}/{path}")
    result = copy.validate()
    assert result["verdict"] == "PASS", result["record"]["findings"]
    assert finding(result, "DELETE_MARKER")["about"] == path
    require_restored(result["record"])


def test_a_segment_that_is_not_in_the_bucket(shop: Shop, plain: Fresh) -> None:
    missing = shop.made.segments()[-2]
    result = shop.copied(plain, without=f"wal/{missing}").validate()
    assert codes(result) == {"WAL_GAP"}
    assert finding(result, "WAL_GAP")["about"] == missing
    assert result["record"]["tables"]["matched"] == 3, "up to the anchor all was well"


@contextlib.contextmanager
def silent() -> t.Iterator[str]:
    """The address of a server that lets everybody in and never says anything."""
    with socket.create_server((HOST, 0)) as listening:
        yield f"http://{HOST}:{listening.getsockname()[1]}"


def require_unreadable(result: Result, code: str, began: float, within: float) -> None:
    assert codes(result) == {code}, result["record"]["findings"]
    assert result["verdict"] == "ERROR"
    assert not result["changed"]
    assert time.monotonic() - began < within


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "NO_CREDENTIALS"),
        ({"AWS_SECRET_ACCESS_KEY": "hunter2-hunter2"}, "NO_CREDENTIALS"),
        ({"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "hunter2-hunter2"}, "NO_CREDENTIALS"),
    ],
    ids=["none", "wrong secret", "unknown"],
)
def test_credentials_that_do_not_let_in(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, changed: t.Mapping[str, str | None], code: str
) -> None:
    for name, value in changed.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    began = time.monotonic()
    result = shop.validate()
    require_unreadable(result, code, began, 10)
    assert "hunter2" not in json.dumps(result)


def test_a_bucket_that_does_not_exist(shop: Shop) -> None:
    began = time.monotonic()
    require_unreadable(shop.validate(source=shop.source(bucket="not-there")), "NOT_FOUND", began, 10)


def test_nobody_at_the_endpoint(shop: Shop) -> None:
    began = time.monotonic()
    source = shop.source(endpoint=f"http://{HOST}:{free_port(None)}", io_timeout=2.0)
    require_unreadable(shop.validate(source=source), "SOURCE_UNREADABLE", began, 2 * 2.0)


def test_an_endpoint_that_never_answers(shop: Shop) -> None:
    with silent() as endpoint:
        began = time.monotonic()
        # Between the two questions botocore waits for a random part of a second.
        require_unreadable(shop.validate(source=shop.source(endpoint=endpoint, io_timeout=2.0)), "TIMEOUT", began, 2 * 2.0 + 1.5)


def test_what_comes_while_it_restores_is_not_seen(shop: Shop, locked: Fresh) -> None:
    copy = shop.copied(locked)
    with copy.made.primary.connect(autocommit=True) as session:
        process = modules.spawn("restore_validate", copy.options(bytes_per_second=10_000_000.0))
        wait_until_fetching(process, copy.made)
        time.sleep(1.1)  # S3 tells whole seconds
        session.execute("SELECT pg_logical_emit_message(true, 'tests', 'later')")
        copy.made.switch()
        begins = min(segment.begins(wal.SEGMENT_BYTES) for name in copy.archive() if (segment := wal.parse(name)))
        assert copy.made.phase == "fetch", "it came before the archive was listed"
    meanwhile = modules.finished(process, timeout=120)
    assert meanwhile is not None
    afterwards = copy.validate()
    for result in (meanwhile, afterwards):
        assert result["verdict"] == "PASS", result["record"]["findings"]
    assert reached(meanwhile) <= begins < reached(afterwards)
    assert meanwhile["record"]["rpo"]["lost_heartbeats"] > 0


def reached(result: Result) -> int:
    """How far it was recovered, in bytes of log."""
    return wal.position(result["record"]["target"]["reached_lsn"])


def test_no_second_is_faster_than_the_limit_by_more_than_a_fifth(shop: Shop) -> None:
    process = modules.spawn("restore_validate", shop.options(backup="large", bytes_per_second=float(CAP)))
    wait_until_fetching(process, shop.made)
    samples: list[tuple[float, int]] = []
    while shop.made.phase == "fetch":
        samples.append((time.monotonic(), fetched_bytes(shop.made.work)))
        time.sleep(SAMPLING_SECONDS)
    result = modules.finished(process, timeout=120)
    assert result is not None
    assert result["verdict"] == "PASS", result["record"]["findings"]
    record = result["record"]
    assert record["bytes"]["fetched"] >= 80_000_000
    assert samples[-1][1] >= 70_000_000, "what we saw grow is what was fetched"
    assert CAP / 2 < worst_rate(samples) <= 1.2 * CAP
    assert CAP / 2 < record["rates"]["worst_second_bytes"] <= 1.2 * CAP
    assert record["rates"]["cap_bytes_per_second"] == CAP
    assert record["rto"]["throttle_sleep_seconds"] > 1


def worst_rate(samples: t.Sequence[tuple[float, int]]) -> float:
    """Bytes a second of the fastest second: from each sample to the first that is a whole second later."""
    rates = []
    for number, (began, before) in enumerate(samples):
        later = next(((at, size) for at, size in samples[number:] if at - began >= 1.0), None)
        if later is not None:
            rates.append((later[1] - before) / (later[0] - began))
    return max(rates)
