# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playground decides before any server starts: accounts, programs, settings, connection files."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg.conninfo
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import configuration, connection, installation, postgres, processes
from playground.account import HOME_VARIABLE, Account, closed_to, home, room
from playground.errors import Refusal, run_command
from playground.installation import Installation, reachable

STRANGER = Account("stranger", 64123, 64123)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    return folder


def make_programs(base: Path, content: str = "one") -> Installation:
    """An installation in the shape of the package's, closed to everybody else."""
    programs = base / "package" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "postgres").write_text(f"#!/bin/sh\necho {content}\n", encoding="utf-8")
    (programs / "postgres").chmod(0o700)
    (base / "package.libs").mkdir()
    (base / "package.libs" / "libpq.so").write_text("library", encoding="utf-8")
    (base / "package.libs" / "libpq.so").chmod(0o600)
    base.chmod(0o700)
    return Installation(16, programs, base, (base / "package" / "pginstall", base / "package.libs"))


# --- accounts and folders


def test_closed_to_names_the_first_obstacle() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        check_obstacles(Path(folder).resolve())


def check_obstacles(top: Path) -> None:
    top.chmod(0o755)
    outer = top / "outer"
    inner = outer / "inner"
    inner.mkdir(parents=True)
    file = inner / "file"
    file.write_text("x", encoding="utf-8")
    for path, mode in ((outer, 0o711), (inner, 0o711), (file, 0o644)):
        path.chmod(mode)
    assert closed_to(STRANGER, file) is None
    file.chmod(0o600)
    assert closed_to(STRANGER, file) == file
    inner.chmod(0o700)
    assert closed_to(STRANGER, file) == inner
    outer.chmod(0o710)
    assert closed_to(STRANGER, file) == outer
    status = outer.stat()
    assert closed_to(Account("owner", status.st_uid, status.st_gid), file) is None


def test_home_is_made_whatever_the_umask(own_home: Path) -> None:
    before = os.umask(0o077)
    try:
        assert home() == own_home
        room("servers")
    finally:
        os.umask(before)
    wanted = 0o711 if os.geteuid() == 0 else 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in (own_home, own_home / "servers")] == [wanted, wanted]


@pytest.mark.parametrize("kind", ["writable", "file", "link"])
def test_home_of_doubtful_owners_is_refused(own_home: Path, kind: str) -> None:
    elsewhere = own_home.with_name("elsewhere")
    elsewhere.mkdir()
    if kind == "writable":
        own_home.mkdir()
        own_home.chmod(0o777)
    elif kind == "file":
        own_home.write_text("", encoding="utf-8")
    else:
        own_home.symlink_to(elsewhere)
    with pytest.raises(Refusal, match="expected a folder that belongs to you"):
        home()


@pytest.mark.parametrize("name", ["", "-x", "../x", "a/b", "Demo", "a" * 42, "a b"])
def test_server_names_are_plain(own_home: Path, name: str) -> None:
    with pytest.raises(Refusal, match="server name"):
        postgres.place(name)
    assert not own_home.exists() or list(own_home.iterdir()) == []


# --- processes


def test_only_postgres_processes_of_the_same_owner_and_folder_are_members(tmp_path: Path) -> None:
    """Others that work in the folder, and others of that name, are left alone. (Nothing is killed here.)"""
    namesake, other = tmp_path / "postgres", tmp_path / "other"
    for script in (namesake, other):
        script.write_text("#!/bin/sh\nread -r line\n", encoding="utf-8")
        script.chmod(0o700)
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    started = [
        subprocess.Popen([program], cwd=folder, stdin=subprocess.PIPE)
        for program, folder in ((namesake, data), (other, data), (namesake, elsewhere), (namesake, tmp_path))
    ]
    try:
        assert [process.pid for process in processes.members(data)] == [started[0].pid]
        (data / "postmaster.pid").write_text(f"{started[1].pid}\n", encoding="utf-8")
        assert processes.postmaster(data) is None
        (data / "postmaster.pid").write_text(f"{started[2].pid}\n", encoding="utf-8")
        assert processes.postmaster(data) is None
        (data / "postmaster.pid").write_text(f"{started[0].pid}\n", encoding="utf-8")
        assert processes.postmaster(data) is not None
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert processes.members(data) == []
    assert processes.members(tmp_path / "nowhere") == []


# --- programs


def test_reachable_programs_are_used_in_place(tmp_path: Path, own_home: Path) -> None:
    original = make_programs(tmp_path / "base")
    owner = Account("owner", os.geteuid(), os.getegid())
    assert reachable(original, owner) == original
    assert not own_home.exists()


def test_programs_out_of_reach_are_copied_once(tmp_path: Path, own_home: Path) -> None:
    original = make_programs(tmp_path / "base")
    for number in range(200):
        (tmp_path / "base" / "package.libs" / f"lib{number}.so").touch()
    libraries = {path.name for path in (tmp_path / "base" / "package.libs").iterdir()}
    before = {path: path.stat().st_mode for path in (tmp_path / "base").rglob("*")}
    with ThreadPoolExecutor(4) as threads:  # starts at once
        barrier = threading.Barrier(4)

        def start(_unused: int) -> Installation:
            barrier.wait()
            copy = reachable(original, STRANGER)
            assert {path.name for path in (copy.base / "package.libs").iterdir()} == libraries, "nobody gets half a copy"
            return copy

        copies = set(threads.map(start, range(4)))
    assert len(copies) == 1
    copy = copies.pop()
    assert copy.programs.is_relative_to(own_home)
    assert stat.S_IMODE((copy.programs / "postgres").stat().st_mode) == 0o755
    assert stat.S_IMODE((copy.base / "package.libs" / "libpq.so").stat().st_mode) == 0o644
    assert [path.name for path in (own_home / "installations").iterdir()] == [copy.base.name], "nothing unfinished is left"
    assert {path: path.stat().st_mode for path in (tmp_path / "base").rglob("*")} == before, "the originals keep their permissions"

    stamp = (copy.programs / "postgres").stat().st_mtime_ns
    assert reachable(original, STRANGER) == copy
    assert (copy.programs / "postgres").stat().st_mtime_ns == stamp

    updated = make_programs(tmp_path / "updated", "two")
    assert reachable(updated, STRANGER).base != copy.base


def test_programs_with_fixed_paths_are_not_copied(tmp_path: Path, own_home: Path) -> None:
    original = make_programs(tmp_path / "base")
    with pytest.raises(Refusal, match=r"expected a program that stranger can run; found /.* is closed to it"):
        reachable(Installation(15, original.programs, original.base), STRANGER)
    assert not own_home.exists()


def test_missing_version_and_program_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "DEBIAN", tmp_path)
    monkeypatch.setattr(installation, "PACKAGE", "no_such_package")
    with pytest.raises(Refusal, match="found no PostgreSQL at all"):
        installation.installation(16)
    for version in ("9.6", "14", "17"):
        programs = tmp_path / version / "bin"
        programs.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (programs / name).touch()
    assert list(installation.installations()) == [17]
    with pytest.raises(Refusal, match="found only 17"):
        installation.installation(16)
    with pytest.raises(Refusal, match="program pgbench: expected to be part of PostgreSQL 17"):
        installation.installation(17).program("pgbench")


# --- settings and connection files


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_settings_are_quoted(value: str) -> None:
    text = configuration.render({"application_name": value})
    line = text.split("\n", 1)[1].rstrip("\n")
    assert "\n" not in line
    assert line.startswith("application_name = '")
    assert line.endswith("'")
    inner = line.removeprefix("application_name = '").removesuffix("'")
    assert "'" not in inner.replace("''", "")


def test_callers_settings_win_and_their_names_are_checked(tmp_path: Path) -> None:
    merged = configuration.merged("small", {"shared_buffers": "32MB", "my.own": "1"})
    assert (merged["shared_buffers"], merged["my.own"], merged["fsync"]) == ("32MB", "1", "on")
    with pytest.raises(Refusal, match="expected the name of a PostgreSQL setting"):
        configuration.merged("small", {"a = 'b'\nfsync": "off"})
    assert configuration.last_port(tmp_path) is None
    (tmp_path / configuration.FILE).write_text(configuration.render({"port": "5433"}), encoding="utf-8")
    assert configuration.last_port(tmp_path) == 5433


def test_connection_file_is_what_modules_take(tmp_path: Path) -> None:
    file = tmp_path / "new" / "connection.yml"
    server = postgres.Postgres(16, 5433, tmp_path, database="it's: a #name")
    connection.write(file, server.module_parameters())
    assert connection.read(file) == {"login_host": "127.0.0.1", "login_port": 5433, "login_user": "postgres", "login_db": "it's: a #name"}
    assert psycopg.conninfo.conninfo_to_dict(server.dsn) == {
        "host": "127.0.0.1",
        "port": "5433",
        "user": "postgres",
        "dbname": "it's: a #name",
    }
    more = {"login_db": "d", "login_host": "h", "login_unix_socket": "/s", "login_password": "p w", "connect_params": {"options": "-c x=1"}}
    assert psycopg.conninfo.conninfo_to_dict(connection.dsn(more)) == {
        "host": "/s",
        "dbname": "d",
        "password": "p w",
        "options": "-c x=1",
    }


@pytest.mark.parametrize("content", [None, "[1, 2]", "login_host: x", "a: [", b"\xff\xfe"])
def test_bad_connection_files_are_refused(tmp_path: Path, content: str | bytes | None) -> None:
    file = tmp_path / "connection.yml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Refusal, match=r"connection\.yml: expected a YAML file with login_host"):
        connection.read(file)


def test_refusals_become_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> int:
        raise Refusal("thing", expected="this", found="that", remedy="Mend it.")

    with pytest.raises(SystemExit) as left:
        run_command(refuse)
    assert left.value.code == 1
    assert capsys.readouterr().err == "thing: expected this; found that. Mend it.\n"
