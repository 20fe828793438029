# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small workflow for the tests, and a way to change one thing in it."""

from __future__ import annotations

import copy
import pathlib
import typing as t

import yaml
from ansible_collections.governed.delivery.plugins.module_utils._awx import workflow as workflows

ROOT = pathlib.Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "playbooks" / "workflows" / "sprint_36.yml"
EVERY_5 = "DTSTART;TZID=Etc/UTC:20260101T000000 RRULE:FREQ=MINUTELY;INTERVAL=5"
DIGEST = "5f" * 32

Content = dict[str, t.Any]
Path = tuple[str | int, ...]
REMOVED = object()

CONTENT: Content = {
    "name": "trial",
    "title": "A trial",
    "templates": [
        {"name": "rehearse", "does": "rehearse", "playbook": "promote.yml", "timeout_minutes": 30},
        {"name": "promote", "does": "promote", "playbook": "promote.yml", "timeout_minutes": 60},
        {"name": "recover", "does": "recover", "playbook": "recover.yml", "timeout_minutes": 60},
        {"name": "rollback", "does": "rollback", "playbook": "rollback.yml", "timeout_minutes": 60},
        {"name": "soak", "does": "soak", "playbook": "soak.yml", "timeout_minutes": 4, "variables": {"promotion_plan": "trial"}},
        {"name": "ended", "does": "end", "playbook": "ended.yml", "timeout_minutes": 5},
    ],
    "stages": [{"name": "dev", "inventory": "Dev"}, {"name": "prod", "inventory": "Prod", "credentials": ["prod ssh"]}],
    "survey": [{"variable": "promotion_plan_digest", "question": "Which?", "choices": "plan_digests"}],
    "nodes": [
        {"name": "promote_dev", "run": "promote", "stage": "dev", "success": ["rehearse_prod"], "failure": ["recover_dev"]},
        {"name": "recover_dev", "run": "recover", "stage": "dev", "success": ["dev_ended"]},
        {"name": "dev_ended", "run": "ended", "stage": "dev"},
        {"name": "rehearse_prod", "run": "rehearse", "stage": "prod", "success": ["approve_prod"]},
        {"name": "approve_prod", "approve": "Go?", "timeout_minutes": 1440, "success": ["promote_prod"]},
        {"name": "promote_prod", "run": "promote", "stage": "prod", "failure": ["recover_prod"]},
        {"name": "recover_prod", "run": "recover", "stage": "prod", "success": ["prod_ended"]},
        {"name": "prod_ended", "run": "ended", "stage": "prod"},
    ],
    "schedules": [
        {"name": "recover", "run": "recover", "stages": ["dev", "prod"], "rrule": EVERY_5},
        {"name": "soak", "run": "soak", "stages": ["dev"], "rrule": EVERY_5},
    ],
}
NODES: t.Mapping[str, int] = {node["name"]: index for index, node in enumerate(CONTENT["nodes"])}


def changed(*changes: tuple[Path, object]) -> Content:
    """The workflow with things replaced, added (a new key, or one past the end of a list), or removed."""
    content = copy.deepcopy(CONTENT)
    for path, value in changes:
        place: t.Any = content
        for key in path[:-1]:
            place = place[key]
        if value is REMOVED:
            del place[path[-1]]
        elif isinstance(place, list) and path[-1] == len(place):
            place.append(value)
        else:
            place[path[-1]] = value
    return content


def of_node(name: str, key: str) -> Path:
    return ("nodes", NODES[name], key)


def shipped() -> workflows.Workflow:
    return workflows.read(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))


def project(folder: pathlib.Path) -> pathlib.Path:
    """A folder with the trial's playbooks."""
    for name in ("recover", "rollback", "soak", "ended"):
        (folder / f"{name}.yml").write_text("---\n- hosts: all\n")
    (folder / "soak.yml").write_text("---\n- hosts: '{{ promotion_plan }}'\n")
    (folder / "promote.yml").write_text("---\n- import_playbook: inner.yml\n")
    (folder / "inner.yml").write_text('---\n- hosts: all\n  tasks:\n    - debug: {msg: "{{ promotion_plan_digest }}"}\n')
    return folder
