# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where a backup is made before it has its name: a take that was killed leaves no half backup under a label."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import secrets
import shutil
import typing as t

from ..._common.errors import Refusal
from ..findings import stop
from ..programs import Account, hand_over
from ..source.place import BACKUPS, Place

ENDING = ".partial"


@contextlib.contextmanager
def staged(folder: pathlib.Path, label: str, account: Account | None) -> t.Iterator[pathlib.Path]:
    """An empty folder below ``folder`` for the backup, the account's own; gone afterwards, unless it got its name. Those of dead takes go, too.

    :raises Refusal: it cannot be made there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_dead(folder)
        made = folder / f".{label}.{secrets.token_hex(4)}{ENDING}"
        made.mkdir(mode=0o700)
        hand_over(made, account)
    except OSError as problem:
        raise Refusal(
            str(folder),
            expected="a directory to make the backup in",
            found=problem.strerror or str(problem),
            remedy="Look at its owner, mode and file system.",
            code="unwritable",
        ) from problem
    with _locked(made):
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


def remove_dead(folder: pathlib.Path) -> None:
    """Delete what takes left that were killed: nobody holds the lock on it any more."""
    for left in folder.glob(f".*{ENDING}"):
        with contextlib.suppress(OSError), _locked(left):
            shutil.rmtree(left, ignore_errors=True)


def name_it(made: pathlib.Path, label: str) -> None:
    """Give a staged backup its name, in one step.

    :raises Stopped: OBJECT_REPLACED, there is a backup of that name.
    """
    target = made.with_name(label)
    try:
        made.rename(target)  # never over a folder with anything in it
    except OSError as problem:
        found = "a backup of that label" if target.exists() else problem.strerror or str(problem)
        raise stop("OBJECT_REPLACED", f"{BACKUPS}{label}", expected="nothing there yet", found=found) from problem
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def upload(made: pathlib.Path, label: str, place: Place) -> None:
    """Put every file of a staged backup into a place that cannot rename.

    :raises Stopped: as the place's ``put_file``.
    """
    for file in sorted(path for path in made.rglob("*") if path.is_file()):
        place.put_file(f"{BACKUPS}{label}/{file.relative_to(made)}", str(file))


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> t.Iterator[None]:
    """:raises BlockingIOError: somebody who lives holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
