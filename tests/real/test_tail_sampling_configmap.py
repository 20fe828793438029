# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""otel_tail_sampling in a ConfigMap of a real API server and controller manager. There are no nodes: the test says that pods are ready."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import threading
import time
import typing as t

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import programs
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.apply_configmap import ConfigMapTarget

from playground import modules
from playground.kubernetes import Kubernetes

NAME = "otel_tail_sampling"
NUMBERS = itertools.count(1)
CONFIG = """\
# Owned by the platform team.
receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80}
exporters:
  otlp: {endpoint: "${env:BACKEND}"}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter], exporters: [otlp]}
"""


@dataclasses.dataclass(frozen=True)
class Sampler:
    """A ConfigMap and the Deployment that mounts it, in a namespace of their own."""

    cluster: Kubernetes
    namespace: str

    def run(self, check: bool = False, **more: t.Any) -> modules.Result:
        told = {
            "state": "present",
            "configmap": {
                "namespace": self.namespace,
                "name": "sampler",
                "key": "config.yaml",
                "workload": "deployment/sampler",
                "kubectl": str(self.cluster.kubectl_program),
                "kubeconfig": str(self.cluster.kubeconfig),
            },
            "collector_version": "0.161.0",
            "pipelines": ["traces"],
            "goals": {"slow_ms": 1000, "baseline_percentage": 10.0},
            "reload": "rollout",
            "reload_timeout": 20.0,
            **more,
        }
        return modules.run(NAME, told, check=check, diff=True)

    def tell(self, *arguments: str, said: str | None = None) -> None:
        answer = self.cluster.kubectl(*arguments, f"--namespace={self.namespace}", said=said)
        assert answer.returncode == 0, answer.stderr

    def config(self) -> str:
        return str(self.cluster.read("configmap", "sampler", f"--namespace={self.namespace}")["data"]["config.yaml"])

    def names(self, kind: str) -> list[str]:
        return [item["metadata"]["name"] for item in self.cluster.read(kind, f"--namespace={self.namespace}")["items"]]

    def generation(self) -> int:
        return int(self.cluster.read("deployment", "sampler", f"--namespace={self.namespace}")["metadata"]["generation"])


class Kubelet:
    """Says of every pod that it is ready, as long as this lasts and the configuration is one that ``takes`` likes."""

    def __init__(self, sampler: Sampler, takes: t.Callable[[str], bool] = lambda _config: True) -> None:
        self._sampler = sampler
        self._takes = takes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_raised: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        ready = {"phase": "Running", "conditions": [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]}
        while not self._over.wait(0.3):
            if not self._takes(self._sampler.config()):
                continue
            for name in self._sampler.names("pod"):
                self._sampler.cluster.kubectl(
                    "patch",
                    "pod",
                    name,
                    f"--namespace={self._sampler.namespace}",
                    "--subresource=status",
                    "--type=merge",
                    f"--patch={json.dumps({'status': ready})}",
                )


@pytest.fixture
def sampler(control_plane: Kubernetes) -> Sampler:
    namespace = f"tracing-{next(NUMBERS)}"
    assert control_plane.kubectl("create", "namespace", namespace).returncode == 0
    made = Sampler(control_plane, namespace)
    labels = {"app": "sampler"}
    container = {"name": "collector", "image": "otelcol:0.161.0", "volumeMounts": [{"name": "config", "mountPath": "/etc/otelcol"}]}
    pod = {"containers": [container], "volumes": [{"name": "config", "configMap": {"name": "sampler"}}], "terminationGracePeriodSeconds": 0}
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sampler"}, "data": {"config.yaml": CONFIG, "other": "stays"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "sampler"},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        },
    ]
    made.tell("apply", "--filename=-", said=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    with Kubelet(made):
        made.tell("rollout", "status", "deployment/sampler", "--timeout=30s")
    return made


def test_there_and_back(sampler: Sampler) -> None:
    generation = sampler.generation()
    rehearsed = sampler.run(check=True)
    assert (rehearsed["failed"], rehearsed["changed"]) == (False, True), rehearsed
    assert (sampler.config(), sampler.generation()) == (CONFIG, generation)
    with Kubelet(sampler):
        applied = sampler.run()
    assert (applied["failed"], applied["changed"]) == (False, True), applied
    assert sampler.generation() == generation + 1, "the workload rolled"
    written = sampler.config()
    assert "# Owned by the platform team." in written
    assert yaml.safe_load(written)["service"]["pipelines"]["traces"]["processors"] == ["memory_limiter", "tail_sampling"]
    assert sampler.cluster.read("configmap", "sampler", f"--namespace={sampler.namespace}")["data"]["other"] == "stays"

    again = sampler.run()
    assert (again["failed"], again["changed"]) == (False, False), again
    assert sampler.generation() == generation + 1

    with Kubelet(sampler):
        gone = sampler.run(state="absent")
    assert (gone["failed"], gone["changed"]) == (False, True), gone
    assert sampler.config() == CONFIG
    assert "sampler-governed" not in sampler.names("configmap")
    gone = sampler.run(state="absent")
    assert (gone["failed"], gone["changed"]) == (False, False), gone


def test_a_rollout_that_does_not_end_is_taken_back(sampler: Sampler) -> None:
    with Kubelet(sampler, takes=lambda config: "tail_sampling" not in config):
        refused = sampler.run(reload_timeout=5.0)
    assert refused["failed"]
    assert refused["refusals"][0]["code"] == "rollout_failed"
    assert refused["taken_back"] is True
    assert sampler.config() == CONFIG
    assert "sampler-governed" not in sampler.names("configmap")


def test_a_run_that_is_killed_before_the_rollout_is_ended_by_the_next(sampler: Sampler) -> None:
    generation = sampler.generation()
    pid = os.fork()
    if pid == 0:
        replace = ConfigMapTarget.replace

        def replaced(self: ConfigMapTarget, content: bytes, former: bytes) -> None:
            replace(self, content, former)
            os.kill(os.getpid(), 9)

        pytest.MonkeyPatch().setattr(ConfigMapTarget, "replace", replaced)
        sampler.run()
        os._exit(3)
    assert os.waitpid(pid, 0)[1] == 9
    assert "tail_sampling" in sampler.config()
    assert sampler.generation() == generation
    with Kubelet(sampler):
        mended = sampler.run()
        again = sampler.run()
        gone = sampler.run(state="absent")
    assert (mended["failed"], mended["changed"]) == (False, True), mended
    assert (again["failed"], again["changed"]) == (False, False), again
    assert (gone["failed"], gone["changed"]) == (False, True), gone
    assert sampler.config() == CONFIG


def test_a_workload_that_is_not_there_leaves_the_former_configuration(sampler: Sampler) -> None:
    refused = sampler.run(configmap={**_where(sampler), "workload": "deployment/gone"})
    assert refused["refusals"][0]["code"] == "rollout_failed"
    assert refused["taken_back"] is False
    assert sampler.config() == CONFIG


@pytest.mark.parametrize(
    ("where", "code"),
    [({"name": "gone"}, "configmap_missing"), ({"key": "gone"}, "key_missing"), ({"kubeconfig": "/nowhere"}, "kubectl_failed")],
)
def test_what_is_not_there_is_named(sampler: Sampler, where: dict[str, str], code: str) -> None:
    refused = sampler.run(configmap={**_where(sampler), **where})
    assert [one["code"] for one in refused["refusals"]] == [code], refused


def test_who_changes_it_in_between_is_not_overwritten(sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = [str(sampler.cluster.kubectl_program), f"--kubeconfig={sampler.cluster.kubeconfig}"]
    target = ConfigMapTarget(kubectl, sampler.namespace, "sampler", "config.yaml")
    with pytest.raises(Refusal) as refused:
        target.replace(b"mine", b"what was there long ago")
    assert refused.value.code == "changed_meanwhile"

    run = programs.run

    def overtaken(command: t.Sequence[str], **more: t.Any) -> t.Any:
        """Somebody else is quicker by the length of one request."""
        if "replace" in command:
            sampler.tell("patch", "configmap", "sampler", "--type=merge", f"--patch={json.dumps({'data': {'config.yaml': 'theirs'}})}")
        return run(command, **more)

    monkeypatch.setattr(programs, "run", overtaken)
    with pytest.raises(Refusal) as refused:
        target.replace(b"mine", CONFIG.encode())
    assert refused.value.code == "changed_meanwhile"
    assert sampler.config() == "theirs"


def test_a_headless_service_names_each_replica(sampler: Sampler) -> None:
    service = {"name": "samplers", "namespace": sampler.namespace, "selector": {"app": "sampler"}}
    tier = {"resolver": {"k8s": {"service": f"samplers.{sampler.namespace}"}}, "service": service}
    answer = sampler.run(state="validated", replicas=3, load_balancing=tier)
    assert not answer["failed"], answer
    made = answer["load_balancing"]["service"]
    sampler.tell("apply", "--server-side", "--validate=strict", "--filename=-", said=json.dumps(made))
    deadline = time.monotonic() + 20
    while not (slices := sampler.cluster.read("endpointslices", f"--namespace={sampler.namespace}")["items"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert slices[0]["metadata"]["labels"]["kubernetes.io/service-name"] == "samplers"


def _where(sampler: Sampler) -> dict[str, t.Any]:
    return {
        "namespace": sampler.namespace,
        "name": "sampler",
        "key": "config.yaml",
        "kubectl": str(sampler.cluster.kubectl_program),
        "kubeconfig": str(sampler.cluster.kubeconfig),
    }
