# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where a promotion's statements are kept: the seam that the ledger takes over.

``Evidence`` is all the rest of the collection knows. ``JsonLines`` keeps the statements in a directory, one JSON object a line,
append-only by agreement only: nothing is signed yet.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import math
import os
import pathlib
import typing as t

from .._common.errors import Refusal

Statement = t.Mapping[str, t.Any]
FILE_NAME = "statements.jsonl"


@dataclasses.dataclass(frozen=True)
class Reading:
    """All whole statements, oldest first, and what had to be left out."""

    statements: tuple[Statement, ...]
    torn: str | None = None
    head: object = None  # where the reading ended, for ``append``


class HeadMoved(Exception):
    """Somebody else has kept a statement since: read again, decide again."""


class Evidence(t.Protocol):
    """Somewhere to keep statements."""

    def append(self, statements: t.Sequence[Statement], after: Reading) -> None:
        """Keep the statements right behind what was read; when this returns, they survive a power cut.

        :raises HeadMoved: they would not stand right behind it. Nothing is kept then.
        """

    def read(self) -> Reading:
        """Everything kept so far."""


def record(evidence: Evidence, decide: t.Callable[[Reading], t.Sequence[Statement]]) -> tuple[Reading, tuple[Statement, ...]]:
    """Read, decide, keep; decided anew whenever somebody else was quicker, so that a decision always stands on all that was said before it.

    :return: what was read last, and what was kept behind it.
    """
    while True:
        reading = evidence.read()
        statements = tuple(decide(reading))
        try:
            if statements:
                evidence.append(statements, reading)
            return reading, statements
        except HeadMoved:
            continue


class JsonLines:
    """Statements as lines of one file in ``directory``; several processes may append at once."""

    def __init__(self, directory: str) -> None:
        self.directory = pathlib.Path(directory)
        self.path = self.directory / FILE_NAME

    def append(self, statements: t.Sequence[Statement], after: Reading) -> None:
        """Append the lines and force them to disk; after a failure the file is as it was before.

        A torn last line, which a crash left and nobody was ever told is kept, is cut off first.

        :raises Refusal: the statement is no JSON object, or the directory or disk does not take it.
        """
        line = b"".join(_line(statement) for statement in statements)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with self._locked(os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX) as descriptor:
                end = _end_of_last_line(descriptor)
                if end != (after.head or 0):
                    raise HeadMoved
                try:
                    os.ftruncate(descriptor, end)
                    _write_all(descriptor, line, end)
                    os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, end)
                    raise
                if end == 0:
                    _sync_directory(self.directory)
        except OSError as problem:
            raise self._refusal("written to", problem) from problem

    def read(self) -> Reading:
        """Every whole line; no file is no statements.

        :raises Refusal: a line before the last is not a JSON object: somebody changed the file.
        """
        try:
            with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
                content = _read_all(descriptor)
        except FileNotFoundError:
            return Reading(())
        except OSError as problem:
            raise self._refusal("read", problem) from problem
        *lines, rest = content.split(b"\n")
        torn = (
            f"{self.path}: line {len(lines) + 1} ends after {len(rest)} bytes without a line break; it was never acknowledged"
            if rest
            else None
        )
        return Reading(tuple(self._statement(line, number) for number, line in enumerate(lines, 1)), torn, len(content) - len(rest))

    def _statement(self, line: bytes, number: int) -> Statement:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refusal(
                f"{self.path}, line {number}",
                expected="one statement as a JSON object",
                found=f"{line[:40]!r}",
                remedy="The evidence was changed by something else: restore the file, or start a new directory and promote again from the first stage.",
                code="evidence_damaged",
            )
        return found

    @contextlib.contextmanager
    def _locked(self, flags: int, lock: int) -> t.Iterator[int]:
        descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, lock)
            yield descriptor
        finally:
            os.close(descriptor)

    def _refusal(self, done: str, problem: OSError) -> Refusal:
        remedy = "Free some space or correct the directory's permissions, and run again."
        return Refusal(
            str(self.path),
            expected=f"a file that can be {done}",
            found=problem.strerror or str(problem),
            remedy=remedy,
            code="evidence_unusable",
        )


def _line(statement: Statement) -> bytes:
    try:
        return json.dumps(_finite(statement), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as problem:
        raise Refusal(
            "statement",
            expected="text, numbers, lists and mappings",
            found=str(problem),
            remedy="Correct what is recorded.",
            code="evidence_shape",
        ) from problem


def _finite(found: t.Any) -> t.Any:
    """The same content, NaN and infinities as text: JSON has no such numbers, and a dead measure has to be on record, too."""
    if isinstance(found, t.Mapping):
        return {key: _finite(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [_finite(value) for value in found]
    return str(float(found)) if isinstance(found, float) and not math.isfinite(found) else found


def _end_of_last_line(descriptor: int) -> int:
    """Where the next line begins: behind the last line break, which may lie before the end of the file."""
    position = os.fstat(descriptor).st_size
    while position > 0:
        start = max(0, position - 65536)
        found = os.pread(descriptor, position - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    blocks = []
    while size > 0 and (block := os.read(descriptor, size)):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)


def _write_all(descriptor: int, content: bytes, position: int) -> None:
    while content:
        written = os.pwrite(descriptor, content, position)
        content, position = content[written:], position + written


def _sync_directory(directory: pathlib.Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
