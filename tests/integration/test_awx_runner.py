# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A promotion run by ansible-runner, which is what AWX runs its jobs by: its exit code, its events, and a cancel in the middle.

AWX adds a container around it. There is none here, so what a cancel must bring down is one process group.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import typing as t

import pytest
import yaml
from ansible_runner import interface
from ansible_runner.runner import Runner

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOK = "playbooks/promote.yml"
PATIENCE_SECONDS = 240
CANCELED = 254  # what ansible-runner gives as exit code of a job that it killed

RUN: t.Callable[..., Runner] = interface.run

DOORS: dict[str, list[dict[str, t.Any]]] = {
    "precheck": [],
    "main": [
        {
            "name": "Apply, and say by which process",
            "ansible.builtin.command": {
                "argv": ["sh", "-c", "echo {{ promotion_stage }} $$ >> {{ trial_journal }}; exec sleep {{ trial_seconds }}"]
            },
            "changed_when": True,
            "when": "not ansible_check_mode",
        }
    ],
    "verify": [{"name": "Measure", "ansible.builtin.set_fact": {"trial_measures": "{{ trial_sees }}"}}],
    "undo": [],
}


class Trial(t.NamedTuple):
    """A folder with a collection of one capability, and a plan of two stages that applies it."""

    folder: pathlib.Path
    collections: pathlib.Path

    @property
    def applied(self) -> list[tuple[str, int]]:
        """Stage and process of every apply that has begun."""
        path = self.folder / "journal"
        return [(line.split()[0], int(line.split()[1])) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def reports(self) -> list[pathlib.Path]:
        return sorted((self.folder / "evidence").rglob("*.html"))

    def run(self, stage: str, *, errors: int = 0, seconds: int = 0, check: bool = False, canceled: bool = False) -> Runner:
        """The stage promoted as a job of AWX would; ``canceled`` as soon as its apply has begun."""
        measure = {"name": "errors", "value": errors, "unit": "1", "samples": 10, "at": "2026-03-30T10:00:00+00:00", "how": "counted"}
        before = len(self.applied)
        return RUN(
            private_data_dir=str(self.folder / "runner"),
            project_dir=str(self.collections / "ansible_collections" / "governed" / "delivery"),
            playbook=PLAYBOOK,
            inventory={"all": {"hosts": {"one": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}},
            extravars={
                "promotion_plan": str(self.folder / "plan.yml"),
                "promotion_stage": stage,
                "promotion_evidence_directory": str(self.folder / "evidence"),
                "trial_journal": str(self.folder / "journal"),
                "trial_seconds": seconds,
                "trial_sees": [measure],
            },
            envvars={
                "ANSIBLE_COLLECTIONS_PATH": f"{self.collections}:{self.folder / 'collections'}",
                "PYTHONPATH": "",
                "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
                "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            cmdline="--check" if check else "",
            settings={"job_timeout": PATIENCE_SECONDS, "idle_timeout": PATIENCE_SECONDS},
            cancel_callback=lambda: canceled and len(self.applied) > before,
            quiet=True,
        )


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The collection as an execution environment has it: a copy that nobody edits while a promotion looks whether its files are the same."""
    folder = tmp_path_factory.mktemp("collections")
    copy = folder / "ansible_collections" / "governed" / "delivery"
    for name in ("meta", "playbooks", "plugins", "roles"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("ansible.cfg", "galaxy.yml"):
        shutil.copy(ROOT / name, copy / name)
    return folder


@pytest.fixture
def trial(tmp_path: pathlib.Path, collections: pathlib.Path) -> Trial:
    tasks = tmp_path / "collections" / "ansible_collections" / "acme" / "trial" / "roles" / "trial" / "tasks"
    tasks.mkdir(parents=True)
    for name, content in DOORS.items():
        (tasks / f"{name}.yml").write_text(yaml.safe_dump(content))
    (tmp_path / "runner").mkdir()

    def stage(name: str, **more: object) -> dict[str, object]:
        goals = [{"measure": "errors", "at_most": 0, "samples_at_least": 5}]
        role = "acme.trial.trial"
        return {"name": name, **more, "actions": [{"capability": role}], "verifications": [{"capability": role, "goals": goals}]}

    stages = [stage("dev"), stage("stage", preconditions=[{"stage_passed": "dev"}])]
    (tmp_path / "plan.yml").write_text(yaml.safe_dump({"name": "trial", "title": "A trial", "stages": stages}))
    return Trial(tmp_path, collections)


def output(run: Runner) -> str:
    """What AWX would show of the job."""
    with run.stdout as stdout:
        return str(stdout.read())


def events(run: Runner) -> list[str]:
    """What AWX would keep of the job: kinds of events in their order, but for lines that belong to none."""
    return [str(event["event"]) for event in run.events if event["event"] != "verbose"]


def test_a_promotion_ends_as_awx_expects_it_and_opens_the_next_stage(trial: Trial) -> None:
    run = trial.run("dev")
    text = output(run)
    assert (run.rc, run.status) == (0, "successful"), text
    assert events(run)[-1] == "playbook_on_stats"
    assert run.stats["failures"] == {}
    assert "errors" in text
    assert "PASS" in text
    assert trial.reports != []

    run = trial.run("stage")
    assert run.rc == 0, output(run)
    assert [stage for stage, process in trial.applied] == ["dev", "stage"]


def test_a_promotion_that_fails_is_a_failed_job(trial: Trial) -> None:
    run = trial.run("dev", errors=3)
    text = output(run)
    assert (run.rc, run.status) == (2, "failed"), text
    assert events(run)[-1] == "playbook_on_stats"
    assert "FAIL" in text
    assert trial.reports != []

    run = trial.run("stage")
    assert run.status == "failed", output(run)
    assert [stage for stage, process in trial.applied] == ["dev"]


def test_a_rehearsal_is_a_check_job_and_applies_nothing(trial: Trial) -> None:
    run = trial.run("dev", check=True)
    assert run.rc == 0, output(run)
    assert trial.applied == []
    assert not (trial.folder / "evidence").exists()


def test_a_cancel_in_the_middle_leaves_the_gate_closed(trial: Trial) -> None:
    run = trial.run("dev", seconds=PATIENCE_SECONDS, canceled=True)
    assert (run.rc, run.status) == (CANCELED, "canceled"), output(run)
    assert "playbook_on_stats" not in events(run)
    process = trial.applied[0][1]
    end_what_the_cancel_left(process)

    run = trial.run("stage")
    assert run.status == "failed", output(run)
    assert [stage for stage, process in trial.applied] == ["dev"]


def end_what_the_cancel_left(process: int) -> None:
    """ansible-core 2.19 gives each worker a session of its own, which a kill of the playbook's process group does not reach.

    AWX takes the container away, and the worker with it.
    """
    with contextlib.suppress(ProcessLookupError):
        group = os.getpgid(process)
        assert group != os.getpgid(0)
        os.killpg(group, signal.SIGKILL)
