# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection keeps its own rules: action groups, layers, the roles' doors, the lock file, and what is shipped."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
UTILITIES = sorted((ROOT / "plugins" / "module_utils").rglob("*.py"))
DOORS = ("precheck", "main", "verify", "undo")
ROLES = sorted(path for path in (ROOT / "roles").glob("*") if path.is_dir())

# Everything at the top of the tarball; a new file there has to be wanted.
SHIPPED = {"FILES.json", "LICENSE", "LICENSES", "MANIFEST.json", "README.md"}
SHIPPED |= {"CHANGELOG.md", "changelogs", "docs", "meta", "playbooks", "plugins", "roles"}
REPOSITORY_ONLY = {"playbooks/playground.yml"}


def read_yaml(path: Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def documentation(module: Path) -> dict[str, t.Any]:
    """The DOCUMENTATION of a module, read without importing it."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "DOCUMENTATION":
            parsed = yaml.safe_load(ast.literal_eval(node.value))
            assert isinstance(parsed, dict)
            return parsed
    pytest.fail(f"{relative(module)} has no DOCUMENTATION")


def imported_names(path: Path) -> set[str]:
    """Modules that a file imports anywhere in it, relative ones as full names."""
    package = ["ansible_collections", "governed", "delivery", *path.relative_to(ROOT).parts[:-1]]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            names.add(prefix)
            names.update(f"{prefix}.{alias.name}" for alias in node.names)
    return names


def test_action_group_postgres_holds_exactly_the_modules_with_its_options() -> None:
    group = read_yaml(ROOT / "meta" / "runtime.yml")["action_groups"]["postgres"]
    with_fragment = [
        module.stem for module in MODULES if "governed.delivery.postgres" in documentation(module).get("extends_documentation_fragment", [])
    ]
    assert sorted(group) == with_fragment


@pytest.mark.parametrize("path", UTILITIES, ids=relative)
def test_layers_of_module_utils(path: Path) -> None:
    field = path.relative_to(ROOT / "plugins" / "module_utils").parts[0]
    assert field.startswith("_"), "private utilities carry an underscore"
    ours = "ansible_collections.governed.delivery.plugins"
    for name in sorted(imported_names(path)):
        if name == "ansible" or name.startswith("ansible."):
            assert field == "_common", f"only _common imports ansible; this imports {name}"
        if name.startswith(f"{ours}."):
            below = ("_common",) if field in ("_common", "_ledger") else ("_common", "_ledger")
            allowed = tuple(f"{ours}.module_utils.{floor}" for floor in (*below, field))
            assert name.startswith(allowed), f"{field} imports {name}: a field imports itself, _ledger and _common"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_hold_no_loop(path: Path) -> None:
    loops = [node.lineno for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, (ast.For, ast.While))]
    assert loops == [], "a module is documentation, arguments and one call; loops belong into module_utils"


@pytest.mark.parametrize("role", ROLES, ids=relative)
def test_roles_have_the_same_doors(role: Path) -> None:
    missing = [
        name
        for name in ("README.md", "defaults/main.yml", "meta/argument_specs.yml", *(f"tasks/{door}.yml" for door in DOORS))
        if not (role / name).is_file()
    ]
    assert missing == []
    defaults = read_yaml(role / "defaults" / "main.yml") or {}
    described = read_yaml(role / "meta" / "argument_specs.yml")["argument_specs"]
    assert set(DOORS) <= set(described)
    for name, value in defaults.items():
        assert name.startswith(f"{role.name}_"), f"{name} does not carry the role's name"
        entries = [entry["options"][name] for entry in described.values() if name in entry.get("options", {})]
        assert entries, f"{name} has a default but no description in meta/argument_specs.yml"
        assert all(entry.get("default", value) == value for entry in entries), f"{name}: described default differs from defaults/main.yml"


def test_lock_file_is_hashed_and_names_no_host() -> None:
    lock = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    blocks = [block for block in lock.replace("\\\n", "").splitlines() if block and not block.lstrip().startswith("#")]
    assert len(blocks) > 20
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_tarball_holds_what_an_installation_uses_and_nothing_else(tmp_path: Path) -> None:
    galaxy = str(Path(sys.executable).parent / "ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--output-path", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    [tarball] = tmp_path.glob("governed-delivery-*.tar.gz")
    with tarfile.open(tarball) as archive:
        names = {name for name in archive.getnames() if not archive.getmember(name).isdir()}

    assert {name.split("/")[0] for name in names} <= SHIPPED
    assert [name for name in sorted(names) if "__pycache__" in name or name.endswith((".pyc", ".retry", ".tar.gz"))] == []
    wanted = {
        relative(path)
        for folder in ("docs", "meta", "playbooks", "plugins", "roles")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - names == REPOSITORY_ONLY & wanted
    assert {"README.md", "LICENSE", "meta/runtime.yml"} <= names
