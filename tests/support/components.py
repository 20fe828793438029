# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that no package index carries, built from Go modules when the first test needs them. One that cannot be had is skipped by name."""

from __future__ import annotations

import shutil

import pytest

from playground import components, toolchain


def had(name: str) -> components.Component:
    """A component, built when it is not there yet; the test is skipped when this machine cannot have it. A wrong checksum is a failure."""
    try:
        return components.built(name)
    except toolchain.Unavailable as refusal:
        pytest.skip(f"{name} could not be had: {refusal}")


def had_prometheus() -> None:
    """Prometheus with its promtool, where ``playground.prometheus`` looks: what is installed, or else the component, as with ``had``."""
    if not all(map(shutil.which, ("prometheus", "promtool"))):
        had("prometheus")
