# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which account a server runs as, what that account can reach, and the folder where the playground keeps its things."""

from __future__ import annotations

import dataclasses
import os
import pwd
import stat
import subprocess
import tempfile
import typing as t
from pathlib import Path

from .errors import Refusal

UNPRIVILEGED = "nobody"  # exists everywhere and owns nothing
HOME_VARIABLE = "PLAYGROUND_HOME"


@dataclasses.dataclass(frozen=True)
class Account:
    """An operating system account that starts programs."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def run(self, program: Path, *arguments: str, output: int | t.IO[t.Any] = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
        """Run a program as this account and wait for it. Its output and errors go to one place."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        identity: dict[str, t.Any] = {} if self.is_ours else {"user": self.uid, "group": self.gid, "extra_groups": []}
        try:
            return subprocess.run(
                [str(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                cwd="/",  # ours may be closed to the other account
                env=environment,
                check=False,
                **identity,
            )
        except OSError as error:
            raise Refusal(
                str(program),
                expected=f"a program that {self.name} can run",
                found=str(error),
                remedy="Run the playground as an ordinary user instead.",
            ) from error


def server_account() -> Account:
    """Whoever runs us, but never root: PostgreSQL refuses root, so then it is an account that owns nothing.

    :raises Refusal: when there is no such account.
    """
    if os.geteuid() != 0:
        return Account(_name(os.geteuid()), os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise Refusal(
            f"account {UNPRIVILEGED}",
            expected="to exist, because PostgreSQL does not run as root",
            found="no such account",
            remedy="Run the playground as an ordinary user instead.",
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # usual in containers
        return str(uid)


def closed_to(account: Account, path: Path) -> Path | None:
    """The first folder on the way that the account cannot pass, or the file itself if it cannot read it; None when nothing is in its way.

    Looks at owner, group and mode only: a place opened by an access control list counts as closed.
    """
    path = path.resolve()
    for part in [*reversed(path.parents), path]:
        if part == path and not part.is_file():
            break
        status = part.stat()
        wanted = stat.S_IXOTH if part != path else stat.S_IROTH
        if status.st_uid == account.uid:
            wanted <<= 6
        elif status.st_gid == account.gid:
            wanted <<= 3
        if not status.st_mode & wanted:
            return part
    return None


def home() -> Path:
    """The folder where the playground keeps servers and copied programs: ``$PLAYGROUND_HOME``, or one a user below /var/tmp.

    Not below the checkout: a checkout in /root is closed to the account that root's servers run as.

    :raises Refusal: when somebody else owns the folder or may write to it.
    """
    base = Path("/var/tmp")  # outlives a restart of the machine; the folder below is checked
    if not base.is_dir():
        base = Path(tempfile.gettempdir())
    folder = Path(os.environ.get(HOME_VARIABLE) or base / f"governed-delivery-{os.geteuid()}").absolute()
    _make(folder)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Refusal(
            str(folder),
            expected="a folder that belongs to you and that nobody else can write to",
            found=f"owner {_name(status.st_uid)}, {stat.filemode(status.st_mode)}",
            remedy=f"Set {HOME_VARIABLE} to a folder of your own.",
        )
    return folder


def room(name: str) -> Path:
    """A folder of ours inside ``home()``, made when it is missing."""
    folder = home() / name
    _make(folder)
    return folder


def _make(folder: Path) -> None:
    # Root's folders must let others pass through, whatever the umask: the servers' own account lives inside.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return
    folder.chmod(mode)
