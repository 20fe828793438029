# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Backups by pgBackRest, which chooses the label."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ..._common import words
from ..._common.errors import Refusal
from ..programs import Programs
from .take import Taken, require_success


@dataclasses.dataclass(frozen=True)
class Repository:
    """Which stanza of which configuration; ``repo`` is the number of the repository that the place is."""

    stanza: str
    config: str | None = None
    repo: int = 1

    def arguments(self) -> list[str]:
        made = [f"--stanza={self.stanza}", "--log-level-console=warn", f"--repo={self.repo}"]
        return [*made, f"--config={self.config}"] if self.config else made

    def folder(self, label: str) -> str:
        """Where a backup lies below the place."""
        return f"backup/{self.stanza}/{label}/"


def take(programs: Programs, repository: Repository, *, kind: str, jobs: int) -> Taken:
    """Take a backup of that kind: full, diff or incr.

    :raises Refusal: it failed.
    """
    before = set(listed(programs, repository))
    answer = programs.run("pgbackrest", *repository.arguments(), f"--type={kind}", f"--process-max={jobs}", "--start-fast", "backup")
    require_success("pgbackrest backup", answer)
    new = sorted(set(listed(programs, repository)) - before)
    if not new:
        raise Refusal(
            "pgbackrest",
            expected="a new backup in info",
            found="none",
            remedy="Look at its log; another one may have expired it.",
            code="take_failed",
        )
    return find(programs, repository, new[-1])


def find(programs: Programs, repository: Repository, label: str) -> Taken:
    """What pgBackRest says of a backup.

    :raises Refusal: it does not know it.
    """
    said = listed(programs, repository).get(label)
    if said is None:
        raise Refusal(
            f"backup {label}",
            expected=f"a backup of the stanza {repository.stanza}",
            found="none of that label",
            remedy="See pgbackrest info.",
            code="no_backup",
        )
    lsn = said.get("lsn") or {}
    return Taken(label, words.iso(said["timestamp"]["start"]), words.iso(said["timestamp"]["stop"]), lsn.get("start"), lsn.get("stop"))


def listed(programs: Programs, repository: Repository) -> dict[str, dict[str, t.Any]]:
    """What ``info`` says of each backup, by label.

    :raises Refusal: it failed.
    """
    answer = programs.run("pgbackrest", *repository.arguments(), "--output=json", "info", timeout=120)
    require_success("pgbackrest info", answer)
    stanzas = json.loads(answer.output[answer.output.index("[") :])
    return {backup["label"]: backup for stanza in stanzas for backup in stanza.get("backup", [])}
