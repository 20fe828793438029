# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that are taken and validated while others write: each equals its manifest at the anchor."""

from __future__ import annotations

from tests.integration import restores


def test_every_backup_under_load_is_an_exact_match() -> None:
    assert restores.exact_matches(2, 16, print) == [True, True]
