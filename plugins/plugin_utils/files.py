# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Files that the controller writes."""

from __future__ import annotations

import contextlib
import pathlib
import secrets

from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal


def replace(path: pathlib.Path, content: bytes, code: str) -> None:
    """Replace the file in one step, so that nobody ever opens half of one.

    :param code: of the refusal.
    :raises Refusal: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            beside.unlink()
        found = problem.strerror or str(problem)
        raise Refusal(
            str(path), expected="a file that can be written", found=found, remedy="Name another destination.", code=code
        ) from problem
