# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a sampler does, as measures: from its own metrics, and from traces recorded in front of it and behind it."""

from __future__ import annotations

import datetime
import time
import typing as t

from ..._common import files, intervals
from ..._common.errors import Refusal
from ..._common.web import Server
from .. import exemplars
from ..otlp import reading
from ..otlp.spans import ERROR, FIRST_SERVER_ERROR, LAST_SERVER_ERROR, RESPONSE_STATUS, Span
from ..replay import classes
from . import sizing, telemetry, verification
from .verification import Seen

Told: t.TypeAlias = "t.Mapping[str, t.Any]"
SERVER_ERRORS = range(FIRST_SERVER_ERROR, LAST_SERVER_ERROR + 1)
SHARES = ("error_keep_rate", "volume_cut", "span_cut", "exemplar_hit_rate")
SETTLING_SECONDS = 10.0  # behind decision_wait: a collector's tick, its exporters' batches, what the file exporter holds back
NANOSECONDS = 1e9
FROM_METRICS = ("volume_cut", "span_cut", "sampled_too_early", "policy_errors", "export_failures")


def measures(servers: t.Sequence[Server], told: Told, apart: frozenset[str]) -> list[dict[str, t.Any]]:
    """A measure of each kind that there is something to tell from: a page of metrics, or recorded traces; null when it could not be observed.

    :param apart: exporters whose spans do not come from the sampler.
    :raises Refusal: there is neither.
    """
    if not servers and not ((told["traces"] or told["exemplars"]) and told["kept"]):
        raise Refusal(
            "telemetry",
            expected="the pages of the collectors' own metrics, or kept traces with those in front of the sampler or a page of exemplars",
            found="neither",
            remedy="Name at least one.",
            code="nothing_to_measure",
        )
    found = [] if not servers else _from_metrics(servers, told, apart)
    if told["traces"] and told["kept"]:
        found.append(_error_keep_rate(servers, told))
    if told["exemplars"] and told["kept"]:
        found.append(_exemplar_hit_rate(told["exemplars"], told["kept"]))
    return found


def of_replays(times: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The same of what a replay foretold, where no collector can be asked; each says so. Errors count at every time, the volume at the first.

    :param times: ``Foretold.facts`` of the ordinary time, and of an incident where there is one.
    """
    traces, spans = (times[0]["volume"][unit] for unit in ("traces", "spans"))
    errors = [one for facts in times for one in facts["classes"] if one["class"] == classes.ERROR]
    found, kept = (sum(one[key] for one in errors) for key in ("traces", "kept"))
    how = "replayed through the configuration as it is; no collector was asked"
    lost = sum(facts["lost"]["too_early"]["traces"] for facts in times)
    return [
        _share("error_keep_rate", kept, found, f"foretold: {kept} of {found} recorded traces with an error, {how}"),
        _share(
            "volume_cut", traces["all"] - traces["kept"], traces["all"], f"foretold: 1 - kept of {traces['all']} recorded traces, {how}"
        ),
        _share("span_cut", spans["all"] - spans["kept"], spans["all"], f"foretold: 1 - kept of {spans['all']} recorded spans, {how}"),
        _measure("sampled_too_early", lost, found, f"foretold: recorded traces dropped before their decision, {how}"),
    ]


def _from_metrics(servers: t.Sequence[Server], told: Told, apart: frozenset[str]) -> list[dict[str, t.Any]]:
    wait = sizing.duration(told["decision_wait"])
    window = verification.window(wait or 0.0, told["verify"]["window"])
    try:
        first = telemetry.read(servers)
        time.sleep(window)
        seen = verification.observed(first, telemetry.read(servers), window, apart)
    except Refusal as why:
        return [_measure(name, None, 0, f"not measured: {why}") for name in FROM_METRICS]
    return _of(seen)


def _of(seen: Seen) -> list[dict[str, t.Any]]:
    how = f"the collectors' own metrics over {seen.seconds:.0f} s"
    decided, accepted = seen.decided, seen.accepted_spans
    sent = seen.sent_spans
    return [
        _share("volume_cut", seen.not_sampled, decided, f"1 - kept of {decided} decided traces, {how}"),
        _share("span_cut", accepted - sent if sent is not None else None, accepted, f"1 - spans sent of {accepted} received, {how}"),
        _measure("sampled_too_early", seen.dropped_too_early if decided else None, decided, f"traces dropped before their decision, {how}"),
        _measure("policy_errors", seen.policy_errors if decided else None, decided, f"evaluations that failed, {how}"),
        _measure("export_failures", seen.failed_spans if decided else None, decided, f"spans that could not be sent or queued, {how}"),
    ]


def _error_keep_rate(servers: t.Sequence[Server], told: Told) -> dict[str, t.Any]:
    """Share of the traces with an error in front of the sampler that stand behind it with an error, too: one that lost that span is not kept.

    Counted is what began after the collectors did, as before they may have sampled otherwise, and what ended so long ago that it is decided and written.
    """
    wait = (sizing.duration(told["decision_wait"]) or 0.0) + SETTLING_SECONDS
    until = (time.time() - wait) * NANOSECONDS
    try:
        since = _running_since(servers) * NANOSECONDS
        errors: set[str] = set()
        others: set[str] = set()
        for span in reading.read(told["traces"], growing=True):
            if is_error(span):
                (errors if span.start >= since and span.end <= until else others).add(span.trace_id)
        others -= errors
        kept = {span.trace_id for span in reading.read(told["kept"], growing=True) if span.trace_id in errors and is_error(span)}
    except Refusal as why:
        return _measure("error_keep_rate", None, 0, f"not measured: {why}")
    how = f"{len(kept)} of {len(errors)} traces with an error recorded in front of the sampler are behind it, error and all"
    left = (
        f"; {len(others)} are not counted, from before the collectors began, or of the last {wait:g} s and perhaps undecided"
        if others
        else ""
    )
    return _share("error_keep_rate", len(kept), len(errors), how + left)


def _running_since(servers: t.Sequence[Server]) -> float:
    """Epoch seconds at which the last of the collectors took on its configuration; 0 when none is named.

    :raises Refusal: one does not say.
    """
    if not servers:
        return 0.0
    now, uptime = time.time(), telemetry.read(servers).least("process_uptime")
    if uptime is None:
        raise Refusal(
            "telemetry", expected="otelcol_process_uptime of every collector", found="none", remedy="Use the metrics level normal."
        )
    return now - uptime


def _exemplar_hit_rate(pages: t.Sequence[str], behind: t.Sequence[str]) -> dict[str, t.Any]:
    """Share of the traces that exemplars point to that stand behind the sampler: a click on the others finds nothing."""
    try:
        pointed_to = {trace_id for page in pages for trace_id in exemplars.trace_ids(files.text(page))}
        hits = exemplars.hit_rate(pointed_to, {span.trace_id for span in reading.read(behind, growing=True) if span.trace_id in pointed_to})
    except Refusal as why:
        return _measure("exemplar_hit_rate", None, 0, f"not measured: {why}")
    how = f"{hits.kept} of {hits.pointed_to} traces that exemplars point to are behind the sampler"
    return _share("exemplar_hit_rate", hits.kept, hits.pointed_to, how)


def is_error(span: Span) -> bool:
    """Whether a span says that something went wrong: by its status, or by an HTTP 5xx that set none."""
    return span.status == ERROR or any(span.attributes.get(key) in SERVER_ERRORS for key in RESPONSE_STATUS)


def _share(name: str, some: float | None, of: int, how: str) -> dict[str, t.Any]:
    if some is None or not of:
        return _measure(name, None, of, f"not measured: {how}")
    within = min(max(some, 0), of)  # spans that wait in the sampler make a window's two ends uneven
    return {**_measure(name, None, of, how), **intervals.percentage(within, of)}


def _measure(name: str, value: float | None, samples: int, how: str) -> dict[str, t.Any]:
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"name": name, "value": value, "unit": "%" if name in SHARES else "1", "samples": samples, "at": at, "how": how}
