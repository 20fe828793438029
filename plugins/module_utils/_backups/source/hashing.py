# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Size and SHA-256 of the files of a backup."""

from __future__ import annotations

import hashlib
import pathlib
import time
import typing as t

from .place import Item, Place

CHUNK = 1 << 20
DAY = 86_400.0  # ahead of our clock: what was put a moment ago is there, whatever the store's clock says


def of_folder(folder: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    """By path below the folder."""
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()):
        with path.open("rb") as file:
            found[str(path.relative_to(folder))] = {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    return found


def listed(place: Place, prefix: str) -> t.Mapping[str, Item]:
    """What lies below the prefix now."""
    return place.listing(prefix, time.time() + DAY).items


def parts(place: Place, item: Item) -> t.Iterator[bytes]:
    """The bytes of that version.

    :raises Stopped: as the place's ``open``.
    """
    reader = place.open(item)
    try:
        while part := reader.read(CHUNK):
            yield part
    finally:
        reader.close()


def content(place: Place, item: Item) -> bytes:
    """All bytes of a small object."""
    return b"".join(parts(place, item))


def of_place(place: Place, items: t.Iterable[Item]) -> dict[str, dict[str, t.Any]]:
    """By path below the place, with the version; every byte is read.

    :raises Stopped: as the place's ``open``.
    """
    found = {}
    for item in items:
        digest = hashlib.sha256()
        for part in parts(place, item):
            digest.update(part)
        found[item.path] = {"size": item.size, "sha256": digest.hexdigest(), "version": item.version}
    return found
