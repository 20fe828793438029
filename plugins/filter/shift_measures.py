# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed of a hot table's shift, as the measures that docs/architecture.md describes."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleFilterError

Mapping = t.Mapping[str, t.Any]
Measure = dict[str, t.Any]

GOAL_STATES = ("rehearsed", "mirrored", "copied", "verified", "live")
AFTER_CUTOVER = ("live", "contracted")


def shift_measures(
    shift: Mapping,
    goal_state: str,
    comparison: Mapping | None = None,
    rehearsal: Mapping | None = None,
    at: str = "",
) -> list[Measure]:
    """The measures that apply to ``goal_state``; one that could not be observed has value None and no samples.

    :param shift: what ``pg_partition_info`` returned.
    :param comparison: what ``pg_reconcile`` returned, where it ran.
    :param rehearsal: the ``rehearsal`` of ``pg_partition``, where there was one.
    :param at: when comparison and rehearsal ended, ISO 8601.
    :raises AnsibleFilterError: when an argument is of another kind.
    """
    for name, found in (("input", shift), ("comparison", comparison or {}), ("rehearsal", rehearsal or {})):
        if not isinstance(found, t.Mapping):
            raise AnsibleFilterError(f"shift_measures: {name}: expected a mapping; found {type(found).__name__}. Pass the module's result.")
    if goal_state not in GOAL_STATES:
        raise AnsibleFilterError(
            f"shift_measures: goal_state: expected one of {', '.join(GOAL_STATES)}; found {goal_state!r}. Mend the variable."
        )
    if goal_state == "rehearsed":
        return list(_of_rehearsal(rehearsal or {}, at))
    measures = [*_of_mirror(shift, at), *_of_foreground(shift, at)]
    if goal_state != "mirrored":
        measures += [*_of_copy(shift, comparison or {}, at), *_of_pace(shift, at)]
    if goal_state == "live":
        measures += _of_cutover(shift, at)
    return measures


def _measure(
    name: str, value: float | None, unit: str, samples: int, at: str, how: str, interval: t.Sequence[float] | None = None
) -> Measure:
    measure: Measure = {"name": name, "value": value if samples else None, "unit": unit, "samples": samples, "at": at, "how": how}
    if samples and interval is not None:
        measure["interval"] = list(interval)
    return measure


def _of_rehearsal(rehearsal: Mapping, at: str) -> t.Iterator[Measure]:
    rows = rehearsal.get("rows") or 0
    observed = (
        ("rehearsed_rows", "rows", "rows of the sample that was put into both layouts"),
        ("rehearsal_mismatches", "mismatches", "rows of the sample that are not the same in both layouts"),
        ("rehearsal_default_rows", "default_rows", "rows of the sample that no declared partition took"),
    )
    for name, key, how in observed:
        yield _measure(name, rehearsal.get(key), "rows", rows, at, how)
    yield _slower_reads(rehearsal.get("shadow_reads") or [], at)


def _slower_reads(reads: t.Sequence[Mapping], at: str) -> Measure:
    slower, rounds = sum(bool(read["slower"]) for read in reads), sum(read["rounds"] for read in reads)
    how = f"of {len(reads)} reads, timed in turns on both layouts, those whose median is slower on the new one by more than allowed"
    return _measure("shadow_reads_slower", slower, "count", rounds, at, how)


def _of_mirror(shift: Mapping, at: str) -> t.Iterator[Measure]:
    missing = shift.get("mirror_missing")
    stands = shift.get("state") not in (None, "absent", "expanded", "contracted") and missing is not None
    how = "triggers of the mirror that are gone or disabled"
    yield _measure("mirror_triggers_missing", len(missing or []), "count", int(stands), at, how)


def _of_foreground(shift: Mapping, at: str) -> t.Iterator[Measure]:
    felt = shift.get("foreground") or {}
    ended = _ended(shift, at)
    failed, succeeded = felt.get("failed") or 0, felt.get("samples") or 0
    how = "the application's transactions that failed while we watched"
    yield _measure("foreground_failed", failed, "count", failed + succeeded, ended, how)
    how = "the application's longest transaction while we watched, COMMIT included"
    yield _measure("foreground_longest_wait", felt.get("longest_ms"), "ms", succeeded, ended, how)


def _of_copy(shift: Mapping, comparison: Mapping, at: str) -> t.Iterator[Measure]:
    copied = shift.get("rows_copied") or 0
    ranges = shift.get("ranges_done") or 0
    yield _measure("rows_copied", copied, "rows", ranges, at, f"rows that the copy wrote, in {ranges} ranges; the mirror wrote the others")
    compared = comparison.get("rows_compared", 0) if comparison.get("finished") else 0
    how = "rows that differ between both layouts, by checksums of both in one snapshot a range"
    yield _measure("reconcile_mismatches", comparison.get("mismatches"), "rows", compared, at, how)
    yield _measure("default_rows", shift.get("default_rows"), "rows", compared, at, "rows that no declared partition took")


def _of_pace(shift: Mapping, at: str) -> t.Iterator[Measure]:
    felt = shift.get("foreground") or {}
    ended = _ended(shift, at, "copy")
    names = "foreground_p95_change", "foreground_p95_baseline"
    yield from _change(names, felt.get("copy"), ended, "stretches of copying", "interleaved stretches of rest, mirror on")
    names = "foreground_p95_change_since_before", "foreground_p95_before"
    yield from _change(names, felt.get("copy_since_before"), ended, "stretches of copying", "the time before the mirror")
    stretches = sum((slot["phase"], slot["kind"]) == ("copy", "copy") for slot in shift.get("timeline") or [])
    rate = felt.get("copy_rows_per_second")
    how = "rows the copy wrote over all its time, stretches of rest included; one sample a stretch"
    yield _measure("copy_rows_per_second", rate, "rows/s", stretches if rate is not None else 0, ended, how)


def _of_cutover(shift: Mapping, at: str) -> t.Iterator[Measure]:
    """Nothing counts while the new layout is not live: an earlier cutover was taken back."""
    live = shift.get("state") in AFTER_CUTOVER
    swap = _last_event(shift, "live") if live else None
    moment = _iso(swap["at"]) if swap else at
    how = "from the first lock of the swap to its commit"
    yield _measure("cutover_lock_ms", swap["detail"].get("locked_ms") if swap else None, "ms", int(swap is not None), moment, how)
    names = "cutover_foreground_p95_change", "cutover_foreground_p95_baseline"
    felt = (shift.get("foreground") or {}).get("cutover") if live else None
    yield from _change(names, felt, _ended(shift, at, "cutover"), "the swap and the time after it", "the time before it")
    reads = _last_event(shift, "shadow reads") if live else None
    yield _slower_reads(reads["detail"]["reads"] if reads else [], _iso(reads["at"]) if reads else at)


def _change(names: tuple[str, str], compared: Mapping | None, at: str, phase: str, baseline: str) -> t.Iterator[Measure]:
    """The change of p95 and the p95 it is a change of."""
    found = compared or {}
    samples = found.get("samples", 0)
    how = f"p95 of {phase} minus p95 of {baseline}, COMMIT included; 90 % interval, no narrower than the baseline's against itself"
    yield _measure(names[0], found.get("change_ms"), "ms", samples, at, how, found.get("interval_ms"))
    yield _measure(names[1], found.get("baseline_ms"), "ms", samples, at, f"p95 of {baseline}, COMMIT included")


def _last_event(shift: Mapping, what: str) -> Mapping | None:
    found: list[Mapping] = [event for event in shift.get("events") or [] if event["what"] == what]
    return found[-1] if found else None


def _ended(shift: Mapping, otherwise: str, phase: str | None = None) -> str:
    """When the last stretch (of a phase) that was watched ended."""
    ends = [slot["ended"] for slot in shift.get("timeline") or [] if phase in (None, slot["phase"])]
    return _iso(max(ends)) if ends else otherwise


def _iso(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"shift_measures": shift_measures}
