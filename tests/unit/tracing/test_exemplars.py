# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exemplars are read as the reference parser of OpenMetrics reads them."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.exemplars import hit_rate, trace_ids
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

HEX = "0123456789abcdef"
IDS = st.text(HEX, min_size=32, max_size=32)
TEXTS = st.text(max_size=12) | st.sampled_from(['"} # {trace_id="', "# EOF", 'a="b"', "\\", "\n# {"])


@given(st.dictionaries(TEXTS, IDS | st.none(), min_size=1, max_size=5))
def test_reads_what_the_reference_parser_reads(samples: dict[str, str | None]) -> None:
    registry = CollectorRegistry()
    counter = Counter("calls", "Calls", ["route"], registry=registry)
    for route, trace_id in samples.items():
        counter.labels(route).inc(exemplar={"trace_id": trace_id, "span_id": "1"} if trace_id else None)
    page = generate_latest(registry).decode()
    families = text_string_to_metric_families(page)
    expected = {sample.exemplar.labels["trace_id"] for family in families for sample in family.samples if sample.exemplar}
    assert trace_ids(page) == expected == {trace_id for trace_id in samples.values() if trace_id}


@pytest.mark.parametrize("label", ["trace_id", "traceID", "traceId"])
def test_the_label_may_have_any_of_its_usual_names(label: str) -> None:
    page = f'calls_total{{route="/"}} 1.0 1.5 # {{span_id="01",{label}="{"AB" * 16}"}} 0.25 1.25\n# EOF\n'
    assert trace_ids(page) == {"ab" * 16}


def test_what_is_no_exemplar_points_nowhere() -> None:
    short, other = f'# {{trace_id="{"ab" * 8}"}} 1', f'# {{parent_trace_id="{"ab" * 16}"}} 1'
    assert trace_ids(f'# HELP calls # {{trace_id="{"ab" * 16}"}} 1\ncalls_total 1 {short}\nrest_total 1 {other}\n# EOF') == set()


@pytest.mark.parametrize("page", ["", "calls_total 1\n", 'calls_total 1 # {trace_id="'])
def test_another_format_is_refused(page: str) -> None:
    with pytest.raises(Refusal) as refused:
        trace_ids(page)
    assert refused.value.code == "no_openmetrics"


def test_a_trace_counts_once() -> None:
    found = hit_rate(["a", "a", "b", "c", "d"], {"a", "b", "c", "unseen"})
    assert (found.kept, found.pointed_to, found.rate) == (3, 4, 0.75)
    assert found.interval[0] < 0.75 < found.interval[1]


def test_no_exemplar_is_no_rate() -> None:
    assert hit_rate([], {"a"}).rate is None
