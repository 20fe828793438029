# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Files of text that are read whole, and files that are replaced in one step."""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets

from .errors import Refusal


def text(path: str) -> str:
    """The file's text.

    :raises Refusal: it cannot be read, or is no UTF-8.
    """
    found = text_if_any(path)
    if found is None:
        raise _unreadable(path, "nothing")
    return found


def text_if_any(path: str) -> str | None:
    """The file's text; None where there is none.

    :raises Refusal: there is one that cannot be read, or that is no UTF-8.
    """
    try:
        return pathlib.Path(path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise _unreadable(path, problem.strerror or str(problem)) from problem
    except UnicodeDecodeError as problem:
        raise _unreadable(path, f"a byte that is no UTF-8 at {problem.start}") from problem


def replace(path: pathlib.Path, content: bytes, code: str) -> None:
    """Replace the file in one step, so that nobody ever opens half of one. It keeps its owner and mode.

    :param code: of the refusal.
    :raises Refusal: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, content, path.stat() if path.exists() else None)
    except OSError as problem:
        found = problem.strerror or str(problem)
        raise Refusal(
            str(path), expected="a file that can be written", found=found, remedy="Name another destination.", code=code
        ) from problem


def remove(path: pathlib.Path, code: str) -> None:
    """Remove the file; nothing happens where there is none.

    :param code: of the refusal.
    :raises Refusal: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        found = problem.strerror or str(problem)
        raise Refusal(
            str(path), expected="a file that can be removed", found=found, remedy="Look at its folder's rights.", code=code
        ) from problem


def put(path: pathlib.Path, content: bytes, like: os.stat_result | None) -> None:
    """Replace a file in one step that outlives a power cut.

    :param like: whose owner and mode it gets; None for those of any new file.
    :raises OSError: it cannot be written, and is as it was.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            if like is not None:
                os.fchmod(file.fileno(), like.st_mode & 0o7777)
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unreadable(path: str, found: str) -> Refusal:
    return Refusal(
        path, expected="a file of text that can be read", found=found, remedy="Correct the path, or its rights.", code="file_unreadable"
    )
