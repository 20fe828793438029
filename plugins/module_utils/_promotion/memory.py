# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a managed host remembers of promotions, so that it cannot be told two stories.

One small file a ledger, with the highest checkpoint that the host has seen of it and the highest epoch of each target. Standard library only.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import typing as t

from .._common.errors import Refusal
from .._ledger import witness
from .._ledger.checkpoint import Checkpoint


@dataclasses.dataclass(frozen=True)
class Memory:
    """What is remembered of one ledger."""

    checkpoint: Checkpoint | None
    epochs: t.Mapping[str, int]

    def as_dict(self) -> dict[str, t.Any]:
        found = self.checkpoint
        told = {} if found is None else {"origin": found.origin, "size": found.size, "root": base64.b64encode(found.root).decode()}
        return {"checkpoint": told, "epochs": dict(self.epochs)}


@dataclasses.dataclass(frozen=True)
class Offer:
    """What a run tells the host: the ledger's checkpoint with a proof from the remembered one, and the epoch in which it acts on a target."""

    checkpoint: Checkpoint
    proof: tuple[bytes, ...] = ()
    target: str = ""
    epoch: int = -1


def decide(memory: Memory, offer: Offer) -> Memory:
    """What to remember from now on.

    :raises Refusal: the ledger is older than, or not the one, that is remembered; or the run was replaced by a later one.
    """
    answer = witness.decide(memory.checkpoint, offer.checkpoint, offer.proof)
    if answer.answer != "accepted":
        raise Refusal(
            f"ledger {offer.checkpoint.origin}",
            expected="one that goes on from what this host has seen",
            found=f"{answer.answer}: {answer.reason}",
            remedy="Somebody cut, copied or rebuilt the ledger. Verify it with the playbook ledger, and find out who before anything is promoted.",
            code=f"ledger_{answer.answer}",
        )
    known = memory.epochs.get(offer.target, -1)
    if offer.target and offer.epoch < known:
        raise Refusal(
            f"target {offer.target}",
            expected=f"a run of epoch {known} or later",
            found=f"one of epoch {offer.epoch}",
            remedy="This run was replaced and must not act any more.",
            code="replaced",
        )
    epochs = {**memory.epochs, offer.target: offer.epoch} if offer.target else dict(memory.epochs)
    return Memory(answer.remember, epochs)


def read(directory: pathlib.Path, origin: str) -> Memory:
    """What this host remembers of the ledger of that name; nothing at first.

    :raises Refusal: the file is damaged or cannot be read.
    """
    path = _path(directory, origin)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        told = found["checkpoint"]
        checkpoint = Checkpoint(str(told["origin"]), int(told["size"]), base64.b64decode(told["root"])) if told else None
        return Memory(checkpoint, {str(target): int(epoch) for target, epoch in found["epochs"].items()})
    except FileNotFoundError:
        return Memory(None, {})
    except OSError as problem:
        raise _unusable(path, problem) from problem
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Refusal(
            str(path),
            expected="what this host remembers of the ledger",
            found="something else",
            remedy="Somebody changed the file. Find out why; delete it only if this host may start to trust anew.",
            code="memory_damaged",
        ) from problem


def keep(directory: pathlib.Path, offer: Offer) -> tuple[Memory, Memory]:
    """Decide, and remember it, one run at a time; before and after.

    :raises Refusal: see ``decide``; or the directory cannot be written.
    """
    path = _path(directory, offer.checkpoint.origin)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        with _locked(path.with_suffix(".lock")):
            before = read(directory, offer.checkpoint.origin)
            after = decide(before, offer)
            if after != before:
                _replace(path, json.dumps(after.as_dict(), sort_keys=True))
            return before, after
    except OSError as problem:
        raise _unusable(path, problem) from problem


def _path(directory: pathlib.Path, origin: str) -> pathlib.Path:
    return directory / f"{hashlib.sha256(origin.encode()).hexdigest()[:16]}.json"


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> t.Iterator[None]:
    with path.open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: pathlib.Path, content: str) -> None:
    """In one step, and on disk when it returns."""
    beside = path.with_suffix(f".{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _unusable(path: pathlib.Path, problem: OSError) -> Refusal:
    return Refusal(
        str(path),
        expected="a file that this host can read and write",
        found=problem.strerror or str(problem),
        remedy="Correct its permissions, or name another directory with promotion_memory.",
        code="memory_unusable",
    )
