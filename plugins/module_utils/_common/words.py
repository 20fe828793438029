# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Numbers and moments as people read them."""

from __future__ import annotations

import datetime
import math
import typing as t

COUNTS = ("", "1", "count", "rows")


def is_number(found: object) -> t.TypeGuard[float]:
    """Whether ``found`` is a number that can be compared: no truth value, no text, not NaN, not infinite."""
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return False
    try:
        return math.isfinite(found)
    except OverflowError:  # an integer beyond every float: no measure of anything
        return False


def plain(value: float) -> float:
    """The number itself, without whatever Ansible attached to it."""
    return int(value) if isinstance(value, int) else float(value)


def number(value: float, unlike: float | None = None) -> str:
    """``336776`` as ``336,776``; a fraction with three digits that count, never as ``-0``.

    With all its digits where it would otherwise read the same as ``unlike`` without being it.
    """
    if unlike is not None and value != unlike and number(value) == number(unlike):
        return repr(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e15 or abs(value) < 0.0005:
        return f"{value:.3g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:,.0f}"


def quantity(value: float, unit: str, unlike: float | None = None) -> str:
    """A number and its unit: ``2.6 ms``; a unit of counts is left out, the measure's name says what is counted."""
    digits = number(value, unlike)
    return digits if unit in COUNTS else f"{digits} {unit}"


def lasting(seconds: float) -> str:
    """``90`` as ``90 s``, ``5400`` as ``90 min``, ``172800`` as ``2 d``: the largest unit of which there are two, or exactly one."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size or seconds == size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds)} s"


def iso(seconds: float) -> str:
    """Epoch seconds as ISO 8601 in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def described(found: object) -> str:
    """A value that should not be there, short enough for a message."""
    if found is None:
        return "nothing (null)"
    if isinstance(found, bool):
        return f"the truth value {str(found).lower()}"
    if isinstance(found, str):
        return f"the text {_shortened(repr(str(found)))}"
    if isinstance(found, float):
        return str(float(found))
    if isinstance(found, int):
        return "an integer too large to compare" if not is_number(found) else str(int(found))
    if isinstance(found, t.Mapping):
        return "a mapping"
    if isinstance(found, (list, tuple)):
        return f"a list of {len(found)}"
    return f"a value of type {type(found).__name__}"


def _shortened(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
