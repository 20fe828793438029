# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Backups in a directory.

It keeps no versions: a file that was changed behind the cut is not seen any more, and one that changed between listing and reading is told.
"""

from __future__ import annotations

import contextlib
import filecmp
import io
import os
import pathlib
import secrets
import shutil
import typing as t

from ..findings import stop
from .place import Item, Listing, Lock, Reader
from .write_once import is_write_once

COPY_BYTES = 1024 * 1024


class DirectoryPlace:
    """The ``Place`` of a directory. Links are not followed, but for those right below it: ``wal`` may lie on another file system."""

    def __init__(self, directory: str) -> None:
        self.root = pathlib.Path(directory).absolute()

    def describe(self) -> dict[str, str]:
        return {"kind": "directory", "name": str(self.root)}

    def listing(self, prefix: str, until: float) -> Listing:
        with _explaining(str(self.root), missing="NOT_FOUND"):
            if not self.root.is_dir():
                raise stop("NOT_FOUND", str(self.root), expected="the directory of backups", found="no such directory")
            found = [item for item in self._walk(prefix.rpartition("/")[0]) if item.path.startswith(prefix) and item.written <= until]
        return Listing({item.path: item for item in sorted(found, key=_path)})

    def open(self, item: Item) -> Reader:
        with _explaining(item.path):
            file = (self.root / item.path).open("rb", buffering=0)
            now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime) == (item.size, item.written):
            return _File(file, item.path)
        file.close()
        # What is rewritten by design only came in our way: the test could not run, and the backup is none the worse for it.
        raise stop(
            "OBJECT_REPLACED" if is_write_once(item.path) else "SOURCE_UNREADABLE",
            item.path,
            expected=f"the {item.size} bytes that were listed, changed at {item.written:.6f}",
            found=f"{now.st_size} bytes, changed at {now.st_mtime:.6f}",
        )

    def lock(self, _item: Item, /) -> Lock | None:
        """None: a directory has no retention."""
        return None

    def put(self, path: str, content: bytes) -> None:
        self._keep(path, io.BytesIO(content))

    def put_file(self, path: str, file: str) -> None:
        with _explaining(file), pathlib.Path(file).open("rb") as source:
            self._keep(path, source)

    def _walk(self, folder: str) -> t.Iterator[Item]:
        """All files below a folder of the place; those that go meanwhile are not there."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.root / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}".lstrip("/")
                if entry.is_dir(follow_symlinks=not folder):
                    yield from self._walk(path)
                elif entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        yield Item(path, found.st_size, found.st_mtime)

    def _keep(self, path: str, source: t.IO[bytes]) -> None:
        """Under another name first: nobody sees half of it, and only a link refuses to take another's place."""
        target = self.root / path
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        with _explaining(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("xb") as file:
                    shutil.copyfileobj(source, file, COPY_BYTES)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(temporary, target)
            except FileExistsError as problem:
                if filecmp.cmp(temporary, target, shallow=False):
                    return
                raise stop("OBJECT_REPLACED", path, expected="nothing there yet", found="other bytes of that name") from problem
            finally:
                temporary.unlink(missing_ok=True)


class _File:
    """The ``Reader`` of a file."""

    def __init__(self, file: io.FileIO, path: str) -> None:
        self._file = file
        self._path = path

    def read(self, size: int, /) -> bytes:
        with _explaining(self._path):
            return self._file.read(size)

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def _explaining(about: str, missing: str = "FILE_MISSING") -> t.Iterator[None]:
    """Turns the system's errors into findings."""
    try:
        yield
    except OSError as problem:
        codes: dict[type[OSError], str] = {FileNotFoundError: missing, PermissionError: "ACCESS_DENIED"}
        found = problem.strerror or str(problem)
        raise stop(codes.get(type(problem), "SOURCE_UNREADABLE"), about, expected="to be read or written", found=found) from problem


def _path(item: Item) -> str:
    return item.path
