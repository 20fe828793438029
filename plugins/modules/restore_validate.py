# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a backup restores, and measure what it takes."""

from __future__ import annotations

from ansible_collections.governed.delivery.plugins.module_utils._backups.work_validate import SPEC, work
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()
