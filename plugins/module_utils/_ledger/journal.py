# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The directory store's redo journal: one write and one fdatasync make a commit, however many tiles it touches.

A file of zeros, long enough that writing into it changes no length, with records one behind the other, each on a page of its own. A record
says at which size of the log it begins, so that what is left of earlier rounds, and a record that was torn, is told from what counts:
reading ends at the first record that is damaged or does not begin where the one before ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import struct
import typing as t

from . import tiles
from .store import Commit

CAPACITY = 4 * 1024 * 1024
PAGE = 4096
_MAGIC = b"GDJ1"
_HEADER = struct.Struct(">4sQQ32s")  # magic, size of the log before, bytes of the body, SHA-256 of those two and the body
_NUMBERS = struct.Struct(">QQ")
_NOTE = struct.Struct(">I")


@dataclasses.dataclass(frozen=True)
class Record:
    """One commit, the size of the log before it, and where the next record begins."""

    start: int
    commit: Commit
    end: int


def create(path: pathlib.Path) -> None:
    """An empty journal on disk, whole or not at all."""
    beside = path.with_name(f".{path.name}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _write_all(descriptor, bytes(CAPACITY), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.rename(path)


def encode(start: int, commit: Commit) -> bytes:
    """The record, filled up to whole pages."""
    body = _NOTE.pack(len(commit.note)) + commit.note + tiles.encode_bundle(commit.entries)
    check = hashlib.sha256(_NUMBERS.pack(start, len(body)) + body).digest()
    record = _HEADER.pack(_MAGIC, start, len(body), check) + body
    return record + bytes(-len(record) % PAGE)


def scan(descriptor: int, offset: int, start: int | None) -> t.Iterator[Record]:
    """The records from that offset on; the first has to begin at that size of the log, if one is given."""
    while (record := record_at(descriptor, offset)) is not None and start in (None, record.start):
        yield record
        offset, start = record.end, record.start + len(record.commit.entries)


def first_start(descriptor: int) -> int | None:
    """At which size the first record begins; None when it is none. Only its header is read."""
    header = os.pread(descriptor, _HEADER.size, 0)
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        return None
    return int(_HEADER.unpack(header)[1])


def record_at(descriptor: int, offset: int) -> Record | None:
    """The record there, if a whole one is."""
    header = os.pread(descriptor, _HEADER.size, offset)
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        return None
    _magic, start, length, check = _HEADER.unpack(header)
    if offset + _HEADER.size + length > os.fstat(descriptor).st_size:
        return None
    body = os.pread(descriptor, length, offset + _HEADER.size)
    if hashlib.sha256(_NUMBERS.pack(start, length) + body).digest() != check:
        return None
    (note,) = _NOTE.unpack_from(body)
    entries = tiles.decode_bundle(body[_NOTE.size + note :])
    end = offset + _HEADER.size + length
    return Record(start, Commit(tuple(entries), body[_NOTE.size : _NOTE.size + note]), end + -end % PAGE)


def write(descriptor: int, offset: int, record: bytes) -> None:
    """Put the record there and on disk; after a failure it is void again.

    :raises OSError: it could not be written.
    """
    try:
        _write_all(descriptor, record, offset)
        os.fdatasync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            _write_all(descriptor, bytes(_HEADER.size), offset)
            os.fdatasync(descriptor)
        raise


def _write_all(descriptor: int, content: bytes, position: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, position)
        view, position = view[written:], position + written
