# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A part of an S3 bucket: which server, which bucket, which prefix, whose profile."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Address:
    """Where objects are. Credentials come from boto3's own chain; ``endpoint`` None is AWS, ``prefix`` is a folder with or without slashes."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None

    @property
    def server(self) -> str:
        """For people."""
        return self.endpoint or "AWS"

    def key(self, path: str) -> str:
        """The object's key, of a path below the prefix."""
        return f"{self.prefix.strip('/')}/{path}".lstrip("/")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key('')}"
