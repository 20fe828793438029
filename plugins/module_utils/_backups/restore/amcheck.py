# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Heap and B-tree structure by PostgreSQL's own pg_amcheck: a damaged page can answer count(*) from an index and never be read."""

from __future__ import annotations

import typing as t

from ..findings import Finding
from .checks import Look
from .target import PORT, Target

Wanted = t.Literal["required", "auto", "off"]
NAME = "amcheck"  # of the check, for people, metrics and reports
CORRUPTION = 2  # pg_amcheck's exit code
LONGEST = 400


def look(target: Target, databases: t.Sequence[str], jobs: int, wanted: Wanted) -> Look | None:
    """All heaps and B-trees of these databases; the extension is installed in the throw-away copy, where it is missing.

    Where amcheck itself is not there: AMCHECK_MISSING when it is required, else None.
    """
    if not target.programs.has("pg_amcheck") or not _is_there(target):
        if wanted != "required":
            return None
        missing = Finding("AMCHECK_MISSING", "amcheck", "the extension beside the server's programs (contrib)", "none")
        return Look("amcheck is not installed", (missing,))
    findings = []
    for database in databases:
        answer = target.programs.run(
            "pg_amcheck",
            "--install-missing",
            f"--jobs={jobs}",
            f"--host={target.sockets}",
            f"--port={PORT}",
            f"--username={target.superuser}",
            database,
        )
        if answer.code:
            said = " ".join(answer.output.split())[:LONGEST]
            is_damage = answer.code == CORRUPTION
            code = "AMCHECK_FAILED" if is_damage else "AMCHECK_MISSING"
            findings.append(Finding(code, f"database {database}", "no damage in heaps and B-trees", said))
    return Look(f"{len(databases)} database{'s' if len(databases) != 1 else ''}, heaps and B-trees", tuple(findings))


def _is_there(target: Target) -> bool:
    with target.connect() as session:
        return session.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'").fetchone() is not None
