# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The values of a service level, taken out of text; every refusal names the service level and the key."""

from __future__ import annotations

import decimal
import re

from ..._common import shape, words
from ..._common.errors import Refusal
from ..._common.prometheus import promql

NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?\Z")
DECIMAL = re.compile(r"\d{1,3}(\.\d{1,10})?\Z", re.ASCII)
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
DAYS = re.compile(r"(\d{1,3})(d|w)\Z", re.ASCII)
FEWEST_DAYS, MOST_DAYS = 7, 90
MOST_GROUPS = 2

# Labels that have a value for each request, person, or process; an alert for each of theirs would be an alert for each of them.
UNBOUNDED = frozenset(
    [
        "client_ip",
        "container",
        "container_id",
        "customer",
        "customer_id",
        "email",
        "id",
        "instance",
        "ip",
        "path",
        "peer",
        "pid",
        "pod",
        "query",
        "remote_addr",
        "request_id",
        "session",
        "session_id",
        "span_id",
        "tenant_id",
        "trace_id",
        "uri",
        "url",
        "user",
        "user_agent",
        "user_id",
        "uuid",
    ]
)
OWN = frozenset(("slo_id", "service", "slo", "le", "severity", "__name__"))


def name(found: object, path: str) -> str:
    """A name as a DNS label has it: lower-case letters, digits and hyphens."""
    if not isinstance(found, str) or not NAME.match(found) or len(found) > 63:
        raise shape.wrong(path, "a name of lower-case letters, digits and hyphens, up to 63", words.described(found), "Rename it.")
    return found


def positive(found: object, path: str) -> decimal.Decimal:
    """A decimal above 0."""
    value = decimal.Decimal(found) if isinstance(found, str) and re.fullmatch(r"\d{1,12}(\.\d{1,10})?", found, re.ASCII) else None
    if not value:
        raise shape.wrong(path, "a decimal number above 0", words.described(found), "Correct it.")
    return value


def objective(found: object, path: str) -> decimal.Decimal:
    """Percent of events that shall be good. 100 would leave no budget: one bad event would alert for ever."""
    if not isinstance(found, str) or not DECIMAL.match(found):
        raise Refusal(
            path,
            expected="a decimal number such as 99.9",
            found=words.described(found),
            remedy="Write percent, without a sign.",
            code="slo_objective",
        )
    value = decimal.Decimal(found)
    if not 0 < value < 100:
        raise Refusal(
            path,
            expected="more than 0 and less than 100 percent",
            found=found,
            remedy="No service keeps 100: it leaves no error budget, and every alert would be about one event.",
            code="slo_objective",
        )
    return value.normalize()


def window_days(found: object, path: str) -> int:
    """The period, as ``30d`` or ``4w``, in days."""
    written = DAYS.match(found) if isinstance(found, str) else None
    value = int(written[1]) * (7 if written[2] == "w" else 1) if written else 0
    if not FEWEST_DAYS <= value <= MOST_DAYS:
        raise shape.wrong(path, f"a period from {FEWEST_DAYS}d to {MOST_DAYS}d, as 30d or 4w", words.described(found), "Correct it.")
    return value


def count(found: object, path: str) -> int:
    """A whole number, 1 or more."""
    if not isinstance(found, str) or not found.isascii() or not found.isdigit() or not 1 <= int(found) <= 10**9:
        raise shape.wrong(path, "a whole number, 1 or more", words.described(found), "Correct it.")
    return int(found)


def truth(found: object, path: str) -> bool:
    """``true`` or ``false``."""
    if found not in ("true", "false"):
        raise shape.wrong(path, "true or false", words.described(found), "Correct it.")
    return found == "true"


def selector(found: object, path: str) -> str:
    """The selector of a counter, such as ``http_requests_total{job="shop"}``, in one spelling."""
    text = shape.text(found, path)
    try:
        return promql.plain_selector(text).text
    except promql.NoPromql as why:
        raise Refusal(
            path,
            expected='the selector of a counter, such as http_requests_total{job="shop"}',
            found=str(why),
            remedy="Leave out functions and ranges: rules for every window are made of it.",
            code="slo_selector",
        ) from why


def group_by(found: object, path: str) -> tuple[str, ...]:
    """Labels, each combination of whose values is judged by itself: at most two, and none without bounds."""
    labels = tuple(str(label) for label in shape.sequence(found, path, empty=True))
    for label in labels:
        if not LABEL.match(label) or label in OWN:
            raise shape.wrong(path, f"names of labels, without {', '.join(sorted(OWN))}", repr(label), "Correct it.")
        if label in UNBOUNDED:
            raise Refusal(
                path,
                expected="labels with a few values",
                found=f"{label}, which has one for each request, person or process",
                remedy="Group by region, route or version, or leave it out.",
                code="slo_group_by",
            )
    if len(labels) > MOST_GROUPS or len(set(labels)) < len(labels):
        raise Refusal(
            path,
            expected=f"at most {MOST_GROUPS} labels, each once",
            found=", ".join(labels),
            remedy="Every combination of values is a service level with an alert of its own.",
            code="slo_group_by",
        )
    return labels
