# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every version of the collector that builds here. One that cannot be had is skipped by name."""

from __future__ import annotations

import pytest

from playground import collector
from tests.support.components import had


@pytest.fixture(params=collector.versions())
def version(request: pytest.FixtureRequest) -> str:
    """As ``0.161``."""
    had(f"{collector.PREFIX}{request.param}")
    return str(request.param)
