# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building components with the real toolchain: once for many, whole or not at all, and never from anything that the recipe does not name."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from playground import components, toolchain
from playground.errors import Refusal
from tests.support.components import had

ROOT = Path(__file__).resolve().parents[2]
NAME = "tlogcheck"
SECONDS = 300


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, beside Go's own caches with the modules that the machine has already."""
    had(NAME)
    kept = components.cache_folder() / ".go"
    for variable, folder in (("GOMODCACHE", kept / "modules"), ("GOCACHE", kept / "build")):
        monkeypatch.setenv(variable, os.environ.get(variable, str(folder)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "governed-delivery" / "components"


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """A copy of the recipes."""
    shutil.copytree(components.RECIPES, tmp_path / "components")
    return tmp_path / "components"


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "playground.components", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=SECONDS)
    return process.returncode, output.strip(), errors.strip()


def visible(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.startswith(".") and path.is_dir())


def test_a_component_is_built_once_and_found_by_its_path(cache: Path) -> None:
    code, output, errors = ended(command("path", NAME))
    assert (code, output) == (1, "")
    assert f"make components ONLY={NAME}" in errors
    code, output, errors = ended(command("build", NAME))
    assert (code, output) == (0, str(cache / components.component(NAME).folder.name))
    assert "building with Go" in errors
    assert ended(command("build", NAME)) == (0, output, "")
    code, program, _errors = ended(command("path", NAME))
    assert subprocess.run([program], capture_output=True, check=False).returncode == 2
    code, listed, _errors = ended(command("list"))
    assert [line.split()[0] for line in listed.splitlines()] == ["component", *components.names()]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("arguments", [("build", "nope"), ("build", NAME, "nope"), ("path", "nope"), ("build",), ("path", NAME, "nope")])
def test_an_unknown_name_lists_those_that_are(arguments: tuple[str, ...]) -> None:
    code, output, errors = ended(command(*arguments))
    assert (code, output, len(errors.splitlines())) == (1, "", 1)
    assert NAME in errors


def test_two_builds_at_once_make_one(cache: Path) -> None:
    both = [command("build", NAME), command("build", NAME)]
    answers = [ended(process) for process in both]
    assert [code for code, _output, _errors in answers] == [0, 0]
    assert sum("built in" in errors for _code, _output, errors in answers) == 1
    assert visible(cache) == [components.component(NAME).folder.name]


def test_a_build_that_was_killed_leaves_nothing_that_counts(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as cold:
        cold.setenv("GOCACHE", str(tmp_path / "cold"))  # so that it takes its time
        process = command("build", NAME)
    deadline = time.monotonic() + SECONDS
    while not list(cache.glob(f".unfinished-{NAME}-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=SECONDS)
    assert visible(cache) == []
    assert len(list(cache.glob(f".unfinished-{NAME}-*"))) == 1
    assert components.built(NAME).is_built
    assert list(cache.glob(f".unfinished-{NAME}-*")) == []


def test_another_recipe_is_another_folder(recipes: Path) -> None:
    before = components.component(NAME, recipes).folder
    with (recipes / NAME / "main.go").open("a", encoding="utf-8") as file:
        file.write("// changed\n")
    assert components.component(NAME, recipes).folder != before
    assert components.component(NAME).folder == before


def test_a_go_that_is_installed_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "go"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    settings = {
        "GOROOT": str(tmp_path),
        "GOFLAGS": "-mod=mod -nonsense",
        "GOTOOLCHAIN": "go9.99",
        "GOOS": "plan9",
        "GOARCH": "arm",
        "GOWORK": "x",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    program = components.built(NAME).program()
    assert subprocess.run([program], capture_output=True, check=False).returncode == 2
    assert visible(cache) == [components.component(NAME).folder.name]


def test_without_a_module_proxy_it_says_so(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("GOENV", "off")
    for proxy in ("off", "http://127.0.0.1:1"):
        monkeypatch.setenv("GOPROXY", proxy)
        with pytest.raises(toolchain.Unavailable, match="modules from a module proxy") as refused:
            components.built(NAME)
        assert "GOPROXY" in refused.value.remedy
    assert visible(cache) == []


def test_a_wrong_checksum_is_no_want_of_anything(cache: Path, recipes: Path) -> None:
    sums = recipes / NAME / "go.sum"
    text = sums.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    sums.write_text(text.replace(first, first[:-6] + "AAAAA="), encoding="utf-8")
    with pytest.raises(Refusal, match="byte for byte") as refused:
        components.built(NAME, recipes)
    assert not isinstance(refused.value, toolchain.Unavailable)
    sums.write_text("", encoding="utf-8")
    with pytest.raises(Refusal, match="byte for byte"):
        components.built(NAME, recipes)
    assert sums.read_text(encoding="utf-8") == "", "a build writes nothing into the recipe"
    assert visible(cache) == []


def test_a_program_that_does_not_compile_says_where(cache: Path, recipes: Path) -> None:
    with (recipes / NAME / "main.go").open("a", encoding="utf-8") as file:
        file.write("nonsense\n")
    with pytest.raises(Refusal, match=r"main\.go:\d+") as refused:
        components.built(NAME, recipes)
    assert refused.value.expected == "to compile"
    assert visible(cache) == []


@pytest.mark.parametrize(
    "change",
    ["about: x\n", "nonsense: {}\n", "about: 1\nmodule: m\nseconds: 1\nprograms: {}\n"],
    ids=["missing", "unknown", "type"],
)
def test_a_recipe_that_is_none_is_named(recipes: Path, change: str) -> None:
    (recipes / NAME / "recipe.yml").write_text(change, encoding="utf-8")
    with pytest.raises(Refusal, match=rf"{NAME}/recipe\.yml"):
        components.component(NAME, recipes)


def test_no_room_is_no_fault_of_the_recipe(tmp_path: Path) -> None:
    said = ["# golang.org/x/mod/sumdb/note", "write /tmp/go-build1/b001/_pkg_.a: no space left on device"]
    refused = toolchain.explained("go build .", said, recipe=tmp_path, target=tmp_path / "target", cache=tmp_path)
    assert isinstance(refused, toolchain.Unavailable)
    assert "no space left on device" in str(refused)


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(Refusal, match="XDG_CACHE_HOME"):
        components.built(NAME)
