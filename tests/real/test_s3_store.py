# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger on a real S3 server: commits, races, kills at every put, and what somebody with the bucket's keys can and cannot do to it."""

from __future__ import annotations

import datetime
import itertools
import os
import socket
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hypothesis
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys, tiles
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import HeadMoved, Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3 import S3Store
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3_audit import Finding, audit
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3_bucket import Place
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import Missing
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import Policy, verify
from botocore.exceptions import ClientError
from hypothesis import strategies as st

from playground.cluster import HOST, free_port

from .conftest import Fresh
from .dropping import Dropping
from .ledgers import copied, judged, said, words

ROOT = Path(__file__).resolve().parents[2]
KEY = keys.new("example.com/ledger")
SECONDS = 120
NUMBERS = itertools.count(1)


def opened(bucket: Fresh, *, prefix: str = "", endpoint: str | None = None, retain_days: int | None = 1) -> Log:
    """The ledger in a bucket, as a new process would open it."""
    return Log(S3Store(Place(bucket.name, prefix, endpoint=endpoint, retain_days=retain_days)), [KEY.verifier], signer=KEY)


def store_of(log: Log) -> S3Store:
    assert isinstance(log.store, S3Store)
    return log.store


def filled(bucket: Fresh, *batches: int) -> Log:
    """A ledger with commits of these sizes."""
    log = opened(bucket)
    head = log.head()
    for batch in batches:
        size = head.size if head else 0
        head = log.append([said(str(number)) for number in range(size, size + batch)], head)
    return log


def writer(bucket: Fresh, key: Path, name: str, count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a writer process to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tests.real.writer", bucket.name, str(key), name, str(count), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "build" / "collections"), str(ROOT)])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY.text() + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def listing(bucket: Fresh) -> list[tuple[str, str]]:
    """Every version of every object."""
    found = bucket.client.get_paginator("list_object_versions").paginate(Bucket=bucket.name)
    return [(item["Key"], item["VersionId"]) for page in found for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]


def test_what_is_appended_is_read_and_go_agrees(locked: Fresh, tlogcheck: Path, tmp_path: Path) -> None:
    log = filled(locked, 1, 2, 250, 4, 300)
    assert words(opened(locked).read()) == [str(number) for number in range(557)]
    assert judged(tlogcheck, KEY.verifier.text(), "ledger", copied(store_of(log).bucket.place, tmp_path)) == (0, "557 entries included")
    report = verify(opened(locked).store, Policy((KEY.verifier,)))
    assert (report.fault, report.checked, report.size) == ("ok", 557, 557)
    assert audit(store_of(log)) == []


def test_a_head_that_moved_is_told_and_nothing_is_appended(locked: Fresh) -> None:
    first = opened(locked)
    head = first.append([said("one")], None)
    with pytest.raises(HeadMoved):
        opened(locked).append([said("other")], None)
    first.append([said("two")], head)
    with pytest.raises(HeadMoved):
        opened(locked).append([said("other")], head)
    assert words(opened(locked).read()) == ["one", "two"]


@hypothesis.settings(max_examples=8, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(batches=st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_any_way_to_grow_makes_the_same_files(locked: Fresh, batches: list[int]) -> None:
    prefix = f"grown-{next(NUMBERS)}"
    log = opened(locked, prefix=prefix)
    head = None
    for batch in batches:
        head = log.append([said(str(number)) for number in range(batch)], head)
    raw = [entry.raw for entry in opened(locked, prefix=prefix).read()]
    _edge, files = tiles.extend(tiles.Edge(), raw)
    assert {path: store_of(log).read(path) for path in files} == files


def test_two_ledgers_of_one_bucket_do_not_meet(locked: Fresh) -> None:
    one, other = opened(locked, prefix="a/one"), opened(locked, prefix="/a/other/")
    one.append([said("1")], None)
    other.append([said("2")], None)
    assert words(opened(locked, prefix="a/one").read()) == ["1"]
    assert words(opened(locked, prefix="a/other").read()) == ["2"]


def test_attachments_are_kept_once_and_by_their_digest(locked: Fresh) -> None:
    store = store_of(opened(locked))
    digest = store.attach(b"large")
    assert store.attach(b"large") == digest
    locked.client.put_object(Bucket=locked.name, Key=f"attachments/sha256/{digest}", Body=b"changed")
    assert store_of(opened(locked)).attachment(digest) == b"large"
    assert [finding.problem for finding in audit(store)] == ["overwritten"]
    with pytest.raises(Missing):
        store.attachment("0" * 64)


def test_eight_writers_at_once_make_no_fork(locked: Fresh, key_file: Path, tlogcheck: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: writer(locked, key_file, f"writer {number}", 6), range(8)))
    assert [answer.stderr for answer in answers] == [""] * 8
    log = opened(locked)
    found = words(log.read())
    assert sorted(found) == sorted(line for answer in answers for line in answer.stdout.splitlines())
    assert len(set(found)) == 48
    assert judged(tlogcheck, KEY.verifier.text(), "ledger", copied(store_of(log).bucket.place, tmp_path / "copy"))[0] == 0
    assert audit(store_of(log)) == []


# From 250 entries to 260: staging, head, two bundles, two tiles of the leaves and one above them, checkpoint.
PUTS = 8
BEFORE = 250
BATCH = 10


@pytest.mark.parametrize("put", range(1, PUTS + 1))
def test_a_writer_killed_before_any_put_leaves_a_ledger_that_goes_on(
    locked: Fresh, key_file: Path, tlogcheck: Path, tmp_path: Path, put: int
) -> None:
    log = filled(locked, BEFORE)
    killed = writer(locked, key_file, "killed", 1, "--batch", str(BATCH), "--die-before", str(put))
    assert (killed.returncode, killed.stdout) == (-9, "")
    expected = [str(number) for number in range(BEFORE)] + [f"killed 0.{place}" for place in range(BATCH if put > 2 else 0)]

    before = listing(locked)
    assert words(opened(locked).read()) == expected
    opened(locked).prove(len(expected) - 1)
    assert listing(locked) == before, "reading writes nothing"

    # Whoever finishes it may be killed as well, before each of its own puts.
    for die in range(1, 2 * PUTS) if put == 3 else []:
        answer = writer(locked, key_file, "finisher", 1, "--die-before", str(die))
        assert answer.returncode in (0, -9), answer.stderr
        assert words(opened(locked).read())[: len(expected)] == expected
        if answer.returncode == 0:
            break
    done = words(opened(locked).read())
    last = writer(locked, key_file, "last", 1)
    assert (last.returncode, last.stderr) == (0, "")
    assert words(opened(locked).read()) == [*done, "last 0.0"]
    assert judged(tlogcheck, KEY.verifier.text(), "ledger", copied(store_of(log).bucket.place, tmp_path / "copy"))[0] == 0
    assert audit(store_of(log)) == []


def test_the_number_of_puts_that_are_killed_is_all_of_them(locked: Fresh, key_file: Path) -> None:
    filled(locked, BEFORE)
    alive = writer(locked, key_file, "alive", 1, "--batch", str(BATCH), "--die-before", str(PUTS + 1))
    assert alive.returncode == 0, "a commit makes more puts than the test kills at"
    assert len(alive.stdout.splitlines()) == BATCH


@pytest.mark.parametrize("behind", [0, 1])
def test_a_lost_answer_is_no_lost_and_no_doubled_entry(locked: Fresh, behind: int) -> None:
    """The server moves the head, the answer is lost, the repetition is refused; once more with another's commit on top by then."""
    filled(locked, 3)

    def meanwhile() -> None:
        other = opened(locked)
        for number in range(behind):
            other.append([said(f"other {number}")], other.head())

    with Dropping(locked.gateway.endpoint, b"PUT", b"/head ", meanwhile) as proxy:
        log = opened(locked, endpoint=proxy.endpoint)
        log.append([said("once")], log.head())
        assert proxy.dropped == 1
    assert words(opened(locked).read()) == ["0", "1", "2", "once", *(f"other {number}" for number in range(behind))]


def test_a_commit_that_lost_against_anothers_is_not_taken_for_it(locked: Fresh) -> None:
    """The same words of the same key, staged by both: only one of two writers may believe that its commit counts."""
    head = filled(locked, 3).head()
    second = opened(locked)

    def quicker(params: dict[str, t.Any], **_event: object) -> None:
        if params["url_path"].endswith("/head") and second.store.head() == head:
            opened(locked).append([said("same")], head)

    store_of(second).bucket.client.meta.events.register("before-call.s3.PutObject", quicker)
    with pytest.raises(HeadMoved):
        second.append([said("same")], head)
    assert words(opened(locked).read()) == ["0", "1", "2", "same"]


def test_tiles_that_were_overwritten_or_deleted_read_as_before(locked: Fresh, tlogcheck: Path, tmp_path: Path) -> None:
    log = filled(locked, 300)
    locked.client.put_object(Bucket=locked.name, Key="tile/entries/000", Body=b"changed")
    locked.client.put_object(Bucket=locked.name, Key="tile/0/000", Body=b"changed")
    locked.client.delete_object(Bucket=locked.name, Key="tile/0/001.p/44")
    again = opened(locked)
    assert words(again.read()) == [str(number) for number in range(300)]
    assert again.prove(299)
    assert verify(opened(locked).store, Policy((KEY.verifier,))).fault == "ok"
    assert judged(tlogcheck, KEY.verifier.text(), "ledger", copied(store_of(log).bucket.place, tmp_path)) == (0, "300 entries included")
    found = [(finding.path, finding.problem) for finding in audit(store_of(log))]
    assert found == [("tile/0/000", "overwritten"), ("tile/0/001.p/44", "delete_marker"), ("tile/entries/000", "overwritten")]
    again.append([said("goes on")], again.head())
    assert words(opened(locked).read())[-1] == "goes on"


def test_what_is_locked_can_neither_be_deleted_nor_freed(locked: Fresh) -> None:
    log = filled(locked, 3)
    [version] = [version for version in store_of(log).bucket.versions("tile/entries/") if version.path == "tile/entries/000.p/3"]
    mode, until = store_of(log).bucket.retention(version) or ("", None)
    assert mode == "COMPLIANCE"
    assert until is not None
    named: t.Any = {"Bucket": locked.name, "Key": version.path, "VersionId": version.identifier}
    sooner = until - datetime.timedelta(hours=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        locked.client.delete_object(**named, BypassGovernanceRetention=True)
    for mode in ("COMPLIANCE", "GOVERNANCE"):
        with pytest.raises(ClientError, match="AccessDenied"):
            locked.client.put_object_retention(**{**named, "Retention": {"Mode": mode, "RetainUntilDate": sooner}})
    assert words(opened(locked).read()) == ["0", "1", "2"]
    assert audit(store_of(log)) == []


def test_a_tile_without_a_lock_is_found(locked: Fresh) -> None:
    log = filled(locked, 3)
    locked.client.put_object(Bucket=locked.name, Key="tile/0/007", Body=b"not ours")
    assert audit(store_of(log)) == [Finding("tile/0/007", "not_locked", "retention: none")]


def test_a_name_that_somebody_else_took_stops_the_ledger_before_its_next_commit(locked: Fresh) -> None:
    """What was appended counts, and is read from staging where its files are missing."""
    log = filled(locked, 3)
    locked.client.put_object(Bucket=locked.name, Key="tile/0/000.p/4", Body=b"taken")
    head = log.append([said("3")], log.head())
    with pytest.raises(Refusal, match=r"tile/0/000\.p/4: .* found 5 other bytes") as refused:
        log.append([said("4")], head)
    assert refused.value.code == "ledger_object_taken"
    version = locked.client.head_object(Bucket=locked.name, Key="tile/0/000.p/4")["VersionId"]
    locked.client.delete_object(Bucket=locked.name, Key="tile/0/000.p/4")
    locked.client.delete_object(Bucket=locked.name, Key="tile/0/000.p/4", VersionId=version)
    assert words(opened(locked).read()) == ["0", "1", "2", "3"]
    with pytest.raises(Refusal, match="no version that can be read"):  # AWS would let it be written here
        log.append([said("4")], head)
    assert [finding.problem for finding in audit(store_of(log)) if finding.path == "tile/0/000.p/4"] == ["delete_marker", "gone"]


def test_a_head_that_was_taken_back_is_found(locked: Fresh) -> None:
    log = filled(locked, 3)
    old = locked.client.get_object(Bucket=locked.name, Key="head")["Body"].read()
    filled(locked, 4)
    locked.client.put_object(Bucket=locked.name, Key="head", Body=old)
    assert [(finding.path, finding.problem) for finding in audit(store_of(log))] == [("head", "beyond_head")]
    again = opened(locked)
    with pytest.raises(Refusal, match="one of 3 entries, though 7 were published") as refused:
        again.append([said("fork")], again.head())
    assert refused.value.code == "ledger_damaged"


def test_a_head_that_was_deleted_is_no_empty_ledger(locked: Fresh) -> None:
    filled(locked, 3)
    locked.client.delete_object(Bucket=locked.name, Key="head")
    with pytest.raises(Refusal, match="it was deleted") as refused:
        opened(locked).append([said("anew")], None)
    assert refused.value.code == "ledger_damaged"


def test_a_head_of_other_bytes_is_refused(locked: Fresh) -> None:
    log = filled(locked, 3)
    locked.client.put_object(Bucket=locked.name, Key="head", Body=b"{}")
    with pytest.raises(Refusal, match="head") as refused:
        log.head()
    assert refused.value.code == "ledger_damaged"


def test_staging_that_was_changed_makes_no_locked_file(locked: Fresh, key_file: Path) -> None:
    """Its first version counts; with that gone, the head stands without files, and nothing wrong is locked in their place."""
    filled(locked, BEFORE)
    writer(locked, key_file, "killed", 1, "--die-before", "3")
    assert verify(opened(locked).store, Policy((KEY.verifier,))).size == BEFORE + 1
    [staged] = [(key, version) for key, version in listing(locked) if key.startswith(f"staging/{BEFORE + 1}-")]
    locked.client.put_object(Bucket=locked.name, Key=staged[0], Body=b"changed")
    assert words(opened(locked).read())[-1] == "killed 0.0"
    locked.client.delete_object(Bucket=locked.name, Key=staged[0], VersionId=staged[1])
    before = listing(locked)
    with pytest.raises(Refusal, match="staging/251-") as refused:
        opened(locked).append([said("more")], opened(locked).store.head())
    assert refused.value.code == "ledger_damaged"
    assert listing(locked) == before


def test_a_bucket_without_lock_and_versions_works_and_the_audit_says_so(plain: Fresh) -> None:
    log = opened(plain, retain_days=None)
    log.append([said("one")], log.append([said("zero")], None))
    assert words(opened(plain, retain_days=None).read()) == ["zero", "one"]
    assert [finding.problem for finding in audit(store_of(log))] == ["not_versioned"]


@pytest.mark.parametrize("retain_days", [7, 0, 40000])
def test_retention_that_the_bucket_cannot_give_is_refused_before_any_write(plain: Fresh, retain_days: int) -> None:
    with pytest.raises(Refusal) as refused:
        opened(plain, retain_days=retain_days).append([said("one")], None)
    assert refused.value.code in ("s3_no_object_lock", "s3_retention")
    assert listing(plain) == []


def test_a_lock_without_a_time_is_asked_for_and_the_buckets_own_is_taken(locked: Fresh) -> None:
    with pytest.raises(Refusal, match="retain_days") as refused:
        opened(locked, retain_days=None).append([said("one")], None)
    assert refused.value.code == "s3_retention"
    assert listing(locked) == []
    locked.client.put_object_lock_configuration(
        Bucket=locked.name,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}}},
    )
    log = opened(locked, retain_days=None)
    log.append([said("one")], None)
    assert audit(store_of(log)) == []


def test_wrong_keys_are_named(locked: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Refusal, match=r"credentials for s3://.*SignatureDoesNotMatch") as refused:
        opened(locked).head()
    assert refused.value.code == "s3_credentials"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(Refusal, match="credentials for s3://") as refused:
        opened(locked).head()
    assert refused.value.code == "s3_credentials"


def test_no_keys_at_all_are_named(locked: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Refusal, match="credentials") as refused:
        opened(locked).head()
    assert refused.value.code == "s3_credentials"
    with pytest.raises(Refusal, match="nobody") as refused:
        S3Store(Place(locked.name, profile="nobody")).head()
    assert refused.value.code == "s3_credentials"


def test_no_bucket_is_named(locked: Fresh) -> None:
    with pytest.raises(Refusal, match="bucket not-there: expected to exist") as refused:
        S3Store(Place("not-there")).head()
    assert refused.value.code == "s3_no_bucket"
    assert locked.name not in str(refused.value)


@pytest.mark.usefixtures("locked")
def test_an_endpoint_without_a_server_is_named() -> None:
    endpoint = f"http://{HOST}:{free_port(None)}"
    with pytest.raises(Refusal, match=endpoint) as refused:
        S3Store(Place("ledger", endpoint=endpoint)).head()
    assert refused.value.code == "s3_unreachable"


def test_an_endpoint_that_is_no_s3_server_is_named(locked: Fresh) -> None:
    with socket.create_server((HOST, 0)) as silent:
        silent.listen()
        endpoint = f"http://{HOST}:{silent.getsockname()[1]}"
        log = opened(locked, endpoint=endpoint + " with spaces")
        with pytest.raises(Refusal, match="spaces") as refused:
            log.head()
    assert refused.value.code == "s3_credentials"
