# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and tools that are built from Go modules, running; and buckets in one of them."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from pathlib import Path

import boto3
import hypothesis
import pytest

from playground import kubernetes
from playground.kubernetes import Kubernetes
from playground.versitygw import Gateway, serving
from tests.support.components import had

if t.TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NUMBERS = itertools.count(1)

hypothesis.settings.register_profile("real", deadline=None, database=None, print_blob=True, max_examples=20, derandomize=True)
hypothesis.settings.load_profile("real")


@pytest.fixture(scope="session")
def tlogcheck() -> Path:
    """The program."""
    return had("tlogcheck").program()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Gateway]:
    """A running S3 server."""
    had("versitygw")
    with serving(tmp_path_factory.mktemp("versitygw")) as running:
        yield running


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Kubernetes]:
    """A running Kubernetes API server with its controller manager; no nodes."""
    had("kubernetes")
    with kubernetes.serving(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running


@dataclasses.dataclass(frozen=True)
class Fresh:
    """An empty bucket, and the client of one who may do everything in it."""

    name: str
    gateway: Gateway
    client: S3Client


def bucket(gateway: Gateway, *, locked: bool, days: int | None = None) -> Fresh:
    """A new one.

    :param days: how long everything that is put into it is locked, where it locks and the client asks for what the bucket says.
    """
    client = boto3.client(
        "s3",
        endpoint_url=gateway.endpoint,
        aws_access_key_id=gateway.access_key,
        aws_secret_access_key=gateway.secret_key,
        region_name=gateway.region,
    )
    name = f"ledger-{next(NUMBERS)}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
    if days is not None:
        client.put_object_lock_configuration(
            Bucket=name,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}},
        )
    return Fresh(name, gateway, client)


def with_keys_of(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    """boto3's own chain finds the gateway's keys, and nothing of the machine's."""
    for name, value in gateway.environment().items():
        patch.setenv(name, value)
    patch.setenv("AWS_CONFIG_FILE", "/dev/null")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture
def keys_of_gateway(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """See ``with_keys_of``."""
    with_keys_of(gateway, monkeypatch)


@pytest.fixture
def locked(gateway: Gateway, request: pytest.FixtureRequest) -> Fresh:
    """A bucket with object lock, so with versions."""
    request.getfixturevalue("keys_of_gateway")
    return bucket(gateway, locked=True)


@pytest.fixture
def plain(gateway: Gateway, request: pytest.FixtureRequest) -> Fresh:
    """A bucket with neither."""
    request.getfixturevalue("keys_of_gateway")
    return bucket(gateway, locked=False)
