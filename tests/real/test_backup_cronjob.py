# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nightly CronJob on a real API server and controller manager: what the cluster makes of it. There are no nodes; the tests play the kubelet."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
import re
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from playground.kubernetes import Kubernetes

NUMBERS = itertools.count(1)
NAME = "verified-backups"
SECONDS = 30
QUIET_SECONDS = 3.0  # how long nothing has to happen; what does happen takes some tenths of a second
KINDS = "cronjob,job,pod,persistentvolumeclaim,networkpolicy,serviceaccount,configmap"
OF_EVERY_NAMESPACE = {"default", "kube-root-ca.crt"}
PLAYBOOK = [
    {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.include_role": {"name": "governed.delivery.verified_backups", "tasks_from": "{{ door }}"}}],
    }
]


@dataclasses.dataclass(frozen=True)
class Done:
    """How a door ended."""

    code: int
    changed: int
    output: str


@dataclasses.dataclass(frozen=True)
class Night:
    """The role with its schedule in a namespace of its own, which admits only restricted pods."""

    cluster: Kubernetes
    namespace: str
    folder: Path

    def door(self, door: str, *flags: str, **more: t.Any) -> Done:
        """Go through a door of the role."""
        told = {
            "verified_backups_cluster": "orders",
            "verified_backups_source": {"s3": {"bucket": "backups"}},
            "verified_backups_manifest_keys": ["orders+00000000+AAAA"],
            "verified_backups_schedule": "kubernetes",
            "verified_backups_state_directory": str(self.folder / "state"),
            "verified_backups_kubernetes_manifest": str(self.folder / "manifest.yml"),
            "verified_backups_kubernetes_image": "verified-backups:0.1.0",
            "verified_backups_kubernetes_namespace": self.namespace,
            "verified_backups_kubernetes_secret": "backup-keys",
            "verified_backups_kubernetes_storage_class": "scratch",
            "verified_backups_kubernetes_apply": True,
            "verified_backups_kubernetes_kubectl": str(self.cluster.kubectl_program),
            "verified_backups_kubernetes_kubeconfig": str(self.cluster.kubeconfig),
            "ansible_python_interpreter": sys.executable,
            "door": f"{door}.yml",
            **more,
        }
        playbook = self.folder / "playbook.yml"
        playbook.write_text(json.dumps(PLAYBOOK), encoding="utf-8")
        command = ["ansible-playbook", "-i", "localhost,", "-c", "local", str(playbook), "-e", json.dumps(told), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        changed = re.findall(r"^localhost .*changed=(\d+)", done.stdout, re.MULTILINE)
        return Done(done.returncode, int(changed[-1]) if changed else -1, done.stdout + done.stderr)

    def applied(self, **more: t.Any) -> None:
        """Apply, and nothing went wrong."""
        done = self.door("main", **more)
        assert done.code == 0, done.output

    def all(self, kinds: str) -> list[dict[str, t.Any]]:
        """All objects of these kinds, but those that every namespace has."""
        items: list[dict[str, t.Any]] = self.cluster.read(kinds, f"--namespace={self.namespace}")["items"]
        return [item for item in items if item["metadata"]["name"] not in OF_EVERY_NAMESPACE]

    def one(self, kind: str, name: str = NAME) -> dict[str, t.Any]:
        found: dict[str, t.Any] = self.cluster.read(kind, name, f"--namespace={self.namespace}")
        return found

    def tell(self, *arguments: str) -> None:
        """kubectl, and it worked."""
        answer = self.cluster.kubectl(*arguments, f"--namespace={self.namespace}")
        assert answer.returncode == 0, answer.stderr

    def put_status(self, kind: str, name: str, status: t.Mapping[str, t.Any]) -> None:
        """What a kubelet or a controller would report."""
        self.tell("patch", kind, name, "--subresource=status", "--type=merge", f"--patch={json.dumps({'status': status})}")

    def make_due(self) -> None:
        """As if the schedule had been there since yesterday."""
        self.put_status("cronjob", NAME, {"lastScheduleTime": f"{_ago(days=1):%Y-%m-%dT%H:%M:%SZ}"})

    def until(self, found: t.Callable[[], t.Any], what: str) -> t.Any:
        """Ask until there is something."""
        deadline = time.monotonic() + SECONDS
        while not (answer := found()):
            assert time.monotonic() < deadline, f"{what} did not come; events: {self.events()}"
            time.sleep(0.1)
        return answer

    def events(self) -> list[str]:
        return [event["reason"] for event in self.cluster.read("events", f"--namespace={self.namespace}")["items"]]

    def pod_of(self, job: str) -> dict[str, t.Any]:
        """The only pod that a Job has made."""
        pods = self.until(lambda: [pod for pod in self.all("pod") if pod["metadata"]["labels"].get("job-name") == job], f"a pod of {job}")
        (pod,) = pods
        assert isinstance(pod, dict)
        return pod

    def end(self, job: str, phase: str, condition: str) -> dict[str, t.Any]:
        """Let the Job's pod end so, and wait until the Job has the condition, which is the answer."""
        self.put_status("pod", self.pod_of(job)["metadata"]["name"], {"phase": phase})
        return self.condition(job, condition)

    def condition(self, job: str, kind: str) -> dict[str, t.Any]:
        def look() -> list[dict[str, t.Any]]:
            return [one for one in self.one("job", job).get("status", {}).get("conditions", []) if one["type"] == kind]

        found: list[dict[str, t.Any]] = self.until(look, f"{kind} of {job}")
        return found[0]


def _ago(**much: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(**much)


def at(**ago: float) -> str:
    """The hour and minute so long ago, as the role takes it."""
    return f"{_ago(**ago):%H:%M}"


@pytest.fixture
def night(control_plane: Kubernetes, tmp_path: Path) -> Night:
    """A new namespace."""
    made = Night(control_plane, f"night-{next(NUMBERS)}", tmp_path)
    assert control_plane.kubectl("create", "namespace", made.namespace).returncode == 0
    assert control_plane.kubectl("label", "namespace", made.namespace, "pod-security.kubernetes.io/enforce=restricted").returncode == 0
    return made


def test_the_schedule_is_applied_once_and_taken_back_whole(night: Night) -> None:
    rehearsed = night.door("main", "--check", "--diff")
    assert rehearsed.code == 0, rehearsed.output
    assert rehearsed.changed > 0
    assert (night.all(KINDS), (night.folder / "state").exists()) == ([], False)
    night.applied()
    assert {item["kind"] for item in night.all(KINDS)} == {"CronJob", "NetworkPolicy", "ServiceAccount", "ConfigMap"}
    generation = night.one("cronjob")["metadata"]["generation"]
    again = night.door("main")
    assert (again.code, again.changed) == (0, 0), again.output
    assert night.one("cronjob")["metadata"]["generation"] == generation
    rehearsed = night.door("main", "--check")
    assert (rehearsed.code, rehearsed.changed) == (0, 0), rehearsed.output

    night.tell("create", "job", "tonight", f"--from=cronjob/{NAME}")
    night.pod_of("tonight")
    undone = night.door("undo")
    assert undone.code == 0, undone.output
    night.until(lambda: not night.all(KINDS), "the end of all that belongs to it")
    undone = night.door("undo")
    assert (undone.code, undone.changed) == (0, 0), undone.output


def test_the_cluster_keeps_what_a_night_must_not_do(night: Night) -> None:
    night.applied(verified_backups_time="02:30", verified_backups_time_zone="Europe/Berlin", verified_backups_nights=["mon", "thu"])
    spec = night.one("cronjob")["spec"]
    job = spec["jobTemplate"]["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 2 * * MON,THU", "Europe/Berlin")
    assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"]) == ("Forbid", 3600)
    assert (job["backoffLimit"], job["activeDeadlineSeconds"]) == (0, 7200)
    pod = job["template"]["spec"]
    assert (pod["restartPolicy"], pod["terminationGracePeriodSeconds"], pod["automountServiceAccountToken"]) == ("Never", 120, False)
    for container in [*pod["containers"], *pod["initContainers"]]:
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not [variable for variable in container.get("env", []) if "secretKeyRef" in json.dumps(variable)]
    policy = night.one("networkpolicy")["spec"]
    assert (sorted(policy["policyTypes"]), policy.get("ingress", [])) == (["Egress", "Ingress"], [])
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443}


def test_a_restricted_namespace_admits_its_pod_which_has_a_volume_of_its_own_and_no_token(night: Night) -> None:
    night.applied()
    night.tell("create", "job", "tonight", f"--from=cronjob/{NAME}")
    pod = night.pod_of("tonight")
    assert "FailedCreate" not in night.events()
    assert not [volume for volume in pod["spec"]["volumes"] if "projected" in volume]
    labels = night.one("networkpolicy")["spec"]["podSelector"]["matchLabels"]
    assert labels.items() <= pod["metadata"]["labels"].items(), "the policy is about this pod"
    (claim,) = night.until(lambda: night.all("persistentvolumeclaim"), "the volume's claim")
    assert claim["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"]
    assert claim["spec"]["storageClassName"] == "scratch"
    night.tell("delete", "job", "tonight")
    night.until(lambda: not night.all("pod,persistentvolumeclaim"), "the end of pod and volume")


def test_a_night_starts_on_time_or_a_little_late_but_not_hours_later(night: Night) -> None:
    night.applied(verified_backups_time=at(hours=2))
    night.make_due()
    time.sleep(QUIET_SECONDS)
    assert night.all("job") == []
    night.applied(verified_backups_time=at(minutes=5))
    night.make_due()
    (job,) = night.until(lambda: night.all("job"), "the night's Job")
    assert job["metadata"]["ownerReferences"][0]["name"] == NAME
    night.end(job["metadata"]["name"], "Succeeded", "Complete")


def test_a_night_that_still_runs_keeps_the_next_from_starting(night: Night) -> None:
    night.applied(verified_backups_time=at(minutes=9))
    night.make_due()
    (first,) = night.until(lambda: night.all("job"), "the first night's Job")
    name = first["metadata"]["name"]
    night.until(lambda: night.one("cronjob")["status"].get("active"), "the first night among the active ones")
    night.applied(verified_backups_time=at(minutes=6))
    night.make_due()
    night.until(lambda: "JobAlreadyActive" in night.events(), "the refusal to start another")
    assert [job["metadata"]["name"] for job in night.all("job")] == [name]
    night.end(name, "Succeeded", "Complete")
    night.until(lambda: len(night.all("job")) == 2, "the one that had to wait")


def test_a_red_night_is_not_tried_again(night: Night) -> None:
    night.applied(verified_backups_time=at(minutes=5))
    night.make_due()
    (job,) = night.until(lambda: night.all("job"), "the night's Job")
    name = job["metadata"]["name"]
    assert night.end(name, "Failed", "Failed")["reason"] == "BackoffLimitExceeded"
    time.sleep(QUIET_SECONDS)
    assert [pod["status"]["phase"] for pod in night.all("pod")] == ["Failed"]
    assert len(night.all("job")) == 1


def test_a_night_without_end_is_ended(night: Night) -> None:
    night.applied(verified_backups_deadline_seconds=2)
    night.tell("create", "job", "tonight", f"--from=cronjob/{NAME}")
    assert night.condition("tonight", "Failed")["reason"] == "DeadlineExceeded"
    night.until(lambda: not night.all("pod"), "the end of its pod")


def test_a_field_that_the_cluster_does_not_know_is_refused_and_leaves_nothing(night: Night) -> None:
    done = night.door("main", verified_backups_kubernetes_egress=[{"portz": []}])
    assert done.code == 2
    assert "portz" in done.output
    assert night.all("cronjob,networkpolicy") == []
    undone = night.door("undo")
    assert undone.code == 0, undone.output
    assert night.all(KINDS) == []


def test_what_somebody_else_changed_is_not_overwritten_in_silence(night: Night) -> None:
    night.applied()
    night.tell("patch", "cronjob", NAME, "--type=merge", '--patch={"spec": {"schedule": "0 5 * * *"}}')
    done = night.door("main")
    assert done.code == 2
    assert "kubectl-patch" in done.output
    assert night.one("cronjob")["spec"]["schedule"] == "0 5 * * *"


def test_the_nightly_failover_smoke_of_the_docs_is_taken_and_its_pod_admitted(night: Night) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "failover_smoke.md").read_text(encoding="utf-8")
    (manifest,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    done = night.cluster.kubectl(
        "apply", "--server-side", "--validate=strict", f"--namespace={night.namespace}", "--filename=-", said=manifest
    )
    assert done.returncode == 0, done.stderr
    night.tell("create", "job", "tonight", "--from=cronjob/failover-smoke")
    night.pod_of("tonight")
    assert night.end("tonight", "Failed", "Failed")["reason"] == "BackoffLimitExceeded"
