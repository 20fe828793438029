# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Ed25519 keys as Go's note package and C2SP signed-note write them, one line each."""

from __future__ import annotations

import base64
import binascii
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import secrets
import stat

from .._common.errors import Refusal
from .._common.frame import need
from .libraries import CRYPTOGRAPHY, ed25519, exceptions

ED25519 = 0x01
COSIGNATURE = 0x04  # Ed25519 over a checkpoint with a time: C2SP tlog-cosignature
ALGORITHMS = (ED25519, COSIGNATURE)
PRIVATE = "PRIVATE+KEY+"


@dataclasses.dataclass(frozen=True)
class VerifierKey:
    """A public key under a name; ``key_id`` are the 4 bytes that stand before its signatures."""

    name: str
    algorithm: int
    public: bytes
    key_id: bytes
    key: ed25519.Ed25519PublicKey = dataclasses.field(compare=False, repr=False)

    @property
    def label(self) -> str:
        """``<name>+<hash>``: which key, without the key."""
        return f"{self.name}+{self.key_id.hex()}"

    def text(self) -> str:
        """``<name>+<hash>+<base64>``."""
        return f"{self.label}+{base64.b64encode(bytes([self.algorithm]) + self.public).decode()}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the 64 bytes are this key's Ed25519 signature."""
        try:
            self.key.verify(signature, message)
        except exceptions.InvalidSignature:
            return False
        return True


@dataclasses.dataclass(frozen=True)
class SigningKey:
    """A private key under a name."""

    verifier: VerifierKey
    key: ed25519.Ed25519PrivateKey = dataclasses.field(compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.verifier.name

    def sign(self, message: bytes) -> bytes:
        """64 bytes, Ed25519."""
        return self.key.sign(message)

    def text(self) -> str:
        """``PRIVATE+KEY+<name>+<hash>+<base64>``."""
        seed = bytes([self.verifier.algorithm]) + self.key.private_bytes_raw()
        return f"{PRIVATE}{self.verifier.label}+{base64.b64encode(seed).decode()}"


def new(name: str, algorithm: int = ED25519) -> SigningKey:
    """A key that nobody else has.

    :raises Refusal: the name is none for a key, or there is no such library.
    """
    need(CRYPTOGRAPHY)
    return _signing(name, algorithm, secrets.token_bytes(32))


def generate(path: pathlib.Path, name: str, algorithm: int = ED25519) -> SigningKey:
    """A new key in a new file that only its owner can read; a file that is there is never touched.

    :raises Refusal: there is a file already, or it cannot be written.
    """
    key = new(name, algorithm)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key.text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    except OSError as problem:
        remedy = "Use the key that is there, or name another file." if isinstance(problem, FileExistsError) else "Name another file."
        found = problem.strerror or str(problem)
        raise Refusal(str(path), expected="a new file for a key", found=found, remedy=remedy, code="key_unwritable") from problem
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    return key


def is_there(path: pathlib.Path) -> bool:
    """Whether there is such a file, or we may not look: then reading it says so."""
    try:
        return path.exists()
    except OSError:
        return True


def ensured(path: pathlib.Path, name: str) -> SigningKey:
    """The key in that file; a new one by that name where there is no such file.

    :raises Refusal: as ``read`` and ``generate``.
    """
    if is_there(path):
        return read(path)
    try:
        return generate(path, name)
    except Refusal:
        if not is_there(path):  # else somebody made it at the same time: theirs it is
            raise
        return read(path)


def read(path: pathlib.Path) -> SigningKey:
    """The key in that file.

    :raises Refusal: there is none, others can read it, or it is no key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(4096)
    except OSError as problem:
        found = problem.strerror or str(problem)
        remedy = "Name the file of the ledger's signing key, or generate one."
        raise Refusal(str(path), expected="a signing key", found=found, remedy=remedy, code="key_unreadable") from problem
    if mode & 0o077:
        raise Refusal(
            str(path),
            expected="a signing key that only its owner can read",
            found=f"mode {stat.S_IMODE(mode):04o}",
            remedy=f"chmod 600 {path}, and think about who may have copied it.",
            code="key_exposed",
        )
    return parse_signing(content.decode(errors="replace").strip(), str(path))


def parse_signing(text: str, thing: str = "signing key") -> SigningKey:
    """The key that the line says.

    :raises Refusal: it says none.
    """
    need(CRYPTOGRAPHY)
    if text.startswith(PRIVATE):
        name, key_id, algorithm, seed = _parts(text[len(PRIVATE) :], thing, "a signing key")
        found = _signing(name, algorithm, seed)
        if found.verifier.key_id.hex() == key_id:
            return found
    raise _no_key(thing, "PRIVATE+KEY+<name>+<hash>+<base64>, Ed25519", "a private key is not shown" if text else "nothing")


def parse_verifier(text: str, thing: str = "verifier key") -> VerifierKey:
    """The key that the line says.

    :raises Refusal: it says none.
    """
    need(CRYPTOGRAPHY)
    if text.startswith(PRIVATE):
        raise _no_key(thing, "<name>+<hash>+<base64>, the public part", "a private key")
    name, key_id, algorithm, public = _parts(text, thing, "a verifier key")
    found = _verifier(name, algorithm, public)
    if found.key_id.hex() != key_id:
        raise _no_key(thing, f"the hash {found.key_id.hex()} of this name and key", key_id)
    return found


def _parts(text: str, thing: str, what: str) -> tuple[str, str, int, bytes]:
    parts = text.split("+", 2)
    try:
        content = base64.b64decode(parts[2], validate=True) if len(parts) == 3 else b""
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != 33 or content[0] not in ALGORITHMS or base64.b64encode(content).decode() != parts[2]:
        raise _no_key(thing, f"{what}: <name>+<hash>+<base64 of 33 bytes>, Ed25519", "something else")
    return parts[0], parts[1], content[0], content[1:]


def _signing(name: str, algorithm: int, seed: bytes) -> SigningKey:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return SigningKey(_verifier(name, algorithm, key.public_key().public_bytes_raw()), key)


def _verifier(name: str, algorithm: int, public: bytes) -> VerifierKey:
    if not name or "+" in name or not name.isprintable() or any(letter.isspace() for letter in name):
        raise _no_key("key name", "some text without spaces and plus signs, for instance example.com/ledger", repr(name))
    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(public)
    except ValueError as problem:
        raise _no_key(name, "an Ed25519 public key", str(problem)) from problem
    key_id = hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]
    return VerifierKey(name, algorithm, public, key_id, key)


def _no_key(thing: str, expected: str, found: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy="Copy the key again, the whole line.", code="key_malformed")
