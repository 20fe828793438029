# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector's configuration stays as its authors wrote it, but for what is ours."""

from __future__ import annotations

import hypothesis
import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.document import Document
from hypothesis import strategies as st

WRITTEN = b"""\
# Owned by the platform team.
receivers:
    otlp:
        protocols: {grpc: {endpoint: "${env:HOST}:4317"}}  # behind the gateway
processors:
    memory_limiter: {check_interval: 1s, limit_percentage: 80}
    batch:
exporters:
    otlp:
        endpoint: ${env:BACKEND}
        headers: {authorization: '${env:TOKEN}'}
service:
    pipelines:
        traces:
            receivers: [otlp]
            processors: [memory_limiter, batch]  # the order matters
            exporters:
                - otlp
"""
SETTINGS = {
    "decision_wait": "15s",
    "policies": [
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {"name": "baseline", "type": "probabilistic", "probabilistic": {"sampling_percentage": 5.5}},
    ],
}


def edited(content: bytes) -> bytes:
    document = Document(content, "config.yaml")
    document.set_processor("tail_sampling", SETTINGS)
    document.put_in_pipeline("traces", "tail_sampling")
    return document.dumped()


def test_every_line_of_others_stays() -> None:
    after = edited(WRITTEN)
    ours = "processors: [memory_limiter, tail_sampling, batch] # the order matters"
    kept = [line for line in WRITTEN.decode().splitlines() if "[memory_limiter, batch]" not in line]
    lines = iter(after.decode().splitlines())
    assert all(line in lines for line in kept)
    assert ours in after.decode()
    assert yaml.safe_load(after)["processors"]["tail_sampling"] == SETTINGS


def test_a_second_edit_changes_nothing_not_even_comments_within_ours() -> None:
    once = edited(WRITTEN)
    assert edited(once) == once
    noted = once.replace(b"decision_wait: 15s", b"decision_wait: 15s  # half of the usual")
    assert noted != once
    assert edited(noted) == noted


def test_unchanged_is_byte_for_byte_also_where_yaml_would_write_it_otherwise() -> None:
    odd = b'a:   {b:  "c" ,d: [1,  2]}\r\nservice : {pipelines: {}}\r\n'
    assert Document(odd, "odd").dumped() == odd


def test_line_ends_stay() -> None:
    after = edited(WRITTEN.replace(b"\n", b"\r\n"))
    assert after.count(b"\n") == after.count(b"\r\n") > 10


def test_removed_from_everywhere() -> None:
    document = Document(edited(WRITTEN), "config.yaml")
    document.remove_processor("tail_sampling")
    assert yaml.safe_load(document.dumped()) == yaml.safe_load(WRITTEN)


@pytest.mark.parametrize("content", [b"- a list\n", b"a: [\n", b"\xff\xfe", b"a: 1\na: 2\n"])
def test_what_is_no_configuration_is_refused(content: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        Document(content, "config.yaml")
    assert refused.value.code == "not_a_configuration"


@pytest.mark.parametrize("empty", [b"", b"processors:\n"])
def test_what_is_empty_is_filled(empty: bytes) -> None:
    after = edited(empty + b"service: {pipelines: {traces: {receivers: [otlp], processors: }}}\n")
    assert yaml.safe_load(after)["service"]["pipelines"]["traces"]["processors"] == ["tail_sampling"]


def test_a_pipeline_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match="only traces"):
        Document(WRITTEN, "config.yaml").put_in_pipeline("traces/shop", "tail_sampling")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab ${}:#'\"-\\/*&!%", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


@hypothesis.given(settings=st.dictionaries(st.text("abcd", min_size=1, max_size=4), VALUES, max_size=4))
@hypothesis.settings(max_examples=25, deadline=None, database=None)
def test_whatever_is_written_is_read_back(settings: dict[str, object]) -> None:
    document = Document(WRITTEN, "config.yaml")
    document.set_processor("tail_sampling", settings)
    again = Document(document.dumped(), "config.yaml")
    assert again.plain["processors"]["tail_sampling"] == settings
    assert {key: value for key, value in again.plain.items() if key != "processors"} == {
        key: value for key, value in Document(WRITTEN, "config.yaml").plain.items() if key != "processors"
    }
