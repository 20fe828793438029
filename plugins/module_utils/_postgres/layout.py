# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The declared layout of a partitioned table, and the tree of partitions it means. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import re
import typing as t

from .._common.errors import Refusal
from .names import shortened

METHODS = ("list", "hash", "range")
INTERVALS = ("hour", "day", "week", "month", "year")

# The bound of a LIST partition is one row of the catalog, compressed: how many values fit depends on how much they resemble each other. Measured on
# 15 with random values, the worst case: 10.6 bytes a value of 2 bytes, 18 of 5, 28 of 10, 72 of 36 (hexadecimal ones: 48), of some 8100. More is 54000.
LIST_BOUND_BYTES = 7900
LIST_VALUE_BYTES = 8
LIST_BYTES_A_BYTE = 2.05
LIST_BYTES_A_BYTE_OF_FEW = 1.2  # where all values together use at most as many different characters as UUIDs do
FEW_CHARACTERS = 17

MOST_PARTITIONS = 20_000
MOST_AHEAD = 1000
FIRST_YEAR, LAST_YEAR = 2, 8000


class Bound:
    """Which values of its parent's column a partition takes."""


@dataclasses.dataclass(frozen=True)
class HashBound(Bound):
    modulus: int
    remainder: int


@dataclasses.dataclass(frozen=True)
class ListBound(Bound):
    values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class RangeBound(Bound):
    """From ``start`` (inclusive) to ``end`` (exclusive), both in UTC."""

    start: datetime.datetime
    end: datetime.datetime


@dataclasses.dataclass(frozen=True)
class DefaultBound(Bound):
    """Whatever no other partition takes."""


@dataclasses.dataclass(frozen=True)
class Level:
    """One level of the declared layout; ``groups``, ``modulus`` or ``interval`` count by method."""

    method: str
    column: str
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    modulus: int = 0
    interval: str = ""
    start: datetime.datetime | None = None
    end: datetime.datetime | None = None
    ahead: int = 0
    default: bool = True


@dataclasses.dataclass(frozen=True)
class Partition:
    """A partition, its bound in its parent, and what it is itself divided into (nothing: a leaf that holds rows)."""

    name: str
    parent: str
    bound: Bound
    divided_by: Level | None = None

    @property
    def is_leaf(self) -> bool:
        return self.divided_by is None


def parse(declared: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[Level, ...]:
    """The levels of ``partition_by``, checked one by one.

    :raises Refusal: naming the level and option that is wrong.
    """
    if not declared:
        raise _refuse(
            "partition_by", "at least one level", "an empty list", "Say how to divide the table, for instance by hash of the tenant."
        )
    levels = tuple(_parse_level(f"partition_by[{number}]", level) for number, level in enumerate(declared))
    seen: set[str] = set()
    for number, level in enumerate(levels):
        if level.column in seen:
            raise _refuse(f"partition_by[{number}].column", "a column of its own for each level", repr(level.column), "Divide by it once.")
        seen.add(level.column)
    return levels


def _parse_level(where: str, declared: t.Mapping[str, t.Any]) -> Level:
    method, column = declared["method"], declared["column"]
    given = {name for name in ("groups", "modulus", "interval", "start", "end", "ahead") if declared.get(name) not in (None, {}, "")}
    belongs = {"list": {"groups"}, "hash": {"modulus"}, "range": {"interval", "start", "end", "ahead"}}[method]
    if given - belongs:
        odd = min(given - belongs)
        raise _refuse(
            f"{where}.{odd}", f"only options of method {method} ({', '.join(sorted(belongs))})", odd, "Remove it or change the method."
        )
    default = declared.get("default")
    if method == "hash":
        modulus = declared.get("modulus") or 0
        if not 2 <= modulus <= 1024:
            raise _refuse(
                f"{where}.modulus", "a number of partitions from 2 to 1024", str(modulus or "nothing"), "Say how many, for instance 16."
            )
        if default:
            raise _refuse(f"{where}.default", "no default partition", "true", "A hash takes every row already: leave default out.")
        return Level("hash", column, modulus=modulus, default=False)
    if method == "list":
        return Level("list", column, groups=_parse_groups(where, declared.get("groups") or {}), default=default is not False)
    interval = declared.get("interval")
    if interval not in INTERVALS:
        raise _refuse(f"{where}.interval", f"one of {', '.join(INTERVALS)}", repr(interval), "Say how much time one partition holds.")
    start, end = (_parse_moment(f"{where}.{name}", declared.get(name)) for name in ("start", "end"))
    if start and end and start >= end:
        raise _refuse(f"{where}.end", f"a moment after start ({start.isoformat()})", end.isoformat(), "Mend one of them.")
    ahead = declared.get("ahead")
    if ahead is not None and not 0 <= ahead <= MOST_AHEAD:
        raise _refuse(f"{where}.ahead", f"0 to {MOST_AHEAD} partitions to come", str(ahead), "Say how many to keep ready, for instance 2.")
    return Level(
        "range", column, interval=interval, start=start, end=end, ahead=2 if ahead is None else ahead, default=default is not False
    )


def _parse_groups(where: str, groups: t.Mapping[str, t.Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not groups:
        raise _refuse(
            f"{where}.groups", "a mapping of partition name to its values", "nothing", "Name the tenants, for instance {big: [UA]}."
        )
    owner: dict[str, str] = {}
    parsed = []
    for name, values in groups.items():
        if not isinstance(values, (list, tuple)) or not values:
            raise _refuse(f"{where}.groups.{name}", "a list of values", repr(values), "Give at least one value, or remove the group.")
        texts = tuple(str(value) for value in values if value is not None)
        if len(texts) != len(values):
            raise _refuse(f"{where}.groups.{name}", "values that are not null", "null", "A key column cannot be NULL: remove it.")
        for text in texts:
            if text in owner:
                raise _refuse(f"{where}.groups.{name}", f"each value once (already in {owner[text]})", repr(text), "Remove one of the two.")
            owner[text] = name
        if bound_bytes(texts) > LIST_BOUND_BYTES:
            raise Refusal(
                f"{where}.groups.{name}",
                expected="values that surely fit one row of the catalog (about 430 of 5 bytes, 150 UUIDs)",
                found=f"{len(texts)} values",
                remedy="Split the group into several, or divide by hash instead.",
                code="list_too_long",
            )
        parsed.append((str(name), tuple(sorted(texts))))
    return tuple(sorted(parsed))  # in whatever order they are declared, partitions get the same names


def bound_bytes(values: t.Collection[str]) -> float:
    """At most this much of a catalog row the bound of a LIST partition takes."""
    few = len(set().union(*values)) <= FEW_CHARACTERS
    each = LIST_BYTES_A_BYTE_OF_FEW if few else LIST_BYTES_A_BYTE
    return sum(LIST_VALUE_BYTES + each * len(value.encode()) for value in values)


def _parse_moment(where: str, text: t.Any) -> datetime.datetime | None:
    if text in (None, ""):
        return None
    if isinstance(text, datetime.datetime):
        moment = text
    elif isinstance(text, datetime.date):
        moment = datetime.datetime(text.year, text.month, text.day)
    else:
        try:
            moment = datetime.datetime.fromisoformat(str(text))
        except ValueError:
            raise _refuse(where, "a date or time such as 2026-01-01", repr(text), "Write it as ISO 8601.") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _refuse(where, f"a year from {FIRST_YEAR} to {LAST_YEAR}", repr(text), "Mend it.")
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)


def _refuse(thing: str, expected: str, found: str, remedy: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code="bad_layout")


def as_data(levels: t.Sequence[Level]) -> list[dict[str, t.Any]]:
    """The levels as JSON-able data; ``parse`` reads it back to equal levels."""
    data: list[dict[str, t.Any]] = []
    for level in levels:
        if level.method == "hash":
            data.append({"method": "hash", "column": level.column, "modulus": level.modulus})
        elif level.method == "list":
            groups = {name: list(values) for name, values in level.groups}
            data.append({"method": "list", "column": level.column, "groups": groups, "default": level.default})
        else:
            moments = {name: moment.isoformat() for name, moment in (("start", level.start), ("end", level.end)) if moment}
            data.append(
                {
                    "method": "range",
                    "column": level.column,
                    "interval": level.interval,
                    "ahead": level.ahead,
                    "default": level.default,
                    **moments,
                }
            )
    return data


def floor(moment: datetime.datetime, interval: str) -> datetime.datetime:
    """The start of the interval that holds the moment, in UTC; weeks start on Monday."""
    moment = moment.astimezone(datetime.UTC).replace(minute=0, second=0, microsecond=0)
    if interval == "hour":
        return moment
    moment = moment.replace(hour=0)
    if interval == "day":
        return moment
    if interval == "week":
        return moment - datetime.timedelta(days=moment.weekday())
    moment = moment.replace(day=1)
    return moment if interval == "month" else moment.replace(month=1)


def following(moment: datetime.datetime, interval: str) -> datetime.datetime:
    """The start of the next interval; ``moment`` is the start of one."""
    if interval == "month":
        return moment.replace(year=moment.year + moment.month // 12, month=moment.month % 12 + 1)
    if interval == "year":
        return moment.replace(year=moment.year + 1)
    return moment + {"hour": datetime.timedelta(hours=1), "day": datetime.timedelta(days=1), "week": datetime.timedelta(days=7)}[interval]


def tree(levels: t.Sequence[Level], root: str, now: datetime.datetime) -> list[Partition]:
    """Every partition the layout means today, parents before children. Names stay the same when time adds partitions.

    Levels of method range must have their ``start`` by now.

    :raises Refusal: when there are too many.
    """
    children = [list(_children(level, now)) for level in levels]
    count, wide = 0, 1
    for level in children:
        wide *= len(level)
        count += wide
    if count > MOST_PARTITIONS:
        raise _too_many()
    found: list[Partition] = []
    names = {root}
    parents = [(root, root)]  # its name, and the whole of it before it was shortened
    for number, level in enumerate(children):
        divided_by = levels[number + 1] if number + 1 < len(levels) else None
        made = []
        for parent, path in parents:
            for suffix, bound in level:
                name = _free(f"{path}_{suffix}", names, f"{parent}/{bound}")
                found.append(Partition(name, parent, bound, divided_by))
                made.append((name, f"{path}_{suffix}"))
        parents = made
    return found


def leaves_of_defaults(partitions: t.Sequence[Partition]) -> list[Partition]:
    """The leaves for rows that no declared partition takes, at whatever level; parents come before children."""
    defaults: set[str] = set()
    for partition_ in partitions:
        if isinstance(partition_.bound, DefaultBound) or partition_.parent in defaults:
            defaults.add(partition_.name)
    return [partition_ for partition_ in partitions if partition_.is_leaf and partition_.name in defaults]


def _free(wanted: str, names: set[str], identity: str) -> str:
    """The wanted name, or one that ends in a hash when two partitions would share it (groups "A b" and "a-b", or "a" of 2 and "a_h0")."""
    name = shortened(wanted)
    if name in names:
        name = shortened(f"{wanted}_{hashlib.sha256(identity.encode()).hexdigest()[:8]}")
    names.add(name)
    return name


def _too_many() -> Refusal:
    return _refuse(
        "partition_by", f"at most {MOST_PARTITIONS} partitions", "more", "Choose a longer interval, a later start or fewer groups."
    )


def _children(level: Level, now: datetime.datetime) -> t.Iterator[tuple[str, Bound]]:
    if level.method == "hash":
        for remainder in range(level.modulus):
            yield f"h{remainder:0{len(str(level.modulus - 1))}d}", HashBound(level.modulus, remainder)
        return
    if level.method == "list":
        for name, values in level.groups:
            yield re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "group", ListBound(values)
    else:
        for start, end in periods(level, now):
            yield _period_name(start, level.interval), RangeBound(start, end)
    if level.default:
        yield "default", DefaultBound()


def periods(level: Level, now: datetime.datetime) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """The periods of a range level: from its start to its end, or to ``ahead`` periods after the one that holds ``now``.

    :raises Refusal: when there are too many.
    """
    start = floor(level.start or now, level.interval)
    last = floor(now, level.interval)
    for _number in range(level.ahead):
        last = following(last, level.interval)
    until = level.end or following(last, level.interval)
    found = []
    while start < until:
        end = following(start, level.interval)
        found.append((start, end))
        if len(found) > MOST_PARTITIONS:
            raise _too_many()
        start = end
    return found


def _period_name(start: datetime.datetime, interval: str) -> str:
    pattern = {"hour": "%Y%m%d%H", "day": "%Y%m%d", "week": "%Y%m%d", "month": "%Y%m", "year": "%Y"}[interval]
    return start.strftime(pattern)
