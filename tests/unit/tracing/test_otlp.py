# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading recorded traces: what is there, and every lie by its name, file and line."""

from __future__ import annotations

import base64
import gzip
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp import reading, size
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.support.replayed_spans import Raw, request, span

SIXTEEN = bytes(range(1, 17))


def written(path: Path, *requests: Raw | str) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in requests), encoding="utf-8")
    return path


def changed(**fields: t.Any) -> Raw:
    return request({**span(7, 1.0), **fields})


def test_a_span_is_read_with_its_resource(tmp_path: Path) -> None:
    one = span(7, 1.0, root=False, status=2, http__route="/docs", retries=3, share=0.5, cached=True)
    one.update(traceState="vendor=acme", flags=257, events=[{"timeUnixNano": "5", "name": "exception", "attributes": []}])
    (found,) = reading.read([written(tmp_path / "traces.jsonl", request(one, tenant="acme"))])
    assert (found.trace_id, found.parent_id, found.status, found.kind, found.flags) == (f"{7:032x}", f"{7:016x}", 2, 2, 257)
    assert found.end - found.start == 100_000_000
    assert found.attributes == {"http.route": "/docs", "retries": 3, "share": 0.5, "cached": True}
    assert found.resource == {"service.name": "shop", "tenant": "acme"}
    assert (found.name, found.trace_state, found.events) == ("GET /", "vendor=acme", [{"name": "exception", "time": 5, "attributes": {}}])


def test_the_first_of_two_values_counts_and_every_kind_is_decoded(tmp_path: Path) -> None:
    kinds = [
        {"key": "twice", "value": {"stringValue": "first"}},
        {"key": "twice", "value": {"stringValue": "second"}},
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"boolValue": False}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"doubleValue": "NaN"}}]}}},
        {"key": "bytes", "value": {"bytesValue": base64.b64encode(b"raw").decode()}},
        {"key": "empty", "value": {}},
    ]
    (found,) = reading.read([written(tmp_path / "traces.jsonl", changed(attributes=kinds))])
    attributes = dict(found.attributes)
    assert str(attributes.pop("map")) == "{'a': nan}"
    assert attributes == {"twice": "first", "list": [1, False], "bytes": b"raw", "empty": None}


def test_zeros_are_no_parent_and_capitals_are_hex(tmp_path: Path) -> None:
    (found,) = reading.read(
        [written(tmp_path / "traces.jsonl", changed(traceId="AB" * 16, parentSpanId="0" * 16, status={"code": "STATUS_CODE_ERROR"}))]
    )
    assert (found.trace_id, found.parent_id, found.status) == ("ab" * 16, "", 2)


def test_files_follow_each_other_compressed_or_not(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.jsonl", request(span(1, 1.0)), "", request(span(2, 1.0)))
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [int(found.trace_id, 16) for found in reading.read([plain, str(packed)])] == [1, 2, 1, 2]


def test_a_line_is_read_when_its_turn_comes(tmp_path: Path) -> None:
    found = reading.read([written(tmp_path / "traces.jsonl", request(span(1, 1.0)), "{broken")])
    assert int(next(found).trace_id, 16) == 1
    with pytest.raises(Refusal, match=r"traces.jsonl, line 2: .* cut off or damaged"):
        next(found)


@pytest.fixture(params=["orjson", "json"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lines are read with the quicker library, and without it."""
    if request.param == "json":
        monkeypatch.setattr(reading, "orjson", None)
    assert (reading.orjson is None) is (request.param == "json")
    return str(request.param)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ('"GET /"', '"\\ud800"', "\ud800"),
        ('"GET /"', '"twice","name":"once"', "once"),
        ('"attributes":', '"more":NaN,"attributes":', "GET /"),
    ],
    ids=["half a pair", "twice", "NaN"],
)
def test_a_line_reads_the_same_with_every_library(tmp_path: Path, before: str, after: str, name: str) -> None:
    line = json.dumps(request(span(7, 1.0)), separators=(",", ":")).replace(before, after, 1)
    (found,) = reading.read([written(tmp_path / "traces.jsonl", line)])
    assert (found.trace_id, found.name) == (f"{7:032x}", name)


@pytest.mark.usefixtures("library")
def test_bytes_that_are_no_text_are_refused_with_every_library(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(json.dumps(request(span(7, 1.0))).encode().replace(b"GET /", b"\xff"))
    with pytest.raises(Refusal, match="cut off or damaged"):
        list(reading.read([path]))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (changed(traceId=base64.b64encode(SIXTEEN).decode()), "identifier", "16 bytes in base64"),
        (changed(traceId=base64.b64encode(bytes(range(200, 224))).decode()), "identifier", "24 bytes in base64"),
        (changed(traceId="abc"), "identifier", "traceId of 16 bytes"),
        (changed(traceId="0" * 32), "identifier", "not all zero"),
        (changed(traceId=" " * 2 + "ab" * 15), "identifier", "traceId"),
        (changed(traceId=12), "otlp_shape", "another shape"),
        (changed(spanId=base64.b64encode(bytes(8)).decode()), "identifier", "spanId of 8 bytes"),
        (changed(parentSpanId="zz" * 8), "identifier", "parentSpanId of 8 bytes"),
        (json.dumps(changed())[:-10], "truncated_line", "cut off"),
        ("[" * 100_000, "truncated_line", "JSON"),
        ("\x00\x00\x01binary", "truncated_line", "format: json"),
        ({"resourceMetrics": []}, "not_traces", "resourceMetrics"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [{"trace_id": "ab" * 16}]}]}]}, "otlp_shape", "lowerCamelCase"),
        ({"resourceSpans": [5]}, "otlp_shape", "another shape"),
        (changed(startTimeUnixNano="yesterday"), "otlp_shape", "yesterday"),
        (changed(status={"code": "BROKEN"}), "otlp_shape", "BROKEN"),
        ({"resourceSpans": []}, "no_traces", "Nothing is foretold from nothing"),
    ],
)
def test_a_lie_is_refused_by_name(tmp_path: Path, line: Raw | str, code: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        list(reading.read([written(tmp_path / "traces.jsonl", line)]))
    assert refused.value.code == code
    assert said in str(refused.value)
    assert "traces.jsonl" in refused.value.thing


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "cut.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(request(span(1, 1.0))).encode())[:-12])
    for path, code in ((packed, "truncated_file"), (tmp_path / "missing.jsonl", "unreadable"), (tmp_path, "unreadable")):
        with pytest.raises(Refusal) as refused:
            list(reading.read([path]))
        assert (refused.value.code, refused.value.thing) == (code, str(path))


def test_sizes_are_those_of_the_collector(tmp_path: Path) -> None:
    """The numbers are what ``ptrace.ProtoMarshaler.ResourceSpansSize`` of pdata 1.67 says of these requests."""
    odd = [
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "-1"}, {"stringValue": "ü"}]}}},
        {"key": "", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"doubleValue": 0.5}}]}}},
        {"key": "bytes", "value": {"bytesValue": base64.b64encode(b"raw").decode()}},
        {"key": "none"},
    ]
    link = {"traceId": "ab" * 16, "spanId": "cd" * 8, "traceState": "a=b", "flags": 1, "droppedAttributesCount": 300}
    event = {"timeUnixNano": "5", "name": "exception", "attributes": odd}
    full = {
        **span(2, 1.0, root=False, status=2, text="x" * 200, big=2**62),
        "status": {"code": 2, "message": "no"},
        "traceState": "vendor=acme",
        "flags": 257,
        "events": [event, {}],
        "links": [link],
        "droppedAttributesCount": 1,
        "droppedEventsCount": 200,
        "droppedLinksCount": 3,
    }
    bare = {"traceId": "ab" * 16, "spanId": "cd" * 8}
    requests = [request(span(1, 1.0, http__route="/docs", retries=3)), changed(attributes=odd), request(full, tenant="acme"), request(bare)]
    found = [size.batch_size([one]) for one in reading.read([written(tmp_path / "traces.jsonl", *requests)])]
    assert found == [135, 178, 537, 70]


@pytest.mark.parametrize("key", ["k", "kö", "k" * 100])
@pytest.mark.parametrize("length", [0, 1, *range(14, 30), *range(110, 130), 20_000])
def test_an_attribute_is_as_large_as_protobuf_writes_it(tmp_path: Path, key: str, length: int) -> None:
    text = "x" * length
    bare, one = {"traceId": "ab" * 16, "spanId": "cd" * 8}, {"key": key, "value": {"stringValue": text}}
    without, with_it = reading.read([written(tmp_path / "traces.jsonl", request(bare), request({**bare, "attributes": [one]}))])
    attribute: t.Any = trace_pb2.Span(attributes=[common_pb2.KeyValue(key=key, value=common_pb2.AnyValue(string_value=text))])
    assert size.span_size(with_it) - size.span_size(without) == len(attribute.SerializeToString())
