# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether the runbook that an alert or a report names is there, with the anchor."""

from __future__ import annotations

import pathlib
import re

MARKED = re.compile(r"""<a\s+(?:id|name)=["']([^"']+)["']""")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> frozenset[str]:
    """The anchors of a page in Markdown: those that are marked, and those that GitHub and GitLab make of its headings."""
    plain = FENCED.sub("", text)
    return frozenset([*MARKED.findall(plain), *(_slug(heading) for heading in HEADING.findall(plain))])


def problem(directory: pathlib.Path, runbook: str) -> str | None:
    """What is wrong with ``page.md#anchor`` below the directory; None when it is there. An address of a server is not looked at."""
    if not runbook:
        return "no runbook is named"
    if "://" in runbook:
        return None
    page, _hash, anchor = runbook.partition("#")
    place = directory / page
    try:
        if not place.resolve().is_relative_to(directory.resolve()):
            return f"{page} lies outside of {directory}"
        text = place.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"no page {page} in {directory}: {error.strerror or error}"
    return f"{page} has no anchor {anchor}" if anchor and anchor not in anchors(text) else None


def _slug(heading: str) -> str:
    words = re.sub(r"<[^>]*>|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
