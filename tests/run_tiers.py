# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tiers of tests, each one's name before its output, and end with a table of what ran and what did not.

``python tests/run_tiers.py [tier …]`` with the interpreter of build/venv; exits 1 when any tier failed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "tests"
PYTHON = sys.executable
COMPLAINT = r"^(fatal|failed): \[|^\[ERROR\]|^(FAILED|ERROR) |^E   |: error: "
MOST_COMPLAINTS = 20
CONTROL_PLANE = ("tests/real/test_backup_cronjob.py", "tests/real/test_tail_sampling_configmap.py")
LOCKS = "tests/integration/test_concurrent_waiting.py"
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
PLUGINS = "ansible_collections.governed.delivery.plugins"


@dataclasses.dataclass(frozen=True)
class Tier:
    """One kind of test: commands that are all run, even when an earlier one failed."""

    name: str
    about: str
    commands: tuple[tuple[str, ...], ...]
    needs: str | None = None  # a program without which the tier is skipped
    is_usual: bool = True  # else it runs only when it is asked for by name: it builds for minutes where nothing is built yet
    prepares: tuple[tuple[str, ...], ...] = ()  # may fail, where a network is missing: the tests then skip what they could not have
    at_once: int = 1  # how many of the commands run side by side; the output of each is shown when it ends


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a tier: ``passed``, ``failed`` or ``skipped``, in how many seconds, and what there is to say."""

    tier: str
    outcome: str
    seconds: float
    remark: str
    complaints: tuple[str, ...] = ()


def pytest_command(tier: str, *more: str, paths: tuple[str, ...] = ()) -> tuple[str, ...]:
    return (PYTHON, "-m", "pytest", *(paths or (f"tests/{tier}",)), f"--junitxml={RESULTS / tier}.xml", *more)


TIERS = (
    Tier(
        "lint",
        "ruff, mypy --strict, yamllint, ansible-lint (production), antsibull-changelog",
        (
            ("ruff", "check", "."),
            ("ruff", "format", "--check", "."),
            ("mypy", "-p", PLUGINS),
            ("mypy", "playground", "tests"),
            ("yamllint", "--strict", "."),
            ("ansible-lint",),
            ("antsibull-changelog", "lint"),
        ),
    ),
    Tier(
        "sanity",
        "ansible-test sanity, every test that needs no other machine",
        ((PYTHON, "tests/run_sanity.py", "--test", "pylint"), (PYTHON, "tests/run_sanity.py", "--skip-test", "pylint")),  # it takes most
        needs="git",
        at_once=2,
    ),
    Tier("unit", "pure logic, two at a time", (pytest_command("unit", "-n2"),)),
    Tier(
        "integration",
        "modules and playbooks on real PostgreSQL servers, two at a time",
        (pytest_command("integration", "-n2", "--dist=worksteal", f"--ignore={LOCKS}"),),  # one module takes half the time
    ),
    Tier("locks", "how long locks keep others waiting: timed, so one at a time", (pytest_command("locks", paths=(LOCKS,)),)),
    Tier(
        "backups", "backups, restores and failovers on real servers, two at a time", (pytest_command("backups", "-n2", "--dist=loadscope"),)
    ),
    Tier("promotion", "the engine's playbooks, two at a time", (pytest_command("promotion", "-n2", "--dist=loadscope"),)),
    Tier("faults", "a few kills of each kind; `make faults` makes many", (pytest_command("faults"),)),
    Tier(
        "real",
        "servers built from Go modules, two tests at a time; what cannot be had is skipped by its name",
        (pytest_command("real", "-n2", "--dist=worksteal", *(f"--ignore={path}" for path in CONTROL_PLANE)),),
        prepares=(("make", "--no-print-directory", "components", "ONLY=versitygw tlogcheck otelcol-0.161"),),
    ),
    Tier(
        "kubernetes",
        "the nightly CronJob and the collector's ConfigMap on a real control plane",
        (pytest_command("kubernetes", paths=CONTROL_PLANE),),
        is_usual=False,
    ),
    Tier("collectors", "replays beside real collectors of every version", (pytest_command("collectors"),), is_usual=False),
    Tier(
        "molecule",
        "roles: converge, idempotence, verify, undo; two scenarios at a time",
        tuple(("molecule", "test", "--scenario-name", name, "--no-command-borders") for name in SCENARIOS),
        at_once=2,  # molecule's own --workers leaves out each scenario's destroy
    ),
)


def environment() -> dict[str, str]:
    """The caller's environment with the tools of build/venv in front and the collection on Python's path.

    ansible.cfg says where Ansible finds the collection: with ANSIBLE_COLLECTIONS_PATH ansible-lint would install a copy into the home folder.
    """
    return {
        **({} if sys.stdout.isatty() else {"NO_COLOR": "1"}),
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",  # said outright, else molecule advises to move the folder
        "PATH": os.pathsep.join([str(Path(PYTHON).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT / "build" / "collections"),
    }


def run(tier: Tier) -> Result:
    """Run all commands of a tier, each with its output to the terminal."""
    if tier.needs is not None and shutil.which(tier.needs) is None:
        return Result(tier.name, "skipped", 0.0, f"{tier.needs} is not installed")
    report = RESULTS / f"{tier.name}.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    unready = [shlex.join(command) for command in tier.prepares if shown_run(command, RESULTS / f"{tier.name}-prepare.log") != 0]
    logs = [RESULTS / f"{tier.name}-{number}.log" for number in range(1, len(tier.commands) + 1)]
    shown_one = shown_run if tier.at_once == 1 else run_then_shown
    with concurrent.futures.ThreadPoolExecutor(tier.at_once) as lanes:
        codes = list(lanes.map(shown_one, tier.commands, logs))
    seconds = time.monotonic() - started
    failed = [(command, log) for command, log, code in zip(tier.commands, logs, codes, strict=True) if code != 0]
    remarks = [
        *counts(report),
        *(f"could not be prepared: {command}" for command in unready),
        *(f"failed: {readable(command)}" for command, _log in failed),
    ]
    blamed = [complaint for _command, log in failed for complaint in complaints(log)]
    return Result(tier.name, "failed" if failed else "passed", seconds, "; ".join(remarks) or "all commands succeeded", tuple(blamed))


def readable(command: tuple[str, ...]) -> str:
    """As a person would type it in the checkout."""
    return shlex.join(part.replace(PYTHON, "python").replace(f"{ROOT}/", "") for part in command)


def shown_run(command: tuple[str, ...], log: Path) -> int:
    """Run a command with its output to the terminal and to a file; its exit code."""
    print(f"\n--- {readable(command)}", flush=True)
    with (
        log.open("wb") as copy,
        subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run,
    ):
        assert run.stdout is not None
        while block := os.read(run.stdout.fileno(), 65536):
            copy.write(block)
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
    return run.returncode


def run_then_shown(command: tuple[str, ...], log: Path) -> int:
    """Run a command with its output to a file, and show that when it has ended: others run beside it; its exit code."""
    print(f"... {readable(command)}", flush=True)
    with log.open("wb") as file:
        code = subprocess.run(command, cwd=ROOT, env=environment(), stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    output = log.read_text(encoding="utf-8", errors="replace")
    sys.stdout.write(f"\n--- {readable(command)}\n{output}")  # one call: the lines of two commands do not mix
    sys.stdout.flush()
    return code


def complaints(log: Path) -> list[str]:
    """The lines of a failed command that say what failed: whoever reads only the end of a long log has to find them there."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line[:1500] for line in lines if re.search(COMPLAINT, line)][-MOST_COMPLAINTS:]


def counts(report: Path) -> list[str]:
    """How many tests pytest ran, failed and skipped, from its JUnit file, so that a skipped test is not taken for a green one."""
    if not report.exists():
        return []
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in suites:
        for key in totals:
            totals[key] += int(suite.get(key, "0"))
    return [f"{number} {key}" for key, number in totals.items() if number or key == "tests"]


def table(results: list[Result]) -> str:
    """The results as aligned lines."""
    lines = [f"{'tier':<12} {'outcome':<8} {'seconds':>8}  remark"]
    lines += [f"{result.tier:<12} {result.outcome:<8} {result.seconds:>8.1f}  {result.remark}" for result in results]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tiers", nargs="*", metavar="tier", help="of: " + ", ".join(tier.name for tier in TIERS))
    chosen = parser.parse_args().tiers or [tier.name for tier in TIERS if tier.is_usual]
    unknown = sorted(set(chosen) - {tier.name for tier in TIERS})
    if unknown:
        parser.error(f"no tier {', '.join(unknown)}; there are: {', '.join(tier.name for tier in TIERS)}")

    RESULTS.mkdir(parents=True, exist_ok=True)
    results = []
    for tier in TIERS:
        if tier.name in chosen:
            print(f"\n=== {tier.name}: {tier.about}", flush=True)
            results.append(run(tier))
        else:
            results.append(Result(tier.name, "skipped", 0.0, f"not asked for: make {tier.name}"))
    for result in results:
        for line in result.complaints:
            print(f"{result.tier}: {line}")
    print(f"\n{table(results)}", flush=True)
    return 1 if any(result.outcome == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
