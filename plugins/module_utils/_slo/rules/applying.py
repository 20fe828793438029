# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Several files changed as one, and read by Prometheus; in an order in which a kill between any two steps loses nothing.

The record is written first and says that the change is unfinished; then the files; then Prometheus reads them; then the record says finished.
A change that meets an unfinished record is the same change going on: what was there before the *first* write stays what an undo brings back.
"""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from ..._common import files, web
from ..._common.errors import Refusal
from . import record, reloading
from .record import Record

Told: t.TypeAlias = "t.Mapping[str, t.Any]"
Former: t.TypeAlias = "t.Mapping[str, str | None]"


@dataclasses.dataclass(frozen=True)
class File:
    """What a file holds and shall hold; None where there is none."""

    path: str
    before: str | None
    after: str | None


@dataclasses.dataclass(frozen=True)
class Change:
    """The files that differ, and what the record says.

    :param during: the record until the change is whole; None when it stays as it is.
    :param after: the record then; None for none.
    :param back: what the files hold again when Prometheus does not take the new ones.
    :param after_back: the record then.
    :param is_unread: Prometheus may not have read what is there.
    """

    files: tuple[File, ...]
    during: Record | None
    after: Record | None
    back: Former
    after_back: Record | None
    is_unread: bool

    @property
    def is_due(self) -> bool:
        """Whether there is something for people to see: a file that changes, or is read at last."""
        return bool(self.files) or self.is_unread


def planned(told: Told, wanted: t.Sequence[File]) -> Change:
    """Files that shall be so from now on.

    :param told: options ``record``, ``rules_file``, ``reload``, ``pid_file`` and ``prometheus``.
    :raises Refusal: the record is none, or Prometheus cannot be asked.
    """
    changed = _changed(wanted)
    recorded = record.load(told["record"])
    before = {file.path: file.before for file in changed}
    if recorded is not None and not recorded.is_finished:
        former = {**before, **recorded.former}
        return Change(changed, Record(former, False), Record(former, True), former, None, _is_told(told))
    if not changed:
        return Change(changed, None, recorded, {}, recorded, _is_newer(told))
    return Change(changed, Record(before, False), Record(before, True), before, recorded, False)


def planned_undo(told: Told, recorded: Record, wanted: t.Sequence[File]) -> Change:
    """Files as they were before the recorded change; the record goes with it.

    :raises Refusal: Prometheus cannot be asked.
    """
    changed = _changed(wanted)
    before = {file.path: file.before for file in changed}
    is_unread = _is_told(told) if not recorded.is_finished else not changed and _is_newer(told)
    return Change(changed, Record(recorded.former, False), None, before, recorded, is_unread)


def apply(told: Told, change: Change) -> None:
    """Write the files and have them read; put back what was there when Prometheus does not take them.

    :raises Refusal: a file could not be written, or the files were not taken.
    """
    where = told["record"]
    if change.during is not None:
        record.save(where, change.during)
    try:
        for file in change.files:
            record.put(file.path, file.after)
    except Refusal:
        _put(change.back)
        if not change.is_unread:
            record.save(where, change.after_back)
        raise
    try:
        said = reloading.reload(*_server(told)) if change.is_due and _is_told(told) else None
    except Refusal:
        _put(change.back)  # whether it has read them is not known, so the record stays unfinished
        raise
    if said is not None:
        _put(change.back)
        again = reloading.reload(*_server(told))
        if again is None or not change.is_unread:  # else it may still run on what a cut change had written
            record.save(where, change.after_back)
        raise Refusal(
            told["rules_file"],
            expected="rules that Prometheus reads",
            found=said,
            remedy="The former files are back"
            + (", and Prometheus has read them." if again is None else f", but Prometheus still reads nothing new: {again}."),
            code="slo_reload_failed",
        )
    if change.during is not None:
        record.save(where, change.after)


def _changed(wanted: t.Sequence[File]) -> tuple[File, ...]:
    return tuple(file for file in wanted if file.before != file.after)


def _put(former: Former) -> None:
    for path, text in former.items():
        if files.text_if_any(path) != text:
            record.put(path, text)


def _is_told(told: Told) -> bool:
    return bool(told["reload"] != "none")


def _is_newer(told: Told) -> bool:
    """Whether the rules are newer than Prometheus' last reading: somebody wrote them who did not tell it."""
    path = pathlib.Path(told["rules_file"])
    return _is_told(told) and path.exists() and int(path.stat().st_mtime) > reloading.state(web.server(told["prometheus"])).succeeded_at


def _server(told: Told) -> tuple[web.Server, str, str | None]:
    return web.server(told["prometheus"]), told["reload"], told["pid_file"]
