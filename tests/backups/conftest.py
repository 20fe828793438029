# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups have a tier of their own, run two at a time; their servers are those of the integration tier."""

from __future__ import annotations

from tests.integration.conftest import database, postgres, postgres_15, postgres_16, postgres_18, run_module, session_name, wanted_versions

__all__ = ["database", "postgres", "postgres_15", "postgres_16", "postgres_18", "run_module", "session_name", "wanted_versions"]
