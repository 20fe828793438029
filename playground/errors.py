# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failures a user of the playground can cause or mend."""

from __future__ import annotations

import sys
import typing as t


class Refusal(RuntimeError):
    """Something is not as it must be. Has the shape of the modules' own ``Refusal``, but needs no collection on the path."""

    def __init__(self, thing: str, *, expected: str, found: str, remedy: str) -> None:
        self.thing = thing
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(f"{thing}: expected {expected}; found {found}. {remedy}")


def run_command(command: t.Callable[[], int]) -> t.NoReturn:
    """Leave the process with the command's exit code; a refusal becomes one line on standard error and exit code 1."""
    try:
        code = command()
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        code = 1
    sys.exit(code)
