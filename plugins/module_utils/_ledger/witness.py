# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a witness decides: whether a checkpoint goes on from the one it remembers. Standard library only.

Each managed host is one: it remembers the highest checkpoint that it has seen, in a small file that the caller keeps. The signature
belongs to the caller, too; this is about what no signature can show, a log that tells different people different things.
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import merkle
from .checkpoint import Checkpoint

Answer = t.Literal["accepted", "stale", "inconsistent", "fork"]


@dataclasses.dataclass(frozen=True)
class Decision:
    """The answer, why, and what to remember from now on.

    accepted: the offered checkpoint is the same or grew from it. stale: it is older, part of the log was cut off or an old copy is shown.
    inconsistent: the proof does not lead from one to the other. fork: another tree of the same size, signed; keep both notes.
    """

    answer: Answer
    reason: str
    remember: Checkpoint | None


def decide(remembered: Checkpoint | None, offered: Checkpoint, proof: t.Sequence[bytes]) -> Decision:
    """Whether to go along; ``proof`` leads from the remembered size to the offered one.

    The first checkpoint ever is taken on trust. What is not accepted leaves the memory as it was.
    """
    if remembered is None:
        return Decision("accepted", "first checkpoint seen", offered)
    if offered.origin != remembered.origin:
        reason = f"the log is {offered.origin}, and {remembered.origin} is remembered"
        return Decision("inconsistent", reason, remembered)
    if offered.size < remembered.size:
        return Decision("stale", f"{offered.size} entries are offered, {remembered.size} are remembered", remembered)
    if offered.size == remembered.size:
        if offered.root == remembered.root:
            return Decision("accepted", "the same checkpoint", remembered)
        return Decision("fork", f"another tree with the same {offered.size} entries", remembered)
    if merkle.is_consistent(remembered.size, offered.size, proof, remembered.root, offered.root):
        return Decision("accepted", f"{offered.size - remembered.size} entries more", offered)
    return Decision("inconsistent", f"entries before {remembered.size} are not those that are remembered", remembered)
