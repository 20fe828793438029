# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What went wrong with a request to S3, in the few kinds that matter to who has to mend it."""

from __future__ import annotations

import dataclasses
import typing as t

from .driver import exceptions, parsers

Kind = t.Literal["no_bucket", "missing", "conflict", "credentials", "denied", "tls", "timeout", "unreachable", "damaged", "server", "other"]

NOT_THERE = {"NoSuchKey", "NoSuchVersion", "404"}
CONFLICTS = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
UNLOCKED = {"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "NotImplemented", "MethodNotAllowed"}
CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "AuthorizationHeaderMalformed",
    "RequestTimeTooSkewed",
    "XAdminUserNotFound",  # versitygw
}
ARCHIVED = "InvalidObjectState"  # in Glacier: also 403, but no permission helps
TOKEN_SERVICE = ("AssumeRole", "GetRoleCredentials", "GetSessionToken")


@dataclasses.dataclass(frozen=True)
class Failure:
    """``operation`` is S3's name of what was asked, empty when it did not come to that; ``said`` are the server's or botocore's words."""

    kind: Kind
    operation: str
    said: str


def code_of(error: exceptions.ClientError) -> str:
    """S3's own code, or the HTTP status where an answer has no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def failure_of(error: BaseException | None) -> Failure | None:
    """What the error means; None when it is none of botocore's."""
    if isinstance(error, exceptions.ClientError):
        message = error.response.get("Error", {}).get("Message", "")
        return Failure(_answered(error), error.operation_name, f"{code_of(error)}: {message}".strip(": "))
    if isinstance(error, exceptions.CredentialRetrievalError):  # its words are those of the user's program, and may be anything
        return Failure("credentials", "", f"the provider {error.kwargs.get('provider', 'of credentials')} did not give any")
    if isinstance(error, exceptions.BotoCoreError):
        return Failure(_unanswered(error), "", " ".join(str(error).split()))
    if isinstance(error, parsers.ResponseParserError):
        return Failure("other", "", "an answer that is not S3's")
    return None


def _answered(error: exceptions.ClientError) -> Kind:
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return "no_bucket"
    if code in CREDENTIALS or error.operation_name.startswith(TOKEN_SERVICE):
        return "credentials"
    if code in NOT_THERE:
        return "missing"
    if code in CONFLICTS:
        return "conflict"
    if status == 403 and code != ARCHIVED:
        return "denied"
    return "server" if status >= 500 else "other"


def _unanswered(error: exceptions.BotoCoreError) -> Kind:
    if isinstance(error, exceptions.SSLError):
        return "tls"
    if isinstance(error, (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)):
        return "timeout"
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError)):
        return "unreachable"
    if isinstance(error, exceptions.FlexibleChecksumError):
        return "damaged"
    return "other" if isinstance(error, exceptions.ParamValidationError) else "credentials"
