# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema of a plan, which editors and CI read, says what the parser says.

The parser knows more: names that must exist, and exist once. ``ONLY_THE_PARSER`` lists all of that; in everything else both agree.
"""

from __future__ import annotations

import copy
import json
import math
import pathlib
import re
import typing as t

import jsonschema
import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import plan as plans
from ansible_collections.governed.delivery.plugins.plugin_utils import shipped
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.protocols import Validator

Mapping = dict[str, t.Any]
Path = tuple[str | int, ...]

SCHEMA = shipped.PLAYBOOKS / "plans" / "plan.schema.json"
SHIPPED = sorted((shipped.PLAYBOOKS / "plans").glob("*.yml"))
MODELINE = "# yaml-language-server: $schema=plan.schema.json"

# What a refusal of the parser says where no schema can know: it is about two places of the plan, or about a number's size.
# The name of a variable that is not there, or is not what is needed, is one more: see ``beyond``.
ONLY_THE_PARSER = (
    "expected every name once",
    "a stage that comes before this one",
    "expected a stage of the plan",
    ", which this stage applies; found none",
    "expected capabilities that this stage applies",
    "a variable of the role, beginning with",
    "Nobody fills two roles at once",
    "found an integer too large to compare",
    "within 2^53",
)

# Every key that a plan knows, and every form that a value can take.
EVERYTHING: Mapping = {
    "name": "trial",
    "title": "A trial",
    "items": ["DSO-8001"],
    "authors": ["ann"],
    "artifacts": [{"name": "image", "digest": f"sha256:{'0a' * 32}"}],
    "variables": {
        "share": {"value": 5, "unit": "%", "why": "the sprint's goal", "instead_of": 4},
        "soak": {"value": 24, "unit": "h", "why": "the sprint's gate"},
        "enough": {"value": 300, "why": "what the interval needs"},
    },
    "headlines": [{"stage": "dev", "measure": "errors", "label": "errors"}],
    "stages": [
        {
            "name": "dev",
            "summary": "Rehearsed.",
            "when_inconclusive": "undo",
            "hold_for": "2d",
            "actions": [{"capability": "alpha", "timeout": "1.5h"}],
            "verifications": [{"capability": "alpha", "goals": [{"measure": "errors", "equals": 0, "samples_at_least": "enough"}]}],
        },
        {
            "name": "prod",
            "preconditions": [
                {"stage_passed": "dev"},
                {"soaked": {"stage": "dev", "for": "soak", "max_gap": "15m", "clocks": 3}},
                {"approved": {"by_at_least": 2, "roles": {"sre": 1, "owner": 1}, "valid_for": "24h"}},
            ],
            "actions": [{"capability": "acme.trial.beta", "with": {"beta_goal": {"deep": [1, None, True]}}}],
            "verifications": [
                {
                    "capability": "acme.trial.beta",
                    "goals": [
                        {"measure": "rate", "at_least": 0.5, "samples_at_least": 5},
                        {"measure": "latency", "worse_by_at_most": 5, "samples_at_least": 8},
                        {"measure": "p95", "at_most": {"percent": "share", "of": "base", "floor": 0.5}, "samples_at_least": 5},
                    ],
                }
            ],
        },
    ],
}
PLANS = {"everything": EVERYTHING, **{path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in SHIPPED}}

WRONG: tuple[object, ...] = (None, True, -1, 0, 1, 2.5, "", " ", "Two Words", "dev\n", "0s", [], [None], {}, {"unknown": 1})
NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
MAY_NAME_A_VARIABLE = {
    "at_most",
    "at_least",
    "equals",
    "worse_by_at_most",
    "samples_at_least",
    "percent",
    "floor",
    "for",
    "max_gap",
    "valid_for",
    "hold_for",
    "timeout",
}
FREE = "with"  # below it the plan is the role's own affair


@pytest.fixture(scope="module")
def schema() -> Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def refusal(content: object) -> Refusal | None:
    """What the parser has against it; nothing, when it is a plan."""
    try:
        plans.read(content)
    except Refusal as refused:
        return refused
    return None


def places(found: object, path: Path = ()) -> t.Iterator[Path]:
    """Every place in the plan, but those inside of what a role is told."""
    yield path
    if path and path[-1] == FREE:
        return
    entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, entry in entries:
        yield from places(entry, (*path, key))


def at(content: t.Any, path: Path) -> t.Any:
    for key in path:
        content = content[key]
    return content


def replaced(plan: Mapping, path: Path, value: object) -> t.Any:
    content = copy.deepcopy(plan)
    if not path:
        return value
    at(content, path[:-1])[path[-1]] = value
    return content


def without(plan: Mapping, path: Path) -> Mapping:
    content = copy.deepcopy(plan)
    del at(content, path[:-1])[path[-1]]
    return content


def beyond(content: object, said: Refusal) -> bool:
    """Whether no schema could have known: two places do not fit together, or a name stands for no variable, or for one of no use there."""
    if any(known in str(said) for known in ONLY_THE_PARSER):
        return True
    path = tuple(int(step) if step.isdigit() else step for step in re.findall(r"\w+", said.thing))
    try:
        found = at(content, path)
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(found, str) and NAME.match(found) is not None and path[-1] in MAY_NAME_A_VARIABLE


def disagreement(schema: Validator, content: object) -> str:
    """How the two differ about it; nothing, when they agree."""
    said, valid = refusal(content), schema.is_valid(content)
    if said is not None and valid and not beyond(content, said):
        return f"only the parser refuses: {said}"
    if said is None and not valid:
        return f"only the schema refuses: {next(iter(schema.iter_errors(content)))}"
    return ""


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_plan_is_valid_for_both_and_names_the_schema(schema: Validator, path: pathlib.Path) -> None:
    assert path.read_text(encoding="utf-8").splitlines()[0] == MODELINE
    content = PLANS[path.stem]
    assert (refusal(content), list(schema.iter_errors(content))) == (None, [])


def test_a_plan_with_every_key_is_valid_for_both_and_so_is_its_content(schema: Validator) -> None:
    assert (refusal(EVERYTHING), list(schema.iter_errors(EVERYTHING))) == (None, [])
    assert schema.is_valid(plans.read(EVERYTHING, {"share": 7}).content)


def keys_of(found: object) -> set[str]:
    """Every key that a schema names."""
    if isinstance(found, dict):
        here = set(found.get("properties", {})) if isinstance(found.get("properties"), dict) else set()
        return here.union(*(keys_of(inner) for inner in found.values()))
    return set().union(*(keys_of(inner) for inner in found)) if isinstance(found, list) else set()


def test_the_tests_leave_no_key_out(schema: Validator) -> None:
    used = {str(path[-1]) for path in places(EVERYTHING) if path}
    assert keys_of(schema.schema) <= used


def descriptions(found: object, path: str = "") -> t.Iterator[str]:
    """Properties that are not described, neither here nor where they refer to."""
    if not isinstance(found, dict):
        return
    for name, inner in found.get("properties", {}).items():
        if "description" not in inner and "$ref" not in inner:
            yield f"{path}.{name}"
    for name, inner in found.items():
        yield from descriptions(inner, f"{path}.{name}")


def test_every_key_is_described() -> None:
    assert list(descriptions(json.loads(SCHEMA.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", PLANS)
def test_an_unknown_key_is_refused_by_both_at_every_level(schema: Validator, name: str) -> None:
    levels = [path for path in places(PLANS[name]) if isinstance(at(PLANS[name], path), dict)]
    for path in levels:
        content = replaced(PLANS[name], (*path, "Unknown"), 1)
        said = refusal(content)
        assert said is not None, path
        assert not schema.is_valid(content), path
        if said.expected.startswith("one of the keys "):
            assert set(said.expected.removeprefix("one of the keys ").split(", ")) <= keys_of(schema.schema), path


@pytest.mark.parametrize("name", PLANS)
def test_a_key_that_is_left_out_is_missed_by_both_or_by_neither(schema: Validator, name: str) -> None:
    keys = [path for path in places(PLANS[name]) if path and isinstance(path[-1], str)]
    missed = 0
    for path in keys:
        content = without(PLANS[name], path)
        assert disagreement(schema, content) == "", path
        missed += "expected the key" in str(refusal(content))
    assert missed > 10


@pytest.mark.parametrize("name", PLANS)
def test_a_wrong_kind_is_refused_by_both_everywhere(schema: Validator, name: str) -> None:
    for path in places(PLANS[name]):
        for value in WRONG:
            assert disagreement(schema, replaced(PLANS[name], path, value)) == "", (path, value)


def text_that_plans_use() -> st.SearchStrategy[str]:
    return st.sampled_from(
        ["dev", "prod", "alpha", "share", "soak", "15m", "1.5d", "00.0h", "24", "hold", "undo", "sha256:00", "a.b", "a.b.c"]
    )


def no_whole_float(found: float) -> bool:
    """JSON Schema takes 5.0 for an integer, YAML and the parser for a float; beyond 2^53 nothing is exact."""
    return math.isfinite(found) and found != int(found)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10)
    | st.floats(-1e6, 1e6).filter(no_whole_float)
    | st.text(max_size=6)
    | text_that_plans_use(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({str(path[-1]) for path in places(EVERYTHING) if path})) | st.text(max_size=6), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(path=st.sampled_from(list(places(EVERYTHING))), value=VALUES)
def test_whatever_stands_anywhere_both_say_the_same(path: Path, value: object) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert disagreement(validator, replaced(EVERYTHING, path, value)) == ""


PLACES = [path for path in places(EVERYTHING) if path]


@given(here=st.sampled_from(PLACES), there=st.sampled_from(PLACES))
def test_one_part_of_a_plan_in_place_of_another(here: Path, there: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert disagreement(validator, replaced(EVERYTHING, here, at(EVERYTHING, there))) == ""
