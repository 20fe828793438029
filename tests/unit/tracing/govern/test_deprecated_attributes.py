# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of deprecated attributes is what the library says."""

from __future__ import annotations

import pathlib
import re

import opentelemetry.semconv
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.deprecated_attributes import DEPRECATED

CONSTANT = re.compile(r'^[A-Z_0-9]+: Final = (?:\(\s*)?"([^"]+)"(?:\s*\))?\n"""\nDeprecated: (.*?)\n"""', re.MULTILINE | re.DOTALL)
LEFT_OUT = ("state", "event.name")


def test_the_table_is_of_the_library() -> None:
    folder = pathlib.Path(opentelemetry.semconv.__path__[0]) / "_incubating" / "attributes"
    said = {
        name: " ".join(text.split()).partition(", which has moved to")[0].rstrip(".") + "."
        for path in folder.glob("*_attributes.py")
        for name, text in CONSTANT.findall(path.read_text())
    }
    moved = {name for name, text in said.items() if text.startswith("Moved to")}
    assert {name: text for name, text in said.items() if name not in moved and name not in LEFT_OUT} == DEPRECATED
