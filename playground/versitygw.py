# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real S3 server, versitygw, on 127.0.0.1: versioning, conditional writes, object lock. Build it first: ``make components ONLY=versitygw``."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import typing as t
from pathlib import Path

from . import children, cluster, loopback
from .children import Started
from .components import component

HEALTH = "/health"


@dataclasses.dataclass(frozen=True)
class Gateway:
    """A running server. Its folder has ``data`` (a folder a bucket), ``versions`` and ``log``."""

    endpoint: str
    access_key: str
    secret_key: str
    folder: Path
    pid: int
    region: str = "us-east-1"

    def environment(self) -> dict[str, str]:
        """What a client finds in its environment to reach it with boto3's own chain of credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextlib.contextmanager
def serving(folder: Path) -> t.Iterator[Gateway]:
    """Start a server on this folder, made when it is missing, and kill it at the end; what it keeps stays.

    :raises Refusal: when it is not built, or does not start; the message holds the server's own last words.
    """
    program = component("versitygw").program()
    for part in ("data", "versions"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with children.serving(lambda: _launch(program, folder)) as started:
        yield started.server


def _launch(program: Path, folder: Path) -> Started[Gateway]:
    address = f"{cluster.HOST}:{cluster.free_port(None)}"
    endpoint, log = f"http://{address}", folder / "log"
    keys = {"ROOT_ACCESS_KEY": "playground", "ROOT_SECRET_KEY": secrets.token_hex(16)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VGW_", "ROOT_"))}
    versions, data = str(folder / "versions"), str(folder / "data")
    command = [str(program), "--port", address, "--health", HEALTH, "--quiet", "posix", "--versioning-dir", versions, data]
    child = children.launched(command, log, env={**kept, **keys})
    gateway = Gateway(endpoint, keys["ROOT_ACCESS_KEY"], keys["ROOT_SECRET_KEY"], folder, child.pid)
    return Started("versitygw", endpoint, gateway, child, log, lambda: _answers(endpoint))


def _answers(endpoint: str) -> bool:
    with contextlib.suppress(OSError):
        loopback.page(endpoint + HEALTH, timeout=1)
        return True
    return False
