# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The tree of a kept log, node by node from its tiles, each read once."""

from __future__ import annotations

from . import merkle, tiles


class Tree:
    """The tree of that size. Its tiles are not trusted: whoever uses a node compares the root that follows from it.

    Every method raises ``Missing`` when a tile is not there and ``Malformed`` when it is too short.
    """

    def __init__(self, read: tiles.Read, size: int) -> None:
        self.size = size
        self._read = read
        self._rows: dict[tuple[int, int], list[bytes]] = {}

    def row(self, level: int, index: int) -> list[bytes]:
        """The hashes of one tile."""
        if (level, index) not in self._rows:
            self._rows[level, index] = tiles.read_hashes(self._read, level, index, tiles.width_at(level, index, self.size))
        return self._rows[level, index]

    def node(self, level: int, index: int) -> bytes:
        """The root of the complete subtree over leaves ``index << level`` to ``(index + 1) << level``."""
        begin = index << (level % 8)
        row = self.row(level // 8, begin // tiles.WIDTH)
        return merkle.complete_root(row[begin % tiles.WIDTH :][: 1 << (level % 8)])

    def edge(self, size: int) -> list[bytes]:
        """The range of the first ``size`` leaves."""
        return merkle.edge_of(size, self.node)
