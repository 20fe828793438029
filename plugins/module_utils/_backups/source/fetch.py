# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Files of a backup, brought below a folder by several threads, each known to be what the manifest says."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import threading
import typing as t

from .place import Place
from .rate import Rate
from .reading import Wanted, stream
from .room import Owner, Room, write_all

FILE_MODE = 0o600
UNFINISHED = ".part"


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What was fetched; ``digests`` are SHA-256 in hex by the item's path."""

    bytes: int
    files: int
    digests: t.Mapping[str, str]


def fetch(
    place: Place,
    items: t.Sequence[Wanted],
    destination: pathlib.Path,
    *,
    strip: str,
    rate: Rate,
    workers: int,
    on_bytes: t.Callable[[int], None],
    owner: Owner = None,
) -> Fetched:
    """Write the files below ``destination``, at their path without the prefix ``strip``. A file has its name only when it is whole and right.

    The first failure ends all; what is whole stays. Files get mode 0600 and folders 0700. Folders that were empty are in no listing.

    :param on_bytes: told how many bytes came; never by two threads at once.
    :raises Stopped: CORRUPT_FILE with path and version; FILE_MISSING; DISK_FULL; TARGET_REFUSED; what ``place.open`` raises.
    """
    items = sorted(items, key=_largest_first)  # or one worker is left with a large file at the end, and the others with nothing
    room = Room(destination, owner, needed=sum(wanted.item.size for wanted in items))
    paths = [room.inside(wanted.item.path.removeprefix(strip)) for wanted in items]
    with room.writing(destination):
        for folder in {destination, *(path.parent for path in paths)}:
            room.make_folder(folder)
    ending = threading.Event()
    telling = threading.Lock()

    def told(count: int) -> None:
        with telling:
            on_bytes(count)

    def one(wanted: Wanted, path: pathlib.Path) -> str | None:
        if ending.is_set():
            return None
        try:
            return _bring(place, wanted, path, room, rate, told, ending)
        except BaseException:
            ending.set()
            raise

    with concurrent.futures.ThreadPoolExecutor(workers, "fetch") as pool:
        try:
            digests = list(pool.map(one, items, paths))
        finally:  # also when a signal raised in this thread: who still reads is not waited for to the end
            ending.set()
    named = {wanted.item.path: digest for wanted, digest in zip(items, digests, strict=True) if digest is not None}
    return Fetched(sum(wanted.item.size for wanted in items), len(items), named)


def _bring(
    place: Place,
    wanted: Wanted,
    path: pathlib.Path,
    room: Room,
    rate: Rate,
    on_bytes: t.Callable[[int], None],
    ending: threading.Event,
) -> str | None:
    """One file, and its digest; None when the others failed meanwhile."""
    unfinished = path.with_name(path.name + UNFINISHED)
    with contextlib.closing(stream(place, wanted, rate, on_bytes)) as reader:
        try:
            with room.writing(path):
                file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
            try:
                room.own(file)
                while content := reader.read(rate.portion):
                    if ending.is_set():
                        return None
                    with room.writing(path):
                        write_all(file, content)
            finally:
                os.close(file)
            digest = reader.finish()
            with room.writing(path):
                unfinished.rename(path)
            return digest
        finally:
            unfinished.unlink(missing_ok=True)


def _largest_first(wanted: Wanted) -> tuple[int, str]:
    return -wanted.item.size, wanted.item.path
