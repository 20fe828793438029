# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How much of ordinary traffic may be kept, so that the goals are reached on recorded traces.

What the other policies keep is given. The baseline decides by a hash of the trace id, so of the traces that it alone can keep it keeps its percentage,
and the largest one that leaves the volume's goal reached is computed; then it is tried, as of these very traces the hash may keep more. Errors are never
traded for volume.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ..._common import intervals, words
from ..._common.errors import Refusal
from ..replay import classes
from ..replay.outcome import Replay, Tally
from .goals import Goals

STEPS = 100  # of one percent


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Counts of traces: all, kept without any baseline, kept with all of it."""

    all: int
    least: int
    most: int

    def kept(self, percentage: float) -> float:
        """Expected count with a baseline of so many percent."""
        return self.least + (self.most - self.least) * percentage / 100

    def cut(self, percentage: float) -> float:
        """Expected share of traces left out."""
        return 1 - self.kept(percentage) / self.all


def counted(replay: Replay) -> int:
    """Traces that are kept, and those of which that cannot be foretold."""
    total = replay.tally()
    return total.kept.traces + total.unknown.traces


def cut_by(replay: Replay) -> float:
    """Share of the traces that are left out."""
    return 1 - counted(replay) / replay.tally().all.traces


def percentage(goals: Goals, bounds: Bounds) -> float:
    """The baseline in percent, in steps of a hundredth.

    Where the goal allows it the whole interval of the cut reaches it, not only its middle.

    :raises Refusal: not even the smallest baseline leaves out enough; with the best cut that there is.
    """
    smallest = goals.baseline_min_percentage
    if bounds.cut(smallest) < goals.volume_cut_min:
        raise Refusal(
            "goals.volume_cut_min",
            expected=f"a cut of {goals.volume_cut_min:.1%} of {words.number(bounds.all)} recorded traces",
            found=f"impossible, best is {bounds.cut(smallest):.1%} with a baseline of {smallest:g} %:"
            f" {words.number(bounds.least)} traces are errors, slow, or to be kept always",
            remedy="Lower the goal, baseline_min_percentage or slow_ms, or keep less always. Errors are never given up for volume.",
            code="volume_cut_impossible",
            details={"best_volume_cut": bounds.cut(smallest)},
        )
    low, high = math.ceil(smallest * STEPS), 100 * STEPS
    while low < high:
        middle = (low + high + 1) // 2
        _least, upper = intervals.wilson(bounds.kept(middle / STEPS), bounds.all)
        low, high = (middle, high) if 1 - upper >= goals.volume_cut_min else (low, middle - 1)
    return max(smallest, low / STEPS)


def refuse_missed(goals: Goals, ordinary: Replay, incident: Replay | None) -> None:
    """Errors have to be kept at both times; the volume is that of the ordinary one.

    :raises Refusal: a replay keeps too few errors, or leaves out too little; with what it does come to.
    """
    replays = [ordinary] if incident is None else [ordinary, incident]
    if not any(replay.tally(classes.ERROR).all.traces for replay in replays):
        raise Refusal(
            "goals.error_keep_min",
            expected="traces with an error among the recorded ones, to foretell how many are kept",
            found="none",
            remedy="Record an incident too, or make one.",
            code="no_errors_recorded",
        )
    for replay in replays:
        _refuse_lost_errors(goals, replay.tally(classes.ERROR))
    total = ordinary.tally()
    cut = cut_by(ordinary)
    if cut < goals.volume_cut_min:
        raise Refusal(
            "goals.volume_cut_min",
            expected=f"a cut of {goals.volume_cut_min:.1%} of {words.number(total.all.traces)} recorded traces",
            found=f"{cut:.1%}",
            remedy="Lower baseline_percentage, or leave it out so that it is found."
            if goals.baseline_percentage is not None
            else "Record more traces, or lower baseline_min_percentage.",
            code="volume_cut_missed",
            details={"volume_cut": cut},
        )


def _refuse_lost_errors(goals: Goals, errors: Tally) -> None:
    rate = errors.kept.traces / errors.all.traces if errors.all.traces else 1.0
    if rate < goals.error_keep_min:
        lost = f"{words.number(errors.too_early.traces)} were pushed out of memory, {words.number(errors.too_large.traces)} are too large"
        raise Refusal(
            "goals.error_keep_min",
            expected=f"{goals.error_keep_min:.1%} of {words.number(errors.all.traces)} recorded traces with an error",
            found=f"impossible, best is {rate:.1%}: {lost}, {words.number(errors.unknown.traces)} cannot be foretold",
            remedy="Raise num_traces, decision_wait or maximum_trace_size_bytes by what is missing.",
            code="error_keep_impossible",
            details={"best_error_keep": rate},
        )


def shadowed(replay: Replay) -> list[str]:
    """Policies that never were the one that decided."""
    return sorted(name for name, ballot in replay.policies.items() if not ballot.decisive)


Replayed: t.TypeAlias = "t.Callable[[float], Replay]"


def solve(goals: Goals, replayed: Replayed) -> float:
    """The baseline in percent: as told, or as found.

    :param replayed: what a baseline of so many percent comes to.
    :raises Refusal: the goals cannot be reached.
    """
    if goals.baseline_percentage is not None:
        return goals.baseline_percentage
    without, whole = replayed(0.0), replayed(100.0)
    bounds = Bounds(without.tally().all.traces, counted(without), counted(whole))
    found = percentage(goals, bounds)
    while found > goals.baseline_min_percentage and (missing := goals.volume_cut_min - cut_by(replayed(found))) > 0:
        less = max(1 / STEPS, 100 * missing * bounds.all / (bounds.most - bounds.least))
        found = max(goals.baseline_min_percentage, math.floor((found - less) * STEPS) / STEPS)
    return found
