# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a recovering server ended: what its log was refused counts more than its own last words, and nothing while it lives."""

from __future__ import annotations

import pathlib
import types
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Finding
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore import target as targets
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore.restoration import Recovery
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore.spool import Spool
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import wal

SIZE = wal.SEGMENT_BYTES
NAMES = ("000000010000000000000003", "000000010000000000000004")
DAMAGED = Finding("WAL_CORRUPT", NAMES[0], "a whole segment", "another")
GAP = Finding("WAL_GAP", NAMES[1], "a segment", "none")


def spool(folder: pathlib.Path, *, damaged: bool = False, asked: str = "") -> Spool:
    first, second = (t.cast("wal.Segment", wal.parse(name, SIZE)) for name in NAMES)
    chain = types.SimpleNamespace(segments=[first], gap=types.SimpleNamespace(first_missing=second))
    made = Spool(folder, t.cast("t.Any", None), t.cast("t.Any", chain), histories={}, size=SIZE, owner=None, gap=GAP)
    if damaged:
        made.finding = DAMAGED
    (folder / "asked").write_text(asked, encoding="utf-8")
    return made


def recovery(feed: Spool, *, lives: bool, patch: pytest.MonkeyPatch) -> Recovery:
    patch.setattr(targets, "SECONDS_TO_DIE", 0.1)
    server = targets.Target.__new__(targets.Target)
    server._process = t.cast("t.Any", types.SimpleNamespace(poll=lambda: None if lives else 1))
    return Recovery(t.cast("t.Any", None), server, t.cast("t.Any", None), feed, 0)


@pytest.mark.parametrize(
    ("damaged", "asked", "lives", "cause"),
    [
        (True, "", False, "WAL_CORRUPT"),
        (True, "", True, None),
        (False, NAMES[1], False, "WAL_GAP"),
        (False, NAMES[0], False, None),
        (False, NAMES[1], True, None),
    ],
)
def test_cause(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, damaged: bool, asked: str, lives: bool, cause: str | None) -> None:
    found = recovery(spool(tmp_path, damaged=damaged, asked=asked), lives=lives, patch=monkeypatch).cause()
    assert (found.finding.code if found else None) == cause
