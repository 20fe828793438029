# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a checkpoint says (C2SP tlog-checkpoint): the log's origin, its size and its root. Standard library only."""

from __future__ import annotations

import base64
import binascii
import dataclasses


class Malformed(Exception):
    """Bytes that are not what their format says."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A tree as its log vouches for it; ``extensions`` are further lines, kept as they are."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The body of the signed note."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse(text: str) -> Checkpoint:
    """The checkpoint of a note's body.

    :raises Malformed: it is none.
    """
    if not text.endswith("\n"):
        raise Malformed("a checkpoint ends with a line break")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise Malformed("a checkpoint has an origin, a size and a root, and no empty line")
    origin, size, root, *extensions = lines
    if not (size.isascii() and size.isdigit()) or (size != "0" and size.startswith("0")) or int(size) >= 1 << 63:
        raise Malformed(f"a checkpoint's size is a decimal number; found {size[:40]!r}")
    return Checkpoint(origin, int(size), _hash(root), tuple(extensions))


def parse_note(note: bytes) -> Checkpoint:
    """The checkpoint in a signed note, its signatures not looked at.

    :raises Malformed: it is none.
    """
    body, found, _signatures = note.rpartition(b"\n\n")
    if not found:
        raise Malformed("a signed note has an empty line before its signatures")
    try:
        return parse(body.decode() + "\n")
    except UnicodeDecodeError as problem:
        raise Malformed("a signed note is UTF-8") from problem


def _hash(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise Malformed(f"a root hash is base64; found {text[:50]!r}") from problem
    if len(found) != 32 or base64.b64encode(found).decode() != text:
        raise Malformed(f"a root hash is 32 bytes in base64; found {text[:50]!r}")
    return found
