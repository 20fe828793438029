# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What is checked on every restored copy, whatever made it: what the user knows to be true, and that nothing has shrunk."""

from __future__ import annotations

from . import goals, invariants
from .checks import Look
from .target import Target
from .validation import Validation


def look(run: Validation, target: Target) -> None:
    """The user's invariants, and rows since the last run that a person accepted."""
    if run.wish.invariants:
        run.check("invariants", lambda: invariants.look(target, run.wish.invariants))
    if run.wish.accepted is None:
        run.checks.skip("shrink", "no run has been accepted yet: restore_accept makes this one the baseline")
        return
    found = goals.shrunk(run.wish.accepted, run.known.get("rows", {}), run.wish.max_shrink_percent)
    run.checks.note("shrink", Look(f"{len(run.wish.accepted)} tables beside the accepted run", found), 0.0)
