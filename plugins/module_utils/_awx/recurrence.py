# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Recurrence rules (RFC 5545) as AWX takes them: ``DTSTART;TZID=Europe/Berlin:20260105T060000 RRULE:FREQ=DAILY;INTERVAL=1``.

The rules beside RFC 5545 are those of ``validate_rrule`` in AWX 24.6.1, awx/api/serializers.py.
"""

from __future__ import annotations

import re
import zoneinfo

from .._common.recurrences import rrule as rules

START = re.compile(r"DTSTART(?:;TZID=(?P<zone>[^:\s]+))?:\d{8}T\d{6}(?P<utc>Z?)\Z")
MOST = 999  # what AWX takes as COUNT
YEARS = 9  # how far is looked for the first time; two 29ths of February are at most 8 years apart


def fault(text: str) -> str:
    """Why AWX would not take it, or why it would never run; empty when neither."""
    parts = text.split()
    started = [START.match(part) for part in parts if part.startswith("DTSTART")]
    recurring = [part.partition(":")[2] for part in parts if part.startswith("RRULE:")]
    if len(started) != 1 or len(recurring) != 1 or len(parts) != 2:
        return "not one DTSTART and one RRULE, with a space between them"
    return _start_fault(started[0]) or _rule_fault(recurring[0]) or _parse_fault(text, int(text[text.index(":") + 1 :][:4]))


def _start_fault(start: re.Match[str] | None) -> str:
    if start is None:
        return "a DTSTART that is not like 20260105T060000"
    if bool(start["zone"]) == bool(start["utc"]):
        return "a DTSTART with neither ;TZID= nor a Z at its end, or with both"
    try:
        if start["zone"]:
            zoneinfo.ZoneInfo(start["zone"])
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return f"the unknown time zone {start['zone']}"
    return ""


def _rule_fault(rule: str) -> str:
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    if "INTERVAL" not in parts:
        return "no INTERVAL"
    if parts.get("FREQ") == "SECONDLY":
        return "FREQ=SECONDLY, which AWX does not take"
    if re.search(r"\d", parts.get("BYDAY", "")):
        return "a BYDAY with a number, which AWX does not take"
    if "COUNT" in parts and "UNTIL" in parts:
        return "both COUNT and UNTIL"
    if parts.get("COUNT", "").isdigit() and int(parts["COUNT"]) > MOST:
        return f"a COUNT above {MOST}, which AWX does not take"
    return ""


def _parse_fault(text: str, year: int) -> str:
    ends = "COUNT=" in text or "UNTIL=" in text
    bounded = text if ends else f"{text};UNTIL={year + YEARS}0101T000000Z"
    try:
        first = next(iter(rules.rrulestr(bounded.replace(" ", "\n"))), None)
    except (ValueError, TypeError, AttributeError) as problem:
        return f"no rule of RFC 5545: {problem}"
    return "a rule that never comes true" if first is None else ""
