# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How many of the requests that somebody else counted have a server span: span metrics by an independent counter."""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ..._common import shape, web
from ..._common.prometheus import answers
from ..._common.web import Server, Unusable

DOUBLE_COUNTED = 1.05  # above it, spans are counted twice, or requests are missing


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two expressions that each give one series: server spans, and requests as something else than the traces counts them."""

    name: str
    spans: str
    requests: str


def parse(found: object) -> list[Pair]:
    """
    :raises Refusal: it names the path of what is wrong.
    """
    pairs = []
    for index, entry in enumerate(shape.sequence(found, "volumes", empty=True)):
        path = f"volumes[{index}]"
        given = shape.mapping(entry, path, required=("name", "spans", "requests"))
        spans, requests = shape.text(given["spans"], f"{path}.spans"), shape.text(given["requests"], f"{path}.requests")
        pairs.append(Pair(shape.name(given["name"], f"{path}.name"), spans, requests))
    shape.unique([pair.name for pair in pairs], "volumes")
    return pairs


def measures(server: Server, pairs: t.Sequence[Pair], at: str) -> list[dict[str, t.Any]]:
    """``trace_volume_<name>`` from 0 to 1. Null when one of the two is not there or zero, or when more spans than requests show that something counts twice."""
    return [_measure(server, pair, at) for pair in pairs]


def _measure(server: Server, pair: Pair, at: str) -> dict[str, t.Any]:
    found = {"name": f"trace_volume_{pair.name}", "value": None, "unit": "1", "samples": 0, "at": at}
    try:
        spans, requests = _one(server, pair.spans), _one(server, pair.requests)
    except Unusable as problem:
        return {**found, "how": f"not measured: found {problem}"}
    ratio = spans / requests
    how = f"{spans:g} server spans by {requests:g} requests"
    if ratio > DOUBLE_COUNTED:
        return {
            **found,
            "samples": math.floor(requests),
            "how": f"not measured: {how} are more than {DOUBLE_COUNTED:g} for each; something counts twice",
        }
    return {**found, "value": min(1.0, ratio), "samples": math.floor(requests), "how": f"{how}, before sampling"}


def _one(server: Server, expression: str) -> float:
    found = answers.vector(web.ask(server, "/api/v1/query", {"query": expression}))
    if len(found) != 1:
        raise Unusable(f"{len(found)} series for {expression}: aggregate them in the query, as by sum()")
    if not 0 < found[0].value < math.inf:  # also false for NaN
        raise Unusable(f"{found[0].value:g} for {expression}, where both have to be above 0")
    return found[0].value
