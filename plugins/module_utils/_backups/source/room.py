# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Writing below the target: whether there is space, where a path may lead, whose it becomes, and what a full disk is called."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import typing as t

from ..findings import stop

FULL = (errno.ENOSPC, errno.EDQUOT)
SPARE = 1.2
FOLDER_MODE = 0o700  # PostgreSQL's own; it does not start in a more open one

Owner: t.TypeAlias = "tuple[int, int] | None"


def require_free(work: pathlib.Path, needed: int) -> None:
    """Nothing, when the disk has that many bytes free and a fifth more: asked before the first byte is fetched.

    :raises Stopped: DISK_FULL with both numbers.
    """
    existing = next(path for path in (work, *work.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed * SPARE:
        raise stop("DISK_FULL", str(work), expected=f"{int(needed * SPARE):,} bytes free", found=f"{free:,}")


class Room:
    """A folder that is filled. ``owner`` is (uid, gid) of all that is made in it; None leaves them ours."""

    def __init__(self, folder: pathlib.Path, owner: Owner, needed: int | None = None) -> None:
        self.folder = folder
        self._owner = owner
        self._needed = needed
        self._made: set[pathlib.Path] = set()

    def inside(self, path: str) -> pathlib.Path:
        """Where that path of a backup leads.

        :raises Stopped: CORRUPT_FILE, it would lead out of the folder, or to itself.
        """
        parts = path.split("/")
        if not path or "\0" in path or any(part in ("", ".", "..") for part in parts):
            raise stop("CORRUPT_FILE", path, expected="a path below the backup", found="one that leads elsewhere")
        return self.folder.joinpath(*parts)

    def make_folder(self, folder: pathlib.Path) -> None:
        """With all on the way to it."""
        if folder in self._made:
            return
        if folder != self.folder:
            self.make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(FOLDER_MODE, parents=folder == self.folder)
            self.own(folder)
        self._made.add(folder)

    def own(self, path: pathlib.Path | int) -> None:
        """Give it to the owner."""
        if self._owner is not None:
            os.chown(path, *self._owner)

    @contextlib.contextmanager
    def writing(self, about: pathlib.Path) -> t.Iterator[None]:
        """Turns the system's errors into findings: DISK_FULL, with what was needed and what is free, or TARGET_REFUSED."""
        try:
            yield
        except OSError as problem:
            if problem.errno in FULL:
                needed = "room for it" if self._needed is None else f"room for {self._needed} bytes"
                free = shutil.disk_usage(self.folder).free
                raise stop("DISK_FULL", str(self.folder), expected=needed, found=f"{free} bytes free") from problem
            raise stop("TARGET_REFUSED", str(about), expected="to be written", found=problem.strerror or str(problem)) from problem


def write_all(file: int, content: bytes) -> None:
    """To the open file: the system may take less at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
