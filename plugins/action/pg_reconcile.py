# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module pg_reconcile in slices and tells how far it is."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.plugin_utils.progress import run_in_slices, told


class ActionModule(ActionBase):
    """Progress for pg_reconcile; the module itself does the work."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        return run_in_slices(self, task_vars or {}, line=_line)


def _line(arguments: dict[str, t.Any], result: dict[str, t.Any]) -> str:
    table = f"{arguments.get('schema', 'public')}.{arguments['table']}"
    repaired = f"{result['repaired']:,} repaired" if result["repaired"] else ""
    compared = (f"{result['rows_compared']:,} rows compared", f"{result['rows_per_second']:,} rows/s", f"{result['mismatches']:,} differ")
    return told(table, "compare", result["ranges_compared"], result["ranges"], *compared, repaired)
