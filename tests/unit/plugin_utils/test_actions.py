"""Actions and their documentation say the same."""

from __future__ import annotations

import importlib
import typing as t

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.doc_fragments.promotion import ModuleDocFragment

ACTIONS = ("plan", "enter", "judge", "evidence", "fence", "observe", "sign", "report")
FRAGMENTS = {
    "governed.delivery.promotion": ModuleDocFragment.DOCUMENTATION,
    "governed.delivery.promotion.ledger": ModuleDocFragment.LEDGER,
}
KEPT = ("type", "required", "default", "choices", "elements")


def options(found: t.Mapping[str, t.Any], below: str) -> dict[str, t.Any]:
    told = {}
    for name, option in found.items():
        entry = {key: option[key] for key in KEPT if key in option}
        if "choices" in entry:
            entry["choices"] = sorted(entry["choices"])
        told[name] = {**entry, **({"options": options(option[below], below)} if below in option else {})}
    return told


@pytest.mark.parametrize("name", ACTIONS)
def test_the_documentation_has_the_options_that_the_action_takes(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.governed.delivery.plugins.modules.promotion_{name}")
    action = importlib.import_module(f"ansible_collections.governed.delivery.plugins.action.promotion_{name}")
    documented = yaml.safe_load(module.DOCUMENTATION)
    assert documented["module"] == f"promotion_{name}"
    fragments = [yaml.safe_load(FRAGMENTS[name])["options"] for name in documented.get("extends_documentation_fragment", [])]
    told = {name: option for found in (*fragments, documented.get("options", {})) for name, option in found.items()}
    assert options(told, "suboptions") == options(action.SPEC.options, "options")
    yaml.safe_load(module.RETURN)
    assert all(f"governed.delivery.promotion_{name}" in task for task in yaml.safe_load(module.EXAMPLES))
