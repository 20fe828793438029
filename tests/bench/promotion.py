# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the promotion engine costs: ten trivial capabilities promoted, beside the same roles run by a plain playbook."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import typing as t

import yaml

from .result import BUILD, Options, Result, in_turns

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPABILITIES = tuple(f"trivial_{number}" for number in range(10))
SECONDS = 600

# One quick module a door. A verify door has to say what it saw; that it does in the plain playbook, too.
DOORS = {
    "precheck": """
- name: Look
  ansible.builtin.stat: {path: "{{ ground }}", get_checksum: false}
""",
    "main": """
- name: Be there
  ansible.builtin.file: {path: "{{ ground }}/NAME", state: directory, mode: "0755"}
""",
    "verify": """
- name: Look
  ansible.builtin.stat: {path: "{{ ground }}/NAME", get_checksum: false}
  register: NAME_seen
- name: Measure
  ansible.builtin.set_fact:
    NAME_measures: [{name: there, value: "{{ NAME_seen.stat.exists | int }}", unit: "1", samples: 1}]
""",
    "undo": """
- name: Be gone
  ansible.builtin.file: {path: "{{ ground }}/NAME", state: absent}
""",
}

PLAIN = """---
- name: The same roles, bare
  hosts: all
  gather_facts: false
  tasks:
"""
DOOR = """
    - name: DOOR
      ansible.builtin.include_role: {name: "acme.bench.{{ item }}", tasks_from: DOOR}
      loop: LOOP
"""


@contextlib.contextmanager
def ground() -> t.Iterator[pathlib.Path]:
    """A directory on the disk that the repository is on, with the roles, a plan, an inventory and the plain playbook."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="promotion-") as directory:
        folder = pathlib.Path(directory)
        for name, (door, tasks) in itertools.product(CAPABILITIES, DOORS.items()):
            path = folder / "collections" / "ansible_collections" / "acme" / "bench" / "roles" / name / "tasks" / f"{door}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"---{tasks.replace('NAME', name)}", encoding="utf-8")
        (folder / "plan.yml").write_text(yaml.safe_dump(plan()), encoding="utf-8")
        entry = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"one": entry}}}), encoding="utf-8")
        doors = "".join(DOOR.replace("DOOR", door).replace("LOOP", json.dumps(CAPABILITIES)) for door in ("precheck", "main", "verify"))
        (folder / "plain.yml").write_text(PLAIN + doors, encoding="utf-8")
        yield folder


def plan() -> dict[str, t.Any]:
    names = [f"acme.bench.{name}" for name in CAPABILITIES]
    goals = [{"measure": "there", "equals": 1, "samples_at_least": 1}]
    verifications = [{"capability": name, "goals": goals} for name in names]
    stage = {"name": "dev", "actions": [{"capability": name} for name in names], "verifications": verifications}
    return {"name": "trivial", "title": "Ten trivial capabilities", "stages": [stage]}


def played(folder: pathlib.Path, playbook: str, turn: pathlib.Path) -> float:
    """Run it with nothing there yet; capabilities an hour, from the start of the process to its end."""
    (turn / "state").mkdir(parents=True)
    told = {
        "promotion_plan": str(folder / "plan.yml"),
        "promotion_stage": "dev",
        "promotion_evidence_directory": str(turn / "evidence"),
        "promotion_memory": str(turn / "memory"),
        "ground": str(turn / "state"),
    }
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / 'build' / 'collections'}:{folder / 'collections'}",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote_tmp"),
    }
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    command = [program, playbook, "-i", str(folder / "hosts.yml"), "-e", json.dumps(told)]
    begun = time.perf_counter()
    run = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False
    )
    took = time.perf_counter() - begun
    done = sorted(path.name for path in (turn / "state").iterdir())
    if run.returncode != 0 or done != sorted(CAPABILITIES):
        raise RuntimeError(f"{playbook} ended with {run.returncode}, {len(done)} capabilities applied\n{run.stdout}")
    return len(CAPABILITIES) / took * 3600


def promotion_overhead(options: Options) -> Result:
    turns = iter(range(10**6))
    with ground() as folder:

        def ours() -> float:
            say("promote")
            return played(folder, "governed.delivery.promote", folder / f"turn-{next(turns)}")

        def peer() -> float:
            say("the same roles, bare")
            return played(folder, str(folder / "plain.yml"), folder / f"turn-{next(turns)}")

        conditions = {
            "unit": "capabilities/h, whole process; precheck, apply and verify of each on one host, one module a door",
            "peer": "a plain playbook that includes the same doors of the same roles",
            "capabilities": len(CAPABILITIES),
            "cores": os.cpu_count(),
            "load_average_before": round(os.getloadavg()[0], 2),
        }
        return in_turns("promotion_overhead", ours, peer, options.times, "ratio >= 0.5", conditions)


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


BENCHES = (promotion_overhead,)
