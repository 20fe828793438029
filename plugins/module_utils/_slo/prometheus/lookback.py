# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How old a sample may be to stand for a point: whether the server keeps to what it is asked, and what it does otherwise.

Prometheus stands an old sample in for a missing one, by default for five minutes, so a dead target looks alive. Requests may shorten that by
``lookback_delta`` (https://github.com/prometheus/prometheus/pull/12088); servers that do not know it ignore it without a word.
"""

from __future__ import annotations

import json
import re

from ..._common.web import Answer, Unusable
from .queries import Query

FLAG = "query.lookback-delta"
DEFAULT = 300.0  # seconds
NONSENSE = "nonsense"
PART = re.compile(r"(\d+)(ms|[smhdwy])")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


def is_obeyed(answer: Answer) -> bool:
    """Whether the server reads ``lookback_delta``, from its answer to one that is nonsense."""
    return answer.status == 400 and b"lookback" in answer.body.lower()


def of_server(answer: Answer) -> float:
    """The server's own, in seconds, from its flags; Prometheus' default where it does not tell them."""
    try:
        text = json.loads(answer.body)["data"][FLAG]
        return sum(int(number) * UNITS[unit] for number, unit in PART.findall(text)) or DEFAULT
    except (ValueError, KeyError, TypeError, RecursionError):
        return DEFAULT


def refuse_longer(query: Query, own: float | None) -> None:
    """
    :param own: the server's own in seconds, None when it does as it is asked.
    :raises Unusable: the server looks back longer than the query allows, so that gaps could hide.
    """
    if own is not None and own > query.lookback:
        raise Unusable(
            f"a server that ignores lookback_delta and lets a sample stand for {own:g} s, where the query allows {query.lookback} s: gaps would hide. "
            f"Prometheus 2.44 knows it; or start the server with --{FLAG}={query.lookback}s, or allow it with lookback: {own:g}s",
            "lookback",
        )
