# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ledger, its keys, and what an attacker would do to its files."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import SigningKey
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.statement import Statement, statement
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import Head

ORIGIN = "example.com/ledger"
KEY = keys.parse_signing(keys.new(ORIGIN).text())
PLAN = {"plan sprint_36": "a" * 64}


def told(number: int, **more: t.Any) -> Statement:
    return statement("done", {"number": number, "at": f"2026-03-30T10:{number // 60 % 60:02d}:{number % 60:02d}+00:00", **more}, PLAN)


def log_of(directory: pathlib.Path, key: SigningKey = KEY) -> Log:
    return Log(DirectoryStore(directory), [key.verifier], signer=key)


def filled(directory: pathlib.Path, count: int, key: SigningKey = KEY, batch: int = 100) -> tuple[Log, Head]:
    """A ledger of so many statements."""
    log = log_of(directory, key)
    head = None
    for begin in range(0, count, batch):
        head = log.append([told(number) for number in range(begin, min(count, begin + batch))], head)
    assert head is not None
    return log, head


def tree(directory: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    """Every file with content and time of change."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    return {str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
