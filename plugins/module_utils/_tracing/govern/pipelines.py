# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A collector's pipelines, and what reaches which of them through connectors."""

from __future__ import annotations

import typing as t

from .document import kind
from .subject import Raw, section


class Pipeline(t.NamedTuple):
    """One pipeline with the ids of its parts, in their order; ``connectors`` are those of the whole configuration.

    A receiver and an exporter may have the same id, as ``otlp``, and nothing to do with each other; a connector is both.
    """

    name: str
    receivers: list[str]
    processors: list[str]
    exporters: list[str]
    connectors: frozenset[str]

    @property
    def path(self) -> str:
        return f"service.pipelines.{self.name}"

    def feeds(self, other: Pipeline) -> bool:
        """Whether a connector takes from this one into the other."""
        return bool(set(self.exporters) & set(other.receivers) & self.connectors)


def of(config: Raw) -> list[Pipeline]:
    """All of a configuration."""
    found = section(section(config, "service"), "pipelines")
    connectors = frozenset(map(str, section(config, "connectors")))
    return [
        Pipeline(str(name), _ids(parts, "receivers"), _ids(parts, "processors"), _ids(parts, "exporters"), connectors)
        for name, parts in found.items()
        if isinstance(parts, dict)
    ]


def _ids(parts: Raw, role: str) -> list[str]:
    return [str(part) for part in parts.get(role) or []]


def before(pipeline: Pipeline, pipelines: t.Sequence[Pipeline]) -> list[Pipeline]:
    """Every pipeline whose data come here through connectors."""
    found: list[Pipeline] = []
    waiting = [pipeline]
    while waiting:
        here = waiting.pop()
        for other in pipelines:
            if other not in found and other is not pipeline and other.feeds(here):
                found.append(other)
                waiting.append(other)
    return found


def behind(pipeline: Pipeline, pipelines: t.Sequence[Pipeline]) -> list[Pipeline]:
    """This pipeline and every one that gets its traces through connectors."""
    found = [pipeline]
    for here in found:
        found += [other for other in pipelines if other not in found and kind(other.name) == "traces" and here.feeds(other)]
    return found


def exporters_apart(config: Raw, processor: str) -> frozenset[str]:
    """Exporters that nothing from the processor reaches, as one that writes down what comes in; none where the processor is in no pipeline."""
    known = of(config)
    reached = {name for one in known if processor in one.processors for other in behind(one, known) for name in other.exporters}
    return frozenset(name for one in known for name in one.exporters if name not in reached) if reached else frozenset()
