# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which kind of action a gap suggests. A suggestion with its reason, not a diagnosis."""

from __future__ import annotations

import dataclasses
import typing as t

from ..catalog.slo import Latency
from .ranking import OVER, UNKNOWN, Gap, Share

OF_A_RELEASE = ("version", "service_version", "release", "image", "revision", "track")
MOST = 0.5  # a share that one contributor has to have to be the one
GROWN = 0.25  # and how much of it has to be new
STEADY = 1.5  # the largest burn by the smallest, of one that has not changed


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """``kind`` is one of roll_back, mend_contributor, scale, review_objective, mend_measurement, investigate, none."""

    kind: str
    reason: str


def suggested(gap: Gap) -> Suggestion:
    """The first of these that fits: measure, roll back, mend one contributor, scale, review the objective, investigate."""
    if gap.status == UNKNOWN:
        return Suggestion("mend_measurement", gap.why)
    if gap.status != OVER:
        return Suggestion("none", "the budget holds")
    top = gap.shares[0] if gap.shares and gap.shares[0].share >= MOST else None
    if top is not None and _grown(top):
        named = ", ".join(f"{label}={value}" for label, value in top.labels)
        kind = "roll_back" if any(label in OF_A_RELEASE for label, _value in top.labels) else "mend_contributor"
        return Suggestion(kind, f"{named} brings {top.share:.0%} of the bad events, {_before(top)} a week before")
    if _is_steady(gap.burn):
        return Suggestion(
            "review_objective", "the burn is the same over an hour and over three days: it is how the service is, not an incident"
        )
    if isinstance(gap.slo.sli, Latency):
        return Suggestion("scale", "requests are too slow everywhere, and no contributor stands out")
    return Suggestion("investigate", "no contributor stands out")


def _grown(top: Share) -> bool:
    return top.share_week_before is None or top.share - top.share_week_before >= GROWN


def _before(top: Share) -> str:
    return "none" if top.share_week_before is None else f"{top.share_week_before:.0%}"


def _is_steady(burn: t.Mapping[str, float | None]) -> bool:
    known = [value for value in burn.values() if value is not None]
    return len(known) == len(burn) > 0 and min(known) > 0 and max(known) <= STEADY * min(known)
