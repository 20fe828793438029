# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which service level is furthest from its promise: by how many events too many were bad.

Excess bad events = bad - (1 - objective) * total, over the objective's own period. Reckoned exactly, and ordered totally: the same input gives
the same bytes. What was not seen is unknown, and never healthy.
"""

from __future__ import annotations

import dataclasses
import fractions
import math
import typing as t

from ..catalog.slo import Slo
from .observations import Observation, Snapshot

COVERAGE_AT_LEAST = 0.95  # of the period; less is a partial window
TIERS = ("gold", "silver", "bronze")  # or 1, 2, 3
ROUNDING = 1.01  # increase() extrapolates each counter by itself; more bad events than this by all events were counted elsewhere
BURN_OF_NOW = "6h"  # long enough to be no spike, short enough to be today's

OVER, WITHIN, TOO_FEW, UNKNOWN = "over", "within", "too_few", "unknown"


@dataclasses.dataclass(frozen=True)
class Share:
    """A contributor's part of all bad events within the window, 0 to 1, and how that changed since the week before; None when it had none."""

    labels: tuple[tuple[str, str], ...]
    bad: float
    share: float
    share_week_before: float | None


@dataclasses.dataclass(frozen=True)
class Gap:
    """A service level and how far it is from its promise.

    ``excess`` in events, negative when there is budget left; ``remaining`` is the share of the budget that is left, below 0 when it is overspent.
    ``exhausted_in`` in seconds at the burn of six hours, 0 when it is spent, None when it will not be or is not known.
    """

    slo: Slo
    status: str
    why: str
    bad: float | None
    total: float | None
    excess: float | None
    remaining: float | None
    exhausted_in: float | None
    burn: t.Mapping[str, float | None]
    shares: tuple[Share, ...]


def rank(slos: t.Iterable[Slo], snapshot: Snapshot) -> list[Gap]:
    """All of them: those over their budget first, the furthest foremost; then those that are unknown, within, and too few to say."""
    nothing = Observation(None, None, None, {}, (), "the snapshot says nothing of it")
    return sorted((_gap(slo, snapshot.observations.get(slo.id, nothing)) for slo in slos), key=_order)


def _gap(slo: Slo, seen: Observation) -> Gap:
    budget = fractions.Fraction(slo.budget)
    why = _unknown(seen)
    excess = remaining = None
    if seen.bad is not None and seen.total is not None and seen.total > 0 and seen.bad <= seen.total * ROUNDING:
        allowed = budget * fractions.Fraction(seen.total)
        excess = float(fractions.Fraction(seen.bad) - allowed)
        remaining = float(1 - fractions.Fraction(seen.bad) / allowed)
    if why:
        status = UNKNOWN
    elif seen.bad is not None and seen.bad < slo.min_bad_events:
        status, why = TOO_FEW, f"{seen.bad:g} bad events, where {slo.min_bad_events} are the least that say anything"
    else:
        status = OVER if excess is not None and excess > 0 else WITHIN
    return Gap(slo, status, why, seen.bad, seen.total, excess, remaining, _exhausted_in(slo, remaining, seen), seen.burn, _shares(seen))


def _unknown(seen: Observation) -> str:
    """Why nothing can be said; empty when something can."""
    if seen.bad is None or seen.total is None or seen.coverage is None:
        return seen.why or "no data"
    if seen.total <= 0:
        return "no events in the period"
    if seen.bad > seen.total * ROUNDING:
        return f"{seen.bad:g} bad events of {seen.total:g} events: the two selectors do not count the same"
    if seen.coverage < COVERAGE_AT_LEAST:
        return f"only {math.floor(1000 * seen.coverage) / 10:g} % of the period was recorded, {COVERAGE_AT_LEAST * 100:g} % are needed"
    return ""


def _exhausted_in(slo: Slo, remaining: float | None, seen: Observation) -> float | None:
    """Seconds: budget that is left * period / burn."""
    if remaining is None:
        return None
    if remaining <= 0:
        return 0.0
    burn = seen.burn.get(BURN_OF_NOW)
    seconds = remaining * slo.window_days * 86400 / burn if burn else math.inf
    return seconds if math.isfinite(seconds) else None


def _shares(seen: Observation) -> tuple[Share, ...]:
    now = math.fsum(one.bad for one in seen.contributors)
    before = math.fsum(one.bad_week_before or 0.0 for one in seen.contributors)

    def share_before(bad: float | None) -> float | None:
        return bad / before if bad is not None and before > 0 else None

    return (
        tuple(Share(one.labels, one.bad, one.bad / now, share_before(one.bad_week_before)) for one in seen.contributors) if now > 0 else ()
    )


def _order(gap: Gap) -> tuple[t.Any, ...]:
    excess = -math.inf if gap.excess is None else gap.excess
    exhausted = math.inf if gap.exhausted_in is None else gap.exhausted_in
    tier = gap.slo.tier
    place = TIERS.index(tier) if tier in TIERS else int(tier) - 1 if tier.isascii() and tier.isdigit() else math.inf
    return (OVER, UNKNOWN, WITHIN, TOO_FEW).index(gap.status), -excess, exhausted, place, tier, gap.slo.id
