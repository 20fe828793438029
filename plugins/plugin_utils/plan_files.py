# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A plan's file: found by name or path, and read without losing a key."""

from __future__ import annotations

import typing as t

import yaml
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import plan as plans

from . import shipped


class _EveryKeyOnce(yaml.SafeLoader):
    """YAML lets a second key of the same name silently win; in a plan that would drop goals."""


def _mapping(loader: _EveryKeyOnce, node: yaml.MappingNode) -> dict[t.Any, t.Any]:
    seen: set[str] = set()
    for key, _value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # no plan has such a key; the loader or the plan says so
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_EveryKeyOnce.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(name: str, overrides: t.Mapping[str, t.Any]) -> plans.Plan:
    """The plan of that name or path, with its variables overridden.

    :raises Refusal: the file cannot be read, is no YAML, or is no plan; the message names the path inside it.
    """
    path = shipped.find(name, "plan", "promotion_plan")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_EveryKeyOnce)
    except (OSError, UnicodeError, yaml.YAMLError, RecursionError) as problem:
        reason = " ".join(str(problem).split())
        raise Refusal(str(path), expected="YAML", found=reason, remedy="Correct the file.", code="plan_unreadable") from problem
    try:
        return plans.read(content, overrides)
    except Refusal as refusal:
        raise Refusal(
            f"{path}: {refusal.thing}", expected=refusal.expected, found=refusal.found, remedy=refusal.remedy, code=refusal.code
        ) from refusal
