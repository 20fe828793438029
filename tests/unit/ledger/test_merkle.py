# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Merkle tree against a tree built by the RFC's own recursion, and proofs that nobody can bend."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._ledger import merkle
from hypothesis import example, given
from hypothesis import strategies as st

# The leaves and root of the test data that Certificate Transparency's implementations share.
SHARED = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
SHARED_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"

LEAVES = [merkle.leaf_hash(b"%d" % number) for number in range(700)]


def recursive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return hashlib.sha256(b"\x01" + recursive(leaves[:middle]) + recursive(leaves[middle:])).digest()


def node(level: int, index: int) -> bytes:
    return recursive(LEAVES[index << level : (index + 1) << level])


ROOTS = {size: recursive(LEAVES[:size]) for size in range(len(LEAVES) + 1)}


def test_the_root_of_the_shared_leaves() -> None:
    edge: list[bytes] = []
    merkle.grow(edge, 0, [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in SHARED])
    assert merkle.root(edge).hex() == SHARED_ROOT


def test_growing_gives_the_root_of_every_size() -> None:
    edge: list[bytes] = []
    for size, leaf in enumerate(LEAVES):
        assert merkle.root(edge) == ROOTS[size]
        assert edge == merkle.edge_of(size, node)
        assert merkle.grow(edge, size, [leaf]) == size + 1


def test_all_proofs_of_small_trees() -> None:
    for size in range(1, 40):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, node)
            assert merkle.includes(LEAVES[index], index, size, proof, ROOTS[size])
        for old in range(size + 1):
            assert merkle.is_consistent(old, size, merkle.consistency_proof(old, size, node), ROOTS[old], ROOTS[size])


SIZES = st.integers(1, len(LEAVES))


@given(size=SIZES, data=st.data())
def test_an_inclusion_proof_holds_and_any_change_breaks_it(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, node)
    assert merkle.includes(LEAVES[index], index, size, proof, ROOTS[size])
    assert not merkle.includes(LEAVES[index], index, size, [*proof, bytes(32)], ROOTS[size])
    assert not merkle.includes(merkle.leaf_hash(b"other"), index, size, proof, ROOTS[size])
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index)) if size > 1 else index
    assert other == index or not merkle.includes(LEAVES[index], other, size, proof, ROOTS[size])
    if proof:
        assert not merkle.includes(LEAVES[index], index, size, proof[:-1], ROOTS[size])
        assert not merkle.includes(LEAVES[index], index, size, changed(proof, data), ROOTS[size])


@given(size=SIZES, data=st.data())
@example(size=2, data=None)
def test_a_consistency_proof_holds_and_any_change_breaks_it(size: int, data: st.DataObject | None) -> None:
    old = 1 if data is None else data.draw(st.integers(0, size))
    proof = merkle.consistency_proof(old, size, node)
    assert merkle.is_consistent(old, size, proof, ROOTS[old], ROOTS[size])
    assert not merkle.is_consistent(old, size, [*proof, bytes(32)], ROOTS[old], ROOTS[size])
    assert not merkle.is_consistent(old, size, proof, bytes(32), ROOTS[size])
    if old > 0:
        assert not merkle.is_consistent(old, size, proof, ROOTS[old], bytes(32))
    if proof and data is not None:
        assert not merkle.is_consistent(old, size, proof[:-1], ROOTS[old], ROOTS[size])
        assert not merkle.is_consistent(old, size, changed(proof, data), ROOTS[old], ROOTS[size])


def changed(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """The proof with one bit of one byte turned."""
    place = data.draw(st.integers(0, len(proof) - 1))
    byte = data.draw(st.integers(0, 31))
    step = bytearray(proof[place])
    step[byte] ^= 1 << data.draw(st.integers(0, 7))
    return [*proof[:place], bytes(step), *proof[place + 1 :]]


def test_what_is_out_of_range_has_no_proof() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(ValueError, match="has no leaf"):
            merkle.inclusion_proof(index, size, node)
        assert not merkle.includes(LEAVES[0], index, size, [], ROOTS[0])
    with pytest.raises(ValueError, match="no tree of 4 leaves begins one of 3"):
        merkle.consistency_proof(4, 3, node)
    assert not merkle.is_consistent(4, 3, [], ROOTS[4], ROOTS[3])
    assert not merkle.is_consistent(3, 4, [], ROOTS[3], ROOTS[4])
