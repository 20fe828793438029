# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a replay came to, in numbers."""

from __future__ import annotations

import dataclasses
import typing as t

from ..policies.evaluate import Decision


@dataclasses.dataclass
class Amount:
    """Traces, their spans and their bytes (0 when sizes were not asked for)."""

    traces: int = 0
    spans: int = 0
    bytes: int = 0

    def add(self, traces: int, spans: int, size: int) -> None:
        self.traces += traces
        self.spans += spans
        self.bytes += size


@dataclasses.dataclass
class Tally:
    """Traces of one class, service and route.

    ``unknown``: kept or not, depending on a condition that cannot be foretold. ``too_early``: pushed out of memory before they were
    decided. ``too_large``: over ``maximum_trace_size_bytes``. Both are lost, and counted in ``all``.
    """

    all: Amount = dataclasses.field(default_factory=Amount)
    kept: Amount = dataclasses.field(default_factory=Amount)
    unknown: Amount = dataclasses.field(default_factory=Amount)
    too_early: Amount = dataclasses.field(default_factory=Amount)
    too_large: Amount = dataclasses.field(default_factory=Amount)


@dataclasses.dataclass
class Late:
    """Spans that came after their trace was decided.

    ``kept`` with the trace, by memory or decision cache. ``by_cache`` and ``kept_by_cache``: those that only a cache knew, in no tally.
    ``errors_lost``: spans of an error that were not kept.
    """

    all: Amount = dataclasses.field(default_factory=Amount)
    kept: Amount = dataclasses.field(default_factory=Amount)
    by_cache: Amount = dataclasses.field(default_factory=Amount)
    kept_by_cache: Amount = dataclasses.field(default_factory=Amount)
    errors_lost: int = 0


@dataclasses.dataclass
class Split:
    """What becomes of traces when replicas get their spans as they come, without a tier that routes by trace id.

    Every resource sends to one replica. ``traces`` met more than one; of those with an error, ``errors``: ``torn`` are kept in part only,
    ``without_error`` lose every span that says error, ``lost`` are not kept anywhere.
    """

    traces: int = 0
    errors: int = 0
    torn: int = 0
    without_error: int = 0
    lost: int = 0


@dataclasses.dataclass
class Ballot:
    """How one policy voted, and how often it was the one that decided."""

    votes: dict[Decision, int] = dataclasses.field(default_factory=dict)
    decisive: int = 0


@dataclasses.dataclass
class Replay:
    """What a tail sampler would have done with recorded spans.

    :ivar classes: by class, service and route. A trace that is decided again, as it was forgotten in between, counts again.
    :ivar policies: by name.
    :ivar decided_again: decisions on ids that had been decided or lost before (as far back as is remembered).
    :ivar blocked: spans that ``block_on_overflow`` would have kept waiting for ever.
    :ivar behind: spans recorded more than ``decision_wait`` after they had ended.
    :ivar implausible: spans whose time leaps by more than an hour and back; they don't move the clock.
    :ivar seconds: time between the first and the last arrival.
    :ivar peak_traces: most traces in memory at once, over all replicas.
    :ivar kept_ids: ids of which anything is kept, when asked for; ``unknown_ids`` those that depend on an unknown condition.
    :ivar split: only without a tier for replicas.
    """

    classes: dict[tuple[str, str, str], Tally] = dataclasses.field(default_factory=dict)
    policies: dict[str, Ballot] = dataclasses.field(default_factory=dict)
    late: Late = dataclasses.field(default_factory=Late)
    decided_again: int = 0
    blocked: int = 0
    behind: int = 0
    implausible: int = 0
    seconds: float = 0.0
    peak_traces: int = 0
    kept_ids: set[str] | None = None
    unknown_ids: set[str] | None = None
    split: Split | None = None

    def tally(self, *classes: str) -> Tally:
        """All of the given classes together; of all classes when none is given."""
        total = Tally()
        for (name, _service, _route), tally in self.classes.items():
            if not classes or name in classes:
                for field in dataclasses.fields(Tally):
                    into: Amount = getattr(total, field.name)
                    one: Amount = getattr(tally, field.name)
                    into.add(one.traces, one.spans, one.bytes)
        return total

    def remember(self, names: t.Sequence[str]) -> None:
        for name in names:
            self.policies.setdefault(name, Ballot())
