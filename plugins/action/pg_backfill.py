# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module pg_backfill in slices and tells how far it is."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.plugin_utils.progress import duration, milliseconds, run_in_slices, told


class ActionModule(ActionBase):
    """Progress for pg_backfill; the module itself does the work."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        return run_in_slices(self, task_vars or {}, line=_line)


def _line(arguments: dict[str, t.Any], result: dict[str, t.Any]) -> str:
    done, of = result["ranges_done"], result["ranges"]
    rows, rate = result["rows_copied"], result["rows_per_second"]
    of_rows = rows * of // done if done else 0
    left = duration((of_rows - rows) / rate) + " left" if rate and of_rows > rows else ""
    felt = ""
    if result["p95_copying_ms"] is not None:
        felt = f"p95 {milliseconds(result['p95_copying_ms'])} (at rest {milliseconds(result['p95_holding_ms'])})"
    table = f"{arguments.get('schema', 'public')}.{arguments['table']}"
    return told(table, "copy", done, of, f"{rows:,} of about {of_rows:,} rows", f"{rate:,} rows/s", felt, left)
