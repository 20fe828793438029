# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import module_loader
from ansible_collections.governed.delivery.plugins.module_utils._awx import check, standing, workflow
from ansible_collections.governed.delivery.plugins.module_utils._awx.calls import Place, calls
from ansible_collections.governed.delivery.plugins.module_utils._common import recurrences
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal, Refusals
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, shipped

COLLECTION = pathlib.Path(__file__).resolve().parents[2]
SENT_BY = "awx.awx.workflow_job_template"

SPEC = ArgumentSpec(
    options={
        "workflow": {"type": "str", "required": True},
        "project_directory": {"type": "path"},
        "plan_digests": {"type": "list", "elements": "str"},
        "organization": {"type": "str", "default": "Default"},
        "project": {"type": "str", "default": "governed.delivery"},
        "execution_environment": {"type": "str", "default": "governed.delivery"},
        "standing": {"type": "list", "elements": "dict"},
    }
)


class ActionModule(ActionBase):
    """Checks a workflow on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            return {**result, "changed": False, **self._checked(options)}
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}
        except Refusals as several:
            return {**result, "failed": True, "msg": str(several), "refusals": [refusal.as_dict() for refusal in several.refusals]}

    def _checked(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        if recurrences.DATEUTIL.import_error is not None:
            raise Refusal(
                "controller",
                expected=f"the Python library {recurrences.DATEUTIL.name}",
                found="none",
                remedy="Install it beside ansible-core.",
                code="no_library",
            )
        read = workflow.read(self._content(shipped.find(str(options["workflow"]), "workflow", "workflow")))
        found = check.faults(read, pathlib.Path(options["project_directory"] or COLLECTION), COLLECTION)
        if options["standing"] is not None:
            found += standing.faults(read, options["standing"])
        if found:
            raise Refusals(found)
        told = {
            "name": read.name,
            "nodes": len(read.nodes),
            "awx_collection": module_loader.find_plugin(SENT_BY) is not None,
        }
        if options["plan_digests"] is None:
            return told
        place = Place(options["organization"], options["project"], options["execution_environment"])
        return {**told, "calls": calls(read, place, options["plan_digests"]).as_dict()}

    def _content(self, path: pathlib.Path) -> object:
        try:
            return self._loader.load_from_file(str(path), cache="none")
        except AnsibleError as problem:
            reason = " ".join(str(problem).split())
            raise Refusal(str(path), expected="YAML", found=reason, remedy="Correct the file.", code="workflow_unreadable") from problem
