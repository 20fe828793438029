# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is left of it."""

from __future__ import annotations

from pathlib import Path


def test_the_configuration_is_as_before_byte_for_byte(folder: Path) -> None:
    assert (folder / "config.yaml").read_bytes() == (folder / "config.yaml.before").read_bytes()
    assert not (folder / ".config.yaml.governed").exists()
