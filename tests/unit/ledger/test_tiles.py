# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiles: paths as the standard has them, and the same files whichever way a log grew."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._ledger import merkle, tiles
from ansible_collections.governed.delivery.plugins.module_utils._ledger.checkpoint import Malformed
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import Missing
from ansible_collections.governed.delivery.plugins.module_utils._ledger.tiles import Edge
from ansible_collections.governed.delivery.plugins.module_utils._ledger.tree import Tree
from hypothesis import given, settings
from hypothesis import strategies as st

ENTRIES = [b"entry %d" % number for number in range(70_000)]
_WHOLE: dict[int, tuple[Edge, dict[str, bytes]]] = {}


def whole(size: int) -> tuple[Edge, dict[str, bytes]]:
    if size not in _WHOLE:
        _WHOLE[size] = tiles.extend(Edge(), ENTRIES[:size])
    return _WHOLE[size]


@pytest.mark.parametrize(
    ("kind", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (1, 999, 17, "tile/1/999.p/17"),
        ("entries", 1000, 1, "tile/entries/x001/000.p/1"),
        ("entries", 273, 112, "tile/entries/273.p/112"),
    ],
)
def test_paths(kind: tiles.Kind, index: int, width: int, path: str) -> None:
    assert tiles.path(kind, index, width) == path


def test_the_files_of_the_standards_example() -> None:
    _edge, files = whole(70_000)
    level_0 = [path for path in files if path.startswith("tile/0/")]
    assert len(level_0) == 274
    assert set(files) - set(level_0) - {path for path in files if path.startswith("tile/entries/")} == {
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    assert len(files["tile/0/273.p/112"]) == 112 * 32
    assert set(tiles.touched(0, 70_000)) == set(files)
    everything: list[bytes] = []
    merkle.grow(everything, 0, map(merkle.leaf_hash, ENTRIES))
    assert Tree(files.__getitem__, 70_000).edge(70_000) == everything


@settings(max_examples=60)
@given(st.lists(st.sampled_from([1, 2, 100, 255, 256, 257, 300, 512, 1000]), min_size=1, max_size=12))
def test_any_way_of_growing_makes_the_same_files(steps: list[int]) -> None:
    edge, kept = Edge(), dict[str, bytes]()
    for step in steps:
        before = edge.size
        edge, files = tiles.extend(edge, ENTRIES[before : before + step])
        assert sorted(files) == sorted(tiles.touched(before, edge.size))
        kept.update(files)
        assert tiles.load(edge.size, kept.__getitem__) == edge
        assert set(tiles.load_paths(edge.size)) <= set(kept)
    straight, files = whole(edge.size)
    assert edge == straight
    assert {path: kept[path] for path in files} == files


def test_a_complete_tile_stands_for_its_partial_ones() -> None:
    _edge, files = whole(512)

    def read(path: str) -> bytes:
        if path not in files:
            raise Missing(path)
        return files[path]

    assert tiles.read_entries(read, 1, 44) == ENTRIES[256:300]
    assert tiles.read_hashes(read, 0, 1, 44) == [merkle.leaf_hash(entry) for entry in ENTRIES[256:300]]
    with pytest.raises(Missing):
        tiles.read_entries(read, 2, 44)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_back(entries: list[bytes]) -> None:
    content = tiles.encode_bundle(entries)
    assert tiles.decode_bundle(content) == entries
    for cut in range(1, len(content)):
        try:
            assert tiles.decode_bundle(content[:-cut]) == entries[: len(tiles.decode_bundle(content[:-cut]))]
        except Malformed:
            continue


def test_an_entry_has_a_limit() -> None:
    assert tiles.decode_bundle(tiles.encode_bundle([bytes(65535)])) == [bytes(65535)]
    with pytest.raises(ValueError, match="at most 65535"):
        tiles.encode_bundle([bytes(65536)])


def test_tiles_that_are_too_short_are_refused() -> None:
    with pytest.raises(Malformed, match="32 bytes a hash"):
        tiles.decode_hashes(bytes(33))
    with pytest.raises(Malformed, match="1 of 2 hashes"):
        tiles.read_hashes(lambda _path: bytes(32), 0, 0, 2)
