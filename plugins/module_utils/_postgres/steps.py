# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A plan is a list of steps; people read it before anything runs."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from psycopg.sql import Composed

    from .._common.postgres.connect import Connection

# The table-level locks that the statements of this field take, by PostgreSQL's own names.
ACCESS_SHARE = "ACCESS SHARE"
ROW_EXCLUSIVE = "ROW EXCLUSIVE"
SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"
NEW_OBJECT = "none that anyone waits for"


@dataclasses.dataclass(frozen=True)
class Step:
    """One statement, the strongest lock it takes on a table that others use, and that table."""

    statement: Composed
    lock: str
    on: str
    why: str = ""

    def text(self) -> str:
        return self.statement.as_string(None)

    def as_dict(self) -> dict[str, str]:
        return {"sql": self.text(), "lock": self.lock, "table": self.on, "why": self.why}


def render(steps: t.Sequence[Step]) -> str:
    """The plan as SQL that could be pasted, each statement under a comment that says its lock."""
    blocks = []
    for step in steps:
        why = f"; {step.why}" if step.why else ""
        blocks.append(f"-- lock: {step.lock} on {step.on}{why}\n{step.text()};\n")
    return "\n".join(blocks)


def execute(connection: Connection, steps: t.Sequence[Step]) -> None:
    """Run the steps one by one in the caller's transaction."""
    for step in steps:
        connection.execute(step.statement)
