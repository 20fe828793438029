# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about graphs, against an enumeration of all paths."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._awx import graph
from hypothesis import given
from hypothesis import strategies as st

Edges = dict[str, list[tuple[str, str]]]
NAMES = "abcdef"


@st.composite
def graphs(draw: st.DrawFn, acyclic: bool = False) -> Edges:
    """Up to six nodes; in an acyclic one every edge leads to a later letter, but nodes stand in any order."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    pairs = [(one, other) for one in names for other in names if one < other or not acyclic]
    chosen = draw(st.lists(st.tuples(st.sampled_from(pairs), st.sampled_from(("success", "failure"))), max_size=10)) if pairs else []
    edges: Edges = {name: [] for name in draw(st.permutations(names))}
    for (one, other), kind in chosen:
        edges[one].append((kind, other))
    return edges


def walks(edges: Edges, longest: int) -> t.Iterator[list[tuple[str, str]]]:
    """Every way from a start, as (kind of the edge that led here, node), to every node it passes."""
    led_to = {target for following in edges.values() for kind, target in following}
    waiting = [[("", node)] for node in edges if node not in led_to]
    while waiting:
        way = waiting.pop()
        yield way
        if len(way) <= longest:
            waiting.extend([*way, step] for step in edges[way[-1][1]])


def guarded(way: list[tuple[str, str]], opens: set[str], closes: set[str]) -> bool:
    """Said the other way round: the last opening on the way comes after the last closing."""
    left = [(node, way[index + 1][0]) for index, (kind, node) in enumerate(way[:-1])]
    openings = [index for index, (node, kind) in enumerate(left) if node in opens and kind == "success"]
    closings = [index for index, (node, kind) in enumerate(left) if node in closes and not (node in opens and kind == "success")]
    return max(openings, default=-1) > max(closings, default=-1)


@given(graphs(acyclic=True), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_a_path_around_the_guards_is_found_exactly_when_there_is_one(edges: Edges, opens: set[str], closes: set[str]) -> None:
    ways = list(walks(edges, len(edges)))
    for target in edges:
        bad = [[node for kind, node in way] for way in ways if way[-1][1] == target and not guarded(way, opens, closes)]
        found = graph.unguarded(edges, target, opens, closes)
        assert (found in bad) if bad else found == []


@given(graphs())
def test_a_cycle_is_found_exactly_when_there_is_one(edges: Edges) -> None:
    def reach(source: str) -> set[str]:
        found: set[str] = set()
        for _round in edges:
            found |= {target for node in (source, *found) for kind, target in edges[node]}
        return found

    found = graph.cycle(edges)
    assert bool(found) == any(node in reach(node) for node in edges)
    if found:
        assert found[0] == found[-1]
        assert len(set(found)) == len(found) - 1
        assert all(later in [target for kind, target in edges[earlier]] for earlier, later in itertools.pairwise(found))


@given(graphs(acyclic=True))
def test_everything_is_reached_from_the_starts(edges: Edges) -> None:
    starts = graph.starts(edges)
    assert starts
    assert graph.reachable(edges, starts) == set(edges)
    for start in starts:
        assert graph.reachable(edges, [start]) == {way[-1][1] for way in walks(edges, len(edges)) if way[0][1] == start}


def test_a_long_chain_needs_no_recursion() -> None:
    count = 5000
    edges = {str(index): [("success", str(index + 1))] for index in range(count)} | {str(count): []}
    assert graph.cycle(edges) == []
    assert len(graph.reachable(edges, ["0"])) == count + 1
    assert len(graph.unguarded(edges, str(count), [], [])) == count + 1


def test_many_ways_to_the_same_node_are_not_all_gone() -> None:
    layers = 60
    edges: Edges = {f"{side}{layer}": [("success", f"{other}{layer + 1}") for other in "ab"] for side in "ab" for layer in range(layers)}
    edges |= {f"{side}{layers}": [] for side in "ab"}
    assert graph.cycle(edges) == []
    assert graph.unguarded(edges, f"b{layers}", ["a0", "b0"], []) == []
