# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules are gone, from the folder and from Prometheus."""

from __future__ import annotations

import typing as t
from pathlib import Path


def test_nothing_is_left(folder: Path, groups: list[dict[str, t.Any]]) -> None:
    assert groups == []
    assert list((folder / "rules").iterdir()) == []
    assert list((folder / "tests").iterdir()) == []
    assert list((folder / "state").iterdir()) == []
    assert not (folder / "alertmanager.yml").exists()
