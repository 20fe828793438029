# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Readings of several clocks at one moment, and how far each went on between two readings.

A reading is plain data: ``{name: {"seconds": float, "boot_id": str | None, "machine": str | None}}``. A clock with a boot id counts from that boot
(CLOCK_BOOTTIME: it runs on while the machine sleeps) and can be compared only within it; any other is a wall clock (seconds since 1970).
``machine`` is optional: the boot id of the machine whose wall clock it is, so that one clock read by two names counts once.
"""

from __future__ import annotations

import pathlib
import time
import typing as t

from .._common import words

Reading = t.Mapping[str, t.Mapping[str, t.Any]]
BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")


def read_here(name: str) -> dict[str, dict[str, t.Any]]:
    """The wall clock of this machine as ``name``, and its time since boot as ``<name>_uptime`` where the boot can be told from others."""
    here = boot_id()
    reading = {name: wall(time.clock_gettime(time.CLOCK_REALTIME), here)}
    if here is not None and hasattr(time, "CLOCK_BOOTTIME"):
        reading[f"{name}_uptime"] = uptime(time.clock_gettime(time.CLOCK_BOOTTIME), here)
    return reading


def wall(seconds: float, machine: str | None = None) -> dict[str, t.Any]:
    """A wall clock's part of a reading: of a host, or of a store that says its time (``Date``)."""
    return {"seconds": seconds, "boot_id": None, "machine": machine}


def uptime(seconds: float, boot_id: str) -> dict[str, t.Any]:
    """The part of a reading that counts from a boot."""
    return {"seconds": seconds, "boot_id": boot_id, "machine": boot_id}


def deltas(before: Reading, after: Reading) -> dict[str, float]:
    """Seconds that each clock went on, by name, for the clocks that both readings have; from boot only within one boot.

    One clock under several names is told once, by its first name. What is no clock is left out.
    """
    found: dict[str, float] = {}
    seen: set[tuple[str, bool]] = set()
    for name in before:
        first, second = _clock(before, name), _clock(after, name)
        if first is None or second is None or first[1] != second[1]:
            continue
        boot_id, machine = first[1], second[2]
        same = (boot_id or machine or "", boot_id is not None)
        if same[0] and same in seen:
            continue
        seen.add(same)
        found[name] = second[0] - first[0]
    return found


def _clock(reading: Reading, name: str) -> tuple[float, str | None, str | None] | None:
    """Seconds, boot id and machine of one clock of a reading, if it is one."""
    entry = reading.get(name)
    seconds = entry.get("seconds") if isinstance(entry, t.Mapping) else None
    if not isinstance(entry, t.Mapping) or not words.is_number(seconds):
        return None
    return float(seconds), _text(entry.get("boot_id")), _text(entry.get("machine"))


def _text(found: object) -> str | None:
    return str(found) if isinstance(found, str) and found else None


def boot_id() -> str | None:
    """Which boot of this machine it is; None where the kernel does not say."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None
