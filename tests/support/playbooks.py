# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook of one play, run by ansible-playbook in a process of its own."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_FINISH = 300


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run ended: tasks that changed something over all hosts, and its output."""

    succeeded: bool
    changed: int
    output: str

    @property
    def text(self) -> str:
        """The output on one line, so that a message can be looked for however it is wrapped."""
        return " ".join(self.output.split())


def run(
    folder: Path, play: t.Mapping[str, t.Any], *, check: bool = False, hosts: t.Mapping[str, t.Mapping[str, t.Any]] | None = None
) -> Ended:
    """Run the play with ``folder`` as working directory, where playbook, inventory and output stay.

    :param hosts: their own variables, by name; one host by default. All of them are this machine.
    """
    process = begin(folder, play, check=check, hosts=hosts)
    try:
        code = process.wait(SECONDS_TO_FINISH)
    except subprocess.TimeoutExpired:
        pytest.fail(f"ansible-playbook did not end within {SECONDS_TO_FINISH} s:\n{(folder / 'output').read_text()}")
    finally:
        process.kill()
        process.wait()
    output = (folder / "output").read_text()
    assert "Traceback" not in output, output
    return Ended(code == 0, sum(int(number) for number in re.findall(r"changed=(\d+)", output)), output)


def begin(
    folder: Path, play: t.Mapping[str, t.Any], *, check: bool = False, hosts: t.Mapping[str, t.Mapping[str, t.Any]] | None = None
) -> subprocess.Popen[bytes]:
    """Start what ``run`` runs, in a process group of its own, and do not wait for it."""
    entry = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"hosts": {host: {**entry, **more} for host, more in (hosts or {"one": {}}).items()}}}
    (folder / "playbook.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, **play}], sort_keys=False))
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventory.yml", "playbook.yml"]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "PYTHONPATH": str(ROOT / "build" / "collections"),
    }
    with (folder / "output").open("w") as log:
        return subprocess.Popen(
            [*command, *(["--check", "--diff"] if check else [])],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
