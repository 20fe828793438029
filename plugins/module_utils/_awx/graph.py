# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Questions about a directed graph whose edges have a kind: pure, each linear in nodes and edges."""

from __future__ import annotations

import typing as t

Edges = t.Mapping[str, t.Sequence[tuple[str, str]]]  # node: (kind of edge, node it leads to)


def starts(edges: Edges) -> list[str]:
    """The nodes that no edge leads to."""
    led_to = {target for following in edges.values() for kind, target in following}
    return [node for node in edges if node not in led_to]


def cycle(edges: Edges) -> list[str]:
    """Nodes that lead back to the first of them, which stands at the end again; empty when there is no cycle."""
    finished: set[str] = set()
    for start in edges:
        path: list[str] = []
        waiting = [(start, False)]
        while waiting:
            node, leaving = waiting.pop()
            if leaving:
                path.pop()
                finished.add(node)
            elif node in path:
                return [*path[path.index(node) :], node]
            elif node not in finished:
                path.append(node)
                waiting.append((node, True))
                waiting.extend((target, False) for kind, target in edges[node])
    return []


def reachable(edges: Edges, sources: t.Iterable[str]) -> set[str]:
    """The sources and every node that a path leads to."""
    found: set[str] = set()
    waiting = list(sources)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(target for kind, target in edges[node])
    return found


def unguarded(edges: Edges, target: str, opens: t.Collection[str], closes: t.Collection[str]) -> list[str]:
    """A path from a start to ``target`` on which no node of ``opens`` was left by success since the last of ``closes``; empty when all pass one.

    In AWX a node with several edges in runs as soon as one of them leads to it, so one such path is one too many.
    """
    came_from: dict[tuple[str, bool], tuple[str, bool] | None] = {(start, False): None for start in starts(edges)}
    waiting = list(came_from)
    while waiting:
        node, is_open = here = waiting.pop(0)
        if node == target and not is_open:
            return _path(here, came_from)
        for kind, following in edges[node]:
            opened = (node in opens and kind == "success") or (is_open and node not in closes)
            if (following, opened) not in came_from:
                came_from[following, opened] = here
                waiting.append((following, opened))
    return []


def _path(last: tuple[str, bool], came_from: t.Mapping[tuple[str, bool], tuple[str, bool] | None]) -> list[str]:
    path = []
    here: tuple[str, bool] | None = last
    while here is not None:
        path.append(here[0])
        here = came_from[here]
    return path[::-1]
