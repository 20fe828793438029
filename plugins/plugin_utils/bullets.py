# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A value beside its limit, as a small inline SVG."""

from __future__ import annotations

from .markup import Markup, joined, tag

WIDTH, HEIGHT, EDGE = 132.0, 18.0, 8.0

STYLE = """
.bullet { width: 132px; height: 18px; vertical-align: middle; }
.bullet .track { fill: var(--grid); }
.bullet .allowed { fill: var(--allowed); }
.bullet .limit { stroke: var(--ink); stroke-width: 2; }
.bullet .interval { stroke: var(--ink); stroke-width: 2; }
.bullet .value { fill: var(--ink); stroke: var(--paper); stroke-width: 1.5; }
@media print { .bullet { width: 96px; } }
"""


def bullet(value: float, bound: str, limit: float, interval: tuple[float, float] | None = None) -> Markup | None:
    """The value as a dot, its interval as a bar, what the goal allows shaded up to the limit; nothing where all of it is one point."""
    low, high = interval or (value, value)
    lowest, highest = min(low, limit, 0.0), max(high, limit, 0.0)
    if highest <= lowest:
        return None
    margin = (highest - lowest) * 0.12
    lowest, highest = (lowest if lowest == 0 else lowest - margin), highest + margin

    def x(found: float) -> float:
        return EDGE + (found - lowest) / (highest - lowest) * (WIDTH - 2 * EDGE)

    allowed = {
        "at_most": (0.0, x(limit)),
        "worse_by_at_most": (0.0, x(limit)),
        "at_least": (x(limit), WIDTH),
        "equals": (x(limit) - 1, x(limit) + 1),
    }.get(bound, (0.0, 0.0))
    start, end = allowed
    middle = HEIGHT / 2
    return tag(
        "svg",
        tag("rect", class_="track", x=0.0, y=middle - 3, width=WIDTH, height=6.0, rx=2),
        tag("rect", class_="allowed", x=start, y=middle - 3, width=end - start, height=6.0, rx=2),
        tag("line", class_="limit", x1=x(limit), x2=x(limit), y1=2.0, y2=HEIGHT - 2),
        joined([tag("line", class_="interval", x1=x(low), x2=x(high), y1=middle, y2=middle)] if interval else []),
        tag("circle", class_="value", cx=x(value), cy=middle, r=4.0),
        class_="bullet",
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        aria_hidden="true",
    )
