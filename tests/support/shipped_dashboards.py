# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards, alerts and metrics that the role ships, as the module takes them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "roles" / "dashboards" / "files"


def read(name: str) -> t.Any:
    return yaml.safe_load((FILES / name).read_text(encoding="utf-8"))


def options(**more: t.Any) -> dict[str, t.Any]:
    """All of them, with the runbooks of this repository."""
    names = sorted(path.name for path in (FILES / "dashboards").glob("*.yml"))
    return {
        "dashboards": [read(f"dashboards/{name}") for name in names],
        "metrics": read("metrics.yml"),
        "alerts": read("alerts.yml"),
        "runbooks": str(ROOT / "docs" / "runbooks"),
        **more,
    }
