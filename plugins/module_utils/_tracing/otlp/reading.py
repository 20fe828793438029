# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Recorded traces: OTLP/JSON, one export request a line, as the collector's file exporter writes them."""

from __future__ import annotations

import binascii
import contextlib
import gzip
import json
import os
import pathlib
import typing as t
import zlib

from ..._common.errors import Refusal
from .spans import STATUS_CODES, UNSET, ResourceSpans, Scope, Span, enumerated

if t.TYPE_CHECKING:
    orjson: t.Any  # an option, as it only saves time
else:
    try:
        import orjson
    except ImportError:
        orjson = None

LONGEST_LINE = 256 * 1024 * 1024
READ_AT_ONCE = 256 * 1024
GZIP_MAGIC = b"\x1f\x8b"
ZERO_SPAN_ID = "0" * 16
ZERO_TRACE_ID = "0" * 32


def read(paths: t.Iterable[str | os.PathLike[str]], *, growing: bool = False) -> t.Iterator[Span]:
    """The spans of files, in the order of the files and of their lines; one line is in memory at a time.

    :param paths: files of one ``ExportTraceServiceRequest`` a line; compressed ones (gzip) are recognised by their first bytes.
    :param growing: a collector still writes them: a last line without its end is not read, instead of refused.
    :raises Refusal: a file that cannot be read, a line that is cut off or holds something else, an identifier that is none,
        or not a single span in all of the files. The refusal names file and line.
    """
    count = 0
    files = [os.fspath(path) for path in paths]
    for path in files:
        for number, line in _lines(path):
            if growing and not line.endswith(b"\n"):
                break
            for spans in _spans(line, path, number):
                count += len(spans)
                yield from spans
    if not count:
        raise Refusal(
            ", ".join(files) or "the recorded traces",
            expected="at least one recorded span",
            found="none",
            remedy="Record traces before they are sampled, with the collector's file exporter. Nothing is foretold from nothing.",
            code="no_traces",
        )


def _lines(path: str) -> t.Iterator[tuple[int, bytes]]:
    """Numbered lines that are not empty."""
    try:
        with pathlib.Path(path).open("rb") as probe:
            compressed = probe.read(2) == GZIP_MAGIC
        with gzip.open(path, "rb") if compressed else pathlib.Path(path).open("rb", buffering=READ_AT_ONCE) as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise _refused(
                        path, number, f"lines of at most {LONGEST_LINE} bytes", "a longer one", "Have the exporter write smaller batches."
                    )
                if not line.isspace():
                    yield number, bytes(line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise Refusal(
            path,
            expected="a whole gzip file",
            found=f"a damaged or unfinished one ({problem})",
            remedy="Copy it again, or wait until its writer has closed it.",
            code="truncated_file",
        ) from problem
    except OSError as problem:
        raise Refusal(
            path,
            expected="a file that can be read",
            found=problem.strerror or str(problem),
            remedy="Correct the path or its rights.",
            code="unreadable",
        ) from problem


def _decoded(line: bytes) -> t.Any:
    """JSON. What the quicker library refuses, the standard one still reads (NaN, half of a surrogate pair) or says why not.

    Both give the same but for numbers of more than 64 bits, of which OTLP has none: the quicker one rounds them.

    :raises ValueError: it is none; :class:`RecursionError` for one that is too deep.
    """
    if orjson is not None:
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(line)
    return json.loads(line)


def _spans(line: bytes, path: str, number: int) -> t.Iterator[list[Span]]:
    """The spans of each instrumentation scope of a request."""
    try:
        request = _decoded(line)
    except (ValueError, RecursionError) as problem:
        if number == 1 and not line.lstrip().startswith(b"{"):
            found, remedy = "no JSON", "Write traces with `format: json` and without zstd compression."
        else:
            found, remedy = f"a line that is cut off or damaged ({problem})", "Remove the line, or copy the file again once it is closed."
        raise _refused(path, number, "one OTLP/JSON export request a line", found, remedy, "truncated_line") from problem
    if not isinstance(request, dict) or not isinstance(request.get("resourceSpans"), list):
        keys = ", ".join(sorted(request)) if isinstance(request, dict) else type(request).__name__
        raise _refused(path, number, "a line with resourceSpans", keys or "nothing", "Record traces, not logs or metrics.", "not_traces")
    try:
        for raw_resource_spans in request["resourceSpans"]:
            resource_spans = ResourceSpans(raw_resource_spans.get("resource") or {})
            for raw_scope_spans in raw_resource_spans.get("scopeSpans") or ():
                scope = Scope(resource_spans, raw_scope_spans.get("scope") or {})
                raws = raw_scope_spans.get("spans") or ()
                yield [
                    Span(
                        trace_id,
                        span_id,
                        parent_id,
                        int(raw.get("startTimeUnixNano") or 0),
                        int(raw.get("endTimeUnixNano") or 0),
                        _status(raw["status"]) if raw.get("status") else UNSET,
                        scope,
                        raw,
                    )
                    for raw, trace_id, span_id, parent_id in zip(raws, *_identifiers(raws, path, number), strict=True)
                ]
    except KeyError as problem:
        raise _refused(
            path, number, "spans with traceId and spanId", f"one without {problem}", "Write OTLP/JSON with lowerCamelCase keys."
        ) from problem
    except (AttributeError, TypeError) as problem:
        raise _refused(
            path, number, "spans as OTLP/JSON writes them", f"another shape ({problem})", "Record it with the file exporter."
        ) from problem
    except ValueError as problem:
        raise _refused(path, number, "numbers as OTLP/JSON writes them", str(problem), "Record it with the file exporter.") from problem


def _status(raw: t.Mapping[str, t.Any]) -> int:
    code = raw.get("code", UNSET)
    return code if code.__class__ is int else enumerated(code, STATUS_CODES)


def _identifiers(raws: t.Sequence[t.Mapping[str, t.Any]], path: str, number: int) -> tuple[list[str], list[str], list[str]]:
    """Trace, span and parent ids of some spans, in small letters; checked all at once, as one by one that is most of what reading costs."""
    traces, spans = [raw["traceId"] for raw in raws], [raw["spanId"] for raw in raws]
    parents = [raw.get("parentSpanId") or "" for raw in raws]
    joined = "".join(traces + spans + parents)
    lengths = {*map(len, traces)} <= {32} and {*map(len, spans)} <= {16} and {*map(len, parents)} <= {0, 16}
    if not lengths or not _is_hex(joined, len(joined) // 2) or ZERO_TRACE_ID in traces:
        raise next(refusal for raw in raws if (refusal := _wrong_identifier(path, number, raw)))
    if joined != joined.lower():
        traces, spans, parents = ([one.lower() for one in identifiers] for identifiers in (traces, spans, parents))
    if ZERO_SPAN_ID in parents:
        parents = ["" if parent == ZERO_SPAN_ID else parent for parent in parents]
    return traces, spans, parents


def _wrong_identifier(path: str, number: int, raw: t.Mapping[str, t.Any]) -> Refusal | None:
    for key, size in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
        found = raw.get(key) or ""
        if key == "parentSpanId" and not found:
            continue
        if not _is_hex(found, size) or (not found.strip("0") and key == "traceId"):
            return _refused(
                path,
                number,
                f"a {key} of {size} bytes, not all zero, as {2 * size} hex digits",
                f"{str(found)[:48]!r}{_as_base64(found)}",
                "OTLP/JSON writes identifiers in hex. A protobuf library's own JSON writes base64: convert them before.",
                "identifier",
            )
    return None


def _is_hex(found: object, size: int) -> bool:
    try:
        return isinstance(found, str) and len(found) == 2 * size and len(bytes.fromhex(found)) == size
    except ValueError:
        return False


def _as_base64(found: object) -> str:
    try:
        return f", which is {len(binascii.a2b_base64(str(found), strict_mode=True))} bytes in base64"
    except (binascii.Error, ValueError):
        return ""


def _refused(path: str, number: int, expected: str, found: str, remedy: str, code: str = "otlp_shape") -> Refusal:
    return Refusal(f"{path}, line {number}", expected=expected, found=found, remedy=remedy, code=code)
