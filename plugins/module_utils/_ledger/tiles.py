# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The files of a log (C2SP tlog-tiles): where they are, what is in them, and how they follow from entries.

Pure: an *edge* is all that a growing log must remember, the last bundle and the last row of every level.
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import merkle
from .checkpoint import Malformed
from .store import Missing

WIDTH = 256
HASH_BYTES = 32
MOST_ENTRY_BYTES = 65535

Kind: t.TypeAlias = "t.Literal['entries'] | int"
Read = t.Callable[[str], bytes]


@dataclasses.dataclass(frozen=True)
class Edge:
    """The right end of a log of that size: its partial bundle, encoded, and the hashes of the partial tile of every level."""

    size: int = 0
    bundle: bytes = b""
    rows: tuple[tuple[bytes, ...], ...] = ()


def path(kind: Kind, index: int, width: int = WIDTH) -> str:
    """``tile/<L>/<N>[.p/<W>]`` for a level, ``tile/entries/<N>[.p/<W>]`` for entries."""
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{kind}/{number}" + (f".p/{width}" if width < WIDTH else "")


def encode_bundle(entries: t.Iterable[bytes]) -> bytes:
    """Each entry behind its length, a big-endian uint16.

    :raises ValueError: an entry is longer than 65535 bytes.
    """
    try:
        return b"".join([part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry)])
    except OverflowError as problem:
        raise ValueError(f"an entry has at most {MOST_ENTRY_BYTES} bytes") from problem


def decode_bundle(content: bytes, *, strict: bool = True) -> list[bytes]:
    """The entries.

    :raises Malformed: the content ends within one; without ``strict``, what there is of it is the last entry.
    """
    entries: list[bytes] = []
    place, end = 0, len(content)
    while place < end:
        begin = place + 2
        place = begin + int.from_bytes(content[place:begin], "big")
        if strict and (begin > end or place > end):
            raise Malformed(f"the bundle ends within entry {len(entries)} of it")
        entries.append(content[begin:place])
    return entries


def decode_hashes(content: bytes) -> list[bytes]:
    """The hashes of a tile.

    :raises Malformed: it is not made of 32 bytes each.
    """
    if len(content) % HASH_BYTES:
        raise Malformed(f"a tile is made of {HASH_BYTES} bytes a hash; found {len(content)} bytes")
    return [content[place : place + HASH_BYTES] for place in range(0, len(content), HASH_BYTES)]


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes that tile has in a tree of that size."""
    return max(0, min(WIDTH, (size >> (8 * level)) - index * WIDTH))


def read_hashes(read: Read, level: int, index: int, width: int) -> list[bytes]:
    """A tile's hashes, from the complete tile where the partial one has given way to it.

    :raises Missing: neither is there.
    :raises Malformed: there are fewer.
    """
    hashes = decode_hashes(_read_either(read, level, index, width))[:width]
    if len(hashes) < width:
        raise Malformed(f"{path(level, index, width)}: {len(hashes)} of {width} hashes")
    return hashes


def read_entries(read: Read, index: int, width: int, *, strict: bool = True) -> list[bytes]:
    """A bundle's entries, likewise; fewer than ``width`` when fewer are there.

    :raises Missing: the bundle is not there.
    :raises Malformed: it ends within an entry, and this is ``strict``.
    """
    return decode_bundle(_read_either(read, "entries", index, width), strict=strict)[:width]


def load_paths(size: int) -> list[str]:
    """The files that ``load`` reads."""
    kinds: list[tuple[Kind, int]] = [("entries", size), *((level, size >> (8 * level)) for level in range(_levels(size)))]
    return [path(kind, count // WIDTH, count % WIDTH) for kind, count in kinds if count % WIDTH]


def load(size: int, read: Read) -> Edge:
    """The edge of the log with that size.

    :raises Missing: a file is not there.
    :raises Malformed: a file is not as it must be.
    """
    rows = []
    for level in range(_levels(size)):
        index, width = divmod(size >> (8 * level), WIDTH)
        rows.append(tuple(read_hashes(read, level, index, width)) if width else ())
    index, width = divmod(size, WIDTH)
    return Edge(size, encode_bundle(read_entries(read, index, width)) if width else b"", tuple(rows))


def extend(edge: Edge, entries: t.Sequence[bytes]) -> tuple[Edge, dict[str, bytes]]:
    """The edge with the entries more, and every file that this makes, complete ones and the last partial ones."""
    files: dict[str, bytes] = {}
    size, bundle = edge.size, edge.bundle
    rows = [list(row) for row in edge.rows] or [[]]
    place = 0
    while place < len(entries):
        some = entries[place : place + WIDTH - size % WIDTH]
        place += len(some)
        size += len(some)
        bundle += encode_bundle(some)
        rows[0] += [merkle.leaf_hash(entry) for entry in some]
        if size % WIDTH == 0:
            files[path("entries", size // WIDTH - 1)] = bundle
            bundle = b""
            _close(rows, size, files)
    if bundle and entries:
        files[path("entries", size // WIDTH, size % WIDTH)] = bundle
    for level, row in enumerate(rows):
        if row and size >> (8 * level) != edge.size >> (8 * level):
            files[path(level, (size >> (8 * level)) // WIDTH, len(row))] = b"".join(row)
    return Edge(size, bundle, tuple(tuple(row) for row in rows)), files


def touched(old: int, new: int) -> list[str]:
    """The files that growing from one size to the other makes, as ``extend`` does."""
    found = []
    kinds: list[tuple[Kind, int]] = [("entries", 0), *((level, level) for level in range(_levels(new)))]
    for kind, level in kinds:
        begin, end = old >> (8 * level), new >> (8 * level)
        if begin < end:
            found += [path(kind, index) for index in range(begin // WIDTH, end // WIDTH)]
            found += [path(kind, end // WIDTH, end % WIDTH)] if end % WIDTH else []
    return found


def _close(rows: list[list[bytes]], size: int, files: dict[str, bytes]) -> None:
    """Write every row that has become a complete tile, and put its root into the row above."""
    level = 0
    while len(rows[level]) == WIDTH:
        files[path(level, (size >> (8 * (level + 1))) - 1)] = b"".join(rows[level])
        above = merkle.complete_root(rows[level])
        rows[level] = []
        level += 1
        if level == len(rows):
            rows.append([])
        rows[level].append(above)


def _levels(size: int) -> int:
    return max(1, -(-size.bit_length() // 8))


def _read_either(read: Read, kind: Kind, index: int, width: int) -> bytes:
    try:
        return read(path(kind, index, width))
    except Missing:
        if width == WIDTH:
            raise
        return read(path(kind, index))
