# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One ledger's part of an S3 bucket: objects with versions, conditional writes, and locks; errors as Refusals.

Asked of the server: If-None-Match and If-Match on PutObject, read after write. Object lock and versioning are used where the bucket has them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import typing as t

from .._common.errors import Refusal
from .._common.frame import need
from .._common.s3 import client, object_lock
from .._common.s3.address import Address
from .._common.s3.driver import BOTO3, exceptions
from .._common.s3.failure import CONFLICTS, NOT_THERE, Failure, code_of, failure_of
from .store import Missing

if t.TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef, ListObjectVersionsRequestTypeDef, PutObjectRequestTypeDef

COMPLIANCE = "COMPLIANCE"
CONFLICT_ATTEMPTS = 5
RETENTION_DAYS = range(1, 36501)  # S3's own limit is 100 years


class Conflict(Exception):
    """The object is not as the condition of the write says; nothing was written."""


@dataclasses.dataclass(frozen=True)
class Place(Address):
    """Where a ledger is.

    ``retain_days`` is for buckets with object lock: how long nobody, root included, can delete what was written. None leaves it
    to the bucket's default retention.
    """

    retain_days: int | None = None


@dataclasses.dataclass(frozen=True)
class Got:
    """An object's bytes, and the tag that names them in a condition."""

    content: bytes
    etag: str


@dataclasses.dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker."""

    path: str
    identifier: str
    is_marker: bool
    written: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Guards:
    """What the bucket has to keep objects as they were, and its default retention, if it has one."""

    is_versioned: bool
    has_lock: bool
    default_mode: str | None = None
    default_days: int | None = None


class Bucket:
    """The objects of one ledger, by path. Every method raises Refusal for what a user can mend."""

    def __init__(self, place: Place) -> None:
        need(BOTO3)
        self.place = place

    @functools.cached_property
    def client(self) -> S3Client:
        with self._explaining(""):
            # Retries, also on throttling, are botocore's; what a repeated write means is looked at where it matters.
            return client.make(self.place, client.Manners())

    @functools.cached_property
    def guards(self) -> Guards:
        with self._explaining(""):
            is_versioned = self.client.get_bucket_versioning(Bucket=self.place.bucket).get("Status") == "Enabled"
            lock = object_lock.of_bucket(self.client, self.place.bucket)
        return Guards(is_versioned, lock.is_enabled, lock.mode, lock.days)

    def get(self, path: str, version: str | None = None) -> Got:
        """The latest version of an object, or the one named.

        :raises Missing: there is none, or it is deleted.
        """
        request: GetObjectRequestTypeDef = {"Bucket": self.place.bucket, "Key": self.place.key(path)}
        if version is not None:
            request["VersionId"] = version
        with self._explaining(path):
            try:
                answer = self.client.get_object(**request)
                return Got(answer["Body"].read(), answer["ETag"])
            except exceptions.ClientError as error:
                if code_of(error) in NOT_THERE:
                    raise Missing(path) from error
                raise

    def first(self, path: str) -> bytes:
        """The first version of an object: what was overwritten or deleted later is still as it was.

        :raises Missing: there is none.
        """
        if not self.guards.is_versioned:
            return self.get(path).content
        oldest = None
        for version in self.versions(path, page=2):  # newest first; the names that only begin with this one come after it
            if version.path != path:
                break
            oldest = oldest if version.is_marker else version.identifier
        if oldest is None:
            raise Missing(path)
        return self.get(path, oldest).content

    def versions(self, prefix: str, page: int = 1000) -> t.Iterator[Version]:
        """All versions and delete markers of the objects whose path begins so, by path; those of a path newest first.

        :param page: how many to ask for at first.
        """
        cut = len(self.place.key(""))
        request: ListObjectVersionsRequestTypeDef = {"Bucket": self.place.bucket, "Prefix": self.place.key(prefix), "MaxKeys": page}
        while True:
            with self._explaining(prefix):
                answer = self.client.list_object_versions(**request)
            found = [Version(item["Key"][cut:], item["VersionId"], False, item["LastModified"]) for item in answer.get("Versions", [])]
            found += [Version(item["Key"][cut:], item["VersionId"], True, item["LastModified"]) for item in answer.get("DeleteMarkers", [])]
            yield from sorted(found, key=_path)  # the sort keeps the server's order within a path and kind
            if not answer.get("IsTruncated"):
                return
            request["MaxKeys"] = 1000
            request["KeyMarker"] = answer["NextKeyMarker"]
            request["VersionIdMarker"] = answer["NextVersionIdMarker"]

    def retention(self, version: Version) -> tuple[str, datetime.datetime] | None:
        """Mode and end of a version's retention; None when it has none."""
        with self._explaining(version.path):
            return object_lock.of_version(self.client, self.place.bucket, self.place.key(version.path), version.identifier)

    def put(self, path: str, content: bytes, *, over: str | None, locked: bool = False) -> None:
        """Write an object if what is there still has the tag ``over``; None: if there is nothing.

        :param locked: with retention, where the bucket has object lock.
        :raises Conflict: there is something else. After a lost answer and a repetition that can be this very write.
        """
        request: PutObjectRequestTypeDef = {"Bucket": self.place.bucket, "Key": self.place.key(path), "Body": content}
        if over is None:
            request["IfNoneMatch"] = "*"
        else:
            request["IfMatch"] = over
        days = self.retention_days() if locked else None
        if days is not None:
            request["ObjectLockMode"] = "COMPLIANCE"
            request["ObjectLockRetainUntilDate"] = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        with self._explaining(path):
            try:
                self.client.put_object(**request)
            except exceptions.ClientError as error:
                if code_of(error) in CONFLICTS or (over is not None and code_of(error) in NOT_THERE):
                    raise Conflict(path) from error
                raise

    def put_once(self, path: str, content: bytes, *, locked: bool = False) -> None:
        """Write an object that never changes; the same bytes already there are fine.

        :raises Refusal: there are other bytes.
        """
        found: bytes | None = None
        for _attempt in range(CONFLICT_ATTEMPTS):
            try:
                return self.put(path, content, over=None, locked=locked)
            except Conflict:
                with contextlib.suppress(Missing):  # then the conflict may be with a write that has not come to its end
                    found = self.first(path)
                    break
        if found == content:
            return None
        raise Refusal(
            f"{self.place}{path}",
            expected="nothing there, or the very bytes that belong there",
            found="no version that can be read, but a conflict" if found is None else f"{len(found)} other bytes",
            remedy="Somebody else writes below this prefix. Keep its versions as evidence, and verify the ledger.",
            code="ledger_object_taken",
        )

    def retention_days(self) -> int | None:
        """For how long to lock what is written; None for a bucket without object lock.

        The bucket's default is asked for in so many words: not every server applies it to the object.

        :raises Refusal: the place and the bucket do not agree about it.
        """
        days, guards = self.place.retain_days, self.guards
        if days is not None and days not in RETENTION_DAYS:
            raise Refusal(
                "retain_days", expected=f"1 to {RETENTION_DAYS[-1]}", found=str(days), remedy="Name a number of days.", code="s3_retention"
            )
        if days is not None and not guards.has_lock:
            raise Refusal(
                f"bucket {self.place.bucket}",
                expected=f"object lock, so that the ledger can be retained for {days} days",
                found="a bucket without it",
                remedy="Make a bucket with object lock enabled, or leave retain_days out and do without.",
                code="s3_no_object_lock",
            )
        if days is None and guards.has_lock:
            if guards.default_mode == COMPLIANCE and guards.default_days:
                return guards.default_days
            raise Refusal(
                f"bucket {self.place.bucket}",
                expected="a default retention in mode COMPLIANCE, or retain_days",
                found=f"default retention: {guards.default_mode or 'none'}",
                remedy="Say retain_days. Nobody can shorten it afterwards.",
                code="s3_retention",
            )
        return days

    def _explaining(self, path: str) -> _Explaining:
        return _Explaining(self.place, path)


class _Explaining:
    """Turns botocore's errors into Refusals; Missing and Conflict go through."""

    def __init__(self, place: Place, path: str) -> None:
        self.place = place
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        failure = failure_of(error)
        if failure is not None:
            raise _refusal(self.place, self.path, failure) from error


def _path(version: Version) -> str:
    return version.path


def _refusal(place: Place, path: str, failure: Failure) -> Refusal:
    """What a failed request means to whoever keeps a ledger."""
    if failure.kind == "no_bucket":
        return Refusal(
            f"bucket {place.bucket}",
            expected="to exist",
            found="no such bucket",
            remedy="Make it, best with object lock (which brings versioning); the ledger does not make buckets.",
            code="s3_no_bucket",
        )
    if failure.kind == "credentials":
        return Refusal(
            f"credentials for {place}",
            expected="an access key that the server knows and its secret, by a profile and region that boto3 can use",
            found=failure.said,
            remedy="Set them as for the aws command: environment, ~/.aws, or the machine's role. Look at the machine's clock.",
            code="s3_credentials",
        )
    if failure.kind == "denied":
        return Refusal(
            f"{place}{path}",
            expected=f"to be allowed {failure.operation}",
            found=failure.said,
            remedy="docs/components.md lists the permissions that a ledger's writer and reader need.",
            code="s3_denied",
        )
    if failure.kind in ("tls", "timeout", "unreachable"):
        return Refusal(
            f"S3 at {place.server}",
            expected="to answer",
            found=failure.said,
            remedy="Look at endpoint, network and proxy settings.",
            code="s3_unreachable",
        )
    return Refusal(
        f"{place}{path}",
        expected=f"{failure.operation or 'the answer'} to be sound",
        found=failure.said,
        remedy="Look at the server's log.",
        code="s3_server_error" if failure.kind == "server" else "s3_failed",
    )
