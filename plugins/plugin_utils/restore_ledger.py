# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the next validation has to know of the earlier ones, from the ledger."""

from __future__ import annotations

import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups import runs
from ansible_collections.governed.delivery.plugins.module_utils._ledger import statement

if t.TYPE_CHECKING:
    from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log


def accepted_rows(log: Log, cluster: str, engine: str) -> dict[str, int] | None:
    """Rows by table of the last run of that cluster and engine that a person accepted; None when none was."""
    about: dict[str, tuple[str, str]] = {}
    found = None
    for kind, said in _said(log):
        if kind == runs.FINISHED:
            about[str(said.get("run"))] = (str(said.get("cluster")), str(said.get("engine")))
        elif kind == runs.ACCEPTED and about.get(str(said.get("run"))) == (cluster, engine):
            found = {str(table): int(rows) for table, rows in said["rows"].items()}
    return found


def unended(log: Log) -> set[str]:
    """Runs that were begun and of whose end nothing is said."""
    begun: set[str] = set()
    for kind, said in _said(log):
        if kind == runs.STARTED:
            begun.add(str(said.get("run")))
        elif kind in (runs.FINISHED, runs.ABORTED):
            begun.discard(str(said.get("run")))
    return begun


def _said(log: Log) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for entry in log.read():
        yield statement.kind(entry.statement), entry.statement["predicate"]
