# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A collector's configuration in a file."""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

from ..._common import files
from ..._common.errors import Refusal
from . import journal
from .journal import Journal

MOST_BYTES = 8 << 20


class FileTarget:
    """A file, and beside it a hidden folder ``.<name>.governed`` with the journal and the former contents, each named by its digest.

    :param path: a link is followed: what it points to is replaced.
    """

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path).resolve()
        self._folder = self._path.with_name(f".{self._path.name}.governed")

    @property
    def place(self) -> str:
        return str(self._path)

    def read(self) -> bytes:
        """See ``Target``."""
        with self._refusing("a file that can be read"):
            content = self._path.read_bytes()
        if len(content) > MOST_BYTES:
            raise self._refused(f"a file of at most {MOST_BYTES >> 20} MiB", f"{len(content)} bytes")
        return content

    def replace(self, content: bytes, former: bytes) -> None:
        """See ``Target``. Owner and mode stay."""
        if self.read() != former:
            raise self._refused(
                "the content that was looked at", "another: somebody has changed it in the meantime", code="changed_meanwhile"
            )
        with self._refusing("a file that can be replaced"):
            files.put(self._path, content, self._path.stat())

    def journal(self) -> Journal | None:
        """See ``Target``."""
        try:
            content = (self._folder / "journal.json").read_bytes()
        except FileNotFoundError:
            return None
        return journal.loaded(content, str(self._folder / "journal.json"))

    def remember(self, told: Journal, contents: t.Sequence[bytes] = ()) -> None:
        """See ``Target``. Only the configuration's owner can look into the folder: secrets may stand in it."""
        with self._refusing("a folder that can be written beside the file"):
            as_file = self._path.stat()
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o700)
                if os.geteuid() == 0:
                    os.chown(self._folder, as_file.st_uid, as_file.st_gid)
            for content in contents:
                files.put(self._folder / journal.digest(content), content, as_file)
            files.put(self._folder / "journal.json", told.dumped(), as_file)

    def kept(self, wanted: str) -> bytes:
        """See ``Target``."""
        place = self._folder / wanted
        with self._refusing("the former content", place):
            return journal.checked(place.read_bytes(), wanted, str(place))

    def forget(self) -> None:
        """See ``Target``. The journal goes first: contents that nobody names mean nothing."""
        if not self._folder.is_dir():
            return
        with self._refusing("a folder that can be removed", self._folder):
            (self._folder / "journal.json").unlink(missing_ok=True)
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()

    @contextlib.contextmanager
    def _refusing(self, expected: str, place: pathlib.Path | None = None) -> t.Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refused(expected, error.strerror or str(error), place=place) from error

    def _refused(self, expected: str, found: str, *, place: pathlib.Path | None = None, code: str = "file_unusable") -> Refusal:
        return Refusal(str(place or self._path), expected=expected, found=found, remedy="Look at it, and run this again.", code=code)
