# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector's own metrics, however a version spells them, and what they have to say before a change stays."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import telemetry, verification
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.telemetry import SAMPLER, Reading
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.verification import Expected

EXPECTED = Expected("tail_sampling", ("errors", "baseline"), (0.08, 0.12), 0.02, 4.0, 100, 0.0)


def page(kept: int, dropped: int, *, suffix: str = "", prefix: str = "", **more: int) -> str:
    """A page of a collector that has kept and dropped so many traces."""
    lines = [
        "# TYPE otelcol_process_uptime counter",
        f'otelcol_processor_tail_sampling_global_count_traces_sampled{suffix}{{sampled="true",decision="sampled"}} {kept}',
        f'otelcol_processor_tail_sampling_global_count_traces_sampled{suffix}{{sampled="false",decision="not_sampled"}} {dropped}',
        f'otelcol_processor_tail_sampling_count_traces_sampled{suffix}{{policy="{prefix}errors",sampled="true"}} 1',
        f'otelcol_processor_tail_sampling_count_traces_sampled{suffix}{{policy="{prefix}baseline",sampled="true"}} 1',
        f'otelcol_exporter_sent_spans{suffix}{{exporter="file"}} {kept}',
        f'otelcol_receiver_accepted_spans{suffix}{{receiver="otlp"}} {kept + dropped}',
        *(f"otelcol_{name}{suffix} {value}" for name, value in more.items()),
    ]
    return "\n".join(lines)


def judged(monkeypatch: pytest.MonkeyPatch, pages: t.Sequence[str], expected: Expected = EXPECTED) -> verification.Seen:
    """What is made of these pages, one look after the other."""
    readings = iter([Reading([one]) for one in pages])
    monkeypatch.setattr(telemetry, "read", lambda _servers: next(readings))
    return verification.verified([], expected, None, sleep=lambda _seconds: None)


@pytest.mark.parametrize("suffix", ["", "_total", "_traces_total"])
def test_names_are_known_with_and_without_their_units(suffix: str) -> None:
    reading = Reading([page(10, 90, suffix=suffix), page(1, 9, suffix=suffix)])
    assert reading.total(f"{SAMPLER}global_count_traces_sampled", sampled="true") == 11
    assert reading.total(f"{SAMPLER}global_count_traces_sampled", sampled="false") == 99
    assert reading.values_of(f"{SAMPLER}count_traces_sampled", "policy") == {"errors", "baseline"}
    assert reading.total("receiver_refused_spans") is None


def test_a_marked_label_is_read_as_it_was_meant() -> None:
    reading = Reading(['otelcol_x{policy="a\\"b,c=\\\\",other="}"} 3'])
    assert reading.series("x") == [((("other", "}"), ("policy", 'a"b,c=\\')), 3.0)]


def test_spans_sent_are_those_that_come_from_the_sampler() -> None:
    more = 'otelcol_exporter_sent_spans{exporter="file/received"} '
    first, last = Reading([f"{page(5, 45)}\n{more}50"]), Reading([f"{page(105, 945)}\n{more}1050"])
    assert verification.observed(first, last, 1.0).sent_spans == 1000
    assert verification.observed(first, last, 1.0, frozenset({"file/received"})).sent_spans == 100


def test_what_agrees_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = judged(monkeypatch, [page(5, 45), page(105, 945)])
    assert (seen.sampled, seen.not_sampled, seen.sent_spans, seen.accepted_spans) == (100, 900, 100, 1000)
    assert seen.kept_share == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (page(100, 100), "kept_share_differs"),
        (page(10, 89), "no_data"),
        (page(0, 0), "no_data"),
        (page(100, 900, processor_tail_sampling_sampling_trace_dropped_too_early=1), "dropped_too_early"),
        (page(100, 900, processor_tail_sampling_sampling_policy_evaluation_error=1), "policy_errors"),
        (page(100, 900, exporter_send_failed_spans=1), "export_failures"),
        (page(100, 900, prefix="other."), "policy_not_running"),
    ],
)
def test_what_disagrees_is_refused(monkeypatch: pytest.MonkeyPatch, last: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        judged(monkeypatch, [page(0, 0), last])
    assert refused.value.code == code
    assert refused.value.details["seen"]["seconds"] >= 0


def test_a_counter_that_goes_back_is_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal) as refused:
        judged(monkeypatch, [page(50, 50), page(10, 90)])
    assert refused.value.code == "restarted"


def test_a_processor_with_a_name_has_it_in_front_of_its_policies() -> None:
    named = Expected("tail_sampling/shop", EXPECTED.policies, None, 0.0, 4.0, 1, 0.0)
    assert verification.missing_policies(Reading([page(1, 1, prefix="shop.")]), named) == []
    assert verification.missing_policies(Reading([page(1, 1, prefix="other.")]), named) == ["errors", "baseline"]


def test_the_window_is_never_shorter_than_two_waits() -> None:
    assert verification.window(15.0, None) == 32.0
    assert verification.window(15.0, 10.0) == 32.0
    assert verification.window(1.0, 60.0) == 60.0
