# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking servers on this machine, whatever proxy the environment names."""

from __future__ import annotations

import typing as t
import urllib.request
from types import MappingProxyType

SECONDS = 30
NO_HEADERS: t.Mapping[str, str] = MappingProxyType({})


def page(url: str, headers: t.Mapping[str, str] = NO_HEADERS, *, timeout: float = SECONDS) -> str:
    """What the server answers.

    :raises OSError: nobody answers there, or with an error.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, headers=dict(headers)), timeout=timeout) as answer:
        return str(answer.read().decode())
