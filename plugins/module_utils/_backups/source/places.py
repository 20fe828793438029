# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The option ``source``, and the place that it names."""

from __future__ import annotations

import math
import pathlib
import typing as t
import urllib.parse

from ..._common.errors import Refusal
from ..._common.frame import need
from ..._common.s3.address import Address
from ..._common.s3.client import Manners
from ..._common.s3.driver import BOTO3
from .place import Place
from .place_directory import DirectoryPlace
from .place_s3 import S3Place

ATTEMPTS = 2  # a dead endpoint is told within twice io_timeout
CONNECTIONS = 32

SOURCE_OPTIONS: dict[str, t.Any] = {
    "type": "dict",
    "required": True,
    "mutually_exclusive": [("directory", "s3")],
    "required_one_of": [("directory", "s3")],
    "options": {
        "directory": {"type": "path"},
        "s3": {
            "type": "dict",
            "options": {
                "bucket": {"type": "str", "required": True},
                "prefix": {"type": "str", "default": ""},
                "endpoint": {"type": "str"},
                "region": {"type": "str"},
                "profile": {"type": "str"},
                "ca_bundle": {"type": "path"},
                "io_timeout": {"type": "float", "default": 10.0},
                "allow_imds": {"type": "bool", "default": False},
            },
        },
    },
}


def make(options: t.Mapping[str, t.Any]) -> Place:
    """The place that the option ``source`` names. Nothing is asked of it yet.

    :raises Refusal: boto3 is missing, or an option cannot be meant so.
    """
    if options.get("directory"):
        return DirectoryPlace(str(options["directory"]))
    need(BOTO3)
    chosen = options["s3"]
    endpoint, ca_bundle, seconds = chosen.get("endpoint"), chosen.get("ca_bundle"), float(chosen.get("io_timeout") or 10.0)
    if endpoint:
        _require_url(str(endpoint))
    if ca_bundle and not pathlib.Path(ca_bundle).is_file():
        raise _wrong("ca_bundle", "a file of certificates", f"nothing at {ca_bundle}")
    if seconds <= 0 or math.isnan(seconds):
        raise _wrong("io_timeout", "more than 0 seconds", str(seconds))
    return S3Place(
        Address(chosen["bucket"], chosen.get("prefix") or "", endpoint, chosen.get("region"), chosen.get("profile")),
        Manners(
            connect_timeout=seconds,
            read_timeout=seconds,
            attempts=ATTEMPTS,
            connections=CONNECTIONS,
            ca_bundle=ca_bundle,
            instance_metadata=bool(chosen.get("allow_imds")),
        ),
    )


def _require_url(endpoint: str) -> None:
    try:
        parts = urllib.parse.urlsplit(endpoint)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and not set(endpoint) & set(" \t\n")
    except ValueError:
        is_plain = False
    if not is_plain:
        raise _wrong("endpoint", "a URL like https://s3.example.com:9000", repr(endpoint.rpartition("@")[2]))
    if parts.username is not None or parts.password is not None:  # it would stand in every message
        raise _wrong("endpoint", "a URL without user and password", "one with them")


def _wrong(option: str, expected: str, found: str) -> Refusal:
    return Refusal(f"source.s3.{option}", expected=expected, found=found, remedy="Correct the option.", code="source_options")
