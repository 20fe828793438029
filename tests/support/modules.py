# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's modules on one table: in this process, where a test can patch them, or in one that can be killed."""

from __future__ import annotations

import dataclasses
import subprocess
import typing as t

from playground import modules


class ModuleFailed(Exception):
    """A module ended with ``failed``. ``codes`` are those of its refusals."""

    def __init__(self, name: str, answer: modules.Result) -> None:
        self.answer = answer
        self.codes = [refusal["code"] for refusal in answer.get("refusals", [])]
        super().__init__(f"{name}: {answer.get('msg', answer)}")


@dataclasses.dataclass(frozen=True)
class Modules:
    """The modules with the options that are the same for all of them."""

    connection: t.Mapping[str, t.Any]
    schema: str
    table: str

    def options(self, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """All of a module's options."""
        return {**self.connection, "schema": self.schema, "table": self.table, **options}

    def call(self, name: str, **options: t.Any) -> modules.Result:
        """Run a module in this process.

        :raises ModuleFailed: when it failed.
        """
        return _succeeded(name, modules.run(name, self.options(options)))

    def start(self, name: str, **options: t.Any) -> subprocess.Popen[str]:
        """Start a module in a process of its own; ``answer`` waits for its end."""
        return modules.spawn(name, self.options(options))

    @staticmethod
    def answer(name: str, process: subprocess.Popen[str], timeout: float = 120) -> modules.Result | None:
        """What a started module answers; None when it was killed.

        :raises ModuleFailed: when it failed.
        :raises RuntimeError: when it ended by a traceback.
        """
        result = modules.finished(process, timeout)
        return None if result is None else _succeeded(name, result)


def _succeeded(name: str, result: modules.Result) -> modules.Result:
    if result["failed"]:
        raise ModuleFailed(name, result)
    return result
