# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The people who may sign, as data: who they are, what for, and by which SSH key."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import typing as t
import unicodedata

from .._common import shape, words

# What OpenSSH signs with and still thinks well of; certificates and DSA are not among them.
ALGORITHMS = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)


@dataclasses.dataclass(frozen=True)
class Person:
    """Someone who may sign. ``key`` is ``algorithm base64`` without a comment; with ``revoked`` its signatures count for nothing."""

    name: str
    roles: tuple[str, ...]
    key: str
    revoked: bool = False


def parse(found: object, path: str = "promotion_people") -> tuple[Person, ...]:
    """People from ``[{name, roles: [...], key: "ssh-ed25519 AAAA...", revoked: false}]``; the list may be empty.

    :raises Refusal: something is unknown or wrong, or one name or one key stands twice: that would let one person count as two.
    """
    people = [_person(entry, f"{path}[{index}]") for index, entry in enumerate(shape.sequence(found, path, empty=True))]
    for index, person in enumerate(people):
        for other in people[:index]:
            if same_name(person.name, other.name):
                raise shape.wrong(f"{path}[{index}].name", "every person once", f"{person.name!r} a second time", "Remove one of the two.")
            if person.key == other.key:
                remedy = "Give each person an own key. Who signs by two names is still one person."
                raise shape.wrong(f"{path}[{index}].key", "a key of one's own", f"the key of {other.name!r}", remedy)
    return tuple(people)


def same_name(one: str, other: str) -> bool:
    """Whether two spellings name the same person: case and Unicode's compatible forms make no other person."""
    return folded(one) == folded(other)


def folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def public_key(found: object, path: str) -> str:
    """An SSH public key as ``algorithm base64``, its comment cut off.

    :raises Refusal: it is none, or of a kind that nobody should sign with.
    """
    parts = shape.text(found, path).split(" ", 2)
    content = _decoded(parts[1]) if len(parts) > 1 else b""
    if parts[0] not in ALGORITHMS or _algorithm_inside(content) != parts[0]:
        remedy = "Copy the line of the .pub file. DSA keys and certificates cannot sign here."
        raise shape.wrong(path, f"an SSH public key of {', '.join(ALGORITHMS)}", words.described(found), remedy)
    return f"{parts[0]} {base64.b64encode(content).decode()}"


def _person(found: object, path: str) -> Person:
    entries = shape.mapping(found, path, required=("name", "key"), optional=("roles", "revoked"))
    name = shape.text(entries["name"], f"{path}.name")
    if not name.isprintable() or name != name.strip():
        raise shape.wrong(f"{path}.name", "a name in one line without spaces around it", repr(name), "Correct it.")
    roles = [
        shape.name(role, f"{path}.roles[{index}]")
        for index, role in enumerate(shape.sequence(entries.get("roles", []), f"{path}.roles", empty=True))
    ]
    shape.unique(roles, f"{path}.roles")
    revoked = entries.get("revoked", False)
    if not isinstance(revoked, bool):
        raise shape.wrong(f"{path}.revoked", "true or false", words.described(revoked), "Write it without quotes.")
    return Person(name, tuple(roles), public_key(entries["key"], f"{path}.key"), revoked)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _algorithm_inside(content: bytes) -> str | None:
    """The algorithm that a key's own bytes name: a length of 4 bytes, then the text (RFC 4253, 6.6)."""
    length = int.from_bytes(content[:4], "big")
    return content[4 : 4 + length].decode("ascii", "replace") if 4 + length < len(content) else None


def named(people: t.Iterable[Person], name: str) -> Person | None:
    """The person of exactly that name."""
    return next((person for person in people if person.name == name), None)
