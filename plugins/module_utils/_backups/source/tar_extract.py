# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What ``pg_basebackup -Ft`` wrote, taken apart while it arrives.

PostgreSQL writes plain ustar headers (src/port/tar.c): files, folders, and links for tablespaces. What else is in it, somebody else put there.
tarfile's own extraction either drops the folders' modes or follows links, and copies every byte several times.
"""

from __future__ import annotations

import dataclasses
import gzip
import os
import pathlib
import tarfile
import typing as t
import zlib

from ..findings import Stopped, stop
from .place import Reader
from .room import Owner, Room, write_all

PORTION = 256 * 1024
PERMISSIONS = 0o777  # nothing in a data directory is setuid
TABLESPACES = "pg_tblspc/"


@dataclasses.dataclass(frozen=True)
class Extracted:
    """What was written."""

    bytes: int
    files: int


def extract(reader: Reader, name: str, destination: pathlib.Path, *, owner: Owner = None) -> Extracted:
    """Write the files of a tar below ``destination``, with the modes that they have in it.

    :param reader: of the tar, or of its gzip when ``name`` ends with ``.gz``; its ``finish`` and ``close`` are the caller's.
    :param name: the tar's path below the place.
    :raises Stopped: CORRUPT_FILE, it is cut, or leads out of the folder; TARGET_REFUSED, it has tablespaces; DISK_FULL; what the reader raises.
    """
    source = _Source(reader, name)
    room = Room(destination, owner)
    with room.writing(destination):
        room.make_folder(destination)
    total = files = 0
    while (member := source.member()) is not None:
        path = member.name.removeprefix("./")
        if member.isdir():
            if path not in ("", "."):
                _make_folder(room, room.inside(path), member.mode & PERMISSIONS)
        elif member.isreg():
            _write(room, room.inside(path), member, source)
            total, files = total + member.size, files + 1
        elif member.issym() and path.startswith(TABLESPACES):
            found = f"{path} on {member.linkname}"
            raise stop("TARGET_REFUSED", name, expected="a cluster without tablespaces: they would lie outside of the target", found=found)
        else:
            raise stop("CORRUPT_FILE", name, expected="files and folders only", found=f"{member.name} of type {member.type!r}")
    source.finish()
    return Extracted(total, files)


def _make_folder(room: Room, folder: pathlib.Path, mode: int) -> None:
    with room.writing(folder):
        room.make_folder(folder)
        folder.chmod(mode)


def _write(room: Room, path: pathlib.Path, member: tarfile.TarInfo, source: _Source) -> None:
    with room.writing(path):
        room.make_folder(path.parent)
        # No link is ever made here, so O_NOFOLLOW only guards against one that was there before.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        for content in source.content(member):
            with room.writing(path):
                write_all(file, content)
        with room.writing(path):
            os.fchmod(file, member.mode & PERMISSIONS)
            room.own(file)
    finally:
        os.close(file)


class _Source:
    """The members of a tar, one after the other."""

    def __init__(self, reader: Reader, name: str) -> None:
        self._name = name
        self._reader = gzip.GzipFile(fileobj=t.cast("t.IO[bytes]", reader), mode="rb") if name.endswith(".gz") else reader

    def member(self) -> tarfile.TarInfo | None:
        """The next one; None behind the last."""
        header = b"".join(self._portions(tarfile.BLOCKSIZE))
        if header.count(0) == tarfile.BLOCKSIZE:
            return None
        try:
            return tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as problem:
            raise self._corrupt(f"a header that is none: {problem}") from problem

    def content(self, member: tarfile.TarInfo) -> t.Iterator[bytes]:
        """Its bytes, and behind them nothing of its padding is left."""
        yield from self._portions(member.size)
        for _padding in self._portions(-member.size % tarfile.BLOCKSIZE):
            continue

    def finish(self) -> None:
        """Read what is behind the last member: a gzip's checksum is at its very end."""
        while self._read(PORTION):
            continue

    def _portions(self, size: int) -> t.Iterator[bytes]:
        while size > 0:
            content = self._read(min(size, PORTION))
            if not content:
                raise self._corrupt("its end in the middle of a file")
            size -= len(content)
            yield content

    def _read(self, size: int) -> bytes:
        try:
            return self._reader.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
            raise self._corrupt(str(problem)) from problem

    def _corrupt(self, found: str) -> Stopped:
        return stop("CORRUPT_FILE", self._name, expected="a whole tar as pg_basebackup writes it", found=found)
