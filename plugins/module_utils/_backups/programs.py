# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. PostgreSQL's and pgBackRest's own programs: where they are, of which version, and how one is run as the account that may."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import typing as t

from .._common.errors import Refusal
from .findings import stop

USUAL_ACCOUNT = "postgres"
PGBACKREST = "pgbackrest"
TAIL_BYTES = 16_384  # of a log, as ``Completed.output``
KEPT = ("PATH", "LD_LIBRARY_PATH")  # of our environment; nothing that begins with PG gets through

Popen: t.TypeAlias = "subprocess.Popen[bytes]"


@dataclasses.dataclass(frozen=True)
class Account:
    """An operating system account that owns files and starts programs."""

    name: str
    uid: int
    gid: int
    home: str


@dataclasses.dataclass(frozen=True)
class Completed:
    """A program's exit code (negative: the signal that ended it) and what it said, output and errors in one."""

    code: int
    output: str

    @property
    def last_words(self) -> str:
        """The last lines it said, in one: enough for a message."""
        return " ".join(self.output.split())[-600:]


def account_of(run_as: str | None) -> Account | None:
    """The account to run programs as; None for whoever we are.

    :raises Refusal: there is no such account, we may not become it, or we are root and have nobody to become: a PostgreSQL server refuses root.
    """
    ours = os.geteuid()
    if run_as is None and ours != 0:
        return None
    name = run_as or USUAL_ACCOUNT
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise Refusal(
            "run_as",
            expected="an account of this machine that is not root",
            found=f"no account {name}" if run_as else f"nothing, we are root, and there is no account {name}",
            remedy="Name the account that PostgreSQL runs as.",
            code="no_account",
        ) from None
    if entry.pw_uid == 0:
        raise Refusal(
            "run_as",
            expected="an account that is not root",
            found=name,
            remedy="Name the account that PostgreSQL runs as.",
            code="no_account",
        )
    if entry.pw_uid == ours:
        return None
    if ours != 0:
        raise Refusal(
            "run_as", expected="our own account, as we are not root", found=name, remedy="Use become, or leave it out.", code="no_account"
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


class Programs:
    """The programs in one folder, or on the search path, run as one account.

    Each gets an environment of its own: a search path, the account's home, the C locale, and what the call adds. Passwords go there
    (``PGPASSFILE``, ``PGPASSWORD``), never into arguments, which every account of a machine can read.
    """

    def __init__(self, bin_dir: str | None, account: Account | None) -> None:
        self.bin_dir = bin_dir
        self.account = account

    @property
    def owner(self) -> tuple[int, int] | None:
        """User and group of what the programs work on; None for whoever we are."""
        return None if self.account is None else (self.account.uid, self.account.gid)

    def path(self, name: str) -> pathlib.Path:
        """Where the program is.

        :raises Stopped: TOOL_MISSING.
        """
        found = self._found(name)
        if found is None:
            where = self.bin_dir or "the search path"
            raise stop("TOOL_MISSING", name, expected="to be installed on the host that runs the task", found=f"no such program in {where}")
        return pathlib.Path(found)

    def has(self, name: str) -> bool:
        """Whether the program is there."""
        return self._found(name) is not None

    def _found(self, name: str) -> str | None:
        """PostgreSQL's programs are those of ``bin_dir`` and no others; pgBackRest is installed apart from them."""
        return shutil.which(name, path=self.bin_dir) or (shutil.which(name) if name == PGBACKREST else None)

    def version(self, name: str) -> str:
        """What the program says its version is, such as ``16.14`` or ``2.45``.

        :raises Stopped: TOOL_MISSING, also when it does not run.
        """
        answer = self.run(name, "--version", timeout=30)
        found = re.search(r"\b\d+(?:\.\d+)*\S*", answer.output)
        if answer.code != 0 or found is None:
            raise stop(
                "TOOL_MISSING", name, expected="a program that says its version", found=answer.last_words or f"exit code {answer.code}"
            )
        return found.group()

    def major(self, name: str) -> int:
        """The first number of its version.

        :raises Stopped: as ``version``.
        """
        found = re.match(r"\d+", self.version(name))
        return int(found.group()) if found else 0

    def require_major(self, name: str, server: int, *, or_newer: bool = False) -> None:
        """Nothing, when the program is of the server's major version; or newer, for programs that read older servers.

        :raises Stopped: VERSION_MISMATCH, or as ``version``.
        """
        found = self.major(name)
        if found != server and not (or_newer and found > server):
            raise stop("VERSION_MISMATCH", name, expected=f"version {server}{' or newer' if or_newer else ''}", found=f"version {found}")

    def run(
        self,
        name: str,
        *arguments: str,
        env: t.Mapping[str, str] | None = None,
        cwd: str = "/",
        timeout: float | None = None,
        log: pathlib.Path | None = None,
    ) -> Completed:
        """Run it to its end; or to ours, when we are killed: it would go on with its children, keep the server's replication slots, and fill disks.

        With ``log`` all it says is added to that file, and ``output`` is the end of it.

        :raises Stopped: TOOL_MISSING; RUN_TIMEOUT after ``timeout`` seconds, the program and its children killed.
        """
        process = self.start(name, *arguments, env=env, cwd=cwd, log=log)
        try:
            with _leashed(process):
                said, _nothing = process.communicate(timeout=timeout)
        except BaseException as problem:
            end(process)
            if isinstance(problem, subprocess.TimeoutExpired):
                raise stop("RUN_TIMEOUT", name, expected=f"to end within {timeout:g} s", found="still running, killed") from problem
            raise
        return Completed(process.returncode, (said or b"").decode(errors="replace") if log is None else tail(log))

    def start(
        self,
        name: str,
        *arguments: str,
        env: t.Mapping[str, str] | None = None,
        cwd: str = "/",
        log: pathlib.Path | None = None,
    ) -> Popen:
        """Start it, in a process group of its own; what it says goes to the end of ``log``, or else down its ``stdout``.

        :raises Stopped: TOOL_MISSING, also when the account cannot run it.
        """
        command = [str(self.path(name)), *arguments]
        account = self.account
        identity: dict[str, t.Any] = (
            {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": _groups(account)}
        )
        with contextlib.ExitStack() as opened:
            output: t.Any = subprocess.PIPE if log is None else opened.enter_context(log.open("ab"))
            try:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=cwd,
                    env=self._environment(env or {}),
                    start_new_session=True,
                    umask=0o077,
                    **identity,
                )
            except OSError as problem:
                raise stop(
                    "TOOL_MISSING",
                    command[0],
                    expected=f"a program that {account.name if account else 'we'} can run",
                    found=problem.strerror or str(problem),
                ) from problem

    def _environment(self, more: t.Mapping[str, str]) -> dict[str, str]:
        home = self.account.home if self.account else os.environ.get("HOME", "/")
        return {**{name: os.environ[name] for name in KEPT if name in os.environ}, "HOME": home, "LC_ALL": "C", "TZ": "UTC", **more}


def end(process: Popen) -> None:
    """Kill a started program with its children, and wait for it; nothing happens when it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def tail(log: pathlib.Path) -> str:
    """The end of a log."""
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        return file.read().decode(errors="replace")


def hand_over(path: pathlib.Path, account: Account | None) -> pathlib.Path:
    """The file or folder, now the account's: what its programs read and write must be its own."""
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path


@contextlib.contextmanager
def _leashed(process: Popen) -> t.Iterator[None]:
    """While this lasts, our death is the whole process group's: a shell reads from a pipe that closes only then."""
    leash = subprocess.Popen(
        ["/bin/sh", "-c", 'read -r over || kill -s KILL -- "-$1"', "leash", str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        leash.communicate(b"over\n")


def _groups(account: Account) -> list[int]:
    """All groups of the account: a key file or archive may be open to one of them."""
    return os.getgrouplist(account.name, account.gid)
