# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on a real S3 server: what was there at the cut is read, whatever was done to the bucket since."""

from __future__ import annotations

import concurrent.futures
import datetime
import functools
import hashlib
import os
import time
import traceback
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Finding, Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import lock_check, places
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.fetch import fetch
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place import Item, Place
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.rate import Rate
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.reading import Wanted

from .breaking import Breaking
from .conftest import Fresh

PREFIX = "clusters/main"
SEGMENT = "wal/000000010000000000000001"
LATER = 10.0  # seconds behind now that no clock of this machine reaches


def opened(bucket: Fresh, **options: t.Any) -> Place:
    return places.make({"s3": {"bucket": bucket.name, "prefix": PREFIX, **options}})


def put(bucket: Fresh, path: str, content: bytes) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=f"{PREFIX}/{path}", Body=content)


def now_listed(place: Place, prefix: str = "") -> t.Mapping[str, Item]:
    return place.listing(prefix, time.time() + LATER).items


def content(place: Place, item: Item) -> bytes:
    reader = place.open(item)
    try:
        return b"".join(iter(lambda: reader.read(1024 * 1024), b""))
    finally:
        reader.close()


def stopped(action: t.Callable[[], object]) -> tuple[Finding, str]:
    """What ended it, and all that a traceback would show."""
    with pytest.raises(Stopped) as caught:
        action()
    return caught.value.finding, "".join(traceback.format_exception(caught.value))


def test_an_overwritten_and_a_deleted_object_of_a_locked_bucket_are_told_and_read_as_they_were(locked: Fresh) -> None:
    put(locked, SEGMENT, b"good")
    put(locked, "backups/monday/base.tar", b"tar")
    put(locked, "backups/monday/same", b"same")
    put(locked, SEGMENT, b"forged")
    put(locked, "backups/monday/same", b"same")
    locked.client.delete_object(Bucket=locked.name, Key=f"{PREFIX}/backups/monday/base.tar")
    place = opened(locked)
    listing = place.listing("", time.time() + LATER)
    assert [(finding.code, finding.about) for finding in listing.findings] == [
        ("DELETE_MARKER", "backups/monday/base.tar"),
        ("OBJECT_REPLACED", SEGMENT),
    ]
    assert {path: content(place, item) for path, item in listing.items.items()} == {
        "backups/monday/base.tar": b"tar",
        "backups/monday/same": b"same",
        SEGMENT: b"good",
    }


def test_what_happens_behind_the_listing_is_not_read(locked: Fresh, tmp_path: Path) -> None:
    put(locked, SEGMENT, b"good")
    put(locked, "backups/monday/base.tar", b"tar")
    place = opened(locked)
    items = now_listed(place)
    put(locked, SEGMENT, b"forged")
    locked.client.delete_object(Bucket=locked.name, Key=f"{PREFIX}/backups/monday/base.tar")
    wanted = [Wanted(item) for item in items.values()]
    fetch(place, wanted, tmp_path, strip="", rate=Rate(None), workers=2, on_bytes=lambda _count: None)
    assert (tmp_path / SEGMENT).read_bytes() == b"good"
    assert (tmp_path / "backups/monday/base.tar").read_bytes() == b"tar"


@pytest.mark.parametrize("kind", ["locked", "plain"])
def test_what_is_younger_than_the_cut_is_not_there(kind: str, request: pytest.FixtureRequest) -> None:
    """versitygw lists an overwritten version with the time of the overwriting, AWS with its own: so nothing is overwritten behind the cut."""
    bucket: Fresh = request.getfixturevalue(kind)
    put(bucket, "archive/main/archive.info", b"old")
    put(bucket, "archive/main/archive.info", b"new")
    put(bucket, SEGMENT, b"1")
    t0 = time.time()
    time.sleep(1.1)  # S3 tells whole seconds
    put(bucket, "wal/000000010000000000000002", b"2")
    place = opened(bucket)
    listing = place.listing("", t0)
    assert {path: content(place, item) for path, item in listing.items.items()} == {"archive/main/archive.info": b"new", SEGMENT: b"1"}
    assert listing.findings == ()
    assert list(now_listed(place, "wal/")) == [SEGMENT, "wal/000000010000000000000002"]


def test_an_object_without_versions_that_changed_is_told_and_not_read(plain: Fresh) -> None:
    put(plain, SEGMENT, b"good")
    place = opened(plain)
    [item] = now_listed(place).values()
    assert item.version is None
    assert content(place, item) == b"good"
    put(plain, SEGMENT, b"forged")
    assert stopped(lambda: place.open(item))[0].code == "OBJECT_REPLACED"
    plain.client.delete_object(Bucket=plain.name, Key=f"{PREFIX}/{SEGMENT}")
    assert stopped(lambda: place.open(item))[0].code == "FILE_MISSING"


def test_names_of_any_characters_and_more_than_a_page_of_them(locked: Fresh) -> None:
    names = [f"wal/{number:024X}" for number in range(700)] + ["backups/a b+c&d/é%20", "backups/a b+c&d/'<x>'"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: put(locked, name, name.encode()), names))
        list(pool.map(lambda name: put(locked, name, b"other"), names[:400]))
    place = opened(locked)
    listing = place.listing("", time.time() + LATER)
    assert sorted(names) == list(listing.items)
    assert [finding.about for finding in listing.findings] == sorted(names[:400])
    assert all(content(place, listing.items[name]) == name.encode() for name in [names[0], names[399], names[400], *names[-2:]])


def test_bytes_that_changed_on_the_servers_disk_are_corrupt_without_any_manifest(locked: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")  # whoever set this for speed did not mean backups
    put(locked, SEGMENT, b"x" * 100_000)
    with (locked.gateway.folder / "data" / locked.name / PREFIX / SEGMENT).open("r+b") as file:
        file.seek(50_000)
        file.write(b"y")
    place = opened(locked)
    [item] = now_listed(place).values()
    finding, _shown = stopped(lambda: content(place, item))
    assert finding.code == "CORRUPT_FILE"
    assert str(item.version) in finding.about


def test_a_connection_that_breaks_off_is_gone_on_with(locked: Fresh, tmp_path: Path) -> None:
    made = os.urandom(3_000_000)
    put(locked, SEGMENT, made)
    [item] = now_listed(opened(locked)).values()
    wanted = [Wanted(item, len(made), hashlib.sha256(made).hexdigest())]
    with Breaking(locked.gateway.endpoint, after=1_000_000, times=2) as proxy:
        place = opened(locked, endpoint=proxy.endpoint)
        fetch(place, wanted, tmp_path, strip="", rate=Rate(None), workers=1, on_bytes=lambda _count: None)
        assert proxy.broken == 2
    assert (tmp_path / SEGMENT).read_bytes() == made
    with Breaking(locked.gateway.endpoint, after=500_000, times=100) as proxy:
        place = opened(locked, endpoint=proxy.endpoint)
        assert stopped(lambda: content(place, item))[0].code == "SOURCE_UNREADABLE"


def test_the_rate_holds_for_all_connections_together(locked: Fresh, tmp_path: Path) -> None:
    for number in range(4):
        put(locked, f"backups/monday/{number}", os.urandom(2_000_000))
    place, rate = opened(locked), Rate(4_000_000.0)
    begun = time.monotonic()
    wanted = [Wanted(item) for item in now_listed(place).values()]
    answer = fetch(place, wanted, tmp_path, strip="backups/", rate=rate, workers=4, on_bytes=lambda _count: None)
    assert time.monotonic() - begun >= answer.bytes / 4_000_000 - 0.1
    assert rate.worst_second is not None
    assert rate.worst_second <= 4_000_000 * 1.2


def test_locks_that_are_missing_or_end_too_early(locked: Fresh) -> None:
    now = time.time()
    for name, days in (("one", 10), ("two", 3), ("three", None)):
        put(locked, f"backups/monday/{name}", b"x")
        if days is not None:
            until = datetime.datetime.fromtimestamp(now, datetime.UTC) + datetime.timedelta(days=days)
            locked.client.put_object_retention(
                Bucket=locked.name, Key=f"{PREFIX}/backups/monday/{name}", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until}
            )
    place = opened(locked)
    items = now_listed(place)

    def judged(*names: str) -> lock_check.Retention:
        chosen = [items[f"backups/monday/{name}"] for name in names]
        return lock_check.check(place, chosen, now=now, required_days=7, workers=2)

    assert (judged("one").mode, judged("one").findings) == ("COMPLIANCE", ())
    assert judged("one").until == pytest.approx(now + 10 * lock_check.DAY, abs=1)
    assert [(finding.code, finding.about) for finding in judged("one", "two", "three").findings] == [
        ("LOCK_MISSING", "backups/monday/three"),
        ("LOCK_EXPIRED", "backups/monday/two"),
    ]


def test_a_bucket_without_locks_is_told(plain: Fresh) -> None:
    put(plain, SEGMENT, b"x")
    place = opened(plain)
    found = lock_check.check(place, list(now_listed(place).values()), now=time.time(), required_days=1, workers=1)
    assert [finding.code for finding in found.findings] == ["LOCK_MISSING"]


def test_what_is_put_is_locked_as_the_bucket_says_and_never_over_other_bytes(locked: Fresh, tmp_path: Path) -> None:
    locked.client.put_object_lock_configuration(
        Bucket=locked.name,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}}},
    )
    place = opened(locked)
    place.put("manifests/monday.json", b"{}")
    place.put("manifests/monday.json", b"{}")
    for other in (b"[]", b"{}{}", b""):
        assert stopped(functools.partial(place.put, "manifests/monday.json", other))[0].code == "OBJECT_REPLACED"
    (tmp_path / "base.tar").write_bytes(b"tar")
    place.put_file("backups/monday/base.tar", str(tmp_path / "base.tar"))
    (tmp_path / "base.tar").write_bytes(b"other")
    assert stopped(lambda: place.put_file("backups/monday/base.tar", str(tmp_path / "base.tar")))[0].code == "OBJECT_REPLACED"
    items = now_listed(place)
    assert {path: content(place, item) for path, item in items.items()} == {
        "backups/monday/base.tar": b"tar",
        "manifests/monday.json": b"{}",
    }
    assert lock_check.check(place, list(items.values()), now=time.time(), required_days=1, workers=2).findings == ()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "hunter2-hunter2"}, "NO_CREDENTIALS"),
        ({"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "hunter2-hunter2"}, "NO_CREDENTIALS"),
    ],
)
def test_wrong_credentials_are_told_without_them(
    locked: Fresh, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], code: str
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    begun = time.monotonic()
    finding, shown = stopped(lambda: now_listed(opened(locked)))
    assert finding.code == code
    assert time.monotonic() - begun < 10
    assert "hunter2" not in shown
    assert locked.gateway.secret_key not in shown


def test_no_bucket_is_no_empty_place(locked: Fresh) -> None:
    finding, _shown = stopped(lambda: now_listed(places.make({"s3": {"bucket": "not-there"}})))
    assert (finding.code, finding.about) == ("NOT_FOUND", "s3://not-there/")
    assert now_listed(opened(locked)) == {}
