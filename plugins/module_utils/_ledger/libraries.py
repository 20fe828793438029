# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The one place that imports cryptography and rfc8785, so that a missing library becomes a message."""

from __future__ import annotations

import traceback
import typing as t

from .._common.frame import Library

if t.TYPE_CHECKING:
    import rfc8785
    from cryptography import exceptions
    from cryptography.hazmat.primitives.asymmetric import ed25519

    CRYPTOGRAPHY_ERROR: str | None
    RFC8785_ERROR: str | None
else:
    try:
        from cryptography import exceptions
        from cryptography.hazmat.primitives.asymmetric import ed25519

        CRYPTOGRAPHY_ERROR = None
    except ImportError:
        exceptions = ed25519 = None
        CRYPTOGRAPHY_ERROR = traceback.format_exc()
    try:
        import rfc8785

        RFC8785_ERROR = None
    except ImportError:
        rfc8785 = None
        RFC8785_ERROR = traceback.format_exc()

CRYPTOGRAPHY = Library("cryptography (https://cryptography.io)", CRYPTOGRAPHY_ERROR)
RFC8785 = Library("rfc8785 (https://pypi.org/project/rfc8785)", RFC8785_ERROR)

__all__ = ["CRYPTOGRAPHY", "RFC8785", "ed25519", "exceptions", "rfc8785"]
