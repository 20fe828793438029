# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a promotion would really run, as two digests.

The *plan digest* is the same for all stages: the plan with its variables, and every byte of the roles and collections it runs. The *stage
digest* adds where and with what: hosts, the values of the roles' options there, who may approve, the calendar. People approve a stage digest.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import typing as t

import yaml
from ansible.utils.collection_loader import _collection_finder
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import canonical
from ansible_collections.governed.delivery.plugins.module_utils._promotion import trees
from ansible_collections.governed.delivery.plugins.module_utils._promotion.plan import Plan, Stage

HostVariables = t.Mapping[str, t.Mapping[str, t.Any]]

OURS = pathlib.Path(__file__).resolve().parents[2]
SECRET = re.compile(r"password|passwd|secret|token|credential|private_key", re.IGNORECASE)
WITHHELD = "(secret, not part of the digest)"


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A stage of a plan with everything it depends on, as plain data and as digests."""

    plan: Plan
    stage: Stage
    target: str
    hosts: tuple[str, ...]
    content: t.Mapping[str, t.Any]
    plan_digest: str
    stage_digest: str

    @property
    def told(self) -> dict[str, t.Any]:
        """What recovery has to know when plan and inventory have changed since: the capabilities and what they were told."""
        actions = [
            {"capability": action.capability, "variables": dict(action.variables), "timeout_seconds": action.timeout_seconds}
            for action in self.stage.actions
        ]
        return {"actions": actions, "hosts": list(self.hosts)}


def resolve(
    plan: Plan,
    stage: Stage,
    target: str,
    hosts: t.Sequence[str],
    variables: HostVariables,
    people: t.Sequence[t.Any] = (),
    calendar: t.Sequence[t.Any] = (),
) -> Resolved:
    """Everything that the stage would run, and on what.

    :param variables: of each host, templated; only the options that the roles' argument specs name are looked at.
    :raises Refusal: a role cannot be found.
    """
    roles = {action.capability: _role_folder(action.role) for each in plan.stages for action in each.actions}
    content = {
        "plan": dict(plan.content),
        "roles": {capability: trees.digest([folder], folder) for capability, folder in sorted(roles.items())},
        "collections": {str(name): trees.digest(_code(root), root) for name, root in sorted(_collections(roles.values()).items())},
    }
    plan_digest = canonical.digest(plain(content))
    here = {
        "plan_digest": plan_digest,
        "stage": stage.name,
        "target": target,
        "hosts": sorted(hosts),
        "variables": {host: _options(stage, roles, variables.get(host, {})) for host in sorted(hosts)},
        "people": plain(people),
        "calendar": plain(calendar),
        "undo": [action.capability for action in reversed(stage.actions)],
    }
    return Resolved(plan, stage, target, tuple(sorted(hosts)), {**content, "stage": here}, plan_digest, canonical.digest(plain(here)))


def plain(found: t.Any) -> t.Any:
    """The same content in JSON's own types: whatever Ansible attached is left behind, whatever JSON cannot say becomes text."""
    return json.loads(json.dumps(found, default=str))


def _options(stage: Stage, roles: t.Mapping[str, pathlib.Path], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The values that the host gives to the roles' options; what the plan itself tells them is in the plan."""
    found = {}
    for action in stage.actions:
        for name in _declared(roles[action.capability]):
            if name not in action.variables and name in variables:
                found[name] = _shown(name, plain(variables[name]))
    return found


def _shown(name: str, value: t.Any) -> t.Any:
    """The value without what is secret in it: a digest of a short secret would give it away."""
    if isinstance(value, dict):
        return {key: _shown(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(name, inner) for inner in value]
    return WITHHELD if SECRET.search(name) and value not in (None, "") else value


def _declared(role: pathlib.Path) -> list[str]:
    """The options that any door of the role declares."""
    for name in ("argument_specs.yml", "argument_specs.yaml"):
        path = role / "meta" / name
        if path.is_file():
            specs = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("argument_specs", {})
            return sorted({option for entry in specs.values() for option in (entry or {}).get("options", {})})
    return []


def _role_folder(role: str) -> pathlib.Path:
    found = _collection_finder._get_collection_role_path(role)
    if found is None:
        raise Refusal(
            f"capability {role}",
            expected="a role in an installed collection",
            found="none",
            remedy="Install its collection, or correct the name in the plan.",
            code="unknown_capability",
        )
    return pathlib.Path(found[1])


def _collections(roles: t.Iterable[pathlib.Path]) -> dict[str, pathlib.Path]:
    """The roots of the collections that the roles come from, and of this one, by name."""
    roots = {OURS, *(folder.resolve().parents[1] for folder in roles)}
    return {"governed.delivery" if root == OURS else f"{root.parent.name}.{root.name}": root for root in roots}


def _code(root: pathlib.Path) -> list[pathlib.Path]:
    """What of a collection runs beside its roles."""
    return [root / "plugins", *([root / "playbooks"] if root == OURS else [])]
