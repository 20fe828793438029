# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The file backup_label: where a physical backup begins (src/backend/access/transam/xlogbackup.c)."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import re

from ..findings import stop

FORM = re.compile(r"START WAL LOCATION: ([0-9A-F]+/[0-9A-F]+) ")
TIMELINE = re.compile(r"^START TIMELINE: (\d+)$", re.MULTILINE)
TIME = re.compile(r"^START TIME: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (GMT|UTC)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class BackupLabel:
    """Where recovery begins, and when the backup was begun (epoch seconds; None where the server wrote another zone than UTC)."""

    start_lsn: str
    timeline: int
    started: float | None


def read(data: pathlib.Path) -> BackupLabel:
    """The label in a data folder.

    :raises Stopped: FILE_MISSING, CORRUPT_FILE. Without it a server starts from the wrong place, and says nothing.
    """
    try:
        text = (data / "backup_label").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as problem:
        raise stop("FILE_MISSING", "backup_label", expected="the file that says where recovery begins", found="no such file") from problem
    begins, timeline = FORM.match(text), TIMELINE.search(text)
    if not begins or not timeline:
        raise stop("CORRUPT_FILE", "backup_label", expected="START WAL LOCATION and START TIMELINE", found=repr(text[:80]))
    moment = TIME.search(text)
    started = datetime.datetime.fromisoformat(f"{moment.group(1)}+00:00").timestamp() if moment else None
    return BackupLabel(begins.group(1), int(timeline.group(1)), started)
