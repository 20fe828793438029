# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.governed.delivery.plugins.module_utils._common import files
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys
from ansible_collections.governed.delivery.plugins.module_utils._promotion import decision
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_verification import Report
from ansible_collections.governed.delivery.plugins.plugin_utils import (
    actions,
    ledgers,
    pack_making,
    pack_page,
    pack_zip,
    plan_files,
    shipped,
    told,
)

SPEC = ArgumentSpec(
    options={
        **ledgers.OPTIONS,
        "directory": {"type": "path"},
        "plan": {"type": "str"},
        "destination": {"type": "path"},
        "at": {"type": "str"},
        "pack": {"type": "path"},
        "page": {"type": "path"},
    },
    mutually_exclusive=(("plan", "pack"), ("destination", "pack"), ("plan", "page")),
    required_one_of=(("plan", "pack"),),
    required_by={"plan": ("directory",)},
)


class ActionModule(ActionBase):
    """Makes an acceptance pack, or verifies one, on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            return {**result, **(self._verify(options) if options["pack"] else self._make(options))}
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}

    def _make(self, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        name = str(options["plan"])
        plan = plan_files.load(name, {}).name if shipped.is_path(name) else name
        made_at = str(options["at"] or decision.spelt(told.now()))
        decision.moment(made_at, "at")
        made = pack_making.make(ledgers.log(options, writes=False), plan, made_at)
        path = pathlib.Path(options["destination"] or pathlib.Path(options["directory"]) / f"{plan}.acceptance.zip").absolute()
        content = pack_zip.content(made.files)
        changed = not path.is_file() or path.read_bytes() != content
        if changed and not self._task.check_mode:
            files.replace(path, content, "pack_unwritable")
        return {**_told(made.report), "changed": changed, "path": str(path)}

    def _verify(self, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        pinned = [keys.parse_verifier(str(text)) for text in options["verifier_keys"]]
        report, page = pack_making.examine(pathlib.Path(options["pack"]).absolute(), pinned)
        changed = bool(page and options["page"])
        if changed and not self._task.check_mode:
            files.replace(pathlib.Path(options["page"]).absolute(), page.encode(), "pack_unwritable")
        return {**_told(report), "changed": changed, "path": str(options["pack"])}


def _told(report: Report) -> dict[str, t.Any]:
    """The checks, for programs and on the screen; it fails when there is a fault."""
    outcome = pack_page.sentence(report.story, report) if report.story is not None else "Nothing in this pack can be believed"
    for line in ("", *pack_making.lines(report), "", f"{outcome}."):
        Display().display(line)
    return {
        "failed": bool(report.faults),
        "msg": " ".join(report.faults) or f"{outcome}.",
        "outcome": outcome,
        "accepted": report.story is not None and report.story.about.accepted and not report.faults,
        "checks": [check.as_dict() for check in report.checks],
        "faults": list(report.faults),
    }
