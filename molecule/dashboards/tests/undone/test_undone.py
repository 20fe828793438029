# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What undo leaves."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def test_ours_is_gone_and_theirs_is_not() -> None:
    assert [path.name for path in (FOLDER / "dashboards").iterdir()] == ["theirs.json"]
    assert not (FOLDER / "alerts.yml").exists()
    assert not (FOLDER / "sheet.html").exists()
