# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What was there before a change of several files, so that one that was cut is ended, or taken back, as a whole."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

from ..._common import files
from ..._common.errors import Refusal

CODE = "slo_unwritable"


@dataclasses.dataclass(frozen=True)
class Record:
    """``former``: text of each file before the first write of the change; None where there was no file.

    ``is_finished``: all files were written, and read by Prometheus where it is told.
    """

    former: t.Mapping[str, str | None]
    is_finished: bool


def load(path: str | None) -> Record | None:
    """The record at this path; None where there is none.

    :raises Refusal: what is there is no record.
    """
    content = None if path is None else files.text_if_any(path)
    if content is None:
        return None
    try:
        told = json.loads(content)
        return Record({name: None if text is None else str(text) for name, text in told["former"].items()}, told["finished"] is True)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Refusal(
            str(path),
            expected="the record of a change",
            found="something else",
            remedy="Correct the path.",
            code="slo_record_unreadable",
        ) from problem


def save(path: str | None, told: Record | None) -> None:
    """Replace the record in one step, or remove it; nothing without a path.

    :raises Refusal: it cannot be written.
    """
    if path is None:
        return
    put(path, None if told is None else json.dumps({"finished": told.is_finished, "former": dict(told.former)}, indent=1))


def put(path: str, text: str | None) -> None:
    """Replace a file in one step, or remove it.

    :raises Refusal: it cannot be done.
    """
    if text is None:
        files.remove(pathlib.Path(path), CODE)
    else:
        files.replace(pathlib.Path(path), text.encode(), CODE)
