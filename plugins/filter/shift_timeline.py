# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a hot table's shift over time, as the timeline that docs/architecture.md describes."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

Mapping = t.Mapping[str, t.Any]
Timeline = dict[str, list[dict[str, t.Any]]]

WATCHED = ("cutover", "rollback")
MARKS = {
    "expanded": "new layout stands",
    "mirrored": "mirror on",
    "copied": "copied",
    "verified": "verified",
    "live": "cutover",
    "rolled back": "rolled back",
    "emptied": "copy begun anew",
    "mirror removed": "mirror off",
    "contracted": "old table dropped",
}


def shift_timeline(shift: Mapping) -> Timeline:
    """Phases, series and marks; empty lists where there is no shift.

    :param shift: what ``pg_partition_info`` returned.
    :raises AnsibleFilterError: when it is no mapping.
    """
    if not isinstance(shift, t.Mapping):
        raise AnsibleFilterError(
            f"shift_timeline: expected what pg_partition_info returned; found {type(shift).__name__}. Pass its result."
        )
    events: list[Mapping] = sorted(shift.get("events") or [], key=lambda event: float(event["at"]))
    slots: list[Mapping] = sorted(shift.get("timeline") or [], key=lambda slot: float(slot["started"]))
    phases = [*_preparation(events, slots), *_copies(events, slots), *_comparisons(events), *_watched(slots)]
    return {
        "phases": sorted(phases, key=lambda phase: float(phase["started"])),
        "series": [*_latency(shift, slots), *_copied_rows(events, slots)],
        "marks": [
            {"name": MARKS[event["what"]], "at": event["at"], "detail": _detail(event)} for event in events if event["what"] in MARKS
        ],
    }


def _phase(name: str, started: float, ended: float) -> dict[str, t.Any]:
    return {"name": name, "started": started, "ended": max(started, ended)}


def _moments(events: t.Sequence[Mapping], what: str) -> list[float]:
    return [float(event["at"]) for event in events if event["what"] == what]


def _of_phase(slots: t.Sequence[Mapping], phase: str) -> list[Mapping]:
    return [slot for slot in slots if slot["phase"] == phase]


def _preparation(events: t.Sequence[Mapping], slots: t.Sequence[Mapping]) -> t.Iterator[dict[str, t.Any]]:
    """The outer baseline, then ranges and triggers."""
    expanded, mirrored = _moments(events, "expanded"), _moments(events, "mirrored")
    before = _of_phase(slots, "before")
    if before:
        yield _phase("baseline", before[0]["started"], before[-1]["ended"])
    if expanded and mirrored:
        began = max([expanded[0], *(slot["ended"] for slot in before if slot["ended"] <= mirrored[0])])
        yield _phase("mirror", began, mirrored[0])


def _copies(events: t.Sequence[Mapping], slots: t.Sequence[Mapping]) -> t.Iterator[dict[str, t.Any]]:
    """From each start of a mirror to the end of its copy, or as far as the copy is."""
    mirrored = _moments(events, "mirrored")
    for number, start in enumerate(mirrored):
        limit = mirrored[number + 1] if number + 1 < len(mirrored) else float("inf")
        own = [slot for slot in _of_phase(slots, "copy") if start <= slot["started"] < limit]
        done = [at for at in _moments(events, "copied") if start <= at < limit]
        if own or done:
            yield _phase("copy", own[0]["started"] if own else start, done[0] if done else max(slot["ended"] for slot in own))


def _comparisons(events: t.Sequence[Mapping]) -> t.Iterator[dict[str, t.Any]]:
    for event in events:
        if event["what"] == "compared":
            yield _phase("compare", event["at"] - event["detail"].get("seconds", 0), event["at"])


def _watched(slots: t.Sequence[Mapping]) -> t.Iterator[dict[str, t.Any]]:
    """Each swap with what was watched before and after it; a stretch of rest after a swap begins the next one."""
    for name in WATCHED:
        runs: list[list[Mapping]] = []
        for slot in _of_phase(slots, name):
            if not runs or (slot["kind"] == "hold" and runs[-1][-1]["kind"] != "hold"):
                runs.append([])
            runs[-1].append(slot)
        for run in runs:
            yield _phase(name, run[0]["started"], run[-1]["ended"])


def _latency(shift: Mapping, slots: t.Sequence[Mapping]) -> t.Iterator[dict[str, t.Any]]:
    points = [[round((slot["started"] + slot["ended"]) / 2, 3), slot["p95_ms"]] for slot in slots]
    if not points:
        return
    series: dict[str, t.Any] = {"name": "foreground p95", "unit": "ms", "points": points}
    compared = (shift.get("foreground") or {}).get("copy")
    if compared:
        series["baseline"] = compared["baseline_ms"]
    yield series


def _copied_rows(events: t.Sequence[Mapping], slots: t.Sequence[Mapping]) -> t.Iterator[dict[str, t.Any]]:
    """A copy that nobody watched is known by its ends alone."""
    copying = sorted(_of_phase(slots, "copy"), key=lambda slot: float(slot["ended"]))
    points: list[list[float]] = []
    if copying:
        rows = 0
        points = [[copying[0]["started"], 0]]
        for slot in copying:
            rows += slot["rows"]
            points.append([slot["ended"], rows])
    else:
        for event in events:
            if event["what"] == "mirrored":
                points.append([event["at"], 0])
            elif event["what"] == "copied" and "rows" in event["detail"]:
                points.append([event["at"], event["detail"]["rows"]])
    if len(points) > 1:
        yield {"name": "rows copied", "unit": "rows", "points": points}


def _detail(event: Mapping) -> str:
    detail = event["detail"]
    if "locked_ms" in detail:
        return f"{detail['locked_ms']:g} ms lock"
    if "rows" in detail:
        return f"{detail['rows']:,} rows"
    if "mismatches" in detail:
        return f"{detail['mismatches']:,} rows differed"
    return ""


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"shift_timeline": shift_timeline}
