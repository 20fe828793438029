# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A ledger in a directory of this machine: C2SP tlog-tiles that any file server can publish, and a journal.

The journal's record is the commit. Tiles and ``checkpoint`` are written after it without waiting for the disk, and the journal begins anew
only once they are on it. So what the files lack, after a kill or a power cut, follows from the journal; a reader works it out in memory,
the next writer writes it. One object serves one thread.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import os
import pathlib
import shutil
import typing as t

from .._common.errors import Refusal
from . import journal, tiles
from .checkpoint import Malformed
from .store import Commit, Head, HeadMoved, Missing, head_of

SYNC_THREADS = 8  # the file system puts what they wait for into one write


@dataclasses.dataclass
class _View:
    """What the last look found: the edge, the last note, where the journal begins and goes on, and what may not be in the files yet."""

    edge: tiles.Edge
    note: bytes | None
    base: int  # size of the log when the journal began: up to there, the files are on disk
    first: int | None  # what the journal's first record says, to see that it began anew
    offset: int
    unwritten: dict[str, bytes] = dataclasses.field(default_factory=dict)


class DirectoryStore:
    """The ledger in that directory; the first commit makes it.

    :param files_first: read the files as others see them, and from the journal only what they lack. For verification, not for appending: after
        a power cut, files that were not waited for may be torn until the next commit writes them again.
    """

    def __init__(self, directory: str | os.PathLike[str], *, files_first: bool = False) -> None:
        self.directory = pathlib.Path(directory)
        self.files_first = files_first
        self._view: _View | None = None

    def head(self) -> Head | None:
        """The last commit's.

        :raises Refusal: the directory cannot be read, or its files do not fit together.
        """
        with self._failures("read"):
            try:
                with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
                    view = self._look(descriptor)
            except FileNotFoundError:  # a published copy has no lock and no journal
                self._view = None
                note = self._published()
            else:
                note = self._seen(view.note)
        return None if note is None else self._head(note)

    def commit(self, after: Head | None, commit: Commit) -> Head:
        """Append, if the head is still ``after``; when this returns, it survives a power cut.

        :raises HeadMoved: somebody was faster.
        :raises Refusal: the directory or disk does not take it; nothing was appended.
        """
        head = head_of(commit.note)
        with self._failures("written to"):
            self._prepare()
            with self._locked(os.O_RDWR, fcntl.LOCK_EX) as descriptor:
                view = self._look(descriptor)
                if view.note != (None if after is None else after.note):
                    raise HeadMoved
                if head.size != view.edge.size + len(commit.entries):
                    raise ValueError(f"a checkpoint of {head.size} entries for {len(commit.entries)} after {view.edge.size}")
                record = journal.encode(view.edge.size, commit)
                if view.offset and view.offset + len(record) > journal.CAPACITY:
                    self._settle(view)
                journal.write(descriptor, view.offset, record)
                view.first = view.edge.size if view.offset == 0 else view.first
                _absorb(view, [journal.Record(view.edge.size, commit, view.offset + len(record))])
                with contextlib.suppress(OSError):  # it is committed; whoever comes next tries again
                    self._write_out(view)
        return head

    def read(self, path: str) -> bytes:
        """A file as of the last head: from the journal what it knows, the rest from the directory.

        :raises Missing: there is none.
        """
        kept = None if self._view is None else self._view.unwritten.get(path)
        if kept is None or self.files_first:
            try:
                return self._file(path)
            except Missing:
                if kept is None:
                    raise
        return kept

    def attach(self, content: bytes) -> str:
        """Keep the content under its SHA-256.

        :raises Refusal: the directory or disk does not take it.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.directory / _attachment(digest)
        with self._failures("written to"):
            self._prepare()
            with self._locked(os.O_RDWR, fcntl.LOCK_EX):
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._put(path, content)
                    for place in (path, *path.parents[:3]):
                        _sync(place)
        return digest

    def attachment(self, digest: str) -> bytes:
        """What was attached.

        :raises Missing: there is none.
        :raises Refusal: it is not what it was.
        """
        content = self._file(_attachment(digest))
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise Refusal(
                str(self.directory / _attachment(digest)),
                expected=f"content with the SHA-256 {digest}",
                found=found,
                remedy="Somebody changed the attachment: restore it from a copy.",
                code="attachment_changed",
            )
        return content

    def _prepare(self) -> None:
        """Directory, lock and journal."""
        lock = self.directory / "lock"
        if (self.directory / "journal").exists() and lock.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not (self.directory / "journal").exists():
                journal.create(self.directory / "journal")
                _sync(self.directory)
                _sync(self.directory.parent)

    @contextlib.contextmanager
    def _locked(self, flags: int, lock: int) -> t.Iterator[int]:
        """The journal, while nobody else writes."""
        with os.fdopen(os.open(self.directory / "lock", flags | os.O_CLOEXEC)) as file:
            fcntl.flock(file, lock)
            descriptor = os.open(self.directory / "journal", flags | os.O_CLOEXEC)
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    def _look(self, descriptor: int) -> _View:
        """Learn what was committed since the last look; writes nothing."""
        first = journal.first_start(descriptor)
        view = self._view
        if view is not None and view.first == first:
            _absorb(view, journal.scan(descriptor, view.offset, view.edge.size))
            return view
        self._view = None
        view = self._begin(descriptor, first)
        _absorb(view, journal.scan(descriptor, 0, view.edge.size))
        published = self._published()
        if published is not None and self._head(published).size > view.edge.size:
            raise self._damaged(f"a journal that ends at {view.edge.size} entries, before the checkpoint")
        self._view = view
        return view

    def _begin(self, descriptor: int, first: int | None) -> _View:
        """The view before the journal's first record."""
        note = self._published()
        record = journal.record_at(descriptor, 0)
        base = record.start if record is not None else 0 if note is None else self._head(note).size
        try:
            edge = tiles.load(base, self._file)
        except (Missing, Malformed) as problem:
            raise self._damaged(f"{problem}" if isinstance(problem, Malformed) else f"no {problem}") from problem
        return _View(edge, note if record is None else None, base, first, 0)

    def _write_out(self, view: _View) -> None:
        """Bring the files to where the journal is, without waiting for the disk."""
        if view.note is None or not view.unwritten:
            return
        for path, content in list(view.unwritten.items()):
            target = self.directory / path
            if not _holds(target, content):
                self._put(target, content)
            if ".p/" not in path:
                self._drop_partials(target, view.base)
            del view.unwritten[path]
        self._put(self.directory / "checkpoint", view.note)

    def _settle(self, view: _View) -> None:
        """Put everything on disk that the journal stands for, and let it begin anew."""
        self._write_out(view)
        files = {self.directory / path for path in tiles.touched(view.base, view.edge.size)}
        partial = {path.parent for path in files if path.parent.name.endswith(".p")}
        files |= {file for directory in partial for file in directory.iterdir()}
        folders = {parent for file in files for parent in file.parents if parent.is_relative_to(self.directory)} | {self.directory}
        with concurrent.futures.ThreadPoolExecutor(SYNC_THREADS) as pool:
            list(pool.map(_sync, [*sorted(files), self.directory / "checkpoint"]))
            list(pool.map(_sync, sorted(folders, reverse=True)))
        for path in files - {file for directory in partial for file in directory.iterdir()}:
            self._drop_partials(path, None)
        view.base, view.offset = view.edge.size, 0

    def _drop_partials(self, complete: pathlib.Path, base: int | None) -> None:
        """Remove the partial tiles that the complete one stands for; those that the journal goes on from are needed until it begins anew."""
        partials = complete.with_name(f"{complete.name}.p")
        if not partials.is_dir():
            return
        needed = () if base is None else tiles.load_paths(base)
        if not any(str(partials.relative_to(self.directory)) in path for path in needed):
            shutil.rmtree(partials)

    def _put(self, path: pathlib.Path, content: bytes) -> None:
        """The file, whole or not at all, not yet on disk."""
        beside = self.directory / ".writing"  # one writer at a time, so one name is enough
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        try:
            beside.rename(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.rename(path)

    def _seen(self, note: bytes | None) -> bytes | None:
        """The checkpoint to go by: the journal's, or the published one of the same size."""
        published = self._published() if self.files_first else None
        return note if published is None or note is None or self._head(published).size != self._head(note).size else published

    def _published(self) -> bytes | None:
        try:
            return (self.directory / "checkpoint").read_bytes()
        except FileNotFoundError:
            return None

    def _file(self, path: str) -> bytes:
        try:
            return (self.directory / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as problem:
            raise Missing(path) from problem

    def _head(self, note: bytes) -> Head:
        try:
            return head_of(note)
        except Malformed as problem:
            raise self._damaged(f"a checkpoint of which {problem}") from problem

    def _damaged(self, found: str) -> Refusal:
        return Refusal(
            str(self.directory),
            expected="a ledger whose files fit together",
            found=found,
            remedy="Verify the ledger with governed.delivery.ledger, and restore what it names from a copy.",
            code="ledger_damaged",
        )

    @contextlib.contextmanager
    def _failures(self, done: str) -> t.Iterator[None]:
        try:
            yield
        except OSError as problem:
            space = problem.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = "Free some space, and run again." if space else "Correct the directory's path or permissions, and run again."
            found = problem.strerror or str(problem)
            expected = f"a directory that can be {done}"
            raise Refusal(str(self.directory), expected=expected, found=found, remedy=remedy, code="ledger_unusable") from problem


def _absorb(view: _View, found: t.Iterable[journal.Record]) -> None:
    records = list(found)
    if records:
        view.edge, files = tiles.extend(view.edge, [entry for record in records for entry in record.commit.entries])
        view.unwritten.update(files)
        view.note, view.offset = records[-1].commit.note, records[-1].end


def _attachment(digest: str) -> str:
    return f"attachments/sha256/{digest}"


def _holds(path: pathlib.Path, content: bytes) -> bool:
    """Whether the file is there with exactly this content, as it is when only the machine's cache was trusted without need."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
