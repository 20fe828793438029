# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One line of a restore's progress."""

from __future__ import annotations

import typing as t

from . import dr_words
from .progress import duration

SHORTEST = 0.5  # seconds, before which a rate says nothing


def line(cluster: str, found: t.Mapping[str, t.Any]) -> str:
    """``  shop  fetch          41 %  1.2 GB of 2.9 GB  85 MB/s  20 s left``, as far as it is known.

    :param found: what ``_backups/restore/progress.py`` writes.
    """
    done, total = float(found["done"]), found.get("total")
    seconds = float(found["at"]) - float(found["since"])
    rate = done / seconds if seconds >= SHORTEST and done else None
    parts = [f"  {cluster}", f"{found['phase']:<20}"]
    if total:
        parts.append(f"{min(100, int(100 * done / total)):>3} %")
        parts.append(f"{dr_words.size(done)} of {dr_words.size(total)}")
    elif done:
        parts.append(dr_words.size(done))
    if rate:
        parts.append(dr_words.size(rate, "/s"))
        if total and total > done:
            parts.append(f"{duration((total - done) / rate)} left")
    elif not done:
        parts.append(duration(seconds))
    return "  ".join(parts).rstrip()
