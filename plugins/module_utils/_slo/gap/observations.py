# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What was seen of each service level: from Prometheus, or from a snapshot that was saved, which is the same as JSON.

A number that was not seen is None, and never 0.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ..._common import shape, words
from . import deployments
from .deployments import Deployment

BURN_WINDOWS = ("1h", "6h", "1d", "3d")
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Contributor:
    """Who brought bad events within a window, by the labels that the catalogue groups by, and how many in the same window a week before."""

    labels: tuple[tuple[str, str], ...]
    bad: float
    bad_week_before: float | None


@dataclasses.dataclass(frozen=True)
class Observation:
    """Of one service level.

    ``bad`` and ``total`` count events of the whole period; ``coverage`` is the share of the period that was recorded, 0 to 1.
    ``burn`` by window is how many times faster than allowed the budget goes. ``why`` says what could not be seen.
    """

    bad: float | None
    total: float | None
    coverage: float | None
    burn: t.Mapping[str, float | None]
    contributors: tuple[Contributor, ...]
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """Observations by the id of their service level, as of ``at`` (epoch seconds); contributors are of ``contributors_window``.

    ``deployments`` in the order of time.
    """

    at: int
    contributors_window: str
    observations: t.Mapping[str, Observation]
    deployments: tuple[Deployment, ...] = ()


def dump(snapshot: Snapshot) -> str:
    """The snapshot as JSON, with sorted keys."""
    document = {
        "version": VERSION,
        "at": words.iso(snapshot.at),
        "contributors_window": snapshot.contributors_window,
        "slos": {slo_id: _written(seen) for slo_id, seen in snapshot.observations.items()},
        "deployments": [one.as_dict() for one in snapshot.deployments],
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def load(text: str, place: str) -> Snapshot:
    """A snapshot that ``dump`` wrote, or somebody by hand.

    :raises Refusal: it names the path of what is wrong.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise shape.wrong(place, "JSON, as snapshot_path writes it", "no JSON", "Correct the file.") from None
    document = shape.mapping(found, place, required=("version", "at", "contributors_window", "slos"), optional=("deployments",))
    if document["version"] != VERSION:
        raise shape.wrong(f"{place}.version", str(VERSION), words.described(document["version"]), "Use the collection that wrote it.")
    slos = document["slos"]
    if not isinstance(slos, dict):
        raise shape.wrong(f"{place}.slos", "a mapping by slo_id", words.described(slos), "Correct it.")
    observations = {slo_id: _read(entry, f"{place}.slos.{slo_id}") for slo_id, entry in slos.items()}
    window = shape.text(document["contributors_window"], f"{place}.contributors_window")
    deployed = deployments.parse(document.get("deployments", []), f"{place}.deployments")
    return Snapshot(deployments.moment(document["at"], f"{place}.at"), window, observations, deployed)


def _written(seen: Observation) -> dict[str, t.Any]:
    contributors = [{"labels": dict(one.labels), "bad": one.bad, "bad_week_before": one.bad_week_before} for one in seen.contributors]
    burn = {window: seen.burn.get(window) for window in BURN_WINDOWS}
    return {"bad": seen.bad, "total": seen.total, "coverage": seen.coverage, "burn": burn, "contributors": contributors, "why": seen.why}


def _read(found: object, path: str) -> Observation:
    entry = shape.mapping(found, path, required=("bad", "total", "coverage", "burn"), optional=("contributors", "why"))
    burn = shape.mapping(entry["burn"], f"{path}.burn", optional=BURN_WINDOWS)
    listed = shape.sequence(entry.get("contributors", []), f"{path}.contributors", empty=True)
    return Observation(
        bad=_count(entry["bad"], f"{path}.bad"),
        total=_count(entry["total"], f"{path}.total"),
        coverage=_count(entry["coverage"], f"{path}.coverage"),
        burn={window: _count(value, f"{path}.burn.{window}") for window, value in burn.items()},
        contributors=tuple(_contributor(one, f"{path}.contributors[{index}]") for index, one in enumerate(listed)),
        why=str(entry.get("why", "")),
    )


def _contributor(found: object, path: str) -> Contributor:
    entry = shape.mapping(found, path, required=("labels", "bad"), optional=("bad_week_before",))
    labels = entry["labels"]
    if not isinstance(labels, dict):
        raise shape.wrong(f"{path}.labels", "a mapping of labels", words.described(labels), "Correct it.")
    bad = _count(entry["bad"], f"{path}.bad")
    if bad is None:
        raise shape.wrong(f"{path}.bad", "a number", "nothing (null)", "Leave the contributor out.")
    ordered = tuple(sorted((str(label), str(value)) for label, value in labels.items()))
    return Contributor(ordered, bad, _count(entry.get("bad_week_before"), f"{path}.bad_week_before"))


def _count(found: object, path: str) -> float | None:
    """A finite number that is not negative; None when nothing was seen."""
    if found is None:
        return None
    value = shape.number(found, path)
    if value < 0:
        raise shape.wrong(path, "a number that is not negative, or null", words.number(value), "Correct it.")
    return value
