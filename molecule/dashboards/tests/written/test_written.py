# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path

import yaml

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def test_each_dashboard_is_a_file_by_its_uid() -> None:
    files = sorted((FOLDER / "dashboards").glob("*.json"))
    assert [path.stem for path in files] == [json.loads(path.read_text())["uid"] for path in files]
    assert len(files) == 6


def test_no_alert_waits_or_was_left_out_and_each_has_a_runbook() -> None:
    [group] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    names = {rule["alert"] for rule in group["rules"]}
    assert "SamplingKeepsNothing" in names
    assert not names & {"RestoreFailed", "PurposeEvidenceMissing"}
    assert all(rule["annotations"]["runbook_url"].startswith("https://wiki.example.net/runbooks/") for rule in group["rules"])


def test_the_sheet_lists_every_panel() -> None:
    sheet = (FOLDER / "sheet.html").read_text()
    assert "trace sampling keep/drop rates" in sheet
    assert "waits for search_canary" in sheet
    assert "http" not in sheet.replace("http_", "")
