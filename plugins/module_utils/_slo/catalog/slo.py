# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One service level: an objective of a service, and what its events are."""

from __future__ import annotations

import dataclasses
import decimal
import typing as t

Decimal = decimal.Decimal
Severity = t.Literal["page", "ticket", "none"]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Events that count, as selectors of counters: those in all, and either the bad or the good of them."""

    total: str
    bad: str = ""
    good: str = ""


@dataclasses.dataclass(frozen=True)
class Latency:
    """Events of a classic histogram that are too slow. ``histogram`` selects it without ``_bucket``; ``le`` in its unit, which is seconds mostly."""

    histogram: str
    le: Decimal

    @property
    def good(self) -> str:
        """Events that were fast enough. Prometheus 3 writes the bound 1 as ``1.0``, Prometheus 2 as the target does."""
        bound = f"{self.le.normalize():f}"
        return self._selector("_bucket", f'le="{bound}"' if "." in bound else f'le=~"{bound}(\\\\.0)?"')

    @property
    def total(self) -> str:
        """All events."""
        return self._selector("_count")

    @property
    def buckets(self) -> str:
        """All buckets, which are what has exemplars."""
        return self._selector("_bucket")

    def _selector(self, suffix: str, *more: str) -> str:
        name, _brace, labels = self.histogram.removesuffix("}").partition("{")
        inner = ",".join([*([labels] if labels else []), *more])
        return f"{name}{suffix}" + (f"{{{inner}}}" if inner else "")


@dataclasses.dataclass(frozen=True)
class Slo:
    """One objective of one service.

    ``objective`` in percent, between 0 and 100 and neither. ``runbook`` as ``path/of/file.md#anchor`` or a URL. ``id`` is ``<service>-<name>``.
    ``min_bad_events`` is how many bad events a long window must have before any alert fires.
    """

    id: str
    service: str
    name: str
    objective: Decimal
    window_days: int
    sli: Ratio | Latency
    owner: str = ""
    tier: str = ""
    runbook: str = ""
    description: str = ""
    group_by: tuple[str, ...] = ()
    min_bad_events: int = 5
    absent: Severity = "page"
    pages: bool = True
    tickets: bool = True

    @property
    def budget(self) -> Decimal:
        """The share of events that may be bad; exact."""
        return (100 - self.objective) / 100

    @property
    def labels(self) -> dict[str, str]:
        """What every recorded series of it carries."""
        return {"slo_id": self.id, "service": self.service, "slo": self.name}
