# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One object on its way: within the rate, counted, and at its end known to be what was wanted."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ..findings import Stopped, stop
from .digest_behind import DigestBehind
from .place import Item, Place, Reader
from .rate import Rate

LONG = 4 * 1024 * 1024  # from here on a thread for the digest is worth its start


@dataclasses.dataclass(frozen=True)
class Wanted:
    """An object to fetch, and what the manifest says of it; None where nobody says it. ``expected_sha256`` is hex."""

    item: Item
    expected_size: int | None = None
    expected_sha256: str | None = None


def stream(place: Place, wanted: Wanted, rate: Rate, on_bytes: t.Callable[[int], None]) -> CheckedReader:
    """Begin to read an object.

    :param on_bytes: told how many bytes came, in the thread that reads.
    :raises Stopped: what ``place.open`` raises; CORRUPT_FILE, it has not the size that the manifest says.
    """
    item = wanted.item
    if wanted.expected_size not in (None, item.size):
        raise corrupt(item, expected=f"{wanted.expected_size} bytes", found=f"{item.size} bytes")
    return CheckedReader(place.open(item), wanted, rate, on_bytes)


class CheckedReader:
    """The ``Reader`` of an object. What was read is to be believed only when ``finish`` has returned."""

    def __init__(self, reader: Reader, wanted: Wanted, rate: Rate, on_bytes: t.Callable[[int], None]) -> None:
        self._reader = reader
        self._wanted = wanted
        self._rate = rate
        self._on_bytes = on_bytes
        self._left = wanted.item.size
        self._digest = DigestBehind() if wanted.item.size >= LONG else hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """At most that many bytes; fewer when the rate says so, none at the end."""
        count = min(size, self._rate.portion, self._left)
        if count <= 0:
            return b""
        self._rate.take(count)
        content = self._reader.read(count)
        self._left -= len(content)
        self._digest.update(content)
        self._on_bytes(len(content))
        return content

    def finish(self) -> str:
        """Read what is left; the SHA-256 of all, in hex.

        :raises Stopped: CORRUPT_FILE, size or SHA-256 is another.
        """
        while self.read(self._rate.portion):
            continue
        item = self._wanted.item
        if self._left:
            raise corrupt(item, expected=f"{item.size} bytes", found=f"{item.size - self._left} bytes")
        if self._reader.read(1):
            raise corrupt(item, expected=f"{item.size} bytes", found="more")
        digest, expected = self._digest.hexdigest(), self._wanted.expected_sha256 or item.sha256
        if expected not in (None, digest):
            raise corrupt(item, expected=f"SHA-256 {expected}", found=digest)
        return digest

    def close(self) -> None:
        if isinstance(self._digest, DigestBehind):
            self._digest.close()
        self._reader.close()


def corrupt(item: Item, *, expected: str, found: str) -> Stopped:
    """To be raised: these are not the bytes that were kept."""
    about = item.path + (f", version {item.version}" if item.version else "")
    return stop("CORRUPT_FILE", about, expected=expected, found=found)
