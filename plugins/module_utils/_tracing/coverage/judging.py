# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether a trace holds together from where the user enters to the database, and where it breaks when it does not."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from .grouping import Seen
from .paths import UserPath

CLOCKS_APART = 60 * 10**9  # nanoseconds that a span may begin before its parent, for the clocks of hosts differ

NO_ROOT = "no root"
SEVERAL_ROOTS = "several roots"
PARENT_MISSING = "a parent is missing"
NO_SERVICE = "a span without service.name"
BAD_TIMES = "times that cannot be"
NO_DATABASE = "no database span"
UNLABELLED = "a database span without table or operation"
DATABASE = "database"


def lost(hop: tuple[str, str]) -> str:
    """The reason that a service was not reached."""
    return f"context lost between {hop[0]} and {hop[1]}"


@dataclasses.dataclass
class Result:
    """Of one path: how many traces entered it, how many of them are whole, and why the others are not (each counted by its first reason).

    ``hops``: how many traces came to the first of a pair, and how many of them to the second. The last pair may end in ``DATABASE``.
    """

    entered: int = 0
    whole: int = 0
    reasons: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    hops: dict[tuple[str, str], list[int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Results:
    """Of all traces. ``database_spans`` and those ``labelled`` with table and operation; ``orphans`` are traces that begin where no path enters."""

    paths: list[Result]
    database_spans: int = 0
    labelled: int = 0
    orphans: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)


def judge(traces: t.Iterable[list[Seen]], paths: t.Sequence[UserPath]) -> Results:
    """All traces; one that nobody entered by a path only counts for its database spans, and as an orphan where it begins."""
    results = Results([Result() for _path in paths])
    for trace in traces:
        entered = {index for span in trace for index in span.entries}
        for span in trace:
            results.database_spans += span.is_database
            results.labelled += span.is_labelled
            if not span.parent_id and not entered:
                results.orphans[span.service or "(no service.name)"] += 1
        for index in entered:
            _judge(trace, index, paths[index], results.paths[index])
    return results


def _judge(trace: t.Sequence[Seen], index: int, path: UserPath, result: Result) -> None:
    by_id = {span.span_id: span for span in trace}
    entry = next(span for span in trace if index in span.entries)
    result.entered += 1
    reached = _reached(trace, by_id, entry, path)
    databases = [span for span in trace if span.is_database and span.service == path.services[-1] and path.services[-1] in reached]
    hops = [*path.hops, *([(path.services[-1], DATABASE)] if path.database else [])]
    for hop in hops:
        come = result.hops.setdefault(hop, [0, 0])
        come[0] += hop[0] in reached
        come[1] += hop[0] in reached and (bool(databases) if hop[1] == DATABASE else hop[1] in reached)
    reason = _broken(trace, by_id, entry, path) or next((lost(hop) for hop in path.hops if hop[1] not in reached), None)
    if reason is None and path.database:
        reason = NO_DATABASE if not databases else None if all(span.is_labelled for span in databases) else UNLABELLED
    if reason is None:
        result.whole += 1
    else:
        result.reasons[reason] += 1


def _broken(trace: t.Sequence[Seen], by_id: t.Mapping[str, Seen], entry: Seen, path: UserPath) -> str | None:
    """The first thing wrong with the tree itself."""
    roots = missing = 0
    nameless = odd = False
    for span in trace:
        parent = by_id.get(span.parent_id) if span.parent_id else None
        if not span.parent_id or (span is entry and parent is None and path.external_parent):
            roots += 1
        elif parent is None or parent is span:
            missing += 1
        elif span.start < parent.start - CLOCKS_APART:
            odd = True
        nameless |= not span.service
        odd |= not 0 < span.start <= span.end
    if roots == 0:
        return NO_ROOT
    if roots > 1:
        return SEVERAL_ROOTS
    if missing or len(by_id) != len(trace):
        return PARENT_MISSING
    return NO_SERVICE if nameless else BAD_TIMES if odd else None


def _reached(trace: t.Sequence[Seen], by_id: t.Mapping[str, Seen], entry: Seen, path: UserPath) -> set[str]:
    """The services of the path that the context came to: each has a span below one of the service before it."""
    reached = {entry.service}
    for before, service in path.hops:
        if before not in reached or not any(_is_below(span, before, by_id) for span in trace if span.service == service):
            break
        reached.add(service)
    return reached


def _is_below(span: Seen, service: str, by_id: t.Mapping[str, Seen]) -> bool:
    passed = {span.span_id}  # a broken recording may have a circle
    above = by_id.get(span.parent_id)
    while above is not None and above.span_id not in passed:
        if above.service == service:
            return True
        passed.add(above.span_id)
        above = by_id.get(above.parent_id)
    return False
