# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario's folder, and what its Prometheus says."""

from __future__ import annotations

import json
import os
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
sys.path.insert(0, str(PROJECT))


@pytest.fixture(scope="session")
def folder() -> Path:
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(scope="session")
def groups() -> list[dict[str, t.Any]]:
    """The groups of rules that Prometheus has read."""
    from playground import loopback

    scenario = yaml.safe_load((PROJECT / "molecule" / "slo_alerting" / "vars" / "scenario.yml").read_text(encoding="utf-8"))
    found: list[dict[str, t.Any]] = json.loads(loopback.page(f"http://{scenario['scenario_address']}/api/v1/rules"))["data"]["groups"]
    return found
