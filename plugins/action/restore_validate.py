# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module restore_validate on the host, tells how far it is, and signs begin and end into the ledger on the controller."""

from __future__ import annotations

import datetime
import secrets
import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.governed.delivery.plugins.module_utils._backups import run_directory
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import runs
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore import outcome, progress
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore.work_validate import SPEC
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.plugin_utils import (
    actions,
    background,
    ledgers,
    restore_progress,
    restore_table,
)

if t.TYPE_CHECKING:
    from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log

MODULE = "governed.delivery.restore_validate"

Result = dict[str, t.Any]


class ActionModule(ActionBase):
    """The module does the work; nothing is decided here."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        arguments = {name: value for name, value in self._task.args.items() if name != "ledger"}
        try:
            log = ledgers.log(options["ledger"], writes=not self._task.check_mode) if options["ledger"] else None
            about = (options["cluster"], options["engine"])
            entries = ledgers.entries(log) if log is not None else ()
            if options["reuse_within"] and (kept := runs.last_pass(entries, *about, now=time.time(), within=options["reuse_within"])):
                return _kept(kept)
            if log is not None and options["accepted"] is None:
                arguments["accepted"] = runs.accepted(entries, *about)
            if self._task.check_mode:
                return _told(self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars or {}))
            return _told(self._signed(log, options, arguments, task_vars or {}))
        except Refusal as refusal:
            return actions.refused(refusal)

    def _signed(self, log: Log | None, options: Result, arguments: Result, task_vars: Result) -> Result:
        now = datetime.datetime.now(datetime.UTC)
        run = options["run"] or f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        about = {"run": run, "night": options["night"] or f"{now:%Y-%m-%d}", "cluster": options["cluster"], "engine": options["engine"]}
        if log is not None:  # before the first byte is fetched: a night that was begun cannot be left out
            ledgers.say(log, runs.STARTED, {**about, "at": now.isoformat()})
        result = background.run(
            self,
            MODULE,
            {**arguments, **about},
            task_vars,
            progress_file=f"{options['work_directory']}/{run_directory.PREFIX}{run}/{progress.FILE}",
            seconds=options["run_timeout"],
            tell=lambda found: Display().display(restore_progress.line(str(about["cluster"]), found)),
        )
        if log is not None:
            self._keep(log, about, result)
        return result

    def _keep(self, log: Log, about: Result, result: Result) -> None:
        """The run's end, and that of dead runs which it cleaned up after."""
        at = datetime.datetime.now(datetime.UTC).isoformat()
        record = result.get("record")
        if record is None:
            said = str(result.get("msg") or "the module did not answer")[:500]
            result["ledger_index"] = ledgers.say(log, runs.ABORTED, {**about, "at": at, "reason": said})
            return
        begun = runs.unended(ledgers.entries(log))
        for dead in record.get("aborted", []):
            if dead in begun:
                ledgers.say(log, runs.ABORTED, {"run": dead, "at": at, "reason": "its process died; a later run cleaned up after it"})
        result["ledger_index"] = ledgers.say(log, runs.FINISHED, record)


def _kept(entry: runs.Entry) -> Result:
    """What an earlier run found, as this one's."""
    Display().display(f"  {entry.said.get('cluster')}  run {entry.said.get('run')} passed at {entry.said.get('at')}; it is not made again")
    record = dict(entry.said)
    facts = {"record": record, "verdict": record["verdict"], "measures": outcome.measures(record), "timeline": outcome.timeline([])}
    return _told({"changed": False, **facts, "rows": outcome.rows(record), "ledger_index": entry.index})


def _told(result: Result) -> Result:
    """With the table, and failed unless it passed."""
    if "rows" not in result:
        return result
    result["table"] = restore_table.lines(result.pop("rows"))
    for line in result["table"]:  # a person who waits for it sees it, whatever the playbook shows
        Display().display(f"  {line}")
    verdict = result["verdict"]
    if verdict != "PASS":
        found = (result.get("record") or result.get("plan") or {}).get("findings", [])
        listed = "; ".join(
            f"{one['code']}: {one['about']}, expected {one['expected']}, found {one['found']}" for one in found if one["verdict"] != "PASS"
        )
        result.update(failed=True, msg=f"{verdict}: {listed or 'nothing was found'}")
    return result
