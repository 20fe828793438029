# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How a client of ours speaks to S3: how long it waits, how often it tries, and whose credentials it takes."""

from __future__ import annotations

import dataclasses
import typing as t

from .address import Address
from .driver import boto3, config, session

if t.TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INSTANCE_METADATA = "iam-role"  # botocore's name of that provider


@dataclasses.dataclass(frozen=True)
class Manners:
    """Seconds to wait for a connection and for each answer, how many times to ask at most, and how many connections are kept.

    ``ca_bundle`` is a file of certificates to trust instead of the usual ones. Without ``instance_metadata`` the credentials of the machine
    itself are not asked for: who forgot to name some is told at once, instead of reading with rights that nobody chose. A container's own
    (``AWS_CONTAINER_CREDENTIALS_FULL_URI``, ``AWS_WEB_IDENTITY_TOKEN_FILE``) are named by its environment and stay.
    """

    connect_timeout: float = 10
    read_timeout: float = 60
    attempts: int = 5
    connections: int = 10
    ca_bundle: str | None = None
    instance_metadata: bool = True


def make(address: Address, manners: Manners) -> S3Client:
    """A client, usable from several threads.

    :raises botocore.exceptions.BotoCoreError: the profile does not exist, or the region has no S3; see ``failure.failure_of``.
    :raises ValueError: the endpoint is no URL.
    """
    settings = config.Config(
        connect_timeout=manners.connect_timeout,
        read_timeout=manners.read_timeout,
        max_pool_connections=manners.connections,
        retries={"mode": "standard", "total_max_attempts": manners.attempts},
    )
    core = session.Session()
    core.set_default_client_config(settings)  # the token service, which gives credentials for a web identity, is asked in the same manner
    made = boto3.Session(botocore_session=core, profile_name=address.profile, region_name=address.region)
    if not manners.instance_metadata:
        core.get_component("credential_provider").remove(INSTANCE_METADATA)
    return made.client("s3", endpoint_url=address.endpoint, verify=manners.ca_bundle)
