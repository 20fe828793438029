# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The run that a person accepted as the baseline of the shrink check: never simply the last one, or a slow loss turns green."""

from __future__ import annotations

import typing as t

from ..._common.errors import Refusal
from ..findings import CODES
from . import runs
from .runs import Entry

REMARKS = {code for code, verdict in CODES.items() if verdict == "PASS"}


def accept(entries: t.Sequence[Entry], run: str, reason: str) -> dict[str, t.Any] | None:
    """What is to be said, without when and by whom; None when this run is the baseline already.

    :raises Refusal: there is no such run, it has no row counts, or more is wrong with it than that tables shrank.
    """
    found = next((one for one in entries if one.kind == runs.FINISHED and one.said.get("run") == run), None)
    if found is None:
        raise _refusal(run, "a run that ended, by its name in the ledger", "none of that name", "Look at the ledger's last entries.")
    wrong = {str(one.get("code")) for one in found.said.get("findings") or ()} - {"SHRUNK"} - REMARKS
    if wrong:
        remedy = "A baseline has to be sound: put that right, and accept the next run."
        raise _refusal(run, "a run that passed, or that only found that tables shrank", ", ".join(sorted(wrong)), remedy)
    if not found.said.get("rows"):
        raise _refusal(run, "rows counted by table", "none", "Accept a run whose tables were counted.")
    cluster, engine = str(found.said.get("cluster", "")), str(found.said.get("engine", ""))
    before = runs.acceptance(entries, cluster, engine)
    if before is not None and before.get("run") == run:
        return None
    return {"run": run, "cluster": cluster, "engine": engine, "reason": reason, "entry": found.index, "rows": dict(found.said["rows"])}


def _refusal(run: str, expected: str, found: str, remedy: str) -> Refusal:
    return Refusal(f"run {run}", expected=expected, found=found, remedy=remedy, code="not_acceptable")
