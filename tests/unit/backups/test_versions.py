# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of an object counts at the cut."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.versions import Version, as_of
from hypothesis import given
from hypothesis import strategies as st

SEGMENT = "wal/000000010000000000000003"


def put(identifier: str, written: float, content: str = "", *, is_latest: bool = False) -> Version:
    return Version(identifier, written, is_latest, size=len(content), etag=f'"{content}"')


def deleted(identifier: str, written: float, *, is_latest: bool = False) -> Version:
    return Version(identifier, written, is_latest, is_marker=True)


def codes(path: str, versions: list[Version], until: float) -> tuple[str | None, list[str]]:
    item, findings = as_of(path, versions, until)
    return item.version if item else None, [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("versions", "until", "expected"),
    [
        ([], 100, (None, [])),
        ([put("a", 10)], 9.9, (None, [])),
        ([put("a", 10)], 10, ("a", [])),
        ([put("b", 20, "other"), put("a", 10, "one")], 30, ("a", ["OBJECT_REPLACED"])),
        ([put("b", 20, "other"), put("a", 10, "one")], 19, ("a", [])),
        ([put("b", 20, "one"), put("a", 10, "one")], 30, ("a", [])),
        ([deleted("m", 20), put("a", 10)], 30, ("a", ["DELETE_MARKER"])),
        ([deleted("m", 20), put("a", 10)], 19, ("a", [])),
        ([deleted("m", 20)], 30, (None, [])),
        ([put("b", 30, "other"), deleted("m", 20), put("a", 10, "one")], 40, ("a", ["OBJECT_REPLACED"])),
        # S3 tells whole seconds, versitygw of markers more: within a second the server's word counts.
        ([deleted("m", 10.75), put("b", 10, is_latest=True)], 30, ("b", [])),
        ([deleted("m", 10.75, is_latest=True), put("b", 10)], 30, ("b", ["DELETE_MARKER"])),
        # versitygw dates a version by when it was put aside, which may be in the next second.
        ([deleted("m", 10.98, is_latest=True), put("b", 11)], 30, ("b", ["DELETE_MARKER"])),
        ([put("b", 10, "other", is_latest=True), put("a", 11, "one")], 30, ("a", ["OBJECT_REPLACED"])),
    ],
)
def test_of_a_write_once_object_the_first_version_counts(
    versions: list[Version], until: float, expected: tuple[str | None, list[str]]
) -> None:
    assert codes(SEGMENT, versions, until) == expected


@pytest.mark.parametrize("name", ["backup.info", "backup.info.copy", "archive.info", "archive.info.copy", "latest"])
def test_of_what_is_rewritten_by_design_the_newest_counts(name: str) -> None:
    versions = [put("c", 30, "three"), put("b", 20, "two"), put("a", 10, "one")]
    assert codes(f"backup/main/{name}", versions, 25) == ("b", [])
    assert codes(f"backup/main/{name}", versions, 30) == ("c", [])


def test_an_object_of_a_bucket_without_versions_has_none() -> None:
    item, _findings = as_of(SEGMENT, [put("null", 10, "one", is_latest=True)], 20)
    assert item is not None
    assert (item.version, item.etag) == (None, "one")
    item, _findings = as_of(SEGMENT, [put("b", 15, "other"), put("null", 10, "one")], 20)
    assert item is not None
    assert item.version == "null", "once the bucket keeps versions, this names the one below"


@given(versions=st.lists(st.tuples(st.integers(0, 50), st.booleans(), st.sampled_from("xyz")), max_size=6), until=st.integers(0, 60))
def test_nothing_younger_than_the_cut_changes_the_answer(versions: list[tuple[int, bool, str]], until: int) -> None:
    made = [
        deleted(f"m{number}", written) if is_marker else put(f"v{number}", written, content)
        for number, (written, is_marker, content) in enumerate(sorted(versions, reverse=True))
    ]
    assert as_of(SEGMENT, made, until)[1] == as_of(SEGMENT, [one for one in made if one.written <= until], until)[1]
    item, _findings = as_of(SEGMENT, made, until)
    written = [one.written for one in made if not one.is_marker and one.written <= until]
    assert (item.written if item else None) == min(written, default=None)
