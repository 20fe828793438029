# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A collector's own metrics, from its page in Prometheus' text format."""

from __future__ import annotations

import re
import typing as t

from ..._common import web
from ..._common.errors import Refusal
from ..._common.web import Server, Unusable

PREFIX = "otelcol_"
SAMPLER = "processor_tail_sampling_"
LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\Z")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
UNITS = re.compile(r"(?:_(?:spans|traces|seconds|errors))?(?:_total)?\Z")  # what another version or setting hangs on a name
Labels: t.TypeAlias = "tuple[tuple[str, str], ...]"


class Reading:
    """The numbers of one look, of all replicas together: counters are summed, and so are gauges, which nobody asks for here but by ``most`` and ``least``."""

    def __init__(self, pages: t.Sequence[str]) -> None:
        self._pages = [_parsed(page) for page in pages]

    def total(self, name: str, **labels: str) -> float | None:
        """The sum of all series of this name with these labels; None when there is none."""
        values = [value for found, value in self.series(name) if labels.items() <= dict(found).items()]
        return sum(values) if values else None

    def series(self, name: str) -> list[tuple[Labels, float]]:
        """Every series of this name, whatever stands behind the name for its unit."""
        return [(labels, value) for page in self._pages for (found, labels), value in page.items() if _is_called(found, PREFIX + name)]

    def most(self, name: str) -> float | None:
        """The largest value of all replicas; None when one has none."""
        found = self._by_page(name)
        return max(map(max, found)) if all(found) else None

    def least(self, name: str) -> float | None:
        """The smallest value of all replicas; None when one has none."""
        found = self._by_page(name)
        return min(map(min, found)) if all(found) else None

    def _by_page(self, name: str) -> list[list[float]]:
        return [[value for (called, _labels), value in page.items() if _is_called(called, PREFIX + name)] for page in self._pages]

    def values_of(self, name: str, label: str) -> set[str]:
        """Every value of a label in the series of a name."""
        return {dict(labels)[label] for labels, _value in self.series(name) if label in dict(labels)}


def read(servers: t.Sequence[Server]) -> Reading:
    """Look at the page of every replica.

    :raises Refusal: one does not answer, or is no page of a collector.
    """
    pages = []
    for server in servers:
        try:
            answer = web.ask(server, "")
            if answer.status != 200:
                raise Unusable(f"HTTP {answer.status}")
            page = answer.body.decode(errors="replace")
            if f"\n{PREFIX}" not in f"\n{page}":
                raise Unusable("a page without metrics of a collector")
        except Unusable as why:
            raise Refusal(
                server.url,
                expected="the collector's own metrics in Prometheus' format",
                found=str(why),
                remedy="Look whether it runs, and at service.telemetry.metrics of its configuration.",
                code="telemetry_unreadable",
            ) from why
        pages.append(page)
    return Reading(pages)


def _is_called(found: str, wanted: str) -> bool:
    return found.startswith(wanted) and UNITS.fullmatch(found[len(wanted) :]) is not None


def _parsed(page: str) -> dict[tuple[str, Labels], float]:
    read_values = {}
    for line in page.splitlines():
        match = LINE.match(line)
        if match is not None and not line.startswith("#"):
            labels = tuple(sorted((name, _unescaped(value)) for name, value in LABEL.findall(match[2] or "")))
            try:
                read_values[match[1], labels] = float(match[3])
            except ValueError:
                continue
    return read_values


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
