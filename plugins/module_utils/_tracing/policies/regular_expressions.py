# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The collector's own regular expressions: RE2, never Python's."""

from __future__ import annotations

import traceback
import typing as t

from ..._common.errors import Refusal
from ..._common.frame import Library, need

if t.TYPE_CHECKING:
    re2: t.Any  # it has no types
    RE2_ERROR: str | None
else:
    try:
        import re2

        RE2_ERROR = None
    except ImportError:
        re2 = None
        RE2_ERROR = traceback.format_exc()

RE2 = Library("google-re2 (https://pypi.org/project/google-re2)", RE2_ERROR)


def searcher(pattern: str, path: str) -> t.Callable[[str], bool]:
    """Whether the pattern is found anywhere in a text, as Go's ``MatchString`` says.

    :param path: where the pattern stands, for the refusal.
    :raises Refusal: the library is missing, or RE2 does not accept the pattern.
    """
    need(RE2)
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as problem:
        said = problem.args[0] if problem.args else ""
        raise Refusal(
            path,
            expected="a regular expression of RE2, which has no look-ahead, no look-behind and no back-reference",
            found=f"{pattern!r}: {said.decode() if isinstance(said, bytes) else said}",
            remedy="Rewrite it, for instance as two policies in an and.",
            code="regex_not_re2",
        ) from problem
    return lambda text: compiled.search(text) is not None
