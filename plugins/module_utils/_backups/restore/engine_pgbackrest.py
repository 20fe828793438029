# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. pgBackRest: its own restore, from its own repository as it was at the cut, and its archive as our spool's source.

Where the repository is a folder and nothing is to be throttled, pgBackRest reads it where it lies. Else what one restore needs is copied first,
by our own fetcher: at the rate, in the versions of the cut.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import re
import typing as t

from ..findings import stop
from ..programs import Completed, hand_over
from ..source import fetch, wal
from ..source.archive import Archive, require_first_page
from ..source.place import Item
from ..source.reading import Wanted
from .checks import Look
from .engine import Backup, Backups, Tools
from .spool import Source

SEGMENT = re.compile(r"([0-9A-F]{24})-([0-9a-f]{40})(\.\w+)?\Z")
LONGEST = 400
ERROR = re.compile(r"ERROR: \[(\d+)\]")
# Of pgBackRest's error codes (src/build/error/error.yaml): options, paths, permissions, locks, memory.
ABOUT_THE_MACHINE = {27, 31, 32, 37, 38, 40, 41, 45, 47, 50, 53, 78, 80}


@dataclasses.dataclass(frozen=True)
class Repository:
    """How a stanza's repository is read. ``config`` is the user's file, for a cipher's key; it is read, never shown."""

    stanza: str
    config: str | None = None


class PgBackRest:
    """The engine. ``folder`` is the run's: copies, locks and logs lie there."""

    def __init__(self, tools: Tools, repository: Repository, folder: pathlib.Path) -> None:
        self._tools = tools
        self._transfer = tools.transfer
        self._repository = repository
        self._folder = folder
        self._known: dict[str, t.Any] = {}
        self._items: dict[str, Item] = {}
        place = self._transfer.place.describe()
        self._local = place["name"] if place["kind"] == "directory" and self._transfer.rate.bytes_per_second is None else None

    def backups(self, until: float) -> Backups:
        stanza = self._repository.stanza
        listing = self._transfer.place.listing(f"backup/{stanza}/", until)
        self._items = dict(listing.items)
        if not listing.items:
            return Backups({}, listing.findings)
        archive_info = self._transfer.place.listing(f"archive/{stanza}/archive.info", until)
        self._bring([item for path, item in listing.items.items() if path.rsplit("/", 1)[-1] in ("backup.info", "backup.info.copy")])
        self._bring(list(archive_info.items.values()))
        answer = self._run("info", "--output=json")
        try:
            told = json.loads(answer.output)[0]
        except (ValueError, IndexError) as problem:
            raise stop("SOURCE_UNREADABLE", f"stanza {stanza}", expected="pgbackrest info", found=_said(answer)) from problem
        found = {one["label"]: self._backup(one) for one in told.get("backup", []) if one["timestamp"]["stop"] <= until}
        self._known = {one["label"]: one for one in told.get("backup", [])}
        return Backups(found, listing.findings)

    def fetch(self, backup: Backup, expected: t.Mapping[str, tuple[int, str]], folder: pathlib.Path) -> int:
        came = self._bring(list(backup.files), expected)
        data = folder / "data"
        data.mkdir(mode=0o700)
        hand_over(data, self._tools.programs.account)
        answer = self._run(
            "restore",
            f"--set={backup.label}",
            "--type=none",
            "--archive-mode=off",
            f"--process-max={self._tools.jobs}",
            f"--pg1-path={data}",
        )
        if answer.code != 0:
            raise stop(_meaning(answer), backup.label, expected="pgbackrest restore to succeed", found=_said(answer))
        return came or backup.bytes

    def archive(self, backup: Backup, /, until: float, size: int) -> Archive:
        one = self._known[backup.label]
        identifier = one["archive"]["start"]
        listing = self._transfer.place.listing(f"archive/{self._repository.stanza}/", until)
        items, histories = {}, {}
        for path, item in listing.items.items():
            name = path.rsplit("/", maxsplit=1)[-1]
            found = SEGMENT.match(name)
            segment = wal.parse(found.group(1), size) if found else None
            if segment and name >= identifier:
                items[segment] = item
            elif wal.HISTORY.match(name):
                histories[name] = item
        return Archive(items, histories, listing)

    def segments(self, archive: Archive, size: int) -> Source:
        return _Segments(self, archive, size)

    def verify(self, _data: pathlib.Path, /) -> Look | None:
        return None  # restore compares every file with its checksum

    def get(self, segment: wal.Segment, item: Item, destination: pathlib.Path, size: int) -> int:
        """One segment, unpacked and decrypted by pgBackRest, its SHA-1 compared with the one in its name.

        :raises Stopped: WAL_CORRUPT.
        """
        self._bring([item])
        name = segment.name(size)
        answer = self._run("archive-get", name, str(destination), f"--pg1-path={self._folder}/data")
        if answer.code != 0 and _meaning(answer) != "RESTORE_FAILED":
            raise stop(_meaning(answer), item.path, expected="pgbackrest archive-get to succeed", found=_said(answer))
        content = destination.read_bytes() if answer.code == 0 and destination.exists() else b""
        wanted = SEGMENT.sub(r"\2", item.path.rsplit("/", maxsplit=1)[-1])
        found = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if found != wanted:
            raise stop("WAL_CORRUPT", item.path, expected=f"SHA-1 {wanted}", found=found if content else _said(answer))
        require_first_page(segment, content, item.path, size)
        if self._local is None:
            (self._mirror / item.path).unlink()
        return item.size

    def _backup(self, one: t.Mapping[str, t.Any]) -> Backup:
        """With every object of the backups that it refers to."""
        stanza = self._repository.stanza
        labels = {one["label"], *(one.get("reference") or [])}
        files = tuple(
            item for path, item in self._items.items() if path.removeprefix(f"backup/{stanza}/").split("/", maxsplit=1)[0] in labels
        )
        lsn = one.get("lsn") or {}
        return Backup(one["label"], files, one["timestamp"]["start"], one["timestamp"]["stop"], lsn.get("start"), lsn.get("stop"))

    @property
    def _mirror(self) -> pathlib.Path:
        return self._folder / "repository"

    def _bring(self, items: t.Sequence[Item], expected: t.Mapping[str, tuple[int, str]] | None = None) -> int:
        """Copy objects to the mirror; nothing where the repository is read in place."""
        if self._local is not None or not items:
            return 0
        account = self._tools.programs.account
        if not self._mirror.exists():
            self._mirror.mkdir(mode=0o700)
            hand_over(self._mirror, account)
        return fetch.fetch(
            self._transfer.place,
            [Wanted(item, *(expected or {}).get(item.path, (None, None))) for item in items],
            self._mirror,
            strip="",
            rate=self._transfer.rate,
            workers=self._transfer.workers,
            on_bytes=self._transfer.tell,
            owner=self._tools.programs.owner,
        ).bytes

    def _run(self, command: str, *arguments: str) -> Completed:
        """pgBackRest, with nothing of the machine's own configuration but the file that was named."""
        for name in ("log", "lock", "spool"):
            path = self._folder / f"pgbackrest-{name}"
            if not path.exists():
                path.mkdir(mode=0o700)
                hand_over(path, self._tools.programs.account)
        settings = {
            "stanza": self._repository.stanza,
            "repo1-path": str(self._local or self._mirror),
            "log-path": f"{self._folder}/pgbackrest-log",
            "lock-path": f"{self._folder}/pgbackrest-lock",
            "spool-path": f"{self._folder}/pgbackrest-spool",
            "log-level-console": "warn",
            "log-level-file": "off",
        }
        config = [f"--config={self._repository.config}"] if self._repository.config else ["--no-config"]
        refused = {"info": ("lock-path", "spool-path"), "archive-get": ("spool-path",)}.get(command, ())
        named = [f"--{name}={value}" for name, value in settings.items() if name not in refused]
        return self._tools.programs.run("pgbackrest", *config, *named, command, *arguments)


class _Segments:
    def __init__(self, engine: PgBackRest, archive: Archive, size: int) -> None:
        self._engine = engine
        self._archive = archive
        self._size = size

    def segment(self, segment: wal.Segment, destination: pathlib.Path) -> int:
        return self._engine.get(segment, self._archive.items[segment], destination, self._size)


def _meaning(answer: Completed) -> str:
    """Whether it is the backup that is bad, or the restore that could not be made."""
    if "No space left" in answer.output:
        return "DISK_FULL"
    found = ERROR.search(answer.output)
    return "SOURCE_UNREADABLE" if found and int(found.group(1)) in ABOUT_THE_MACHINE else "RESTORE_FAILED"


def _said(answer: Completed) -> str:
    return (answer.last_words or f"exit code {answer.code}")[-LONGEST:]
