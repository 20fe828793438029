# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A history of events in a file, for looking back where no Prometheus can be asked.

JSON: ``{"version": 1, "start": 1774864800, "origin": "who wrote it", "slos": {"gateway-availability": {"bad": [0, …], "total": [600, …]}},
"pages": [1774870000]}``. One number a minute from ``start`` on (epoch seconds, a whole minute), null where nothing was recorded;
``pages`` are the moments at which the former alerts woke somebody.
"""

from __future__ import annotations

import dataclasses
import json
import math
import typing as t

from ..._common import shape, words
from . import recording
from .backtest import MINUTE, Counted, Events
from .names import WINDOWS

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Saved:
    """Events by the id of their service level. ``end`` is the last minute, in epoch seconds."""

    events: t.Mapping[str, Events]
    pages: int
    end: int
    origin: str


def load(text: str, place: str) -> Saved:
    """Read one.

    :raises Refusal: it names the path of what is wrong.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise shape.wrong(place, "JSON with version, start, slos and pages", "no JSON", "Correct the file.") from None
    document = shape.mapping(found, place, required=("version", "start", "slos", "pages"), optional=("origin",))
    if document["version"] != VERSION:
        raise shape.wrong(
            f"{place}.version", str(VERSION), words.described(document["version"]), "Use the collection that it was made for."
        )
    start = _minute(document["start"], f"{place}.start")
    slos = document["slos"]
    if not isinstance(slos, dict) or not slos:
        raise shape.wrong(f"{place}.slos", "a mapping by slo_id", words.described(slos), "Correct it.")
    events = {slo_id: _events(entry, start, f"{place}.slos.{slo_id}") for slo_id, entry in slos.items()}
    lengths = {len(one.windows["5m"].total) for one in events.values()}
    if len(lengths) != 1:
        raise shape.wrong(f"{place}.slos", "as many minutes of each", ", ".join(map(str, sorted(lengths))), "Fill up with null.")
    pages = shape.sequence(document["pages"], f"{place}.pages", empty=True)
    [minutes] = lengths
    end = start + (minutes - 1) * MINUTE
    for index, page in enumerate(pages):
        moment = shape.number(page, f"{place}.pages[{index}]")
        if not start <= moment <= end + MINUTE:
            raise shape.wrong(f"{place}.pages[{index}]", f"a moment within {start} and {end}", words.number(moment), "Leave it out.")
    return Saved(events, len(pages), end, str(document.get("origin", "")))


def _events(found: object, start: int, path: str) -> Events:
    entry = shape.mapping(found, path, required=("bad", "total"))
    bad, total = (_counts(entry[key], f"{path}.{key}") for key in ("bad", "total"))
    if len(bad) != len(total):
        raise shape.wrong(path, "as many minutes of bad as of total", f"{len(bad)} and {len(total)}", "Fill up with null.")
    return Events(start, {window: Counted(_within(bad, window), _within(total, window)) for window in recording.DIRECT})


def _counts(found: object, path: str) -> list[float]:
    values = []
    for index, one in enumerate(shape.sequence(found, path)):
        value = math.nan if one is None else shape.number(one, f"{path}[{index}]")
        if value < 0:
            raise shape.wrong(f"{path}[{index}]", "a count, or null", words.number(value), "Correct it.")
        values.append(value)
    return values


def _within(counts: t.Sequence[float], window: str) -> list[float]:
    """Sums over the window that ends at each minute; NaN where nothing was recorded in it."""
    length = WINDOWS[window] // MINUTE
    known, events, sums = 0, 0.0, []
    for now, count in enumerate(counts):
        for value, sign in ((count, 1), (counts[now - length] if now >= length else math.nan, -1)):
            if not math.isnan(value):
                known, events = known + sign, events + sign * value
        sums.append(events if known else math.nan)
    return sums


def _minute(found: object, path: str) -> int:
    value = shape.number(found, path)
    if value % MINUTE:
        raise shape.wrong(path, "a whole minute in epoch seconds", words.number(value), "Correct it.")
    return int(value)
