# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Change a collector's configuration, have it taken on, and take it back when the collector disagrees.

The order is what makes a kill harmless: first the former content and the journal, then the content in one step, then the collector, then the
journal's end. Whoever comes next finds either content whole, and knows whether the collector was ever asked to take it on.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common.errors import Refusal
from .journal import Journal, Target, digest

Change: t.TypeAlias = "t.Callable[[bytes], bytes]"
Answer_co = t.TypeVar("Answer_co", covariant=True)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do: nothing, when neither the content nor the collector is behind. ``journal`` is the one of the change to make, or to end."""

    before: bytes
    after: bytes
    is_due: bool
    journal: Journal | None = None


class Activation(t.Protocol[Answer_co]):
    """How the collector takes on what its configuration says."""

    def reload(self, content: bytes) -> None:
        """:raises Refusal: it does not."""

    def verify(self) -> Answer_co:
        """:raises Refusal: it does something else than foretold."""


def planned(target: Target, change: Change) -> Plan:
    """What ``present`` would do."""
    before = target.read()
    after = change(before)
    known = target.journal()
    begun = None
    if after != before:
        begun = Journal(_original(known, before), digest(before), digest(after), False)
    elif known is not None and not known.finished and known.applied == digest(after):
        begun = known  # of a run that was cut
    return Plan(before, after, begun is not None, begun)


def present(target: Target, change: Change, activation: Activation[Answer_co]) -> Answer_co | None:
    """Make it so; what ``activation`` saw, or None when there was nothing to do.

    :raises Refusal: the collector did not take it on, or does something else. The former content is back, byte for byte, and taken on.
    """
    plan = planned(target, change)
    journal = plan.journal
    if journal is None:
        return None
    if plan.after != plan.before:
        target.remember(journal, [plan.before])
        target.replace(plan.after, plan.before)
    try:
        activation.reload(plan.after)
        seen = activation.verify()
    except Refusal as why:
        _take_back(target, journal, plan.after, activation, why)
        raise
    target.remember(dataclasses.replace(journal, finished=True))
    return seen


def plan_absent(target: Target, strip: Change) -> Plan:
    """What ``absent`` would do."""
    before = target.read()
    journal = target.journal()
    if journal is not None and journal.original and digest(before) in (journal.applied, journal.previous, journal.original):
        return Plan(before, target.kept(journal.original), True)
    after = strip(before)
    return Plan(before, after, journal is not None or after != before)


def absent(target: Target, strip: Change, activation: Activation[t.Any]) -> Plan:
    """Bring back what was there before our first change; where somebody else has changed it since, remove only what is ours.

    :raises Refusal: the collector does not take it on.
    """
    plan = plan_absent(target, strip)
    if plan.is_due:
        if plan.after != plan.before:
            target.replace(plan.after, plan.before)
        activation.reload(plan.after)
        target.forget()
    return plan


def _original(journal: Journal | None, before: bytes) -> str:
    if journal is None:
        return digest(before)
    return journal.original if digest(before) in (journal.applied, journal.previous) else ""


def _take_back(target: Target, journal: Journal, after: bytes, activation: Activation[t.Any], why: Refusal) -> None:
    former = target.kept(journal.previous)
    target.replace(former, after)
    try:
        activation.reload(former)
    except Refusal as also:
        why.details["taken_back"] = False
        raise Refusal(
            why.thing,
            expected=why.expected,
            found=f"{why.found}. The former configuration is back, but the collector has not taken it on: {also}",
            remedy="Start the collector. " + why.remedy,
            code=why.code,
            details=why.details,
        ) from why
    if journal.original == journal.previous:
        target.forget()
    else:
        target.remember(Journal(journal.original, journal.previous, journal.previous, True))
    why.details["taken_back"] = True
