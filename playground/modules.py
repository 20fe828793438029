# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module of this collection as Ansible would, but in this process (fast) or in one that can be killed; needs the collection on the path."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import typing as t

from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args

PACKAGE = "ansible_collections.governed.delivery.plugins.modules"
Result = dict[str, t.Any]


def run(name: str, options: t.Mapping[str, t.Any], *, check: bool = False, diff: bool = False) -> Result:
    """Run the module to its end.

    :returns: what it printed: read back from JSON, as the controller would, so that a value that does not survive the way is found.
        ``failed`` and ``changed`` are always there, ``warnings`` as plain texts.
    """
    module = importlib.import_module(f"{PACKAGE}.{name}")
    # Kept in the process for one module's run, by Ansible's reckoning.
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()
    output = io.StringIO()
    with (
        patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": diff}),
        contextlib.redirect_stdout(output),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    return _parsed(name, output.getvalue(), list(warnings.get_warning_messages()))


def spawn(name: str, options: t.Mapping[str, t.Any], *, check: bool = False, diff: bool = False) -> subprocess.Popen[str]:
    """Start the module in a process of its own. ``finished`` waits for its result; ``process.kill()`` is what a crash looks like."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if process.stdin is not None:
        # A line, so that it starts now and not when ``finished`` closes the pipe.
        process.stdin.write(json.dumps({"name": name, "options": dict(options), "check": check, "diff": diff}) + "\n")
        process.stdin.flush()
    return process


def finished(process: subprocess.Popen[str], timeout: float | None = None) -> Result | None:
    """Wait for a spawned module; its result, or None when it was killed.

    :raises subprocess.TimeoutExpired: when it takes longer than ``timeout`` seconds.
    :raises RuntimeError: when it ended by a traceback.
    """
    output, errors = process.communicate(timeout=timeout)
    if process.returncode < 0:
        return None
    if process.returncode != 0:
        raise RuntimeError(errors)
    return t.cast(Result, json.loads(output))


def main() -> None:
    """What ``spawn`` runs."""
    print(json.dumps(run(**json.loads(sys.stdin.readline()))))


def _parsed(name: str, output: str, messages: list[str]) -> Result:
    line = output.strip().splitlines()[-1:]
    try:
        result: Result = json.loads(line[0])
    except (IndexError, ValueError):
        raise RuntimeError(f"the module {name} printed no result but: {output!r}") from None
    result.setdefault("failed", False)
    result.setdefault("changed", False)
    result["warnings"] = messages
    return result
