# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in a directory, and the option that names a place."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import places
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place import Place
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import Library

T0 = 1_800_000_000.0


def keep(root: pathlib.Path, path: str, content: bytes, age: float = 60) -> pathlib.Path:
    """A file that was written so many seconds before T0."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (T0 - age, T0 - age))
    return file


def place(root: pathlib.Path) -> Place:
    return places.make({"directory": str(root)})


def paths(root: pathlib.Path, prefix: str = "") -> list[str]:
    return list(place(root).listing(prefix, T0).items)


def code(action: t.Callable[[], object]) -> str:
    with pytest.raises(Stopped) as stopped:
        action()
    return stopped.value.finding.code


def test_what_was_there_at_the_cut_is_listed_in_order(tmp_path: pathlib.Path) -> None:
    keep(tmp_path, "wal/000000010000000000000002", b"22")
    keep(tmp_path, "wal/000000010000000000000001", b"1")
    keep(tmp_path, "wal/000000010000000000000003", b"late", age=-0.5)
    keep(tmp_path, "backups/monday/base/1/2", b"")
    listing = place(tmp_path).listing("", T0)
    assert [(item.path, item.size, item.written) for item in listing.items.values()] == [
        ("backups/monday/base/1/2", 0, T0 - 60),
        ("wal/000000010000000000000001", 1, T0 - 60),
        ("wal/000000010000000000000002", 2, T0 - 60),
    ]
    assert paths(tmp_path, "wal/000000010000000000000002") == ["wal/000000010000000000000002"]
    assert paths(tmp_path, "wal/00000001") == ["wal/000000010000000000000001", "wal/000000010000000000000002"]
    assert paths(tmp_path, "manifests/") == []


def test_links_are_followed_at_the_top_only(tmp_path: pathlib.Path) -> None:
    """pgBackRest's latest would list a backup twice; a link to elsewhere would list what is no backup."""
    keep(tmp_path / "elsewhere", "wal/000000010000000000000001", b"1")
    keep(tmp_path, "place/backup/main/20260101-000000F/file", b"1")
    (tmp_path / "place" / "wal").symlink_to(tmp_path / "elsewhere" / "wal")
    (tmp_path / "place" / "backup" / "main" / "latest").symlink_to("20260101-000000F")
    (tmp_path / "place" / "backup" / "main" / "passwd").symlink_to("/etc/passwd")
    assert paths(tmp_path / "place") == ["backup/main/20260101-000000F/file", "wal/000000010000000000000001"]


def test_a_file_that_changed_since_the_listing_is_not_read(tmp_path: pathlib.Path) -> None:
    keep(tmp_path, "wal/one", b"1")
    keep(tmp_path, "backup/main/backup.info", b"1")
    items = place(tmp_path).listing("", T0).items
    keep(tmp_path, "wal/one", b"2", age=59)
    keep(tmp_path, "backup/main/backup.info", b"22")
    assert code(lambda: place(tmp_path).open(items["wal/one"])) == "OBJECT_REPLACED"
    assert code(lambda: place(tmp_path).open(items["backup/main/backup.info"])) == "SOURCE_UNREADABLE"
    (tmp_path / "wal" / "one").unlink()
    assert code(lambda: place(tmp_path).open(items["wal/one"])) == "FILE_MISSING"


def test_a_directory_that_is_not_there_is_no_empty_one(tmp_path: pathlib.Path) -> None:
    assert code(lambda: place(tmp_path / "nowhere").listing("", T0)) == "NOT_FOUND"
    assert paths(tmp_path) == []


def test_a_folder_that_may_not_be_read_is_no_empty_one(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read every folder, so that the system's answer is made up here."""

    def refused(folder: pathlib.Path) -> t.NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(os, "scandir", refused)
    assert code(lambda: place(tmp_path).listing("", T0)) == "ACCESS_DENIED"


def test_what_is_put_is_never_put_over_other_bytes(tmp_path: pathlib.Path) -> None:
    there = place(tmp_path)
    there.put("manifests/monday.json", b"{}")
    there.put("manifests/monday.json", b"{}")
    assert code(lambda: there.put("manifests/monday.json", b"[]")) == "OBJECT_REPLACED"
    file = keep(tmp_path / "local", "base.tar", b"tar")
    there.put_file("backups/monday/base.tar", str(file))
    assert code(lambda: there.put_file("manifests/monday.json", str(file))) == "OBJECT_REPLACED"
    found = {item.path: there.open(item).read(9) for item in there.listing("", T0 * 2).items.values() if not item.path.startswith("local")}
    assert found == {"backups/monday/base.tar": b"tar", "manifests/monday.json": b"{}"}
    assert sorted(path.name for path in (tmp_path / "manifests").iterdir()) == ["monday.json"], "nothing half-written is left"


def test_a_bucket_needs_boto3_and_a_directory_does_not(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "BOTO3", Library("boto3 (https://boto3.amazonaws.com)", "ImportError"))
    assert place(tmp_path).describe()["kind"] == "directory"
    with pytest.raises(Refusal, match="boto3") as refused:
        places.make({"s3": {"bucket": "backups"}})
    assert refused.value.code == "library_missing"


def validated(source: dict[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
    result = ArgumentSpecValidator({"source": places.SOURCE_OPTIONS}).validate({"source": source})
    return result.validated_parameters["source"], result.error_messages


def test_the_option_names_one_place(tmp_path: pathlib.Path) -> None:
    parameters, wrong = validated({"directory": str(tmp_path)})
    assert wrong == []
    assert places.make(parameters).describe() == {"kind": "directory", "name": str(tmp_path)}
    parameters, wrong = validated({"s3": {"bucket": "backups", "prefix": "/main/"}})
    assert wrong == []
    assert places.make(parameters).describe() == {"kind": "s3", "name": "s3://backups/main/", "server": "AWS"}
    assert validated({})[1] == ["one of the following is required: directory, s3 found in source"]
    assert validated({"directory": "/x", "s3": {"bucket": "b"}})[1] == ["parameters are mutually exclusive: directory|s3 found in source"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("endpoint", "s3.example.com"),
        ("endpoint", "https://"),
        ("endpoint", "https://[s3.example.com"),
        ("endpoint", "https://key:hunter2@s3.example.com"),
        ("endpoint", "ftp://key:hunter2@s3.example.com"),
        ("ca_bundle", "/nowhere/ca.pem"),
        ("io_timeout", -1),
    ],
)
def test_an_option_that_cannot_be_meant_so_is_named(option: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        places.make({"s3": {"bucket": "backups", option: value}})
    assert refused.value.thing == f"source.s3.{option}"
    assert "hunter2" not in str(refused.value)
