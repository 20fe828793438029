# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule is gone with everything that it made. What was proved stays, and so do the backups."""

from __future__ import annotations

import typing as t
from pathlib import Path

import psycopg
import yaml

Session = psycopg.Connection[tuple[t.Any, ...]]


def test_units_settings_rules_and_dashboard_are_gone(folder: Path) -> None:
    assert list((folder / "units").iterdir()) == []
    assert list((folder / "state").iterdir()) == []
    assert not (folder / "alerts.yml").exists()
    assert not (folder / "dashboard.json").exists()


def test_the_heartbeats_table_is_gone_with_its_schema(session: Session) -> None:
    assert session.execute("SELECT to_regnamespace('governed_delivery') IS NULL").fetchall() == [(True,)]


def test_backups_evidence_and_metrics_stay(folder: Path, said: list[tuple[str, dict[str, t.Any]]]) -> None:
    place = Path(yaml.safe_load((folder / "backups.yml").read_text())["source"]["directory"])
    assert (place / "backups" / "nightly" / "base.tar").is_file()
    assert (place / "manifests" / "nightly.json").is_file()
    assert [kind for kind, _said in said] == ["restore_started", "restore_finished"]
    assert (folder / "shop.prom").is_file()
