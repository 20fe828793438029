# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. promtool and amtool, asked about what is not yet in force: in a folder of its own, so that nothing is touched."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import subprocess
import tempfile
import typing as t

from ..._common.errors import Refusal, Refusals
from ..catalog import yaml_text
from ..catalog.slo import Slo
from . import alertmanager, bundle, promtool_tests

LONGEST = 3000
SECONDS = 300


def tested(promtool: str, slos: t.Sequence[Slo]) -> int:
    """Check and test each service level's rules by itself, as many at a time as there are processors; how many cases passed.

    By itself, because promtool evaluates all rules of its files for every case.

    :raises Refusals: one for each service level whose rules fail.
    """
    with (
        tempfile.TemporaryDirectory(prefix="slo-rules-") as folder,
        concurrent.futures.ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool,
    ):
        found = list(pool.map(lambda slo: _tested(promtool, slo, pathlib.Path(folder)), slos))
    refusals = [refusal for refusal in found if refusal is not None]
    if refusals:
        raise Refusals(refusals)
    return sum(len(promtool_tests.cases(slo)) for slo in slos)


def files(slo: Slo) -> dict[str, str]:
    """The rules of one service level and promtool's tests of them, by name of file."""
    rules = f"{slo.id}.rules.yml"
    return {
        rules: yaml_text.dump([bundle.rules([slo])]),
        f"{slo.id}.test.yml": yaml_text.dump([promtool_tests.document(slo, [rules])]),
    }


def refuse_wrong_routes(amtool: str, part: t.Mapping[str, t.Any], receivers: t.Mapping[str, str], slo: Slo) -> None:
    """Ask amtool where it would send the service level's alerts.

    :param receivers: who shall get them, by severity.
    :raises Refusal: they would go elsewhere.
    """
    with tempfile.TemporaryDirectory(prefix="slo-routes-") as folder:
        configuration = pathlib.Path(folder) / "alertmanager.yml"
        configuration.write_text(yaml_text.dump([alertmanager.whole(part, receivers.values())]), encoding="utf-8")
        for severity, receiver in receivers.items():
            labels = [f"{label}={text}" for label, text in {**slo.labels, "severity": severity}.items()]
            _run(
                [amtool, "config", "routes", "test", f"--config.file={configuration}", f"--verify.receivers={receiver}", *labels],
                f"slo {slo.id}: route of severity {severity}",
                f"to lead to {receiver}",
            )


def _tested(promtool: str, slo: Slo, folder: pathlib.Path) -> Refusal | None:
    written = files(slo)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    rules, tests = (str(folder / name) for name in written)
    try:
        _run([promtool, "check", "rules", rules], f"slo {slo.id}", "rules that promtool takes")
        _run([promtool, "test", "rules", tests], f"slo {slo.id}", "rules that pass their tests")
    except Refusal as refusal:
        return refusal
    return None


def _run(command: t.Sequence[str], thing: str, expected: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as problem:
        found = getattr(problem, "strerror", None) or str(problem)
        raise Refusal(
            command[0], expected="a program that runs", found=found, remedy="Name where it is.", code="slo_program_missing"
        ) from problem
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split())[:LONGEST]
        raise Refusal(
            thing, expected=expected, found=said or f"exit code {done.returncode}", remedy="See what it said.", code="slo_test_failed"
        )
