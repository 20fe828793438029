# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real collector did, by its own metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_the_collector_left_out_what_was_foretold_and_lost_nothing(folder: Path) -> None:
    measures = {one["name"]: one for one in json.loads((folder / "measures.json").read_text())}
    if not measures:
        pytest.skip("no collector is built: only the file was looked at")
    assert measures["volume_cut"]["value"] > 50
    assert measures["volume_cut"]["samples"] >= 50
    assert measures["sampled_too_early"]["value"] == 0
    assert measures["policy_errors"]["value"] == 0
    assert measures["span_cut"]["value"] > 30
