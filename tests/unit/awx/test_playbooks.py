# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook knows is looked for in everything that it pulls in by name."""

from __future__ import annotations

import pathlib

from ansible_collections.governed.delivery.plugins.module_utils._awx import playbooks


def write(folder: pathlib.Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_imports_and_includes_are_followed(tmp_path: pathlib.Path) -> None:
    write(
        tmp_path,
        ours="# told_in_a_comment\n- import_playbook: governed.delivery.promote\n- ansible.builtin.import_playbook: beside.yml\n",
        beside="- hosts: all\n  tasks:\n    - include_tasks: tasks/one.yml\n    - ansible.builtin.import_tasks: tasks/two.yml\n",
        tasks__one="- debug: {msg: '{{ of_one }}'}\n- include_tasks: one.yml\n",
        tasks__two="- debug: {msg: '{{ of_two }}'}\n- include_tasks: '{{ somewhere }}.yml'\n- include_tasks: gone.yml\n",
        collection__playbooks__promote="- debug: {msg: '{{ of_promote | default(omit) }}'}\n",
    )
    found = playbooks.words_of(tmp_path / "ours.yml", tmp_path / "collection")
    assert {"of_one", "of_two", "of_promote", "somewhere"} <= found
    assert "told_in_a_comment" not in found
    assert "of_" not in found


def test_only_a_file_of_the_project_is_one(tmp_path: pathlib.Path) -> None:
    write(tmp_path, outside="", project__inside="")
    project = tmp_path / "project"
    assert playbooks.find(project, "inside.yml") == project.resolve() / "inside.yml"
    assert playbooks.find(project, "../outside.yml") is None
    assert playbooks.find(project, str(tmp_path / "outside.yml")) is None
    assert playbooks.find(project, ".") is None
