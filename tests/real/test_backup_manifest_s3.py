# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_manifest`` into a real S3 server with object lock: the backup's files with their versions, the manifest last."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import places
from ansible_collections.governed.delivery.plugins.module_utils._backups.taking import manifest

from tests.support import backups
from tests.support.folders import opened

from .conftest import Fresh

DAY = 86_400


@pytest.fixture(scope="module")
def origin() -> t.Iterator[backups.Source]:
    """A primary."""
    with backups.source("manifest-s3", 16) as made:
        yield made


@pytest.mark.parametrize("engine", ["pg_dump", "basebackup"])
def test_backup_lies_in_the_bucket_with_its_versions(origin: backups.Source, locked: Fresh, engine: str) -> None:
    source = {"s3": {"bucket": locked.name, "prefix": "shop", "endpoint": locked.gateway.endpoint}}
    taken = origin.take(engine=engine, label="one", source=source)
    assert origin.take(engine=engine, label="one", source=source)["changed"] is False
    place = places.make(source)
    found = manifest.read(place, "one", [origin.trusted], time.time() + DAY)
    assert found.sha256 == taken["manifest"]["sha256"]
    listed = place.listing("backups/one/", time.time() + DAY).items
    assert {path: (one.size, one.version) for path, one in found.files.items()} == {
        path: (one.size, one.version) for path, one in listed.items()
    }
    assert all(one.version for one in found.files.values())
    newest = max(listed.values(), key=lambda item: item.written)
    kept = place.listing("manifests/", time.time() + DAY).items["manifests/one.json"]
    assert kept.written >= newest.written


def test_overwritten_manifest_is_read_as_it_was_first(origin: backups.Source, locked: Fresh) -> None:
    source = {"s3": {"bucket": locked.name, "endpoint": locked.gateway.endpoint}}
    origin.take(engine="pg_dump", label="one", source=source)
    locked.client.put_object(Bucket=locked.name, Key="manifests/one.json", Body=b"{}")
    with pytest.raises(Stopped, match="MANIFEST_FORGED"):
        manifest.read(places.make(source), "one", [origin.trusted], time.time() + DAY)


def test_upload_that_fails_leaves_no_manifest_and_no_staged_files(
    origin: backups.Source, locked: Fresh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "not-the-secret-of-anybody"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    source = {"s3": {"bucket": locked.name, "endpoint": locked.gateway.endpoint}}
    refused = origin.take(engine="pg_dump", label="one", source=source, work_directory=str(opened(tmp_path)), fails=True)
    assert refused["refusals"][0]["code"] in ("ACCESS_DENIED", "NO_CREDENTIALS")
    assert secret not in str(refused)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "Contents" not in locked.client.list_objects_v2(Bucket=locked.name)
