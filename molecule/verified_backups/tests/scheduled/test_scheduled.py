# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night is scheduled, with rules and a dashboard for what it measures."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

UNITS = {"verified-backups-shop.service", "verified-backups-shop.timer", "verified-backups-shop-heartbeat.service"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_units_are_scheduled_and_what_they_start_is_there(folder: Path) -> None:
    units = {path.name: path.read_text() for path in (folder / "units").iterdir()}
    assert set(units) == UNITS
    assert "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 01:30:00 UTC\n" in units["verified-backups-shop.timer"]
    for name in UNITS - {"verified-backups-shop.timer"}:
        [command] = re.findall(r"^ExecStart=(.*)$", units[name], re.MULTILINE)
        program, *arguments = command.split()
        assert Path(program).is_file()
        assert all(Path(path).is_file() for one in arguments for path in re.findall(r"(/\S+)", one))


def test_rules_and_dashboard_are_about_metrics_that_there_are(folder: Path) -> None:
    rules = [rule for group in yaml.safe_load((folder / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    assert {"BackupNotProved", "BackupValidationFailed"} <= {rule["alert"] for rule in rules if "alert" in rule}
    dashboard = json.loads((folder / "dashboard.json").read_text())
    measured = set(re.findall(r"^(restore_validate_\w+)", (folder / "shop.prom").read_text(), re.MULTILINE))
    asked = set(re.findall(r"restore_validate_\w+", json.dumps([rules, [panel.get("targets") for panel in dashboard["panels"]]])))
    assert {name for name in asked - measured if "lock" not in name} == set(), "no locks in a directory"
    assert 'restore_validate_verdict{cluster="shop",engine="basebackup",verdict="PASS"} 1\n' in (folder / "shop.prom").read_text()
