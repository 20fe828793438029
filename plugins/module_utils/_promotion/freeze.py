# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Calendars: when promotions are forbidden, and when they are allowed. Pure: the time comes in.

Windows are of local wall time: "from Friday 16:00 for 64 h" ends on Monday at 08:00, also on the weekend that has 63 or 65 hours. Recurrences are
RFC 5545 rules, local times are resolved by the IANA time zones. Nothing here ever forbids the way back.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import re
import typing as t
import zoneinfo

from .._common import recurrences, shape, words
from .._common.errors import Refusal
from . import preconditions

NEVER_FORBIDDEN = ("undo", "recover", "rollback")
CAN_BE_FORBIDDEN = ("promote",)
HORIZON = datetime.timedelta(days=800)  # how far ahead the next change is looked for; a yearly window lies within
LONGEST = 366 * 86400.0
RULE = re.compile(r"FREQ=(?:YEARLY|MONTHLY|WEEKLY|DAILY)(?:;[A-Z]+=[A-Z0-9,+-]+)*\Z")

INTERVAL = re.compile(r";INTERVAL=(?![1-9][0-9]{0,3}(?:;|\Z))")  # one that is none, or too large to be meant
NUMBERED_DAY = re.compile(r"FREQ=(?:WEEKLY|DAILY);(?:.*;)?BYDAY=[A-Z,]*[0-9+-]")  # of what would it be the first Friday?

Kind = t.Literal["freeze", "allow"]
Doing = t.Literal["promote", "undo", "recover", "rollback"]
Span = tuple[datetime.datetime, datetime.datetime]  # UTC, the end is no longer in it


@dataclasses.dataclass(frozen=True)
class Window:
    """One entry of a calendar. ``starts`` is local time without a zone; without ``rule`` the window is there once."""

    name: str
    kind: Kind
    starts: datetime.datetime
    lasts: datetime.timedelta
    timezone: zoneinfo.ZoneInfo
    rule: str
    applies_to: tuple[str, ...]
    reason: str


@dataclasses.dataclass(frozen=True)
class Standing:
    """Why something is forbidden now. ``until`` (UTC) is when this reason ends, None where nothing within the horizon ends it."""

    name: str
    reason: str
    until: datetime.datetime | None

    def as_dict(self) -> dict[str, t.Any]:
        return {"name": self.name, "reason": self.reason, "until": None if self.until is None else self.until.isoformat()}


def parse(found: object, path: str = "promotion_calendar") -> tuple[Window, ...]:
    """A calendar from ``[{name, kind: freeze|allow, starts, lasts, timezone, rrule, applies_to, reason}]``; it may be empty.

    ``rrule`` is optional: without it the window is there once. ``applies_to`` defaults to ``[promote]``, and ``kind`` to ``freeze``.

    :raises Refusal: it names the path of what is wrong, or the library that is missing.
    """
    entries = shape.sequence(found, path, empty=True)
    if entries and recurrences.DATEUTIL.import_error is not None:
        remedy = f"Install {recurrences.DATEUTIL.name} where Ansible runs."
        raise Refusal(path, expected="python-dateutil, which reads recurrences", found="none", remedy=remedy, code="library_missing")
    windows = tuple(_window(entry, f"{path}[{index}]") for index, entry in enumerate(entries))
    shape.unique([window.name for window in windows], path)
    return windows


def standing(calendar: t.Sequence[Window], now: datetime.datetime, doing: Doing) -> list[Standing]:
    """What forbids ``doing`` at ``now`` (a time with zone): each freeze that is on, and the lack of an open window where there are any.

    Empty for whatever leads back: ``undo``, ``recover``, ``rollback``.
    """
    applying = _applying(calendar, doing)
    found = [
        Standing(window.name, window.reason, next_change([window], now, doing))
        for window in applying
        if window.kind == "freeze" and _is_on(window, now)
    ]
    allowing = [window for window in applying if window.kind == "allow"]
    if allowing and not any(_is_on(window, now) for window in allowing):
        names = ", ".join(window.name for window in allowing)
        reasons = "; ".join(dict.fromkeys(window.reason for window in allowing))
        found.append(Standing(names, f"outside of every window that allows it: {reasons}", next_change(allowing, now, doing)))
    return found


def next_change(calendar: t.Sequence[Window], now: datetime.datetime, doing: Doing) -> datetime.datetime | None:
    """When ``doing`` will be allowed, if it is forbidden at ``now``, or forbidden, if it is allowed; None where nothing within 800 days changes it."""
    applying = _applying(calendar, doing)
    spans = [(window.kind, span) for window in applying for span in _spans(window, now, now + HORIZON)]
    some_allow = any(window.kind == "allow" for window in applying)

    def forbidden(moment: datetime.datetime) -> bool:
        kinds = {kind for kind, (start, end) in spans if start <= moment < end}
        return "freeze" in kinds or (some_allow and "allow" not in kinds)

    today = forbidden(now)
    moments = sorted({moment for _kind, span in spans for moment in span if now < moment <= now + HORIZON})
    return next((moment for moment in moments if forbidden(moment) != today), None)


def _applying(calendar: t.Sequence[Window], doing: Doing) -> list[Window]:
    return [] if doing in NEVER_FORBIDDEN else [window for window in calendar if doing in window.applies_to]


def _is_on(window: Window, now: datetime.datetime) -> bool:
    return any(start <= now < end for start, end in _spans(window, now, now))


def _spans(window: Window, first: datetime.datetime, last: datetime.datetime) -> list[Span]:
    """The window's spans that may overlap the time from ``first`` to ``last``, and perhaps a neighbour."""
    day = datetime.timedelta(days=1)
    since = _local(window, first, -window.lasts - day)
    until = _local(window, last, day)
    return [_span(window, start) for start in _starts(window, since, until)]


def _starts(window: Window, since: datetime.datetime, until: datetime.datetime) -> list[datetime.datetime]:
    """Local times at which the window begins."""
    if not window.rule:
        return [window.starts] if since <= window.starts <= until else []
    return list(_recurrence(window.rule, window.starts).between(since, until, inc=True))


def _local(window: Window, moment: datetime.datetime, plus: datetime.timedelta) -> datetime.datetime:
    """Local time at ``moment``, moved, and kept within what a calendar can say."""
    try:
        return moment.astimezone(window.timezone).replace(tzinfo=None) + plus
    except OverflowError:
        return datetime.datetime.min if plus < datetime.timedelta() else datetime.datetime.max


def _span(window: Window, start: datetime.datetime) -> Span:
    """The span in UTC of a window that begins at local time ``start``.

    A local time that is there twice, or not at all, is read so that a freeze is the longer and an allowance the shorter for it.
    """
    begins, ends = _moments(window, start), _moments(window, start + window.lasts)
    return (min(begins), max(ends)) if window.kind == "freeze" else (max(begins), min(ends))


def _moments(window: Window, local: datetime.datetime) -> list[datetime.datetime]:
    """Both readings of a local time (PEP 495); they are the same but around a switch."""
    return [local.replace(tzinfo=window.timezone, fold=fold).astimezone(datetime.UTC) for fold in (0, 1)]


def _window(found: object, path: str) -> Window:
    entries = shape.mapping(
        found, path, required=("name", "starts", "lasts", "timezone", "reason"), optional=("kind", "rrule", "applies_to")
    )
    kind = entries.get("kind", "freeze")
    if kind not in ("freeze", "allow"):
        raise shape.wrong(f"{path}.kind", "freeze or allow", words.described(kind), "Write one of the two.")
    starts = _starting(entries["starts"], f"{path}.starts")
    lasts = preconditions.seconds(entries["lasts"], f"{path}.lasts", {})
    if lasts > LONGEST:
        raise shape.wrong(f"{path}.lasts", "at most 366d", words.described(entries["lasts"]), "Write several windows.")
    return Window(
        name=shape.text(entries["name"], f"{path}.name"),
        kind="freeze" if kind == "freeze" else "allow",
        starts=starts,
        lasts=datetime.timedelta(seconds=lasts),
        timezone=_timezone(entries["timezone"], f"{path}.timezone"),
        rule=_rule(entries["rrule"], starts, f"{path}.rrule") if "rrule" in entries else "",
        applies_to=_applies_to(entries.get("applies_to", list(CAN_BE_FORBIDDEN)), f"{path}.applies_to"),
        reason=shape.text(entries["reason"], f"{path}.reason"),
    )


def _starting(found: object, path: str) -> datetime.datetime:
    """A local time; YAML turns some spellings into times and dates by itself."""
    starts: datetime.datetime | None = None
    if isinstance(found, datetime.datetime):
        starts = found
    elif isinstance(found, datetime.date):
        starts = datetime.datetime(found.year, found.month, found.day)
    elif isinstance(found, str):
        try:
            starts = datetime.datetime.fromisoformat(found)
        except ValueError:
            starts = None
    if starts is None or starts.tzinfo is not None or not 1970 <= starts.year < 2200:
        remedy = "Write local time between 1970 and 2199; the timezone says where."
        raise shape.wrong(path, "a local time like 2026-01-02T16:00, without an offset", words.described(found), remedy)
    return starts


def _timezone(found: object, path: str) -> zoneinfo.ZoneInfo:
    name = shape.text(found, path)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as problem:
        none_at_all = not zoneinfo.available_timezones()
        remedy = "Install the package tzdata: this machine knows no time zone." if none_at_all else "Write it as the IANA does."
        raise shape.wrong(path, "a time zone like Europe/Berlin or UTC", words.described(found), remedy) from problem


def _rule(found: object, starts: datetime.datetime, path: str) -> str:
    """A recurrence that can be read, and that ever comes.

    Rules by the hour and finer are refused: no freeze needs them, and they make calendars slow.
    """
    rule = shape.text(found, path)
    remedy = "Write it as RFC 5545 does, UNTIL as local time without Z."
    if not RULE.match(rule) or INTERVAL.search(rule) or NUMBERED_DAY.match(rule):
        raise shape.wrong(path, "a rule like FREQ=WEEKLY;BYDAY=FR, from yearly to daily", words.described(found), remedy)
    try:
        first = list(itertools.islice(_recurrence(rule, starts), 2))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as problem:
        raise shape.wrong(path, "a rule of RFC 5545", f"{words.described(found)}: {problem}", remedy) from problem
    if not first:
        raise shape.wrong(path, "a rule that comes at least once", f"{words.described(found)}, which never does", "Correct it.")
    return rule


def _recurrence(rule: str, starts: datetime.datetime) -> recurrences.rrule.rrule:
    found = recurrences.rrule.rrulestr(rule, dtstart=starts)
    if not isinstance(found, recurrences.rrule.rrule):
        raise TypeError("one rule only")
    return found


def _applies_to(found: object, path: str) -> tuple[str, ...]:
    names = [shape.name(name, f"{path}[{index}]") for index, name in enumerate(shape.sequence(found, path))]
    for index, name in enumerate(names):
        if name in NEVER_FORBIDDEN:
            raise shape.wrong(f"{path}[{index}]", "what goes forwards: promote", name, "Remove it: the way back is always open.")
        if name not in CAN_BE_FORBIDDEN:
            raise shape.wrong(f"{path}[{index}]", f"one of {', '.join(CAN_BE_FORBIDDEN)}", name, "Correct its name.")
    shape.unique(names, path)
    return tuple(names)
