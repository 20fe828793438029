# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Signed notes (C2SP signed-note) and what witnesses add to them (C2SP tlog-cosignature, cosignature/v1)."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import typing as t

from .checkpoint import Malformed
from .keys import COSIGNATURE, SigningKey, VerifierKey

MOST_BYTES = 1_000_000
DASH = "— "


class Untrusted(Exception):
    """No known key signed it, or a known key's signature is wrong."""


@dataclasses.dataclass(frozen=True)
class Signature:
    """One line under a note: whose it claims to be, and the bytes after the key's id."""

    name: str
    key_id: bytes
    content: bytes


@dataclasses.dataclass(frozen=True)
class Verified:
    """A note's text, and the keys whose good signatures it carries."""

    text: str
    signers: tuple[VerifierKey, ...]


def sign(text: str, key: SigningKey) -> bytes:
    """The text as a note with the key's signature. The text ends with a line break."""
    return f"{text}\n{_line(key.verifier, key.sign(text.encode()))}".encode()


def cosign(note: bytes, key: SigningKey, timestamp: int) -> bytes:
    """The note with a witness's signature more, made at that time in seconds since 1970. Whether the log is consistent was decided before.

    :raises Malformed: it is no note.
    """
    text, _signatures = split(note)
    signature = timestamp.to_bytes(8, "big") + key.sign(_cosigned(text, timestamp))
    return note + _line(key.verifier, signature).encode()


def split(note: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Text and signatures.

    :raises Malformed: it is no note.
    """
    if len(note) > MOST_BYTES:
        raise Malformed(f"a note has at most {MOST_BYTES} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError as problem:
        raise Malformed("a note is UTF-8") from problem
    if any(letter < " " and letter != "\n" for letter in whole):
        raise Malformed("a note has no control characters")
    text, found, lines = whole.rpartition("\n\n")
    if not found or not lines.endswith("\n"):
        raise Malformed("a note has an empty line before its signatures, and ends with a line break")
    return text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n"))


def verify(note: bytes, keys: t.Sequence[VerifierKey]) -> Verified:
    """The note's text, once at least one of the keys has signed it; signatures of other keys count for nothing.

    :raises Malformed: it is no note.
    :raises Untrusted: none of the keys has signed it, or one of theirs is wrong.
    """
    text, signatures = split(note)
    known = {(key.name, key.key_id): key for key in keys}
    signers: list[VerifierKey] = []
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None or key in signers:
            continue
        if not _is_good(signature.content, key, text):
            raise Untrusted(f"the signature of {key.label} is wrong")
        signers.append(key)
    if not signers:
        raise Untrusted("none of the known keys has signed it, but " + ", ".join(f"{one.name}+{one.key_id.hex()}" for one in signatures))
    return Verified(text, tuple(signers))


def _is_good(content: bytes, key: VerifierKey, text: str) -> bool:
    if key.algorithm == COSIGNATURE:
        timestamp = int.from_bytes(content[:8], "big")
        return len(content) == 72 and timestamp < 1 << 63 and key.verifies(content[8:], _cosigned(text, timestamp))
    return len(content) == 64 and key.verifies(content, text.encode())


def _cosigned(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _line(key: VerifierKey, signature: bytes) -> str:
    return f"{DASH}{key.name} {base64.b64encode(key.key_id + signature).decode()}\n"


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    is_canonical = base64.b64encode(content).decode() == encoded  # else the bits that nobody reads could be turned unnoticed
    if not line.startswith(DASH) or not space or not name or "+" in name or len(content) < 5 or not is_canonical:
        raise Malformed(f"a signature line is a dash, a name and base64; found {line[:60]!r}")
    return Signature(name, content[:4], content[4:])
