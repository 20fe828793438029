# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promotions run for real, with small throw-away capabilities in a collection of their own.

Every capability writes the doors it went through into a journal, so that the order of things can be looked at.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import yaml
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

ROOT = pathlib.Path(__file__).resolve().parents[2]

DOOR = """
- name: Write down that this door was used
  ansible.builtin.lineinfile:
    path: "{{ trial_journal }}"
    line: "{{ NAME_goal | default('none') }} NAME DOOR {{ inventory_hostname }} {{ lookup('ansible.builtin.pipe', 'date +%s%N') if not ansible_check_mode }}"
    create: true
    mode: "0644"
- name: Fail where the test wants it
  ansible.builtin.fail:
    msg: "NAME DOOR is broken"
  when: "(NAME_broken | default('')) == 'DOOR'"
"""

VERIFY = """- name: Measure
  ansible.builtin.set_fact:
    NAME_measures: "{{ NAME_sees }}"
    NAME_timeline:
      phases: [{name: apply, started: 1774864800.0, ended: 1774864804.0}]
      series: [{name: latency, unit: ms, points: [[1774864800.0, 1.0], [1774864802.0, 1.2]], baseline: 1.0}]
      marks: [{name: done, at: 1774864803.0, detail: at last}]
"""


def seen(value: object, samples: int = 10, **more: object) -> dict[str, object]:
    """A measure as a verify door tells it."""
    return {"name": "errors", "value": value, "unit": "1", "samples": samples, "at": "2026-03-30T10:00:00+00:00", "how": "counted", **more}


BOTH = ("intent", "done", "intent", "done")
PROMOTED = ["started", *BOTH, "verified", "verified", "promoted"]


@dataclasses.dataclass
class Run:
    """How a run ended."""

    code: int
    output: str


def ended(running: subprocess.Popen[str]) -> Run:
    """How it ended; no traceback, whatever happened."""
    output, _errors = running.communicate(timeout=300)
    assert "Traceback" not in output, output
    assert "DEPRECATION" not in output, output
    return Run(running.returncode, output)


@dataclasses.dataclass
class Bench:
    """A folder with a collection of two capabilities, a plan with two stages, and a way to promote."""

    folder: pathlib.Path
    plan: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def journal(self) -> list[str]:
        """Doors in the order they were used, each as ``goal capability door host``."""
        path = self.folder / "journal"
        return [" ".join(line.split()[:4]) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def evidence(self) -> list[dict[str, t.Any]]:
        reading = ledgers.evidence({"directory": self.folder / "evidence"}, writes=False).read(whole=True)
        return [dict(statement) for statement in reading.statements]

    @property
    def kept(self) -> list[str]:
        return [statement["type"] for statement in self.evidence]

    def promote(self, stage: str, *arguments: str, **told: t.Any) -> Run:
        """Run a promotion to its end; the same arguments as for ``begin``."""
        return ended(self.begin(stage, *arguments, **told))

    def begin(
        self,
        stage: str,
        *arguments: str,
        hosts: t.Sequence[str] = ("one",),
        playbook: str = "governed.delivery.promote",
        kill_at: str = "",
        kill_by: int = 9,
        **variables: object,
    ) -> subprocess.Popen[str]:
        (self.folder / "plan.yml").write_text(yaml.safe_dump(self.plan, sort_keys=False))
        entry = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"all": {"hosts": dict.fromkeys(hosts, entry)}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
        given = {
            "promotion_plan": str(self.folder / "plan.yml"),
            "promotion_stage": stage,
            "promotion_evidence_directory": str(self.folder / "evidence"),
            "promotion_memory": str(self.folder / "memory"),
            "trial_journal": str(self.folder / "journal"),
            "alpha_sees": [seen(0)],
            "beta_sees": [seen(0)],
            **variables,
        }
        given = {name: value for name, value in given.items() if value is not None}
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / 'build' / 'collections'}:{self.folder / 'collections'}",
            "ANSIBLE_CALLBACKS_ENABLED": "kill_at,governed.delivery.promotion_hold,governed.delivery.promotion_summary",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callbacks"),
            "KILL_AT": kill_at,
            "KILL_BY": str(kill_by),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            **self.environment,
        }
        command = [
            str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
            playbook,
            "-i",
            str(self.folder / "hosts.yml"),
            "-e",
            json.dumps(given),
        ]
        return subprocess.Popen(
            [*command, *arguments], cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def made(folder: pathlib.Path) -> Bench:
    """A bench in that folder."""
    for name in ("alpha", "beta"):
        tasks = folder / "collections" / "ansible_collections" / "acme" / "trial" / "roles" / name / "tasks"
        tasks.mkdir(parents=True)
        for file, door in (("precheck", "precheck"), ("main", "apply"), ("verify", "verify"), ("undo", "undo")):
            content = DOOR if door != "precheck" else DOOR[DOOR.index("- name: Fail") :]
            content += VERIFY if door == "verify" else ""
            (tasks / f"{file}.yml").write_text("---\n" + content.lstrip().replace("NAME", name).replace("DOOR", door))
    goals = [{"measure": "errors", "at_most": 0, "samples_at_least": 5}]

    def stage(name: str, **more: object) -> dict[str, object]:
        return {
            "name": name,
            **more,
            "actions": [{"capability": f"acme.trial.{role}", "with": {f"{role}_goal": name}} for role in ("alpha", "beta")],
            "verifications": [{"capability": f"acme.trial.{role}", "goals": goals} for role in ("alpha", "beta")],
        }

    stages = [stage("dev"), stage("stage", preconditions=[{"stage_passed": "dev"}])]
    return Bench(folder, {"name": "trial", "title": "A trial", "stages": stages})


@dataclasses.dataclass(frozen=True)
class Signer:
    """Somebody with an SSH key."""

    name: str
    key: pathlib.Path
    roles: tuple[str, ...]

    @property
    def person(self) -> dict[str, t.Any]:
        return {"name": self.name, "roles": list(self.roles), "key": self.key.with_suffix(".pub").read_text().strip()}


def signer(folder: pathlib.Path, name: str, *roles: str) -> Signer:
    """Somebody new, with a key of their own."""
    key = folder / f"key_of_{name}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
    return Signer(name, key, roles)
