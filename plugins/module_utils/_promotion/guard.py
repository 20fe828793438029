# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Who may say what in a run: only its holder, only in its epoch, only while it is open."""

from __future__ import annotations

import typing as t

from .._common.errors import Refusal
from . import state
from .evidence import Statement


def require_hold(statements: t.Sequence[Statement], statement: Statement) -> None:
    """Makes sure that the run of ``statement`` still holds its target.

    :raises Refusal: it was taken over, has ended, or never began. Whoever gets this must not act any more.
    """
    if statement.get("type") not in state.IN_RUN:
        return
    target, run, epoch = (statement.get(key) for key in ("target", "run", "epoch"))
    last = state.fold(statements).get(str(target))
    if last is not None and last.run == run and last.epoch == epoch and last.is_open:
        return
    if last is None:
        found = "no run at all"
    elif last.run == run and last.epoch == epoch:
        found = f"the run ended: {last.phase.replace('_', ' ')}"
    else:
        found = f"run {last.run} of epoch {last.epoch}, taken by {last.by} at {last.touched_at}"
    raise Refusal(
        f"target {target}",
        expected=f"to be held by run {run}, epoch {epoch}",
        found=found,
        remedy="This run was replaced and must not act any more. See what the other run did; start again when it has ended.",
        code="hold_lost",
    )
