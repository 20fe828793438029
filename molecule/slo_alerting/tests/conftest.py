# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario's folder, and what its Prometheus says."""

from __future__ import annotations

import json
import os
import typing as t
import urllib.request
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder() -> Path:
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(scope="session")
def groups() -> list[dict[str, t.Any]]:
    """The groups of rules that Prometheus has read."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open("http://127.0.0.1:19491/api/v1/rules", timeout=10) as answer:
        found: list[dict[str, t.Any]] = json.load(answer)["data"]["groups"]
    return found
