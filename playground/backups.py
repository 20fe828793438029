# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the playground's server is backed up to, and a damage for it.

``python -m playground.backups make`` makes an empty place with a new key, and prints the settings that a server archives into it by; ``describe`` writes
down where all that is, for the inventory; ``damage`` flips one bit in the middle of the archive, as a failing disk would;
``remove`` deletes it all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import typing as t
from pathlib import Path

import yaml
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys

from . import connection
from .account import room, server_account
from .errors import Refusal, run_command
from .installation import installation, reachable
from .postgres import find

VARIABLES = connection.REPOSITORY / "build" / "playground" / "backups.yml"
KEY = "backup.key"
FOLDERS = ("backups", "manifests", "wal")
SEGMENT = re.compile(r"[0-9A-F]{24}")
PLACE = 5_000_000  # of a segment's 16 MiB
SECONDS_AT_MOST = 30  # between two segments of the archive


def folder(name: str) -> Path:
    """Everything of one server's backups."""
    return room("backups") / name


def make(name: str) -> dict[str, str]:
    """An empty place; the settings that a server has to be started with to be backed up into it."""
    account = server_account()
    top = folder(name)
    shutil.rmtree(top, ignore_errors=True)
    for path in (top, top / "place", top / "work", *(top / "place" / part for part in FOLDERS)):
        path.mkdir(mode=0o755)
        os.chown(path, account.uid, account.gid)
    keys.generate(top / KEY, f"backups-{name}")
    wal = top / "place" / "wal"
    return {
        "archive_mode": "on",
        # Under another name until it is whole: what is cut off is no segment.
        "archive_command": f"test ! -f {wal}/%f && cp %p {wal}/.%f && mv {wal}/.%f {wal}/%f",
        "archive_timeout": str(SECONDS_AT_MOST),
        "wal_level": "logical",
    }


def describe(name: str) -> dict[str, t.Any]:
    """What the role verified_backups and the module backup_manifest are told about the running server.

    :raises Refusal: there is no such server.
    """
    server = find(name)
    if server is None:
        raise Refusal(f"server {name}", expected="to have been started", found="no such server", remedy="Start it first.")
    account = server_account()
    top = folder(name)
    reached = {**server.module_parameters(), "login_db": "postgres"}
    return {
        "key_file": str(top / KEY),
        "databases": [name],
        "manifest_keys": [keys.read(top / KEY).verifier.text()],
        "cluster": name,
        "source": {"directory": str(top / "place")},
        "work_directory": str(top / "work"),
        "bin_dir": str(reachable(installation(server.version), account).programs),
        "run_as": account.name,
        "superuser": server.user,
        "heartbeat": reached,
    }


def damage(name: str) -> str:
    """Flip one bit in a segment in the middle of the archive, and leave the file's time as it was; which one.

    :raises Refusal: there is no segment that is full enough.
    """
    place = folder(name) / "place"
    taken = max((path.stat().st_mtime for path in (place / "manifests").iterdir()), default=0.0)
    segments = sorted(path for path in (place / "wal").iterdir() if SEGMENT.fullmatch(path.name))
    # What came before the backup nobody reads; a zero may be what nobody reads.
    later = [path for path in segments[:-1] if path.stat().st_mtime > taken and path.read_bytes()[PLACE]]
    if not later:
        raise Refusal("archive", expected="full segments behind the last backup", found="none", remedy="Write something, and wait.")
    victim = later[len(later) // 2]
    status = victim.stat()
    content = bytearray(victim.read_bytes())
    content[PLACE] ^= 1
    victim.write_bytes(content)
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    return victim.name


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.backups", description="Backups of the playground's server.")
    parser.add_argument("command", choices=["make", "describe", "damage", "remove"])
    parser.add_argument("--name", default="demo", help="name of the server (demo)")
    parser.add_argument("--variables", type=Path, default=VARIABLES, help="file of variables to write or delete (%(default)s)")
    options = parser.parse_args(arguments)
    if options.command == "make":
        print(json.dumps(make(options.name)))
    elif options.command == "describe":
        options.variables.parent.mkdir(parents=True, exist_ok=True)
        options.variables.write_text(yaml.safe_dump(describe(options.name), sort_keys=False), encoding="utf-8")
        print(options.variables)
    elif options.command == "damage":
        print(damage(options.name))
    else:
        shutil.rmtree(folder(options.name), ignore_errors=True)
        options.variables.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
