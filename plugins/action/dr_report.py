# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import period, quarter
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.quarter import Corrective, Quarter, Wanted
from ansible_collections.governed.delivery.plugins.module_utils._common import files
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import verification
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.plugin_utils import (
    actions,
    dr_markdown,
    dr_page,
    dr_words,
    ledgers,
    told,
)
from ansible_collections.governed.delivery.plugins.plugin_utils.dr_page import Ledger

SPEC = ArgumentSpec(
    options={
        **ledgers.OPTIONS,
        "quarter": {"type": "str"},
        "first": {"type": "str"},
        "last": {"type": "str"},
        "cluster": {"type": "str"},
        "engine": {"type": "str"},
        "nights": {"type": "list", "elements": "str", "choices": list(period.WEEKDAYS), "default": []},
        "rto_seconds": {"type": "float", "default": 900.0},
        "rpo_seconds": {"type": "float", "default": 300.0},
        "corrective_actions": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "run": {"type": "str", "required": True},
                "cause": {"type": "str", "default": ""},
                "action": {"type": "str", "default": ""},
                "retest": {"type": "str", "default": ""},
            },
        },
        "destination": {"type": "path"},
        "today": {"type": "str"},
    },
    mutually_exclusive=(("quarter", "first"), ("quarter", "last")),
    required_one_of=(("quarter", "first"),),
    required_together=(("first", "last"),),
)


class ActionModule(ActionBase):
    """Writes the quarter's report on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            found, ledger = _read(options)
            path = _destination(options, found)
            contents = {
                path: dr_page.render(found, ledger).encode(),
                path.with_suffix(".md"): dr_markdown.render(found, ledger.fault, ledger.signers).encode(),
            }
            stale = [one for one, content in contents.items() if not one.is_file() or one.read_bytes() != content]
            if not self._task.check_mode:
                for one in stale:
                    files.replace(one, contents[one], "report_unwritable")
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}
        Display().display(f"\n{dr_words.title(found)}: {found.standing}. {dr_words.sentence(found)}")
        Display().display(f"Ledger {ledger.origin}: {ledger.fault or 'sound'}, signed by {', '.join(ledger.signers) or 'nobody'}.")
        return {**result, "changed": bool(stale), **_answer(found, ledger), "path": str(path)}


def _read(options: t.Mapping[str, t.Any]) -> tuple[Quarter, Ledger]:
    """The quarter from the ledger as it is now, and what its verification found."""
    about = period.quarter(options["quarter"]) if options["quarter"] else period.between(options["first"], options["last"])
    today = period.day(options["today"], "today") if options["today"] else told.now().date()
    log = ledgers.log(options, writes=False)
    head = log.head()
    if head is None:
        remedy = "Name the directory that the validations are signed into."
        raise Refusal(str(options["directory"]), expected="a ledger with validations", found="none", remedy=remedy, code="no_evidence")
    # Verified is what others would see: the files, and not what the journal would mend of them.
    store = DirectoryStore(log.store.directory, files_first=True) if isinstance(log.store, DirectoryStore) else log.store
    report = verification.verify(store, verification.Policy(log.keys, log.origin))
    fault = "" if report.fault == "ok" else f"{report.fault}: {report.reason}"
    entries = ledgers.entries(log, head)
    cluster, engine = quarter.about(entries, options["cluster"], options["engine"])
    wanted = Wanted(about, tuple(options["nights"]), cluster, engine, options["rto_seconds"], options["rpo_seconds"], today)
    correctives = [Corrective(**one) for one in options["corrective_actions"]]
    return quarter.make(entries, wanted, correctives, fault), Ledger(log.origin, head.size, head.root.hex(), report.signers, fault)


def _destination(options: t.Mapping[str, t.Any], found: Quarter) -> pathlib.Path:
    wanted = found.wanted
    name = f"restores-{wanted.cluster}-{wanted.engine}-{wanted.period.name.replace(' ', '-')}.html".replace("/", "-")
    return pathlib.Path(options["destination"] or pathlib.Path(options["directory"]) / name).absolute()


def _answer(found: Quarter, ledger: Ledger) -> dict[str, t.Any]:
    return {
        "compliant": found.standing == quarter.COMPLIANT,
        "standing": found.standing,
        "in_the_way": list(found.in_the_way),
        "nights": found.counts,
        "goals": dr_words.goals(found),
        "open": [one.name for one in found.failures if one.open],
        "ledger_sound": not ledger.fault,
    }
