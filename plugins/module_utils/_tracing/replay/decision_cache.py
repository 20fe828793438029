# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A decision cache: the latest trace ids of one decision, so that late spans are decided like their trace."""

from __future__ import annotations

import collections


class DecisionCache:
    """The ids used last, by the right half of the id alone, as in the collector.

    :param size: how many; with 0 nothing is ever remembered.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._ids: collections.OrderedDict[str, None] = collections.OrderedDict()

    def put(self, trace_id: str) -> bool:
        """Remember it; False for a cache of size 0."""
        if not self._size:
            return False
        key = trace_id[16:]
        self._ids[key] = None
        self._ids.move_to_end(key)
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)
        return True

    def has(self, trace_id: str) -> bool:
        """Whether it is remembered; then it is the one used last."""
        if not self._ids:
            return False
        key = trace_id[16:]
        if key not in self._ids:
            return False
        self._ids.move_to_end(key)
        return True
