# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` on the files of this checkout, without containers. Options are passed on: ``--test pylint``.

ansible-test wants the collection at ``…/ansible_collections/governed/delivery`` with a git repository of its own, and a home folder for the
virtual environments of its tests. Both are made in build/sanity, apart for other options, so that two may run at once and nothing outside of
the checkout is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SANITY = ROOT / "build" / "sanity" / ("-".join(sys.argv[1:]).strip("-") or "all")
COPY = SANITY / "ansible_collections" / "governed" / "delivery"
HOME = SANITY / "home"
GIT = ("git", "-c", "safe.directory=*")  # the checkout may belong to another user, as it does in CI
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# ansible-test fetches this script from its own file host; pip comes with Python as well. 24.2: what ansible-core 2.19 asks for.
GET_PIP = HOME / ".ansible" / "test" / "cache" / "get_pip_24_2.py"


def copy_checkout() -> None:
    """Mirror tracked and new files, but none that git ignores, to where ansible-test wants them."""
    listing = subprocess.run(
        [*GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    shutil.rmtree(COPY, ignore_errors=True)
    for name in filter(None, listing.split("\0")):
        source, target = ROOT / name, COPY / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    subprocess.run([*GIT, "init", "--quiet", str(COPY)], check=True)


def prepare_home() -> None:
    """Give ansible-test a home: pip's bootstrap script, and pip's settings, of which it passes on only those in files."""
    GET_PIP.parent.mkdir(parents=True, exist_ok=True)
    GET_PIP.write_text("import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n", encoding="utf-8")
    listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True).stdout
    settings = {"quiet": "1"}
    for line in listing.splitlines():  # for instance: global.index-url='…', and :env:.index-url='…' for PIP_INDEX_URL
        name, _equals, value = line.partition("=")
        settings[name.rpartition(".")[2]] = value.strip("'\"").replace("%", "%%")
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], check=False, capture_output=True, text=True).stdout.strip()
    if cache:
        settings.setdefault("cache-dir", cache)
    configuration = HOME / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()), encoding="utf-8")


def main() -> int:
    copy_checkout()
    prepare_home()
    environment = {
        **os.environ,
        "HOME": str(HOME),
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH", "XDG_CONFIG_HOME"):
        environment.pop(name, None)  # ansible-test sets its own
    command = ["ansible-test", "sanity", "--local", "--python", PYTHON_VERSION, "--color", "no", *sys.argv[1:]]
    return subprocess.run(command, cwd=COPY, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
