# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Exemplars of a metrics page: which traces they point to, and how many of these are there to be looked at.

A span metric that is counted before sampling has exemplars of traces that sampling drops: who clicks on them finds nothing.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._common import intervals
from .._common.errors import Refusal

END = "# EOF"
LABELS = r'\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}'
# A sample in OpenMetrics: name, labels, value, perhaps a moment, and an exemplar with its labels, value and perhaps a moment.
WITH_EXEMPLAR = re.compile(rf"[a-zA-Z_:][a-zA-Z0-9_:]*(?:{LABELS})? [^ #]+(?: [^ #]+)? # (?P<exemplar>{LABELS}) [^ ]+(?: [^ ]+)?")
TRACE_ID = re.compile(r'[{,]\s*trace_?[iI][dD]="([0-9a-fA-F]{32})"')


@dataclasses.dataclass(frozen=True)
class HitRate:
    """How many of the traces that exemplars point to were kept, and between which shares the true rate lies (Wilson)."""

    kept: int
    pointed_to: int
    interval: tuple[float, float]

    @property
    def rate(self) -> float | None:
        """A share; None when no exemplar was seen."""
        return self.kept / self.pointed_to if self.pointed_to else None


def trace_ids(page: str) -> set[str]:
    """The traces that the exemplars of a page point to, as 32 lower-case hex digits: of the labels ``trace_id``, ``traceID``, ``traceId``.

    :param page: OpenMetrics text, which a server gives when it is asked for ``application/openmetrics-text``; other formats have no exemplars.
    :raises Refusal: it is another format, or was cut off.
    """
    lines = page.rstrip().split("\n")
    if lines[-1] != END:
        raise Refusal(
            "the page of metrics",
            expected=f"OpenMetrics text, which ends with {END}",
            found=repr(lines[-1][:80]),
            remedy="Ask for Accept: application/openmetrics-text, and set enable_open_metrics for the collector's prometheus exporter.",
            code="no_openmetrics",
        )
    exemplars = (sample["exemplar"] for line in lines if " # {" in line and (sample := WITH_EXEMPLAR.fullmatch(line)))
    return {found[1].lower() for exemplar in exemplars if (found := TRACE_ID.search(exemplar))}


def hit_rate(pointed_to: t.Collection[str], kept: t.Container[str]) -> HitRate:
    """How many of the traces that are pointed to were kept; a trace counts once, however many exemplars point to it.

    :param pointed_to: what ``trace_ids`` found.
    """
    distinct = set(pointed_to)
    hits = sum(trace_id in kept for trace_id in distinct)
    return HitRate(hits, len(distinct), intervals.wilson(hits, len(distinct)))
