# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What was deployed when: told, asked of Prometheus, or from a snapshot."""

from __future__ import annotations

import dataclasses
import datetime
import math
import typing as t

from ..._common import shape, words
from ..._common.prometheus.answers import Sample

KEYS = ("time", "service", "version")


@dataclasses.dataclass(frozen=True, order=True)
class Deployment:
    """A version of a service that went out ``at`` (epoch seconds)."""

    at: int
    service: str
    version: str

    def as_dict(self) -> dict[str, str]:
        return {"time": words.iso(self.at), "service": self.service, "version": self.version}


def parse(found: object, path: str) -> tuple[Deployment, ...]:
    """A list of mappings with time, service and version; in the order of time, each once.

    :raises Refusal: it names the path of what is wrong.
    """
    entries = [
        shape.mapping(entry, f"{path}[{index}]", required=KEYS) for index, entry in enumerate(shape.sequence(found, path, empty=True))
    ]
    return ordered(
        Deployment(
            moment(entry["time"], f"{path}[{index}].time"),
            shape.text(entry["service"], f"{path}[{index}].service"),
            shape.text(entry["version"], f"{path}[{index}].version"),
        )
        for index, entry in enumerate(entries)
    )


def of_samples(samples: t.Iterable[Sample], path: str) -> tuple[Deployment, ...]:
    """Series with the labels service and version, whose value is when, in epoch seconds.

    :raises Refusal: a series is without them, or its value is no time.
    """
    found = []
    for sample in samples:
        service, version = sample.labels.get("service", ""), sample.labels.get("version", "")
        if not service or not version or not math.isfinite(sample.value) or sample.value <= 0:
            said = f"{sample.value:g} with the labels {', '.join(sorted(sample.labels)) or 'none'}"
            raise shape.wrong(
                path, "series with the labels service and version, and a time in epoch seconds as value", said, "Correct the query."
            )
        found.append(Deployment(round(sample.value), service, version))
    return ordered(found)


def ordered(deployments: t.Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Each once, by time."""
    return tuple(sorted(set(deployments)))


def latest(deployments: t.Sequence[Deployment], service: str, since: int, until: int, most: int) -> list[Deployment]:
    """Those of a service within a time, the last first."""
    return [one for one in reversed(deployments) if one.service == service and since <= one.at <= until][:most]


def moment(found: object, path: str) -> int:
    """Epoch seconds of a time that says its offset.

    :raises Refusal: it is none.
    """
    try:
        read = datetime.datetime.fromisoformat(str(found))
    except ValueError:
        raise shape.wrong(path, "a time with its offset, as 2026-03-30T10:00:00+00:00", words.described(found), "Correct it.") from None
    if read.tzinfo is None:
        raise shape.wrong(path, "a time with its offset", "one without", "Add +00:00.")
    return round(read.timestamp())
