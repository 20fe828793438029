# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kubernetes API server with its controller manager and etcd, on 127.0.0.1. Build them first: ``make components ONLY=kubernetes``.

There are no nodes: Jobs and Pods come into being and stay pending, and whoever plays the kubelet sets their status. Its users are told apart by tokens.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
import subprocess
import typing as t
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from . import children, cluster, loopback
from .children import Started
from .components import Component, component
from .errors import Refusal

ADMINISTRATOR, MANAGER = "administrator", "manager"


@dataclasses.dataclass(frozen=True)
class Kubernetes:
    """A running control plane. Its folder has ``etcd``, ``pki``, and a log a program: ``etcd.log``, ``kube-apiserver.log`` …

    ``token`` is that of an administrator; ``kubeconfig`` has it, too.
    """

    endpoint: str
    authority: Path
    token: str
    kubeconfig: Path
    kubectl_program: Path
    folder: Path

    def kubectl(self, *arguments: str, said: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator; ``said`` is what it reads on standard input."""
        return subprocess.run(
            [str(self.kubectl_program), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=said or "",
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"},  # it caches what the server can, and diff is a program
        )

    def read(self, *arguments: str) -> t.Any:
        """What ``kubectl get`` finds, as data.

        :raises Refusal: it finds nothing, or is not let.
        """
        answer = self.kubectl("get", "--output=json", *arguments)
        if answer.returncode != 0:
            raise Refusal(
                f"kubectl get {' '.join(arguments)}", expected="an answer", found=answer.stderr.strip(), remedy="Look at the server's log."
            )
        return json.loads(answer.stdout)


@contextlib.contextmanager
def serving(folder: Path) -> t.Iterator[Kubernetes]:
    """Start all three on a new folder, and kill them at the end.

    :raises Refusal: they are not built, or one does not start; the message holds its own last words.
    """
    built = component("kubernetes")
    (folder / "pki").mkdir(parents=True, exist_ok=True)
    _make_key(folder / "pki" / "accounts.key")
    tokens = {name: secrets.token_hex(16) for name in (ADMINISTRATOR, MANAGER)}
    users = [f"{token},{name},{name},system:masters" for name, token in tokens.items()]
    _write_private(folder / "tokens.csv", "\n".join([*users, ""]))
    with contextlib.ExitStack() as running:
        store = running.enter_context(children.serving(lambda: _etcd(built, folder))).server
        made = running.enter_context(children.serving(lambda: _server(built, folder, store, tokens))).server
        running.enter_context(children.serving(lambda: _manager(built, made)))
        yield made


def _etcd(built: Component, folder: Path) -> Started[str]:
    client, peer = (f"http://{cluster.HOST}:{cluster.free_port(None)}" for _which in ("client", "peer"))
    told = {
        "data-dir": str(folder / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "log-level": "warn",
    }
    log = folder / "etcd.log"
    child = children.launched([*_command(built, "etcd", told), "--unsafe-no-fsync"], log)
    return Started("etcd", client, client, child, log, lambda: _is_healthy(client))


def _is_healthy(store: str) -> bool:
    try:
        return '"health":"true"' in loopback.page(f"{store}/health", timeout=1)
    except OSError:
        return False


def _server(built: Component, folder: Path, store: str, tokens: t.Mapping[str, str]) -> Started[Kubernetes]:
    port = cluster.free_port(None)
    told = {
        "etcd-servers": store,
        "bind-address": cluster.HOST,
        "secure-port": str(port),
        "cert-dir": str(folder / "pki"),  # it makes its own certificate there
        "token-auth-file": str(folder / "tokens.csv"),
        "anonymous-auth": "false",
        "authorization-mode": "RBAC",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(folder / "pki" / "accounts.key"),
        "service-account-signing-key-file": str(folder / "pki" / "accounts.key"),
        "service-cluster-ip-range": "10.0.0.0/24",
        "endpoint-reconciler-type": "none",  # nobody else may find us
    }
    log = folder / "kube-apiserver.log"
    child = children.launched(_command(built, "kube-apiserver", told), log)
    endpoint = f"https://{cluster.HOST}:{port}"
    for name, token in tokens.items():
        _write_private(folder / f"{name}.kubeconfig", json.dumps(_kubeconfig(folder, endpoint, token)))
    made = _made(built, folder, endpoint, tokens[ADMINISTRATOR])
    return Started("kube-apiserver", endpoint, made, child, log, lambda: made.kubectl("get", "--raw=/readyz").returncode == 0)


def _manager(built: Component, made: Kubernetes) -> Started[Kubernetes]:
    told = {
        "kubeconfig": str(made.folder / f"{MANAGER}.kubeconfig"),
        "service-account-private-key-file": str(made.folder / "pki" / "accounts.key"),
        "leader-elect": "false",
        "secure-port": "0",
    }
    log = made.folder / "kube-controller-manager.log"
    child = children.launched(_command(built, "kube-controller-manager", told), log)
    # The account that it makes in every namespace shows that it is at work.
    account = ("get", "serviceaccount", "default", "--namespace=default")
    return Started("kube-controller-manager", made.endpoint, made, child, log, lambda: made.kubectl(*account).returncode == 0)


def _made(built: Component, folder: Path, endpoint: str, token: str) -> Kubernetes:
    authority, kubeconfig = folder / "pki" / "apiserver.crt", folder / f"{ADMINISTRATOR}.kubeconfig"
    return Kubernetes(endpoint, authority, token, kubeconfig, built.program("kubectl"), folder)


def _command(built: Component, name: str, told: t.Mapping[str, str]) -> list[str]:
    return [str(built.program(name)), *(f"--{option}={value}" for option, value in told.items())]


def _kubeconfig(folder: Path, endpoint: str, token: str) -> dict[str, t.Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "playground",
        "contexts": [{"name": "playground", "context": {"cluster": "playground", "user": "playground"}}],
        "clusters": [
            {"name": "playground", "cluster": {"server": endpoint, "certificate-authority": str(folder / "pki" / "apiserver.crt")}}
        ],
        "users": [{"name": "playground", "user": {"token": token}}],
    }


def _make_key(path: Path) -> None:
    """What service accounts' tokens are signed with."""
    key = ec.generate_private_key(ec.SECP256R1())
    # The server reads a public key out of this format, but not out of PKCS 8.
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    _write_private(path, pem.decode())


def _write_private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
