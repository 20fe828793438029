# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The Merkle tree of RFC 6962, section 2.1, on SHA-256: roots, proofs and their verification.

Pure, and needs only the standard library: a managed host checks with it what it is offered. A node is named by (level, index): the
complete subtree over the leaves ``index << level`` to ``(index + 1) << level``. A *range* is the list of the complete subtrees that a tree
of some size consists of, largest first, one for every bit of the size: its right edge, and all that growing it needs.
"""

from __future__ import annotations

import hashlib
import typing as t

Node = t.Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(edge: list[bytes], size: int, leaves: t.Iterable[bytes]) -> int:
    """Append leaf hashes to the range of a tree of that size, in place; the new size."""
    sha256 = hashlib.sha256
    for leaf in leaves:
        carry = size
        while carry & 1:
            leaf = sha256(b"\x01" + edge.pop() + leaf).digest()
            carry >>= 1
        edge.append(leaf)
        size += 1
    return size


def root(edge: t.Sequence[bytes]) -> bytes:
    """The root hash of the tree that the range makes up."""
    if not edge:
        return EMPTY_ROOT
    found = edge[-1]
    for left in reversed(edge[:-1]):
        found = node_hash(left, found)
    return found


def complete_root(hashes: t.Sequence[bytes]) -> bytes:
    """The root of 2ⁿ hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[place], row[place + 1]) for place in range(0, len(row), 2)]
    return row[0]


def subtrees(begin: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees of the leaves from begin to end, left to right, as an RFC 6962 split of a tree gives them."""
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        while begin & ((1 << level) - 1):
            level -= 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def edge_of(size: int, node: Node) -> list[bytes]:
    """The range of a tree of that size."""
    return [node(level, index) for level, index in subtrees(0, size)]


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """From the leaf's sibling up to the root's child (RFC 6962, 2.1.1).

    :raises ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    proof: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            proof.append(_hash_of(middle, end, node))
            end = middle
        else:
            proof.append(_hash_of(begin, middle, node))
            begin = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """That a tree of the old size is the beginning of one of the new size (RFC 6962, 2.1.2); empty when either is trivial.

    :raises ValueError: the sizes are not in order.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no tree of {old} leaves begins one of {new}")
    if old in (0, new):
        return []
    proof: list[bytes] = []
    begin, end = 0, new
    is_whole = True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            proof.append(_hash_of(middle, end, node))
            end = middle
        else:
            proof.append(_hash_of(begin, middle, node))
            begin = middle
            is_whole = False
    return ([] if is_whole else [_hash_of(begin, end, node)]) + proof[::-1]


def includes(leaf: bytes, index: int, size: int, proof: t.Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof shows the leaf hash at that index of the tree with that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            found = node_hash(step, found)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, step)
        first, last = first >> 1, last >> 1
    return last == 0 and found == expected


def is_consistent(old: int, new: int, proof: t.Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the proof shows that the old tree is the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == new:
        return not proof and old_root == new_root
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            after = node_hash(after, step)
        first, last = first >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _split(count: int) -> int:
    """The largest power of two below the count."""
    return 1 << ((count - 1).bit_length() - 1)


def _hash_of(begin: int, end: int, node: Node) -> bytes:
    return root([node(level, index) for level, index in subtrees(begin, end)])
