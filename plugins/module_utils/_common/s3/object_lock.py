# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. S3 object lock: what a bucket promises, and how long one version is kept.

Both raise botocore's errors; a server or bucket that knows no object lock is an answer, not an error.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .driver import exceptions
from .failure import UNLOCKED, code_of

if t.TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import ObjectLockModeType, ObjectLockRetentionModeType

DAYS_OF_A_YEAR = 366  # no year is longer


@dataclasses.dataclass(frozen=True)
class ObjectLock:
    """Whether a bucket has it, and the retention that it gives by default, if any."""

    is_enabled: bool
    mode: ObjectLockModeType | ObjectLockRetentionModeType | None = None
    days: int | None = None


def of_bucket(client: S3Client, bucket: str) -> ObjectLock:
    """What the bucket promises."""
    try:
        found = client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    except exceptions.ClientError as error:
        if code_of(error) not in UNLOCKED:
            raise
        return ObjectLock(is_enabled=False)
    rule = found.get("Rule", {}).get("DefaultRetention", {})
    days = rule.get("Days") or rule.get("Years", 0) * DAYS_OF_A_YEAR
    return ObjectLock(found.get("ObjectLockEnabled") == "Enabled", rule.get("Mode"), days or None)


def of_version(client: S3Client, bucket: str, key: str, version: str) -> tuple[str, datetime.datetime] | None:
    """Mode and end of that version's retention; None without."""
    try:
        found = client.get_object_retention(Bucket=bucket, Key=key, VersionId=version)["Retention"]
    except exceptions.ClientError as error:
        if code_of(error) in UNLOCKED or code_of(error) == "InvalidRequest":  # AWS for a bucket without object lock
            return None
        raise
    return (found["Mode"], found["RetainUntilDate"]) if "Mode" in found and "RetainUntilDate" in found else None
