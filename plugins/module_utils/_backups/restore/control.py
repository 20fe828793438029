# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What pg_controldata says of a data folder."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from ..findings import stop
from ..programs import Programs

# A standby whose limit is lower than the primary's does not start, or stops in the middle.
LIMITS = ("max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_xacts", "max_locks_per_xact")
SETTINGS = {"max_prepared_xacts": "max_prepared_transactions", "max_locks_per_xact": "max_locks_per_transaction"}


@dataclasses.dataclass(frozen=True)
class Control:
    """A cluster's own account of itself. ``limits`` are settings by name that a standby must not undercut."""

    system_identifier: str
    timeline: int
    segment_bytes: int
    has_checksums: bool
    redo: str
    limits: t.Mapping[str, int]


def read(programs: Programs, data: pathlib.Path) -> Control:
    """The control file of a data folder.

    :raises Stopped: START_FAILED, it has none that can be read.
    """
    answer = programs.run("pg_controldata", str(data), timeout=60)
    found = dict(line.split(":", maxsplit=1) for line in answer.output.splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in found.items()}
    try:
        return Control(
            system_identifier=facts["Database system identifier"],
            timeline=int(facts["Latest checkpoint's TimeLineID"]),
            segment_bytes=int(facts["Bytes per WAL segment"]),
            has_checksums=facts["Data page checksum version"] != "0",
            redo=facts["Latest checkpoint's REDO location"],
            limits={SETTINGS.get(name, name): int(facts[f"{name} setting"]) for name in LIMITS},
        )
    except (KeyError, ValueError) as problem:
        raise stop("START_FAILED", "global/pg_control", expected="a control file", found=answer.last_words) from problem
