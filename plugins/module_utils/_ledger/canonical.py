# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. RFC 8785: the one way to write plain data as bytes, so that a digest or signature means the content."""

from __future__ import annotations

import hashlib
import json
import typing as t

from .._common.errors import Refusal
from .._common.frame import need
from .libraries import RFC8785, rfc8785

LARGEST = 2**53 - 1  # beyond it, readers in other languages round

WITH_EXPONENT = 1e21  # from here on RFC 8785 writes an exponent

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


def canonical(content: t.Any) -> bytes:
    """The content as RFC 8785 bytes: text, integers within 2^53, finite floats, booleans, null, lists and mappings with text as keys.

    :raises Refusal: there is something else in it, or no such library.
    """
    need(RFC8785)
    try:
        # What has no float and only ASCII keys, the standard library writes in the same bytes, ten times as fast.
        if _is_simple(content):
            return _ENCODE(content).encode()
        _refuse_inexact(content)
        return rfc8785.dumps(content)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError, TypeError, ValueError) as problem:
        raise Refusal(
            "statement",
            expected="text, integers within 2^53, finite numbers, lists and mappings with text as keys",
            found=str(problem) or type(problem).__name__,
            remedy="Correct what is recorded; write large numbers and times as text.",
            code="not_canonical",
        ) from problem


def digest(content: t.Any) -> str:
    """SHA-256 of the canonical bytes, as hex.

    :raises Refusal: as ``canonical``.
    """
    return hashlib.sha256(canonical(content)).hexdigest()


def _refuse_inexact(content: t.Any) -> None:
    """A float beyond 2^53 is written without a point, and would be read as an integer that is too large: what is written must be readable."""
    if isinstance(content, float) and LARGEST < abs(content) < WITH_EXPONENT:
        raise ValueError(f"{content} is a number beyond 2^53")
    for inner in content.values() if isinstance(content, dict) else content if isinstance(content, (list, tuple)) else ():
        _refuse_inexact(inner)


def _is_simple(content: t.Any) -> bool:
    kind = type(content)
    if kind is str:
        return True
    if kind is dict:
        return all(isinstance(key, str) and key.isascii() and _is_simple(value) for key, value in content.items())
    if kind is list or kind is tuple:
        return all(_is_simple(value) for value in content)
    return content is None or kind is bool or (kind is int and -LARGEST <= content <= LARGEST)
