# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that are missing or end too early."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.lock_check import DAY, check, judged
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place import Lock
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place_directory import DirectoryPlace

NOW = 1_800_000_000.0


def until(days: float, mode: str = "COMPLIANCE") -> Lock:
    return Lock(mode, NOW + days * DAY)


@pytest.mark.parametrize(
    ("locks", "expected"),
    [
        ({"a": until(7), "b": until(8)}, ("COMPLIANCE", 7, [])),
        ({"a": until(7), "b": until(8, "GOVERNANCE")}, ("GOVERNANCE", 7, [])),
        ({"a": until(6.9), "b": until(8)}, ("COMPLIANCE", 6.9, ["LOCK_EXPIRED"])),
        ({"a": None, "b": until(8)}, (None, None, ["LOCK_MISSING"])),
        ({"a": None, "b": until(-1)}, (None, None, ["LOCK_MISSING", "LOCK_EXPIRED"])),
        ({}, (None, None, [])),
    ],
)
def test_the_weakest_lock_counts(locks: dict[str, Lock | None], expected: tuple[str | None, float | None, list[str]]) -> None:
    mode, days, codes = expected
    found = judged(locks, now=NOW, required_days=7)
    assert (found.mode, [finding.code for finding in found.findings]) == (mode, codes)
    assert found.until == (None if days is None else NOW + days * DAY)


def test_a_thousand_missing_locks_are_one_finding() -> None:
    found = judged({f"wal/{number:04}": None for number in range(1000)}, now=NOW, required_days=7)
    [finding] = found.findings
    assert (finding.about, finding.found) == ("wal/0000", "no lock on 1000 of 1000 objects")


def test_a_directory_locks_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "wal").mkdir()
    (tmp_path / "wal" / "one").write_bytes(b"1")
    place = DirectoryPlace(str(tmp_path))
    items = list(place.listing("", NOW * 2).items.values())
    assert [finding.code for finding in check(place, items, now=NOW, required_days=1, workers=2).findings] == ["LOCK_MISSING"]
