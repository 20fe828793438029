# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. YAML that a person wrote, with every scalar as the text that stands there: ``99.90`` stays ``99.90``, ``on`` stays ``on``."""

from __future__ import annotations

import traceback
import typing as t

from ..._common.errors import Refusal
from ..._common.frame import Library

if t.TYPE_CHECKING:
    import yaml

    IMPORT_ERROR: str | None
else:
    try:
        import yaml

        IMPORT_ERROR = None
    except ImportError:
        yaml = None
        IMPORT_ERROR = traceback.format_exc()

PYYAML = Library("PyYAML (https://pyyaml.org)", IMPORT_ERROR)


def documents(text: str, place: str) -> list[t.Any]:
    """The documents of a text: mappings, lists, and text for whatever else. An empty scalar is None, a document without content is left out.

    :raises Refusal: no YAML, an alias, or a key that stands twice in one mapping, of which YAML would silently take the last.
    """
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as problem:
        raise _unreadable(place, " ".join(str(problem).split())) from problem
    return [_value(node, place) for node in nodes if node is not None]


def dump(documents_: t.Sequence[t.Any]) -> str:
    """Mappings, lists and texts as YAML documents, keys in their order; what would read as a number is quoted, so that ``documents`` gives it back."""

    class Dumper(yaml.SafeDumper):
        """Lines stay lines, and nothing is an alias."""

        def ignore_aliases(self, data: object) -> bool:
            return data is not self

    def lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, lines)
    return str(
        yaml.dump_all(documents_, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000, explicit_start=len(documents_) > 1)
    )


def _value(node: yaml.Node, place: str, depth: int = 0) -> t.Any:
    if depth > 50:
        raise _unreadable(place, "mappings within mappings beyond 50 levels, or an alias to itself")
    if isinstance(node, yaml.SequenceNode):
        return [_value(entry, place, depth + 1) for entry in node.value]
    if not isinstance(node, yaml.MappingNode):
        return None if node.tag.endswith(":null") else str(node.value)
    found: dict[str, t.Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _unreadable(place, f"a key that is no text, in line {key.start_mark.line + 1}")
        if key.value in found:
            raise _unreadable(place, f"the key {key.value!r} a second time, in line {key.start_mark.line + 1}")
        found[key.value] = _value(value, place, depth + 1)
    return found


def _unreadable(place: str, found: str) -> Refusal:
    return Refusal(place, expected="YAML", found=found, remedy="Correct the file.", code="slo_catalog_unreadable")
