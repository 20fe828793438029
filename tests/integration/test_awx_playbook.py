# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that applies a workflow, as far as it goes without an AWX: what it refuses, what it would send, and whether awx.awx takes it."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._awx import calls
from ansible_collections.governed.delivery.plugins.module_utils._awx import workflow as workflows

from tests.integration.awx_stand_in import StandIn, served
from tests.unit.awx.sample import CONTENT, DIGEST, ROOT, Content, changed, of_node, project, shipped

PLACE = calls.Place("Default", "governed.delivery", "governed.delivery")
MODULES = ("awx.awx.job_template", "awx.awx.workflow_job_template", "awx.awx.schedule")


def run(command: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = str(pathlib.Path(sys.executable).with_name(command))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **more}
    return subprocess.run([path, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def play(
    folder: pathlib.Path, content: Content, *arguments: str, where: t.Mapping[str, str] | None = None, **variables: object
) -> tuple[int, str]:
    path = project(folder) / "workflow.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    given = {"awx_workflow": str(path), "awx_project_directory": str(folder), "awx_plan_digests": [DIGEST], **variables}
    done = run("ansible-playbook", "governed.delivery.awx", "-e", json.dumps(given), *arguments, **(where or {}))
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    return done.returncode, output


@functools.cache
def options_of_awx() -> t.Mapping[str, t.Any]:
    """The options of awx.awx's modules by module, as its documentation has them; empty where the collection is not installed."""
    done = run("ansible-doc", "--json", *MODULES)
    told = json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}
    return {name: entry["doc"]["options"] for name, entry in told.items() if "doc" in entry}


def test_the_playbook_is_one() -> None:
    done = run("ansible-playbook", "--syntax-check", "governed.delivery.awx")
    assert done.returncode == 0, done.stderr


def test_check_mode_shows_what_would_be_sent(tmp_path: pathlib.Path) -> None:
    code, output = play(tmp_path, CONTENT, "--check")
    assert code == 0, output
    shown, _end = json.JSONDecoder().raw_decode(output[output.index("{", output.index("TASK [Show what would be sent]")) :])
    assert shown["awx_checked.calls"] == calls.calls(workflows.read(CONTENT), PLACE, [DIGEST]).as_dict()


def test_a_workflow_with_faults_is_refused_with_all_of_them(tmp_path: pathlib.Path) -> None:
    content = changed((of_node("rehearse_prod", "success"), ["approve_prod", "promote_prod"]), (of_node("promote_prod", "failure"), []))
    code, output = play(tmp_path, content)
    assert code == 2
    assert "node promote_prod: expected an approval on every path; found promote_dev → rehearse_prod → promote_prod." in output
    assert "node promote_prod: expected a failure edge to a node that recovers prod" in output


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"awx_plan_digests": []}, "plan_digests: expected plan digests of 64 hexadecimal digits"),
        ({"awx_workflow": "sprint_99"}, "workflow: expected the path of a workflow, or the name of a shipped one; found 'sprint_99'"),
        ({"awx_workflow": ""}, "found nothing. Shipped workflows: sprint_36."),
    ],
)
def test_what_is_missing_is_said(tmp_path: pathlib.Path, variables: dict[str, t.Any], message: str) -> None:
    code, output = play(tmp_path, CONTENT, **variables)
    assert code == 2
    assert message in output


def test_a_file_that_is_no_yaml_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "broken.yml").write_text("name: [")
    code, output = play(tmp_path, CONTENT, awx_workflow=str(tmp_path / "broken.yml"))
    assert code == 2
    assert "broken.yml: expected YAML" in output


def test_without_the_modules_of_awx_it_says_so_before_it_sends_anything(tmp_path: pathlib.Path) -> None:
    if options_of_awx():
        pytest.skip("the collection awx.awx is installed")
    code, output = play(tmp_path, CONTENT)
    assert code == 2
    assert "controller: expected the collection awx.awx; found none. Install it" in output


def test_the_shipped_workflow_finds_its_playbooks_and_variables() -> None:
    done = run(
        "ansible-playbook",
        "governed.delivery.awx",
        "--check",
        "-e",
        json.dumps({"awx_workflow": "sprint_36", "awx_plan_digests": [DIGEST]}),
    )
    assert done.returncode == 0, done.stdout


TYPES: t.Mapping[str, type | tuple[type, ...]] = {"str": str, "bool": bool, "int": int, "float": (int, float), "dict": dict, "list": list}


def wrong(given: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any], path: str = "") -> t.Iterator[str]:
    """What a module with these options would not take."""
    for name, value in given.items():
        option = options.get(name)
        here = f"{path}{name}"
        if option is None:
            yield f"{here}: no such option"
        elif not isinstance(value, TYPES[option.get("type", "str")]):
            yield f"{here}: {value!r} is no {option.get('type', 'str')}"
        elif "choices" in option and value not in option["choices"]:
            yield f"{here}: {value!r} is none of {option['choices']}"
        elif option.get("suboptions"):
            for entry in t.cast("list[t.Mapping[str, t.Any]]", value if isinstance(value, list) else [value]):
                yield from wrong(entry, option["suboptions"], f"{here}.")
    for name, option in options.items():
        if option.get("required") and name not in given:
            yield f"{path}{name}: missing"


@pytest.mark.parametrize("content", [workflows.read(CONTENT), shipped()], ids=["trial", "shipped"])
def test_awx_takes_what_would_be_sent(content: workflows.Workflow) -> None:
    options = options_of_awx()
    if not options:
        pytest.skip("the collection awx.awx is not installed: its modules were not asked whether they take these arguments")
    sent = calls.calls(content, PLACE, [DIGEST])
    told = [
        *(wrong(job, options[MODULES[0]]) for job in sent.job_templates),
        *(wrong(entry, options[MODULES[2]]) for entry in sent.schedules),
    ]
    assert [fault for each in told for fault in each] == []
    assert list(wrong(sent.workflow, options[MODULES[1]])) == []


@pytest.fixture
def stand_in() -> t.Iterator[StandIn]:
    if not options_of_awx():
        pytest.skip("the collection awx.awx is not installed: nothing was sent by its modules")
    with served() as found:
        organization = found.add("organizations", name=PLACE.organization)
        found.add("projects", name=PLACE.project, organization=organization["id"])
        found.add("execution_environments", name=PLACE.execution_environment, organization=None)
        found.add("credentials", name="prod ssh")
        for name in ("Dev", "Prod"):
            found.add("inventories", name=name, organization=organization["id"])
        yield found


def test_a_stand_in_of_awx_gets_the_whole_graph_and_the_second_run_changes_no_edge(stand_in: StandIn, tmp_path: pathlib.Path) -> None:
    where = {"CONTROLLER_HOST": stand_in.url, "CONTROLLER_OAUTH_TOKEN": "token"}
    code, output = play(tmp_path, CONTENT, where=where)
    assert code == 0, output
    assert len(stand_in.of("job_templates")) == 10
    assert len(stand_in.of("schedules")) == 3
    [workflow] = stand_in.of("workflow_job_templates")
    assert workflow["survey_spec"]["spec"][0]["choices"] == [DIGEST]
    nodes = {node["id"]: node for node in stand_in.of("workflow_job_template_nodes")}
    edges = {
        node["identifier"]: (
            [nodes[i]["identifier"] for i in node["success_nodes"]],
            [nodes[i]["identifier"] for i in node["failure_nodes"]],
        )
        for node in nodes.values()
    }
    assert edges == {node["name"]: (node.get("success", []), node.get("failure", [])) for node in CONTENT["nodes"]}
    [approval] = stand_in.of("workflow_approval_templates")
    assert (approval["name"], approval["timeout"]) == ("trial approve_prod", 86400)

    before = len(stand_in.changes)
    code, output = play(tmp_path, CONTENT, where=where)
    assert code == 0, output
    assert [change for change in stand_in.changes[before:] if change[0] != "PATCH"] == []


def test_a_stand_in_of_awx_that_keeps_an_edge_is_found_out_until_the_nodes_are_replaced(stand_in: StandIn, tmp_path: pathlib.Path) -> None:
    where = {"CONTROLLER_HOST": stand_in.url, "CONTROLLER_OAUTH_TOKEN": "token"}
    assert play(tmp_path, CONTENT, where=where)[0] == 0
    nodes = {node["identifier"]: node for node in stand_in.of("workflow_job_template_nodes")}
    nodes["rehearse_prod"]["always_nodes"].append(nodes["promote_prod"]["id"])

    code, output = play(tmp_path, CONTENT, where=where)
    assert code == 2, output
    assert "node rehearse_prod: expected no always edge to promote_prod; found one in AWX. Take it away" in output

    code, output = play(tmp_path, CONTENT, where=where, awx_replace_nodes=True)
    assert code == 0, output
    assert len(stand_in.of("workflow_job_template_nodes")) == len(CONTENT["nodes"])
