# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment, as far as ansible-builder goes without a container engine: the image itself is not built."""

from __future__ import annotations

import ast
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = {"ansible", "ansible_collections", "yaml", "jinja2"}  # what comes with ansible-core
TYPES = {"mypy_boto3_s3"}  # only read by type checkers
# Where a library is called otherwise than what it is imported as.
NAMES = {
    "dateutil": "python-dateutil",
    "botocore": "boto3",
    "re2": "google-re2",
    "ruamel": "ruamel.yaml",
    "promql_parser": "promql-parser",
}


def run(command: str, *arguments: str | pathlib.Path) -> str:
    path = str(pathlib.Path(sys.executable).with_name(command))
    done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The definition and the tarball that it installs, as after ``make build``."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "execution-environment.yml", folder)
    run("ansible-galaxy", "collection", "build", ROOT, "--output-path", folder / "build")
    return folder


def required() -> set[str]:
    lines = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[<>=\s]", line)[0] for line in lines if line and not line.startswith("#")}


def test_the_definition_becomes_a_build_context(checkout: pathlib.Path) -> None:
    run(
        "ansible-builder",
        "create",
        "--file",
        checkout / "execution-environment.yml",
        "--context",
        checkout / "context",
        "--output-filename",
        "Containerfile",
    )
    definition = yaml.safe_load((checkout / "execution-environment.yml").read_text())
    recipe = (checkout / "context" / "Containerfile").read_text()
    assert definition["images"]["base_image"]["name"] in recipe
    [tarball] = (checkout / "context" / "_build" / "collections").iterdir()
    [collection] = yaml.safe_load((checkout / "context" / "_build" / "requirements.yml").read_text())["collections"]
    assert collection["name"] == f"/build/collections/{tarball.name}"


def test_the_installed_collection_says_what_the_image_needs(checkout: pathlib.Path) -> None:
    [tarball] = (checkout / "build").glob("*.tar.gz")
    run("ansible-galaxy", "collection", "install", tarball, "--offline", "--no-deps", "--force", "-p", checkout / "usr")
    told = yaml.safe_load(run("ansible-builder", "introspect", checkout / "usr"))
    assert {re.split(r"[\[<>=\s]", str(line))[0] for line in told["python"]} == required()
    assert any(str(line).startswith("openssh-clients") for line in told["system"])


def test_every_library_that_a_plugin_imports_is_required() -> None:
    imported: set[str] = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                imported.add(node.module.partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - OURS - TYPES
    assert {NAMES.get(name, name) for name in foreign} <= required()
