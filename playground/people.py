# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ann and Ben, who approve on the playground: ``python -m playground.people`` makes their SSH keys and ``people.yml``, and prints where.

On a real platform everybody has a key of their own, and nobody has two.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from .connection import REPOSITORY
from .errors import Refusal, run_command

FOLDER = REPOSITORY / "build" / "playground" / "people"
PEOPLE = {"ann": ["sre"], "ben": ["owner"]}


def make(folder: Path) -> Path:
    """The keys, new each time, and the file that names them.

    :raises Refusal: there is no ssh-keygen, or it made no key.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise Refusal(
            "ssh-keygen", expected="to be installed", found="none", remedy="Install OpenSSH's client: it makes and checks signatures."
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    people = []
    for name, roles in PEOPLE.items():
        key = folder / name
        for old in (key, key.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        command = [program, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Refusal(str(key), expected="a new key", found=made.stderr.strip(), remedy="Read what ssh-keygen says.")
        people.append({"name": name, "roles": roles, "key": key.with_suffix(".pub").read_text(encoding="utf-8").strip()})
    path = folder / "people.yml"
    path.write_text(yaml.safe_dump(people, sort_keys=False), encoding="utf-8")
    return path


def main() -> int:
    print(make(FOLDER))
    return 0


if __name__ == "__main__":
    run_command(lambda: main() if len(sys.argv) == 1 else sys.exit(__doc__))
