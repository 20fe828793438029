"""A plan is read to the last key, or refused with the path of what is wrong."""

from __future__ import annotations

import contextlib
import copy
import datetime
import json
import math
import pathlib
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import plan as plans
from ansible_collections.governed.delivery.plugins.module_utils._promotion.goal import Share
from ansible_collections.governed.delivery.plugins.plugin_utils import plan_files, shipped
from hypothesis import given
from hypothesis import strategies as st

Mapping = dict[str, t.Any]
Path = tuple[str | int, ...]

PLAN: Mapping = {
    "name": "trial",
    "title": "A trial",
    "items": ["DSO-8001"],
    "variables": {"floor": {"value": 0.5, "unit": "ms", "why": "felt by nobody"}},
    "headlines": [{"stage": "dev", "measure": "errors", "label": "errors"}],
    "stages": [
        {
            "name": name,
            "preconditions": needs,
            "actions": [{"capability": "acme.trial.alpha", "with": {"alpha_goal": name}}],
            "verifications": [
                {
                    "capability": "acme.trial.alpha",
                    "goals": [{"measure": "errors", "at_most": {"percent": 5, "of": "base", "floor": "floor"}, "samples_at_least": 5}],
                }
            ],
        }
        for name, needs in (("dev", []), ("stage", [{"stage_passed": "dev"}]))
    ],
}
GOAL: Path = ("stages", 0, "verifications", 0, "goals", 0)
REMOVED = object()


def changed(path: Path, value: object) -> Mapping:
    """The plan with one thing replaced, added (a new key), or removed."""
    content = copy.deepcopy(PLAN)
    place = at(content, path[:-1])
    if value is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


def at(content: t.Any, path: Path) -> t.Any:
    for key in path:
        content = content[key]
    return content


def places(found: object, path: Path = ()) -> t.Iterator[Path]:
    """Every place in the plan."""
    if path:
        yield path
    entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, entry in entries:
        yield from places(entry, (*path, key))


def test_a_plan_is_read_with_its_numbers_filled_in() -> None:
    plan = plans.read(PLAN)
    assert [stage.name for stage in plan.stages] == ["dev", "stage"]
    stage = plan.stage("stage")
    assert stage.needs == ("dev",)
    assert stage.actions[0].role == "acme.trial.alpha"
    assert stage.actions[0].prefix == "alpha"
    assert stage.verifications[0].goals[0].limit == Share(5, "base", 0.5)
    assert plans.role_of("hot_table_partitioning") == "governed.delivery.hot_table_partitioning"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("stagess",), [], "plan.stagess: expected one of the keys"),
        (("stages",), REMOVED, "plan: expected the key stages"),
        (("stages",), [], "stages: expected at least one entry"),
        (("name",), "Sprint 36", "name: expected a name of lower-case letters"),
        (("title",), " ", "title: expected text"),
        (("stages", 0, "soak"), "24h", "stages[0].soak: expected one of the keys"),
        (("stages", 1, "name"), "dev", "stages[1]: expected every name once; found 'dev' a second time"),
        (("stages", 0, "preconditions"), [{"approvals": 2}], "stages[0].preconditions[0].approvals: expected one of the keys stage_passed"),
        (
            ("stages", 0, "preconditions"),
            [{"stage_passed": "stage"}],
            "expected a stage that comes before this one (none, this is the first)",
        ),
        (("stages", 0, "actions"), [], "stages[0].actions: expected at least one entry"),
        (("stages", 0, "actions", 0, "capability"), "../alpha", "stages[0].actions[0].capability: expected a role's name"),
        (("stages", 0, "actions", 0, "with", "beta_goal"), 1, "expected a variable of the role, beginning with alpha_"),
        (("stages", 0, "verifications"), [], "stages[0].verifications: expected at least one entry"),
        (("stages", 0, "verifications", 0, "capability"), "beta", "expected goals for acme.trial.alpha, which this stage applies"),
        (("stages", 0, "verifications", 0, "goals"), [], "goals: expected at least one entry"),
        ((*GOAL, "samples_at_least"), REMOVED, "expected the key samples_at_least"),
        ((*GOAL, "samples_at_least"), 0, "expected a whole number of at least 1"),
        ((*GOAL, "at_most"), REMOVED, "expected exactly one of at_most, at_least, equals, worse_by_at_most; found none of them"),
        ((*GOAL, "at_least"), 1, "found at_most and at_least"),
        ((*GOAL, "at_most", "floor"), "flor", "found the text 'flor'. Plan variables: floor."),
        ((*GOAL, "at_most", "percent"), -5, "expected 0 or more"),
        (("variables", "floor", "why"), REMOVED, "variables.floor: expected the key why"),
        (("variables", "floor", "value"), "0.5", "variables.floor.value: expected a finite number"),
        (("variables", "floor", "value"), math.nan, "plan.variables.floor.value: expected text, a finite number"),
        (("headlines", 0, "stage"), "qa", "headlines[0].stage: expected a stage of the plan (dev, stage)"),
        (("items", 0), datetime.date(2026, 3, 30), "plan.items[0]: expected text, a finite number"),
        (("variables", "floor", 7), 1, "plan.variables.floor: expected keys that are text"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(path: Path, value: object, message: str) -> None:
    with pytest.raises(Refusal) as refused:
        plans.read(changed(path, value))
    assert message in str(refused.value)


KEYS = [path for path in places(PLAN) if isinstance(path[-1], str) and path[-1] not in ("alpha_goal", "floor")]


@pytest.mark.parametrize("path", KEYS, ids=str)
def test_no_key_can_be_left_out_or_misspelt_unseen(path: Path) -> None:
    """Without a key the plan is refused or is another plan; under another name the key is refused."""
    content = changed(path, REMOVED)
    with contextlib.suppress(Refusal):
        assert plans.read(content).digest != plans.read(PLAN).digest
    at(content, path[:-1])[f"{path[-1]}_"] = at(PLAN, path)
    with pytest.raises(Refusal):
        plans.read(content)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


@given(path=st.sampled_from(list(places(PLAN))), value=JSON)
def test_whatever_stands_anywhere_a_plan_is_read_or_refused(path: Path, value: object) -> None:
    with contextlib.suppress(Refusal):
        plan = plans.read(changed(path, value))
        assert all(verification.goals for stage in plan.stages for verification in stage.verifications)


def test_the_digest_is_of_the_content_and_of_nothing_else() -> None:
    digest = plans.read(PLAN).digest
    assert plans.read({key: PLAN[key] for key in reversed(PLAN)}).digest == digest
    assert plans.read(json.loads(json.dumps(PLAN))).digest == digest
    assert plans.read(PLAN, {"floor": 0.5}).digest == digest
    assert plans.read(PLAN, {"floor": 1}).digest != digest


@pytest.mark.parametrize("overrides", [{}, {"floor": 7}])
def test_the_content_of_a_plan_can_be_read_again(overrides: Mapping) -> None:
    plan = plans.read(PLAN, overrides)
    assert plans.digest_of(plan.content) == plan.digest
    assert plans.read(json.loads(json.dumps(plan.content))) == plan


def test_anybody_can_compute_a_digest() -> None:
    """``printf '{"a":[1,0.5,"ä"],"b":{"c":true}}' | sha256sum``."""
    digest = plans.digest_of({"b": {"c": True}, "a": [1, 0.5, "ä"]})
    assert digest == "1859ff0ca840e9db0f6229bc109dcc1d2f4e39843a9f011d118936d74dc285d3"


def test_overrides_are_checked() -> None:
    assert plans.read(PLAN, {"floor": 2}).variables[0].value == 2
    with pytest.raises(Refusal, match="promotion_variables: expected variables that the plan declares"):
        plans.read(PLAN, {"flor": 2})
    with pytest.raises(Refusal, match=r"promotion_variables\.floor: expected a finite number"):
        plans.read(PLAN, {"floor": "2"})


def test_every_shipped_plan_can_be_read_and_is_called_like_its_file() -> None:
    found = sorted((shipped.PLAYBOOKS / "plans").glob("*.yml"))
    assert found
    assert [plan_files.load(path.stem, {}).name for path in found] == [path.stem for path in found]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: a\ntitle: b\nname: c\n", "the key 'name' stands twice"),
        (b"name: [", "expected YAML"),
        (b"\xff\xfe\x00", "expected YAML"),
        (b"name: !!python/object/apply:os.getcwd []", "expected YAML"),
        (b"", "expected a mapping"),
        (b"? [a, b]\n: 1\n", "expected YAML"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: pathlib.Path, content: bytes, message: str) -> None:
    path = tmp_path / "plan.yml"
    path.write_bytes(content)
    with pytest.raises(Refusal, match=message):
        plan_files.load(str(path), {})


def test_an_unknown_name_lists_the_plans_there_are() -> None:
    with pytest.raises(Refusal, match=r"Shipped plans: .*sprint_36"):
        plan_files.load("sprint_99", {})
