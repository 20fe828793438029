# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Reading a validation's record, which may lack anything: what is not there is None, and never 0."""

from __future__ import annotations

import datetime
import re
import typing as t

from ..._common import words

Record = t.Mapping[str, t.Any]


def part(found: Record, key: str) -> Record:
    """The mapping under that key, empty where there is none."""
    inner = found.get(key)
    return inner if isinstance(inner, t.Mapping) else {}


def number(found: Record, *keys: str) -> float | None:
    """The number at the end of the keys. The ledger keeps integers beyond 2^53 as text."""
    for key in keys[:-1]:
        found = part(found, key)
    value = found.get(keys[-1])
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        value = int(value)
    return float(value) if words.is_number(value) else None


def moment(text: t.Any) -> datetime.datetime | None:
    """A time with its zone, as ISO 8601 spells it."""
    try:
        found = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def day(text: t.Any) -> datetime.date | None:
    """A date, as ISO 8601 spells it."""
    try:
        return datetime.date.fromisoformat(str(text))
    except ValueError:
        return None
