# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody has who installed the tarball and has no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
INSTALLED = FOLDER / "collections" / "ansible_collections" / "governed" / "delivery"


def run(program: str, *arguments: str) -> str:
    """Run one of ansible's programs with the installed collection alone, and nothing of this checkout, in view."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_", "PYTHONPATH"))}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(FOLDER / "collections")
    path = Path(sys.executable).parent / program
    done = subprocess.run([str(path), *arguments], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def stems(folder: str, pattern: str) -> set[str]:
    return {f"governed.delivery.{path.stem}" for path in (INSTALLED / folder).glob(pattern)}


@pytest.mark.parametrize(
    ("kind", "folder", "pattern"), [("module", "plugins/modules", "*.py"), ("filter", "plugins/filter", "*.yml"), ("role", "roles", "*")]
)
def test_ansible_doc_lists_all_of_a_kind(kind: str, folder: str, pattern: str) -> None:
    assert set(json.loads(run("ansible-doc", "--type", kind, "--list", "--json", "governed.delivery"))) == stems(folder, pattern)


@pytest.mark.parametrize("playbook", sorted(stems("playbooks", "*.yml")))
def test_playbooks_are_found_by_their_full_name(playbook: str) -> None:
    run("ansible-playbook", playbook, "--inventory", "localhost,", "--syntax-check")
