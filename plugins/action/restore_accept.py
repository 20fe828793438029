# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import acceptance, runs
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import statement
from ansible_collections.governed.delivery.plugins.module_utils._ledger.canonical import digest
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import HeadMoved, Log
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, ledgers, told

SPEC = ArgumentSpec(
    options={
        **ledgers.OPTIONS,
        "run": {"type": "str", "required": True},
        "reason": {"type": "str", "required": True},
        "by": {"type": "str"},
    }
)


class ActionModule(ActionBase):
    """Says on the controller that a person accepts a run."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            return {**result, **_accept(options, writes=not self._task.check_mode)}
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}


def _accept(options: t.Mapping[str, t.Any], *, writes: bool) -> dict[str, t.Any]:
    """Decided anew whenever somebody else was quicker."""
    log: Log = ledgers.log(options, writes=writes)
    while True:
        head = log.head()
        entries = ledgers.entries(log, head)
        said = acceptance.accept(entries, str(options["run"]), str(options["reason"]))
        if said is None:
            return {"changed": False, "rows": _rows(entries, str(options["run"]))}
        if not writes:
            return {"changed": True, "rows": said["rows"]}
        predicate = ledgers.attached(log, told.stamped(said, options["by"]))
        try:
            log.append([statement.statement(runs.ACCEPTED, predicate, {f"run {said['run']}": digest(predicate)})], after=head)
        except HeadMoved:
            continue
        return {"changed": True, "rows": said["rows"]}


def _rows(entries: t.Sequence[runs.Entry], run: str) -> dict[str, t.Any]:
    return next(dict(one.said["rows"]) for one in entries if one.kind == runs.ACCEPTED and one.said.get("run") == run)
