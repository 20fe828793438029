# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A collector's configuration in a ConfigMap of Kubernetes, by kubectl, and the workload that mounts it."""

from __future__ import annotations

import base64
import json
import typing as t

from ..._common.errors import Refusal
from . import journal, programs
from .journal import Journal, digest

ANNOTATION = "governed.delivery/collector-config"
JOURNAL = "journal.json"
FIELD_MANAGER = "governed.delivery"
CONFLICT = "the object has been modified"


class ConfigMapTarget:
    """One key of a ConfigMap; journal and former contents are in a second one, ``<name>-governed``, so that they outlive whoever ran this.

    :param kubectl: the program with its options, as ``[kubectl, --context=stage]``.
    """

    def __init__(self, kubectl: t.Sequence[str], namespace: str, name: str, key: str) -> None:
        self._kubectl = [*kubectl, f"--namespace={namespace}"]
        self._namespace = namespace
        self._name = name
        self._key = key

    @property
    def place(self) -> str:
        return f"configmap {self._namespace}/{self._name}: {self._key}"

    def read(self) -> bytes:
        """See ``Target``."""
        return self._content(self._required())

    def replace(self, content: bytes, former: bytes) -> None:
        """See ``Target``. The server refuses it when anybody has changed the ConfigMap since it was looked at."""
        found = self._required()
        if self._content(found) != former:
            raise self._changed("another content")
        found["data"][self._key] = content.decode()
        command = [*self._kubectl, "replace", f"--field-manager={FIELD_MANAGER}", "--filename=-"]
        done = programs.run(command, said=json.dumps(found).encode())
        if done.returncode != 0:
            said = programs.last_words(done)
            if CONFLICT in said:
                raise self._changed("a newer version")
            raise Refusal(self.place, expected="to be replaced", found=said, remedy="Look at what the server says.", code="kubectl_failed")

    def journal(self) -> Journal | None:
        """See ``Target``."""
        found = self._get(self._memory)
        return None if found is None else journal.loaded(str(found.get("data", {}).get(JOURNAL, "")).encode(), f"configmap {self._memory}")

    def remember(self, told: Journal, contents: t.Sequence[bytes] = ()) -> None:
        """See ``Target``. One object, so all of it or nothing. Contents that no digest of the journal names are let go."""
        found = self._get(self._memory)
        known: dict[str, str] = {**(found or {}).get("binaryData", {})}
        known.update({digest(content): base64.b64encode(content).decode() for content in contents})
        needed = {told.original, told.previous}
        wanted: dict[str, t.Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self._memory,
                "namespace": self._namespace,
                "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
                **({"resourceVersion": found["metadata"]["resourceVersion"]} if found else {}),
            },
            "data": {JOURNAL: told.dumped().decode()},
            "binaryData": {name: content for name, content in known.items() if name in needed},
        }
        verb = "replace" if found else "create"
        command = [*self._kubectl, verb, f"--field-manager={FIELD_MANAGER}", "--filename=-"]
        programs.succeeded(command, code="kubectl_failed", said=json.dumps(wanted).encode())

    def kept(self, wanted: str) -> bytes:
        """See ``Target``."""
        found = (self._get(self._memory) or {}).get("binaryData", {}).get(wanted, "")
        return journal.checked(base64.b64decode(found), wanted, f"configmap {self._memory}")

    def forget(self) -> None:
        """See ``Target``."""
        programs.succeeded([*self._kubectl, "delete", "configmap", self._memory, "--ignore-not-found"], code="kubectl_failed")

    @property
    def _memory(self) -> str:
        return f"{self._name}-governed"

    def _content(self, found: t.Mapping[str, t.Any]) -> bytes:
        content = (found.get("data") or {}).get(self._key)
        if not isinstance(content, str):
            keys = ", ".join(found.get("data") or {}) or "no keys"
            raise Refusal(
                self.place, expected="a collector's configuration", found=f"only {keys}", remedy="Name its key.", code="key_missing"
            )
        return content.encode()

    def _required(self) -> dict[str, t.Any]:
        found = self._get(self._name)
        if found is None:
            raise Refusal(
                self.place, expected="a ConfigMap", found="none", remedy="Make it first, or correct its name.", code="configmap_missing"
            )
        return found

    def _get(self, name: str) -> dict[str, t.Any] | None:
        said = programs.succeeded([*self._kubectl, "get", "configmap", name, "--ignore-not-found", "--output=json"], code="kubectl_failed")
        return t.cast("dict[str, t.Any]", json.loads(said)) if said.strip() else None

    def _changed(self, found: str) -> Refusal:
        return Refusal(
            self.place,
            expected="the content that was looked at",
            found=f"{found}: somebody has changed it in the meantime",
            remedy="Run this again.",
            code="changed_meanwhile",
        )


class Rollout:
    """The workload that mounts the ConfigMap. A digest of the content is an annotation of its pods, so that they are replaced one after another.

    :param workload: as ``deployment/collector``, ``statefulset/…`` or ``daemonset/…``.
    """

    def __init__(self, kubectl: t.Sequence[str], namespace: str, workload: str, timeout: float) -> None:
        self._kubectl = [*kubectl, f"--namespace={namespace}"]
        self._workload = workload
        self._timeout = timeout

    def __call__(self, content: bytes) -> None:
        """Replace the pods, and wait until the controller has seen the change and every pod is of it and ready.

        :raises Refusal: it is not within the time.
        """
        patch = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: digest(content)}}}}}
        command = [
            *self._kubectl,
            "patch",
            self._workload,
            "--type=merge",
            f"--field-manager={FIELD_MANAGER}",
            f"--patch={json.dumps(patch)}",
        ]
        programs.succeeded(command, code="rollout_failed")
        # kubectl waits for observedGeneration first, and then for the pods.
        wait = [*self._kubectl, "rollout", "status", self._workload, f"--timeout={self._timeout:.0f}s"]
        programs.succeeded(wait, code="rollout_failed", timeout=self._timeout + 30)
