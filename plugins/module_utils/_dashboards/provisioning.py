# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Dashboards as files of a folder that Grafana's provisioning reads."""

from __future__ import annotations

import pathlib

from .._common import files
from .._common.errors import Refusal
from .grafana import MARKER

CODE = "dashboard_unwritable"


def path(directory: str, uid: str) -> pathlib.Path:
    """The file of a dashboard."""
    return pathlib.Path(directory) / f"{uid}.json"


def read(place: pathlib.Path) -> str | None:
    """The file as it is; None where there is none.

    :raises Refusal: it is not ours.
    """
    found = files.text_if_any(str(place))
    if found is not None and MARKER not in found:
        raise Refusal(
            str(place),
            expected="no file, or one that this collection wrote",
            found="another",
            remedy="Move it away, or name another folder.",
            code="not_ours",
        )
    return found


def write(place: pathlib.Path, content: str) -> None:
    """
    :raises Refusal: it cannot be written.
    """
    files.replace(place, content.encode(), CODE)


def remove(place: pathlib.Path) -> None:
    """
    :raises Refusal: it cannot be removed.
    """
    files.remove(place, CODE)
