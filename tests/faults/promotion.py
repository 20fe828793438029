# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A promotion is killed when its n-th task starts, for every n in turn, and what comes after it is killed, too; then all must be old, or all new.

Two capabilities on two hosts, each with a state of its own that is half-way for a moment. After the kill either the same promotion is run
again or ``recover``; every second one of those is killed as well, and run again to its end.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import yaml
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering, state
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

from .passes import Tally
from .phases import Broken

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("one", "two")
CAPABILITIES = ("alpha", "beta")
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
SECONDS = 180

APPLY = """---
- name: Be half-way
  ansible.builtin.copy: {content: half, dest: "{{ ground }}/state/{{ inventory_hostname }}.NAME", mode: "0644"}
  when: not (ground ~ '/state/' ~ inventory_hostname ~ '.NAME') is file
- name: Be there
  ansible.builtin.copy: {content: new, dest: "{{ ground }}/state/{{ inventory_hostname }}.NAME", mode: "0644"}
"""
VERIFY = """---
- name: Look
  ansible.builtin.command: cat {{ ground }}/state/{{ inventory_hostname }}.NAME
  changed_when: false
  check_mode: false
  register: looked
- name: Measure
  ansible.builtin.set_fact:
    NAME_measures: [{name: there, value: "{{ 1 if looked.stdout == 'new' else 0 }}", unit: "1", samples: 1}]
"""
UNDO = """---
- name: Be half-way back
  ansible.builtin.copy: {content: half, dest: "{{ ground }}/state/{{ inventory_hostname }}.NAME", mode: "0644"}
  when: (ground ~ '/state/' ~ inventory_hostname ~ '.NAME') is file
- name: Be where it was
  ansible.builtin.file: {path: "{{ ground }}/state/{{ inventory_hostname }}.NAME", state: absent}
"""
PRECHECK = "---\n- name: Look\n  ansible.builtin.assert: {that: true, quiet: true}\n"


@dataclasses.dataclass(frozen=True)
class Ground:
    """A folder with a collection of two capabilities, a plan of one stage, and two hosts, which are all this machine."""

    folder: Path

    def make(self) -> None:
        (self.folder / "state").mkdir(parents=True)
        for name in CAPABILITIES:
            tasks = self.folder / "collections" / "ansible_collections" / "acme" / "trial" / "roles" / name / "tasks"
            tasks.mkdir(parents=True)
            for door, content in (("precheck", PRECHECK), ("main", APPLY), ("verify", VERIFY), ("undo", UNDO)):
                (tasks / f"{door}.yml").write_text(content.replace("NAME", name), encoding="utf-8")
        goals = [{"measure": "there", "equals": 1, "samples_at_least": 1}]
        stage = {
            "name": "prod",
            "actions": [{"capability": f"acme.trial.{name}"} for name in CAPABILITIES],
            "verifications": [{"capability": f"acme.trial.{name}", "goals": goals} for name in CAPABILITIES],
        }
        self._write("plan.yml", {"name": "trial", "title": "A trial", "stages": [stage]})
        entry = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        self._write("hosts.yml", {"all": {"hosts": dict.fromkeys(HOSTS, entry)}})

    def _write(self, name: str, content: t.Any) -> None:
        (self.folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def run(self, playbook: str, kill_at: int = 0, by: signal.Signals = signal.SIGKILL, log: str = "", **more: t.Any) -> tuple[int, str]:
        """Exit code and output of a promotion, or of what brings it back, killed when that task starts; ``more`` are extra variables."""
        given = {
            "promotion_plan": str(self.folder / "plan.yml"),
            "promotion_stage": "prod",
            "promotion_evidence_directory": str(self.folder / "evidence"),
            "promotion_memory": str(self.folder / "memory"),
            "ground": str(self.folder),
            **more,
        }
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / 'build' / 'collections'}:{self.folder / 'collections'}",
            "ANSIBLE_CALLBACKS_ENABLED": "governed.delivery.promotion_summary,governed.delivery.promotion_hold,kill_at",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callbacks"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "KILL_AT": str(kill_at or ""),
            "KILL_BY": str(int(by)),
            "KILL_LOG": log,
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, f"governed.delivery.{playbook}", "-i", str(self.folder / "hosts.yml"), "-e", json.dumps(given)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False, start_new_session=True
        )
        return done.returncode, done.stdout + done.stderr

    def found(self) -> str:
        """``old``, ``new``, or what is neither."""
        seen = {path.name: path.read_text(encoding="utf-8") for path in sorted((self.folder / "state").iterdir())}
        if not seen:
            return "old"
        return "new" if len(seen) == len(HOSTS) * len(CAPABILITIES) and set(seen.values()) == {"new"} else f"mixed: {seen}"

    def told(self) -> str:
        """How the ledger says that it ended; empty when nothing was ever begun."""
        reading = ledgers.evidence({"directory": self.folder / "evidence"}, writes=False).read()
        run = state.fold(reading.statements).get("prod")
        return run.phase if run else ""


def run(points: int, seed: int, say: t.Callable[[str], None], tally: Tally) -> None:
    """So many kills.

    :raises Broken: a run did not end as it had to.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="faults-promotion-") as folder:
        tasks = _undisturbed(Path(folder))
        say(f"promotion: {len(tasks)} tasks start on the two hosts")
        for point in range(points):
            kill_at = point % len(tasks) + 1
            with_ = SIGNALS[(point // len(tasks) + point) % 2]
            then = ("recover", "promote")[chance.randrange(2)]
            again = chance.randrange(1, 30) if chance.randrange(2) else 0
            ground = Ground(Path(folder, f"point{point}"))
            ended = _point(ground, kill_at, with_, then, again)
            tally.points[then] += 1
            tally.kills[with_.name] += 1
            if ended:
                tally.lost += 1
                say(
                    f"promotion, point {point}: {with_.name} at task {kill_at} ({tasks[kill_at - 1]}), then {then}, killed at {again}: {ended}"
                )
            shutil.rmtree(ground.folder)


def _when_free(ground: Ground, playbook: str) -> tuple[int, str]:
    """Run it when the killed run's last worker has ended: workers outlive their parent, and nobody may bring back what they still apply."""
    deadline = time.monotonic() + SECONDS
    while True:
        code, output = ground.run(playbook)
        if code != entering.BUSY or time.monotonic() > deadline:
            return code, output


def _undisturbed(folder: Path) -> list[str]:
    """Names of the tasks of a promotion in the order in which they start."""
    ground = Ground(folder / "undisturbed")
    ground.make()
    log = folder / "tasks"
    code, output = ground.run("promote", log=str(log))
    if code != 0 or (ground.found(), ground.told()) != ("new", "promoted"):
        raise Broken(f"undisturbed: exit code {code}, {ground.found()}, {ground.told()}\n{output}")
    return log.read_text(encoding="utf-8").splitlines()


def _point(ground: Ground, kill_at: int, by: signal.Signals, then: str, again: int) -> str:
    """Kill, go on, maybe kill that, go on to the end; what is wrong then, if anything."""
    ground.make()
    ground.run("promote", kill_at, by)
    if again:
        ground.run(then, again, by)
    code, output = _when_free(ground, then)
    if then == "promote" and code == 2 and (ground.found(), ground.told()) == ("old", "not_promoted"):
        code, output = ground.run(then)  # what was half brought back is brought back whole first; then it can be promoted anew
    wanted = ("new", ("promoted",)) if then == "promote" else ("old", ("not_promoted", ""))
    if then == "recover" and ground.told() == "promoted":
        wanted = ("new", ("promoted",))  # it was through before the kill
    if code == 0 and ground.found() == wanted[0] and ground.told() in wanted[1]:
        return ""
    return f"exit code {code}, found {ground.found()}, told {ground.told()}\n{output[-3000:]}"
