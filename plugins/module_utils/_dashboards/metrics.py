# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which metrics there are, and who produces each: what a panel may ask for.

A metric that nobody produces yet is declared with the capability that it waits for, so that a panel about it can say so.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._common import shape, words
from .._common.prometheus.promql import Selector

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
KINDS = ("counter", "gauge", "histogram")
OF_HISTOGRAM = ("_bucket", "_sum", "_count")
OF_EVERY_SCRAPE = ("job", "instance", "cluster", "namespace", "pod")


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric as Prometheus stores it.

    ``labels`` has its own, and those that a scrape may add. ``waits_for`` is the capability that will produce it, empty when somebody does now.
    """

    name: str
    kind: str
    labels: frozenset[str]
    about: str
    producer: str
    waits_for: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that its series have."""
        return tuple(self.name + suffix for suffix in OF_HISTOGRAM) if self.kind == "histogram" else (self.name,)


Metrics: t.TypeAlias = "t.Mapping[str, Metric]"  # by the names that series have


def parse(found: object) -> dict[str, Metric]:
    """Every name that a series may have, and its metric.

    :raises Refusal: it names the path of what is wrong.
    """
    by_name: dict[str, Metric] = {}
    for index, entry in enumerate(shape.sequence(found, "metrics")):
        metric, also = _metric(entry, f"metrics[{index}]")
        for spelling in also:
            for name in dataclasses.replace(metric, name=spelling).series:
                if name in by_name:
                    raise shape.wrong(f"metrics[{index}]", "every name once", f"{name} a second time", "Remove one of the two.")
                by_name[name] = metric
    return by_name


def selected(selector: Selector, metrics: Metrics) -> list[Metric]:
    """The declared metrics that the selector can find; none when nothing is declared for it."""
    if selector.name:
        names = [selector.name]
    else:
        patterns = [value for label, operator, value in selector.matchers if (label, operator) == ("__name__", "=~")]
        names = [name for name in metrics if patterns and all(re.fullmatch(pattern, name) for pattern in patterns)]
    return list({metrics[name].name: metrics[name] for name in names if name in metrics}.values())


def _metric(found: object, path: str) -> tuple[Metric, list[str]]:
    entry = shape.mapping(found, path, required=("name", "kind", "about"), optional=("also", "labels", "producer", "waits_for"))
    spellings = [
        _matching(METRIC, name, f"{path}.name")
        for name in [entry["name"], *shape.sequence(entry.get("also", []), f"{path}.also", empty=True)]
    ]
    labels = [_matching(LABEL, label, f"{path}.labels") for label in shape.sequence(entry.get("labels", []), f"{path}.labels", empty=True)]
    kind = shape.text(entry["kind"], f"{path}.kind")
    if kind not in KINDS:
        raise shape.wrong(f"{path}.kind", "counter, gauge or histogram", words.described(kind), "Correct it.")
    if ("producer" in entry) == ("waits_for" in entry):
        raise shape.wrong(path, "either producer or waits_for", "both or neither", "Say who produces it, or which capability will.")
    waits_for = shape.name(entry["waits_for"], f"{path}.waits_for") if "waits_for" in entry else ""
    producer = shape.text(entry.get("producer", waits_for), f"{path}.producer")
    about = shape.text(entry["about"], f"{path}.about")
    own = [*labels, *OF_EVERY_SCRAPE, *(["le"] if kind == "histogram" else [])]
    return Metric(spellings[0], kind, frozenset(own), about, producer, waits_for), spellings


def _matching(pattern: re.Pattern[str], found: object, path: str) -> str:
    text = shape.text(found, path)
    if not pattern.match(text):
        raise shape.wrong(path, "a name as Prometheus takes it", words.described(text), "Correct it.")
    return text
