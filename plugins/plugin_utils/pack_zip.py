# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The zip around a pack: written in the same bytes each time, read in memory, and refused when anything is odd."""

from __future__ import annotations

import io
import pathlib
import stat
import struct
import typing as t
import zipfile
import zlib

from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import pack

EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file: a zip's earliest
CENTRAL = struct.Struct("<4s4B4H3L5H2L")  # APPNOTE.TXT 4.3.12
END = struct.Struct("<4s4H2LH")  # APPNOTE.TXT 4.3.16
UNIX, VERSION = 3, 20
MODE = stat.S_IFREG | 0o644
PIECE = 1024 * 1024


def content(files: pack.Files) -> bytes:
    """The zip, ``pack.json`` first, then by name.

    :raises Refusal: the files are more than a reader takes.
    """
    if (
        len(files) > pack.MOST_FILES
        or sum(map(len, files.values())) > pack.MOST_BYTES
        or max(map(len, files.values())) > pack.MOST_FILE_BYTES
    ):
        found = f"{len(files):,} files of {sum(map(len, files.values())):,} bytes, the largest of {max(map(len, files.values())):,}"
        expected = f"at most {pack.MOST_FILES:,} files of {pack.MOST_BYTES:,} bytes, none above {pack.MOST_FILE_BYTES:,}"
        raise pack.refusal("pack", expected, found, "Keep each sprint in a ledger of its own, or let capabilities keep smaller timelines.")
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files, key=lambda name: (name != pack.MANIFEST, name)):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, UNIX, MODE << 16
            archive.writestr(entry, files[name])
    return held.getvalue()


def read(path: pathlib.Path) -> dict[str, bytes]:
    """The files in the zip, by name; nothing is put on disk.

    :raises Refusal: it is no zip, or holds anything that a pack does not: another name, a name twice, a link, a folder, more bytes than are
        allowed or than were declared, or bytes that belong to no file.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() or size > pack.MOST_BYTES:
            raise pack.refusal(
                str(path), f"a file of at most {pack.MOST_BYTES:,} bytes", f"{size:,} bytes" if path.is_file() else "no file"
            )
        held = path.read_bytes()
    except OSError as problem:
        found = problem.strerror or str(problem)
        raise Refusal(str(path), expected="an acceptance pack", found=found, remedy="Name the zip.", code="pack_unreadable") from problem
    try:
        with zipfile.ZipFile(io.BytesIO(held)) as archive:
            entries = archive.infolist()
            _require_plain(entries)
            _require_no_more(entries, held)
            return {entry.filename: _content(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, struct.error) as problem:
        raise pack.refusal(str(path), "a whole zip", f"a damaged one: {problem}") from problem


def _require_plain(entries: t.Sequence[zipfile.ZipInfo]) -> None:
    """Looks at the directory alone, before a byte is unpacked."""
    if len(entries) > pack.MOST_FILES:
        raise pack.refusal("zip", f"at most {pack.MOST_FILES:,} files", f"{len(entries):,}")
    names: set[str] = set()
    for entry in entries:
        shown = repr(entry.filename)[:120]
        if not pack.NAME.fullmatch(entry.filename) or entry.orig_filename != entry.filename:
            raise pack.refusal(f"zip: {shown}", "only files of a pack", "another name")
        if entry.filename in names:
            raise pack.refusal(f"zip: {shown}", "every file once", "the name a second time")
        names.add(entry.filename)
        if entry.external_attr != MODE << 16 or entry.create_system != UNIX:
            raise pack.refusal(f"zip: {shown}", "a plain file of mode 0644", f"mode {entry.external_attr >> 16:o}")
        if entry.compress_type != zipfile.ZIP_DEFLATED or entry.flag_bits or entry.extra or entry.comment:
            raise pack.refusal(f"zip: {shown}", "a file as a pack has it, deflated", "encryption, a comment, or further fields")
        if entry.file_size > pack.MOST_FILE_BYTES:
            raise pack.refusal(f"zip: {shown}", f"at most {pack.MOST_FILE_BYTES:,} bytes", f"{entry.file_size:,}")
    total = sum(entry.file_size for entry in entries)
    if total > pack.MOST_BYTES:
        raise pack.refusal("zip", f"at most {pack.MOST_BYTES:,} bytes in all files", f"{total:,}")
    if pack.MANIFEST not in names:
        raise pack.refusal("zip", f"a file {pack.MANIFEST}", "none")


def _require_no_more(entries: t.Sequence[zipfile.ZipInfo], held: bytes) -> None:
    """No byte that belongs to no file: nothing before, between or behind, no file that the directory does not name, none within another."""
    place = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        header = entry.FileHeader(zip64=False)
        if entry.header_offset != place or held[place : place + len(header)] != header:
            raise pack.refusal(f"zip: {entry.filename}", f"to begin at byte {place}, as the directory says", "something else")
        place += len(header) + entry.compress_size
    directory = b"".join(_central(entry) for entry in entries)
    end = END.pack(b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), place, 0)
    if held[place:] != directory + end:
        expected = f"{place + len(directory) + len(end):,} bytes for its {len(entries)} files, and a directory as a pack has it"
        raise pack.refusal("zip", expected, f"{len(held):,} bytes, and something else in it")


def _central(entry: zipfile.ZipInfo) -> bytes:
    """The file's part of the directory, as we write it."""
    day = (EPOCH[0] - 1980) << 9 | EPOCH[1] << 5 | EPOCH[2]
    sizes = (entry.CRC, entry.compress_size, entry.file_size, len(entry.filename))
    where = (0, 0, 0, 0, MODE << 16, entry.header_offset)
    return CENTRAL.pack(b"PK\1\2", VERSION, UNIX, VERSION, 0, 0, zipfile.ZIP_DEFLATED, 0, day, *sizes, *where) + entry.filename.encode()


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Unpacked piece by piece, never beyond what the directory declares.

    :raises Refusal: it holds less, or its checksum is another.
    """
    pieces: list[bytes] = []
    try:
        with archive.open(entry) as file:
            while piece := file.read(PIECE):
                pieces.append(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
        raise pack.refusal(f"zip: {entry.filename}", "a whole file", str(problem)) from problem
    found = b"".join(pieces)
    if len(found) != entry.file_size:
        raise pack.refusal(f"zip: {entry.filename}", f"{entry.file_size:,} bytes", f"{len(found):,}")
    return found
