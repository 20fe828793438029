# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Files that are named by a path, or by the short name of one that the collection ships."""

from __future__ import annotations

import pathlib

from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal

PLAYBOOKS = pathlib.Path(__file__).resolve().parents[2] / "playbooks"


def is_path(name: str) -> bool:
    """Whether a path is meant, and not a name."""
    return "/" in name or name.endswith((".yml", ".yaml"))


def find(name: str, kind: str, option: str) -> pathlib.Path:
    """The file: a path (anything with a slash or an ending), or the name of one in ``playbooks/<kind>s``.

    :param kind: what it is, for messages: ``plan``, ``workflow``.
    :param option: what the user set.
    :raises Refusal: there is no such file.
    """
    folder = PLAYBOOKS / f"{kind}s"
    path = pathlib.Path(name).expanduser().absolute() if is_path(name) else folder / f"{name}.yml"
    if not path.is_file():
        shipped = ", ".join(sorted(found.stem for found in folder.glob("*.yml"))) or "none"
        raise Refusal(
            option,
            expected=f"the path of a {kind}, or the name of a shipped one",
            found=f"{name!r}, which is no file" if name else "nothing",
            remedy=f"Shipped {kind}s: {shipped}.",
            code=f"no_{kind}",
        )
    return path
