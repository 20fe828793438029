# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of real ledgers share: statements, a copy of a bucket as a directory, and Go's verifier."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Entry
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3_bucket import Bucket, Place
from ansible_collections.governed.delivery.plugins.module_utils._ledger.statement import Statement, statement


def said(words: str) -> Statement:
    """A statement that can be told from others."""
    return statement("test", {"words": words}, {"thing": "00" * 32})


def words(entries: t.Iterable[Entry]) -> list[str]:
    """What the statements said."""
    return [str(entry.statement["predicate"]["words"]) for entry in entries]


def copied(place: Place, directory: Path) -> Path:
    """The ledger's public files, each by its first version, the checkpoint by its latest."""
    bucket = Bucket(place)
    contents = {path: bucket.first(path) for path in sorted({version.path for version in bucket.versions("tile/")})}
    contents["checkpoint"] = bucket.get("checkpoint").content
    for path, content in contents.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return directory


def judged(program: Path, *arguments: str | Path) -> tuple[int, str]:
    """Exit code and words of Go's verifier."""
    answer = subprocess.run(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return answer.returncode, answer.stdout.strip()
