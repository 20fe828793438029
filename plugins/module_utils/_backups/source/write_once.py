# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which paths of a place are written once, so that a second version of one is a fault."""

from __future__ import annotations

# pgBackRest rewrites these by design: its indexes at every backup, the manifest's copy while a backup runs (for a later resume).
REWRITTEN = {"backup.info", "backup.info.copy", "archive.info", "archive.info.copy", "backup.manifest.copy", "latest"}


def is_write_once(path: str) -> bool:
    return path.rsplit("/", maxsplit=1)[-1] not in REWRITTEN
