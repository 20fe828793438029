# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The folder of one run: made empty, marked, locked while its process lives, and cleaned up by whoever comes after a dead one.

``<work>/rv-<run>/`` holds everything a run makes, its server too. ``run.json`` says whose it is; ``lock`` is held by the run's process, so that the kernel
tells whether it lives, also after kill -9. A folder without our marker is never touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import tempfile
import time
import typing as t

from .findings import stop
from .programs import Account, hand_over

PREFIX = "rv-"
MARKER = "run.json"
SECONDS_TO_DIE = 30.0
PROC = pathlib.Path("/proc")
PROGRAMS = ("postgres", "pg", "initdb")


class RunDirectory:
    """One run's folder, locked. ``sockets`` is a second, short-named one: a socket's path has at most 107 bytes."""

    def __init__(self, path: pathlib.Path, sockets: pathlib.Path, lock: t.IO[str]) -> None:
        self.path = path
        self.sockets = sockets
        self._lock = lock

    def folder(self, name: str, account: Account | None, mode: int = 0o700) -> pathlib.Path:
        """A folder inside it that belongs to the account."""
        made = self.path / name
        made.mkdir(mode=mode)
        return hand_over(made, account)

    def keep(self) -> None:
        """Leave it to be looked at, until the next run."""
        marker = {**_marker(self.path), "kept": True}
        (self.path / MARKER).write_text(json.dumps(marker), encoding="utf-8")
        self._lock.close()

    def remove(self) -> int:
        """Kill every server that was started in it and delete it; bytes freed."""
        freed = _remove(self.path, self.sockets)
        self._lock.close()
        return freed


def create(work: pathlib.Path, run: str, kind: str, account: Account | None) -> RunDirectory:
    """A new folder for a run.

    :param run: letters, digits, ``-`` and ``_``.
    :raises Stopped: TARGET_REFUSED, there is one already, or it cannot be made.
    """
    path = work / f"{PREFIX}{run}"
    try:
        work.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        sockets = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as problem:
        found = problem.strerror or str(problem)
        raise stop("TARGET_REFUSED", str(path), expected="a new folder for this run", found=found) from problem
    lock = (path / "lock").open("w", encoding="utf-8")
    fcntl.flock(lock, fcntl.LOCK_EX)
    marker = {"run": run, "kind": kind, "sockets": str(sockets), "process": os.getpid(), "at": time.time()}
    (path / MARKER).write_text(json.dumps(marker), encoding="utf-8")
    hand_over(sockets, account)
    return RunDirectory(hand_over(path, account), sockets, lock)


@contextlib.contextmanager
def alone(work: pathlib.Path, kind: str) -> t.Iterator[None]:
    """One run of this kind at a time below this folder: two would take each other's disk and time.

    :raises Stopped: TARGET_REFUSED, another is at work, or the folder cannot be used.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / f".{kind}.lock").open("w", encoding="utf-8")
    except OSError as problem:
        found = problem.strerror or str(problem)
        raise stop("TARGET_REFUSED", str(work), expected="a folder that we can write to", found=found) from problem
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise stop("TARGET_REFUSED", str(work), expected=f"no other {kind} at work in it", found="one that lives") from problem
        yield


def dead(work: pathlib.Path, kind: str) -> list[str]:
    """The runs of this kind whose process is gone and whose folder is still there."""
    return [run for run, was_kept in _without_process(work, kind) if not was_kept]


def kept(work: pathlib.Path, kind: str) -> list[str]:
    """The runs of this kind that ended in order and left their folder to be looked at."""
    return [run for run, was_kept in _without_process(work, kind) if was_kept]


def _without_process(work: pathlib.Path, kind: str) -> list[tuple[str, bool]]:
    markers = [(path, _marker(path)) for path in sorted(work.glob(f"{PREFIX}*"))]
    return [(marker["run"], marker["kept"]) for path, marker in markers if marker["kind"] == kind and not _is_held(path)]


def bury(work: pathlib.Path, runs: t.Sequence[str]) -> int:
    """Kill what dead runs left running, and delete their folders; bytes freed."""
    paths = [work / f"{PREFIX}{run}" for run in runs]
    return sum(_remove(path, pathlib.Path(_marker(path)["sockets"])) for path in paths)


def _marker(path: pathlib.Path) -> dict[str, t.Any]:
    """What the marker says; of no kind when there is none, as in the instant between making the folder and marking it."""
    try:
        found = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    return {"run": "", "kind": "", "sockets": "", "kept": False, **(found if isinstance(found, dict) else {})}


def _is_held(path: pathlib.Path) -> bool:
    try:
        with (path / "lock").open("r", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _remove(path: pathlib.Path, sockets: pathlib.Path) -> int:
    for sign in (signal.SIGQUIT, signal.SIGKILL):  # a server that is told to quit takes its children with it
        for process in _left(path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, sign)
        deadline = time.monotonic() + SECONDS_TO_DIE
        while _left(path) and time.monotonic() < deadline:
            time.sleep(0.02)
    freed = sum(found.lstat().st_blocks * 512 for found in path.rglob("*") if not found.is_dir())
    # The marker goes last: what is cut off while it deletes is found again.
    for found in path.iterdir():
        if found.name not in (MARKER, "lock"):
            shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
    if sockets.name.startswith(PREFIX):
        shutil.rmtree(sockets, ignore_errors=True)
    shutil.rmtree(path)
    return freed


def working_in(folder: pathlib.Path) -> list[int]:
    """Living processes whose working directory is the folder or below it, as that of all of a server's is."""
    wanted = folder.resolve()
    found = []
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, is a zombie, or is somebody else's
            if (entry / "cwd").readlink().is_relative_to(wanted):
                found.append(int(entry.name))
    return found


def _left(path: pathlib.Path) -> list[int]:
    """Database programs that were started with a path inside the folder, or work there: a killed server's children write until they notice."""
    inside = working_in(path)
    found = []
    for process in PROC.glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        name = pathlib.PurePath(arguments[0].decode(errors="replace")).name
        if name.startswith(PROGRAMS) and (int(process.name) in inside or any(str(path).encode() + b"/" in one for one in arguments[1:])):
            found.append(int(process.name))
    return found
