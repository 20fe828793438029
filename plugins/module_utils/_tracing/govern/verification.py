# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether the collector does what was foretold, by its own metrics over a window of its traffic."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..._common import intervals, words
from ..._common.errors import Refusal
from ..._common.web import Server
from . import telemetry
from .telemetry import SAMPLER, Reading

POLL_SECONDS = 0.5
WINDOWS_OF_WAIT = 2.0
TICK_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Expected:
    """What has to be seen.

    :param policies: names of the outermost policies.
    :param kept: interval of the share of traces that is kept, from the prediction; None when nothing was foretold.
    :param tolerance: how far the share may lie outside, as today's traffic is not the recorded one.
    :param window_seconds: how long to look; no shorter than twice the decision's wait.
    :param traces_at_least: with fewer decisions nothing is said.
    :param patience_seconds: how long the collector may take to answer after it was told to reload.
    :param apart: exporters whose spans do not come from the sampler.
    """

    processor: str
    policies: tuple[str, ...]
    kept: tuple[float, float] | None
    tolerance: float
    window_seconds: float
    traces_at_least: int
    patience_seconds: float
    apart: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Seen:
    """What was seen in the window: counts of traces and spans."""

    seconds: float
    sampled: int
    not_sampled: int
    dropped_too_early: int
    policy_errors: int
    failed_spans: int
    refused_spans: int
    accepted_spans: int
    sent_spans: int | None

    @property
    def decided(self) -> int:
        return self.sampled + self.not_sampled

    @property
    def kept_share(self) -> float:
        return self.sampled / self.decided if self.decided else float("nan")

    def as_dict(self) -> dict[str, t.Any]:
        return dict(dataclasses.asdict(self), decided=self.decided, kept_share=self.kept_share if self.decided else None)


def window(decision_wait_seconds: float, told: float | None) -> float:
    """How long to look, in seconds: what was told, but never less than two waits and two ticks, before which decisions are the former policies'."""
    least = WINDOWS_OF_WAIT * (decision_wait_seconds + TICK_SECONDS)
    return max(least, told or 0.0)


def verified(servers: t.Sequence[Server], expected: Expected, since: float | None, sleep: t.Callable[[float], None] = time.sleep) -> Seen:
    """Look twice, a window apart, and compare.

    :param since: ``time.monotonic()`` when the collector was told to reload; None when it was not.
    :raises Refusal: whatever is not as foretold, with both numbers.
    """
    first = _first(servers, expected, since, sleep)
    began = time.monotonic()
    sleep(expected.window_seconds)
    last = telemetry.read(servers)
    seen = observed(first, last, time.monotonic() - began, expected.apart)
    _judge(seen, last, expected)
    return seen


def observed(first: Reading, last: Reading, seconds: float, apart: frozenset[str] = frozenset()) -> Seen:
    """What was counted between two looks. Spans sent are those of the exporter that sent most, but for those ``apart``.

    :raises Refusal: a counter went back: a collector was restarted in between.
    """

    def counted(name: str, **labels: str) -> int:
        before, after = first.total(name, **labels) or 0.0, last.total(name, **labels) or 0.0
        if after < before:
            raise _disagreement(
                f"otelcol_{name}",
                "a counter that only grows",
                f"{before:g}, then {after:g}: a collector was restarted in between",
                {},
                "restarted",
            )
        return round(after - before)

    exporters = last.values_of("exporter_sent_spans", "exporter") - apart
    sent = [counted("exporter_sent_spans", exporter=name) for name in exporters]
    return Seen(
        seconds,
        counted(f"{SAMPLER}global_count_traces_sampled", sampled="true"),
        counted(f"{SAMPLER}global_count_traces_sampled", sampled="false"),
        counted(f"{SAMPLER}sampling_trace_dropped_too_early"),
        counted(f"{SAMPLER}sampling_policy_evaluation_error"),
        counted("exporter_send_failed_spans") + counted("exporter_enqueue_failed_spans"),
        counted("receiver_refused_spans"),
        counted("receiver_accepted_spans"),
        max(sent) if sent else None,
    )


def missing_policies(found: Reading, expected: Expected) -> list[str]:
    """Policies that the collector does not count. A processor with a name of its own has it in front of each policy's."""
    _kind, _slash, own = expected.processor.partition("/")
    known = set()
    for name in ("sampling_policy_execution_count", "count_traces_sampled"):
        known |= found.values_of(SAMPLER + name, "policy")
    return [name for name in expected.policies if name not in known and f"{own}.{name}" not in known]


def _first(servers: t.Sequence[Server], expected: Expected, since: float | None, sleep: t.Callable[[float], None]) -> Reading:
    """The first look at collectors that have taken on their configuration: those that have run no longer than since they were told."""
    deadline = time.monotonic() + expected.patience_seconds
    while True:
        try:
            found = telemetry.read(servers)
            uptime = found.most("process_uptime")
            if since is None or (uptime is not None and uptime <= time.monotonic() - since + TICK_SECONDS):
                return found
            why = _disagreement(
                servers[0].url,
                "a collector that has begun anew since it was told to reload",
                f"one that has run for {uptime:.0f} s" if uptime is not None else "no otelcol_process_uptime",
                {},
                "not_reloaded",
            )
        except Refusal as refusal:
            why = refusal
        if time.monotonic() > deadline:
            raise why
        sleep(POLL_SECONDS)


def _judge(seen: Seen, last: Reading, expected: Expected) -> None:
    """:raises Refusal: the first thing that is not as it has to be, those that explain others first."""
    told = {"seen": seen.as_dict()}
    missing = missing_policies(last, expected)
    if missing:
        raise _disagreement(
            "policies", "every policy in the collector's metrics", f"none of {', '.join(missing)}", told, "policy_not_running"
        )
    for name, count, remedy in (
        ("evaluation errors", seen.policy_errors, "policy_errors"),
        ("traces dropped before their decision", seen.dropped_too_early, "dropped_too_early"),
        ("spans that an exporter failed to send", seen.failed_spans, "export_failures"),
    ):
        if count:
            raise _disagreement(name, "0", words.number(count), told, remedy)
    if seen.decided < expected.traces_at_least:
        raise _disagreement(
            "decisions",
            f"at least {words.number(expected.traces_at_least)} in {seen.seconds:.0f} s, to say something about them",
            words.number(seen.decided),
            told,
            "no_data",
        )
    if expected.kept is not None:
        low, high = intervals.wilson(seen.sampled, seen.decided)
        if high < expected.kept[0] - expected.tolerance or low > expected.kept[1] + expected.tolerance:
            raise _disagreement(
                "share of traces kept",
                f"{expected.kept[0]:.4f} to {expected.kept[1]:.4f} as foretold, or no further than {expected.tolerance:g} from it",
                f"{seen.kept_share:.4f} ({low:.4f} to {high:.4f}, of {words.number(seen.decided)} traces)",
                told,
                "kept_share_differs",
            )


def _disagreement(thing: str, expected: str, found: str, details: t.Mapping[str, t.Any], code: str) -> Refusal:
    return Refusal(
        thing,
        expected=expected,
        found=found,
        remedy="The former configuration is back where there was one; look at the collector's log and at the recorded traces.",
        code=code,
        details=details,
    )
