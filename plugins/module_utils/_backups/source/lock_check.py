# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether the objects of a backup are locked for as long as they have to be."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime
import typing as t

from ..findings import Finding
from .place import Item, Lock, Place

DAY = 86400.0


@dataclasses.dataclass(frozen=True)
class Retention:
    """The weakest of all locks: GOVERNANCE before COMPLIANCE, and the earliest end (epoch seconds). None where an object has none."""

    mode: str | None
    until: float | None
    findings: tuple[Finding, ...]


def check(place: Place, items: t.Sequence[Item], *, now: float, required_days: float, workers: int) -> Retention:
    """Ask for every object's lock, and judge.

    :raises Stopped: the place does not let itself be asked.
    """
    with concurrent.futures.ThreadPoolExecutor(workers, "lock") as pool:
        locks = list(pool.map(place.lock, items))
    return judged(dict(zip((item.path for item in items), locks, strict=True)), now=now, required_days=required_days)


def judged(locks: t.Mapping[str, Lock | None], *, now: float, required_days: float) -> Retention:
    """Each object has to be locked until ``required_days`` from ``now`` at least. One finding of a kind, however many objects. Pure.

    :param locks: by path.
    """
    needed = now + required_days * DAY
    none = [path for path, lock in locks.items() if lock is None]
    early = [(lock.until, path) for path, lock in locks.items() if lock is not None and lock.until < needed]
    findings: list[Finding] = []
    expected = f"a lock until {_moment(needed)}"
    if none:
        findings.append(Finding("LOCK_MISSING", min(none), expected=expected, found=f"no lock on {len(none)} of {len(locks)} objects"))
    if early:
        until, path = min(early)
        found = f"one until {_moment(until)}; too early on {len(early)} of {len(locks)} objects"
        findings.append(Finding("LOCK_EXPIRED", path, expected=expected, found=found))
    there = [lock for lock in locks.values() if lock is not None]
    if none or not there:
        return Retention(None, None, tuple(findings))
    return Retention(max(lock.mode for lock in there), min(lock.until for lock in there), tuple(findings))  # G comes behind C


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
