# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What must hold before a stage may be entered, as a plan spells it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._common import shape, words

UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
Seconds = t.Mapping[str, float]  # of every plan variable whose unit is one of these
DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h|d)\Z")


@dataclasses.dataclass(frozen=True)
class StagePassed:
    """An earlier stage stands promoted under the same plan digest."""

    stage: str


@dataclasses.dataclass(frozen=True)
class Soaked:
    """An earlier stage has been observed healthy for so long, by so many clocks, with no gap longer than ``max_gap``."""

    stage: str
    seconds: float
    max_gap_seconds: float
    clocks: int


@dataclasses.dataclass(frozen=True)
class Approved:
    """So many people have signed the stage's digest, among them so many of each role."""

    by_at_least: int
    roles: t.Mapping[str, int]
    valid_for_seconds: float


Precondition: t.TypeAlias = "StagePassed | Soaked | Approved"


def parse(found: object, path: str, earlier: t.Sequence[str], durations: Seconds) -> Precondition:
    """One precondition from what the plan says at ``path``.

    :param earlier: names of the stages before this one.
    :raises Refusal: it names the path.
    """
    entries = shape.mapping(found, path, optional=("stage_passed", "soaked", "approved"))
    if len(entries) != 1:
        raise shape.wrong(
            path, "exactly one of stage_passed, soaked, approved", " and ".join(entries) or "none of them", "Write one an entry."
        )
    if "stage_passed" in entries:
        return StagePassed(_earlier(entries["stage_passed"], f"{path}.stage_passed", earlier))
    if "soaked" in entries:
        return _soaked(entries["soaked"], f"{path}.soaked", earlier, durations)
    return _approved(entries["approved"], f"{path}.approved", durations)


def seconds(found: object, path: str, durations: Seconds) -> float:
    """``90s``, ``15m``, ``24h``, ``2d``, or the name of a plan variable whose unit is one of these.

    :raises Refusal: it is neither, or not above 0.
    """
    value = None
    if isinstance(found, str):
        written = DURATION.match(found)
        value = float(written[1]) * UNITS[written[2]] if written else durations.get(found)
    if value is None or value <= 0:
        raise shape.wrong(
            path, "a duration like 90s, 15m, 24h, 2d, or a plan variable in s, m, h or d", words.described(found), "Correct it."
        )
    return value


def _soaked(found: object, path: str, earlier: t.Sequence[str], durations: Seconds) -> Soaked:
    entries = shape.mapping(found, path, required=("stage", "for"), optional=("max_gap", "clocks"))
    clocks = entries.get("clocks", 2)
    if not isinstance(clocks, int) or isinstance(clocks, bool) or clocks < 2:
        raise shape.wrong(f"{path}.clocks", "2 or more", words.described(clocks), "One clock can lie unseen.")
    return Soaked(
        _earlier(entries["stage"], f"{path}.stage", earlier),
        seconds(entries["for"], f"{path}.for", durations),
        seconds(entries.get("max_gap", "15m"), f"{path}.max_gap", durations),
        clocks,
    )


def _approved(found: object, path: str, durations: Seconds) -> Approved:
    entries = shape.mapping(found, path, required=("by_at_least",), optional=("roles", "valid_for"))
    roles = entries.get("roles", {})
    if not isinstance(roles, t.Mapping):
        raise shape.wrong(f"{path}.roles", "a mapping of roles to how many", words.described(roles), "Write sre: 1.")
    counts = {shape.name(role, f"{path}.roles"): _count(count, f"{path}.roles.{role}") for role, count in roles.items()}
    at_least = _count(entries["by_at_least"], f"{path}.by_at_least")
    if sum(counts.values()) > at_least:
        raise shape.wrong(
            f"{path}.by_at_least", f"at least the {sum(counts.values())} of its roles", at_least, "Nobody fills two roles at once."
        )
    return Approved(at_least, counts, seconds(entries.get("valid_for", "24h"), f"{path}.valid_for", durations))


def _count(found: object, path: str) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise shape.wrong(path, "a whole number of at least 1", words.described(found), "Correct it.")
    return int(found)


def _earlier(found: object, path: str, earlier: t.Sequence[str]) -> str:
    name = shape.name(found, path)
    if name not in earlier:
        known = ", ".join(earlier) or "none, this is the first"
        raise shape.wrong(path, f"a stage that comes before this one ({known})", repr(name), "Reorder the stages, or correct the name.")
    return name
