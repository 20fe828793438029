# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the user knows must be true of the data: queries that return no row."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import psycopg, sql
from ..findings import Finding
from .checks import Look
from .target import Target

SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Invariant:
    """A name for people, and a query whose every row is a violation."""

    name: str
    database: str
    query: str


def look(target: Target, invariants: t.Sequence[Invariant]) -> Look:
    """Each in a read-only transaction of its own, five minutes at most. Rows are counted, never shown: they are production's."""
    found = [finding for invariant in invariants if (finding := _ask(target, invariant)) is not None]
    return Look(f"{len(invariants) - len(found)} of {len(invariants)} hold", tuple(found))


def _ask(target: Target, invariant: Invariant) -> Finding | None:
    try:
        with target.connect(invariant.database, "invariants") as session, session.transaction():
            session.execute("SET TRANSACTION READ ONLY")
            session.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(f"{SECONDS}s")))
            session.execute("SET LOCAL search_path = public, pg_catalog")
            rows = len(session.execute(invariant.query.encode()).fetchmany(1))
    except psycopg.Error as problem:
        code = problem.sqlstate or type(problem).__name__
        return Finding("INVARIANT_FAILED", invariant.name, "a query that runs", f"the server's error {code}")
    except Refusal as refusal:
        return Finding("INVARIANT_FAILED", invariant.name, f"the database {invariant.database}", refusal.found)
    return Finding("INVARIANT_FAILED", invariant.name, "no row", "at least one") if rows else None
