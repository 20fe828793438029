# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Backups in an S3 bucket, as they were at the cut; errors as findings.

Object lock protects versions, not names: an overwrite and a delete marker are accepted on a locked bucket. So what was listed is read by its
version. In a bucket without versions it is read on condition of its tag: other bytes are told, never read.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import functools
import io
import pathlib
import typing as t

from ..._common.s3 import client, object_lock
from ..._common.s3.address import Address
from ..._common.s3.client import Manners
from ..._common.s3.driver import exceptions, parsers
from ..._common.s3.failure import Kind, failure_of
from ..._common.s3.object_lock import ObjectLock
from ..findings import Finding, Stopped, stop
from . import versions
from .place import Item, Listing, Lock, Reader
from .versions import Version

if t.TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, GetObjectRequestTypeDef, PutObjectRequestTypeDef

RESUMES = 2  # of one object whose answer broke off; botocore repeats questions only
COMPARED = 1024 * 1024
LARGEST_PUT = 5 * 1024**3  # S3's own limit for one put

CODES: t.Mapping[Kind, str] = {
    "no_bucket": "NOT_FOUND",
    "missing": "FILE_MISSING",
    "conflict": "OBJECT_REPLACED",
    "credentials": "NO_CREDENTIALS",
    "denied": "ACCESS_DENIED",
    "tls": "TLS",
    "timeout": "TIMEOUT",
    "unreachable": "SOURCE_UNREADABLE",
    "damaged": "CORRUPT_FILE",
    "server": "SOURCE_UNREADABLE",
    "other": "SOURCE_UNREADABLE",
}


class S3Place:
    """The ``Place`` of a bucket; for several threads at once. Asks for s3:ListBucketVersions, s3:GetObject(Version) and, for ``lock``,
    s3:GetObjectRetention; for ``put``, s3:PutObject and, in a bucket with a default retention, s3:PutObjectRetention.
    """

    def __init__(self, address: Address, manners: Manners) -> None:
        self._address = address
        self._manners = manners

    def describe(self) -> dict[str, str]:
        return {"kind": "s3", "name": str(self._address), "server": self._address.server}

    def listing(self, prefix: str, until: float) -> Listing:
        """See ``Place``. S3 tells whole seconds, so what is up to a second younger than ``until`` may be in it; ask when the cut is made."""
        found: dict[str, list[Version]] = collections.defaultdict(list)
        cut = len(self._address.key(""))
        with self._explaining(prefix, missing="NOT_FOUND"):
            pages = self._client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._address.bucket, Prefix=self._address.key(prefix)):
                for real in page.get("Versions", []):
                    written = real["LastModified"].timestamp()
                    version = Version(real["VersionId"], written, real["IsLatest"], False, real["Size"], real["ETag"])
                    found[real["Key"][cut:]].append(version)
                for marker in page.get("DeleteMarkers", []):
                    written = marker["LastModified"].timestamp()
                    found[marker["Key"][cut:]].append(Version(marker["VersionId"], written, marker["IsLatest"], True))
        items: dict[str, Item] = {}
        findings: list[Finding] = []
        for path in sorted(found):
            if not path.endswith("/"):  # consoles make such objects, as folders
                item, wrong = versions.as_of(path, found[path], until)
                items.update({path: item} if item else {})
                findings += wrong
        return Listing(items, tuple(findings))

    def open(self, item: Item) -> Reader:
        return _Body(self, item)

    def lock(self, item: Item, /) -> Lock | None:
        if item.version is None:
            return None
        with self._explaining(item.path):
            found = object_lock.of_version(self._client, self._address.bucket, self._address.key(item.path), item.version)
        return Lock(found[0], found[1].timestamp()) if found else None

    def put(self, path: str, content: bytes) -> None:
        self._put(path, io.BytesIO(content))

    def put_file(self, path: str, file: str) -> None:
        source = pathlib.Path(file)
        if source.stat().st_size > LARGEST_PUT:
            raise stop("SOURCE_UNREADABLE", file, expected=f"at most {LARGEST_PUT} bytes, S3's limit for one put", found="more")
        with source.open("rb") as body:
            self._put(path, body)

    def get(self, item: Item, offset: int) -> GetObjectOutputTypeDef:
        """The version's bytes from there on."""
        request: GetObjectRequestTypeDef = {
            "Bucket": self._address.bucket,
            "Key": self._address.key(item.path),
            "ChecksumMode": "ENABLED",  # then botocore compares what arrives with the checksum that the server keeps, if it keeps one
        }
        if item.version is not None:
            request["VersionId"] = item.version
        elif item.etag is not None:
            request["IfMatch"] = f'"{item.etag}"'
        if offset:
            request["Range"] = f"bytes={offset}-"
        with self._explaining(item.path, version=item.version):
            return self._client.get_object(**request)

    @contextlib.contextmanager
    def explaining(self, item: Item) -> t.Iterator[None]:
        """Turns what may happen while that object is read into findings."""
        with self._explaining(item.path, version=item.version):
            yield

    @functools.cached_property
    def _client(self) -> S3Client:
        with self._explaining(""):
            return client.make(self._address, self._manners)

    @functools.cached_property
    def _lock_of_bucket(self) -> ObjectLock:
        try:
            return object_lock.of_bucket(self._client, self._address.bucket)
        except exceptions.ClientError as error:
            failure = failure_of(error)
            if failure is None or failure.kind != "denied":
                raise
            return ObjectLock(is_enabled=False)  # who may only put leaves it to the server

    def _put(self, path: str, body: t.IO[bytes]) -> None:
        """The same bytes already there are fine: it may be this very put, repeated by botocore because its answer was lost.

        The bucket's own retention is asked for in so many words: not every server applies it to the object.
        """
        request: PutObjectRequestTypeDef = {
            "Bucket": self._address.bucket,
            "Key": self._address.key(path),
            "Body": body,
            "IfNoneMatch": "*",
        }
        try:
            with self._explaining(path):
                lock = self._lock_of_bucket
                if lock.mode is not None and lock.days is not None:
                    request["ObjectLockMode"] = lock.mode
                    request["ObjectLockRetainUntilDate"] = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=lock.days)
                self._client.put_object(**request)
        except Stopped as stopped:
            if stopped.finding.code != "OBJECT_REPLACED":
                raise
            body.seek(0)
            with self._explaining(path):
                there = self._client.get_object(Bucket=self._address.bucket, Key=self._address.key(path))["Body"]
                is_same = all(there.read(COMPARED) == content for content in [*iter(lambda: body.read(COMPARED), b""), b""])
            if not is_same:
                raise

    @contextlib.contextmanager
    def _explaining(self, path: str, *, version: str | None = None, missing: str = "FILE_MISSING") -> t.Iterator[None]:
        try:
            yield
        except (exceptions.BotoCoreError, exceptions.ClientError, parsers.ResponseParserError) as error:
            failure = failure_of(error)
            if failure is None:
                raise
            code = missing if failure.kind == "missing" else CODES[failure.kind]
            about = f"{self._address}{path}" + (f", version {version}" if version else "")
            raise stop(code, about, expected=_expected(code, failure.operation), found=failure.said) from error


class _Body:
    """The ``Reader`` of one version. Goes on where it was when the connection breaks off."""

    def __init__(self, place: S3Place, item: Item) -> None:
        self._place = place
        self._item = item
        self._position = 0
        self._resumes = RESUMES
        self._body = place.get(item, 0)["Body"]

    def read(self, size: int, /) -> bytes:
        while True:
            try:
                with self._place.explaining(self._item):
                    content = self._body.read(size)
                self._position += len(content)
                return content
            except Stopped as stopped:
                if self._resumes == 0 or stopped.finding.code not in ("TIMEOUT", "SOURCE_UNREADABLE"):
                    raise
            self._resumes -= 1
            self._body.close()
            self._body = self._place.get(self._item, self._position)["Body"]

    def close(self) -> None:
        self._body.close()


def _expected(code: str, operation: str) -> str:
    return {
        "NO_CREDENTIALS": "credentials that the server knows: environment, profile, or web identity",
        "ACCESS_DENIED": f"to be allowed {operation}",
        "NOT_FOUND": "to exist",
        "FILE_MISSING": "to be there, as it was listed",
        "OBJECT_REPLACED": "nothing else in its place",
        "TLS": "a certificate that is trusted and has this name",
        "TIMEOUT": "an answer within io_timeout",
        "CORRUPT_FILE": "the bytes that the server keeps a checksum of",
    }.get(code, f"{operation or 'the server'} to answer")
