# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A WAL archive as files: which segments it held at the cut, and one of them, whole and checked."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import pathlib
import struct
import typing as t
import zlib

from ..findings import Stopped, stop
from . import uploads, wal
from .place import Item, Listing, Place, Reader
from .rate import Rate
from .reading import Wanted, stream

CHUNK = 1024 * 1024
PACKED = ".gz"
FIRST_PAGE = struct.Struct("=HHIQ")  # XLogPageHeaderData: magic, info, timeline, address (src/include/access/xlog_internal.h)


@dataclasses.dataclass(frozen=True)
class Archive:
    """What the archive held: segments, history files by name, and the listing that both were in."""

    items: t.Mapping[wal.Segment, Item]
    histories: t.Mapping[str, Item]
    listing: Listing

    @property
    def last(self) -> int:
        """The highest segment number on any timeline; -1 when there is none."""
        return max((one.number for one in self.items), default=-1)


def look(place: Place, prefix: str, until: float, size: int = wal.SEGMENT_BYTES) -> Archive:
    """The archive below a prefix at the cut, as archive_command wrote it: one file a segment, perhaps with .gz behind its name."""
    listing = place.listing(prefix, until)
    items: dict[wal.Segment, Item] = {}
    histories: dict[str, Item] = {}
    for path, item in listing.items.items():
        name = path.rsplit("/", maxsplit=1)[-1]
        if segment := wal.parse(name, size):
            if segment not in items or not name.endswith(PACKED):  # where it lies there in both forms, the plain one
                items[segment] = item
        elif wal.HISTORY.match(name):
            histories[name.removesuffix(PACKED)] = item
        elif uploads.SEGMENT.match(name):
            raise stop("SOURCE_UNREADABLE", path, expected="segments as they are, or packed by gzip", found=f"{name.rpartition('.')[2]}")
    return Archive(items, histories, listing)


def history(place: Place, item: Item) -> bytes:
    """A history file.

    :raises Stopped: WAL_CORRUPT, it cannot be unpacked.
    """
    content = read(place, item)
    try:
        return gzip.decompress(content) if item.path.endswith(PACKED) else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise _packed_badly(item, problem) from problem


def read(place: Place, item: Item) -> bytes:
    """A small object, whole."""
    reader = place.open(item)
    try:
        return b"".join(iter(lambda: reader.read(CHUNK), b""))
    finally:
        reader.close()


class Files:
    """Segments from such an archive."""

    def __init__(self, place: Place, archive: Archive, rate: Rate, size: int) -> None:
        self._place = place
        self._archive = archive
        self._rate = rate
        self._size = size

    def segment(self, segment: wal.Segment, destination: pathlib.Path) -> int:
        """Write it there; the bytes that were fetched.

        :raises Stopped: WAL_CORRUPT, its length, checksum or first page is not a segment's of that name; DISK_FULL.
        """
        item = self._archive.items[segment]
        written = 0
        with contextlib.closing(stream(self._place, Wanted(item), self._rate, _nobody)) as reader:
            # GzipFile, as it compares the checksum at the end, and takes several members.
            source: Reader = gzip.GzipFile(fileobj=t.cast("t.IO[bytes]", reader)) if item.path.endswith(PACKED) else reader
            try:
                with destination.open("wb") as file:
                    while written <= self._size and (plain := source.read(CHUNK)):
                        if not written:
                            require_first_page(segment, plain, item.path, self._size)
                        written += file.write(plain)
                reader.finish()
            except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
                raise _packed_badly(item, problem) from problem
            except Stopped as stopped:
                raise _of_the_log(stopped) from stopped
            except OSError as problem:
                found = problem.strerror or str(problem)
                raise stop("DISK_FULL", str(destination), expected="room for a segment", found=found) from problem
        if written != self._size:
            raise stop("WAL_CORRUPT", item.path, expected=f"a segment of {self._size} bytes", found=f"{written} bytes")
        return item.size


def _packed_badly(item: Item, problem: Exception) -> Stopped:
    return stop("WAL_CORRUPT", item.path, expected="a whole gzip file", found=str(problem) or type(problem).__name__)


def _nobody(_count: int) -> None:
    """Progress of the log is told by what is replayed."""


def _of_the_log(stopped: Stopped) -> Stopped:
    found = stopped.finding
    return Stopped(dataclasses.replace(found, code="WAL_CORRUPT")) if found.code == "CORRUPT_FILE" else stopped


def require_first_page(segment: wal.Segment, content: bytes, path: str, size: int) -> None:
    """Nothing, when the first page says that it is this segment's.

    A segment may begin with an earlier timeline's page where the timeline was switched, so only the position is looked at.

    :raises Stopped: WAL_CORRUPT.
    """
    if len(content) < FIRST_PAGE.size:
        raise stop("WAL_CORRUPT", path, expected="a segment", found=f"{len(content)} bytes")
    address = FIRST_PAGE.unpack_from(content)[3]
    if address != segment.begins(size):
        raise stop(
            "WAL_CORRUPT", path, expected=f"a first page at {wal.written(segment.begins(size))}", found=f"one at {wal.written(address)}"
        )
