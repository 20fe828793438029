# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are found, asked for their version, and run with nothing of our environment."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups import programs
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal

from tests.support.folders import opened


def tool(folder: Path, body: str, name: str = "pg_tool") -> programs.Programs:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return programs.Programs(str(folder), None)


def test_version_is_what_the_program_says(tmp_path: Path) -> None:
    found = tool(tmp_path, 'echo "pg_tool (PostgreSQL) 16.14 (Debian 16.14-1)"')
    assert (found.version("pg_tool"), found.major("pg_tool")) == ("16.14", 16)


@pytest.mark.parametrize(
    ("said", "server", "or_newer", "fits"), [(16, 16, False, True), (18, 16, False, False), (18, 16, True, True), (15, 16, True, False)]
)
def test_major_version_has_to_fit(tmp_path: Path, said: int, server: int, or_newer: bool, fits: bool) -> None:
    found = tool(tmp_path, f'echo "pg_tool (PostgreSQL) {said}.1"')
    if fits:
        found.require_major("pg_tool", server, or_newer=or_newer)
    else:
        with pytest.raises(Stopped, match="VERSION_MISMATCH"):
            found.require_major("pg_tool", server, or_newer=or_newer)


def test_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="TOOL_MISSING pg_dump"):
        programs.Programs(str(tmp_path), None).path("pg_dump")


def test_environment_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    answer = tool(tmp_path, "env").run("pg_tool", env={"PGPASSFILE": "/x"})
    names = {line.split("=", 1)[0] for line in answer.output.splitlines()}
    assert "PGPASSFILE" in names
    assert not names & {"PGHOST", "AWS_SECRET_ACCESS_KEY"}


def test_log_is_appended_and_its_end_returned(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n", encoding="utf-8")
    answer = tool(tmp_path, "echo out; echo err >&2; exit 3").run("pg_tool", log=log)
    assert (answer.code, answer.output) == (3, "before\nout\nerr\n")


def gone(pid: int) -> bool:
    """Whether the process ends within some seconds."""
    for _attempt in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":  # killed, and nobody has asked for its end yet
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return False


def test_timeout_kills_the_children_too(tmp_path: Path) -> None:
    found = tool(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait")
    with pytest.raises(Stopped, match="RUN_TIMEOUT pg_tool"):
        found.run("pg_tool", timeout=0.5)
    assert gone(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_our_death_is_the_whole_groups(tmp_path: Path) -> None:
    found = tool(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child.new; mv {tmp_path}/child.new {tmp_path}/child; wait")
    runner = os.fork()
    if runner == 0:
        found.run("pg_tool")
        os._exit(0)
    while not (tmp_path / "child").exists():
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(runner, signal.SIGKILL)
    os.waitpid(runner, 0)
    assert gone(int((tmp_path / "child").read_text(encoding="utf-8")))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_becomes_the_account_with_its_groups(tmp_path: Path) -> None:
    account = programs.account_of("nobody")
    assert account is not None
    tool(opened(tmp_path), "id -un; umask")
    assert programs.Programs(str(tmp_path), account).run("pg_tool").output.split() == ["nobody", "0077"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root is refused only when we are root")
@pytest.mark.parametrize("name", ["root", "nobody-has-this-name"])
def test_account_must_be_one_that_postgresql_accepts(name: str) -> None:
    with pytest.raises(Refusal, match="run_as"):
        programs.account_of(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_program_that_the_account_cannot_run_is_named(tmp_path: Path) -> None:
    found = tool(opened(tmp_path), "true")
    (tmp_path / "pg_tool").chmod(0o700)
    with pytest.raises(Stopped, match=r"TOOL_MISSING .*pg_tool: expected a program that nobody can run"):
        programs.Programs(found.bin_dir, programs.account_of("nobody")).run("pg_tool")
