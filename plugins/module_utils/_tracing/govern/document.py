# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A collector's configuration as its authors wrote it: comments, order and ``${env:X}`` survive a change of our parts."""

from __future__ import annotations

import difflib
import io
import typing as t

from ..._common.errors import Refusal
from ..._common.frame import need
from .libraries import RUAMEL, yaml

INDENTATIONS = ((2, 2, 0), (2, 4, 2), (4, 4, 0), (4, 4, 2), (4, 6, 4))  # of mappings, of sequences, and of a sequence's dash
BEFORE_US = ("memory_limiter",)
AFTER_US = ("batch",)
Node: t.TypeAlias = "t.Any"  # what ruamel makes of YAML carries no useful types


class Document:
    """One file of YAML that can be changed in place.

    :param content: the file's bytes.
    :param place: the file's name, for messages.
    :raises Refusal: it is no YAML, or no mapping.
    """

    def __init__(self, content: bytes, place: str) -> None:
        need(RUAMEL)
        self.place = place
        self._content = content
        self._line_end = "\r\n" if b"\r\n" in content else "\n"
        self._settings = INDENTATIONS[0]
        self._root = self._loaded()
        if not isinstance(self._root, dict):
            raise self._refused("a mapping with receivers, processors, exporters and service", "something else")
        spelt = ((self._respelt(settings), settings) for settings in INDENTATIONS)
        self._settings = next((settings for lines, settings in spelt if not lines), None) or min(INDENTATIONS, key=self._respelt)

    @property
    def plain(self) -> dict[str, t.Any]:
        """All of it as plain data."""
        return t.cast("dict[str, t.Any]", _plain(self._root))

    @property
    def respelt(self) -> int:
        """How many lines would read differently though nothing in them is changed: blanks and quotes that cannot be kept."""
        return self._respelt(self._settings)

    def set_processor(self, name: str, wanted: t.Mapping[str, t.Any]) -> None:
        """Have this processor with exactly these settings. What is already so is not touched, with its comments."""
        processors = self._root.get("processors")
        if processors is None:
            processors = self._root["processors"] = yaml.comments.CommentedMap()
        if not isinstance(processors.get(name), dict):
            processors[name] = yaml.comments.CommentedMap()
        _merge(processors[name], wanted)

    def remove_processor(self, name: str) -> None:
        """Have it nowhere: not among the processors, in no pipeline."""
        processors = self._root.get("processors")
        if isinstance(processors, dict):
            processors.pop(name, None)
        for pipeline in self._pipelines().values():
            listed = pipeline.get("processors") if isinstance(pipeline, dict) else None
            if isinstance(listed, list) and name in listed:
                listed.remove(name)

    def put_in_pipeline(self, pipeline: str, name: str) -> None:
        """Have the processor in the pipeline: where it already stands, else in front of ``batch``, else last.

        :raises Refusal: there is no such pipeline.
        """
        pipelines = self._pipelines()
        if not isinstance(pipelines.get(pipeline), dict):
            raise Refusal(
                f"{self.place}: service.pipelines.{pipeline}",
                expected="a pipeline",
                found=f"only {', '.join(sorted(pipelines)) or 'none'}",
                remedy="Name one that exists, or add it to the collector's configuration first.",
                code="pipeline_missing",
            )
        listed = pipelines[pipeline].get("processors")
        if listed is None:
            listed = pipelines[pipeline]["processors"] = yaml.comments.CommentedSeq()
        if name in listed:
            return
        behind = [index for index, other in enumerate(listed) if kind(other) in AFTER_US]
        listed.insert(behind[0] if behind else len(listed), name)

    def dumped(self) -> bytes:
        """The file as it is to be written. Exactly the bytes that were read when nothing was changed."""
        if self.plain == _plain(self._loaded()):
            return self._content
        return self._written(self._root, self._settings)

    def _pipelines(self) -> Node:
        service = self._root.get("service")
        pipelines = service.get("pipelines") if isinstance(service, dict) else None
        return pipelines if isinstance(pipelines, dict) else {}

    def _yaml(self, settings: tuple[int, int, int]) -> Node:
        reader = yaml.YAML()  # round trip
        reader.preserve_quotes = True
        reader.width = 1 << 20
        reader.indent(mapping=settings[0], sequence=settings[1], offset=settings[2])
        return reader

    def _loaded(self) -> Node:
        try:
            return self._yaml(INDENTATIONS[0]).load(self._content.decode())
        except UnicodeDecodeError as error:
            raise self._refused("text in UTF-8", f"other bytes at {error.start}") from error
        except (yaml.error.YAMLError, ValueError) as error:
            raise self._refused("YAML", " ".join(str(error).split())[:300]) from error

    def _written(self, root: Node, settings: tuple[int, int, int]) -> bytes:
        stream = io.StringIO()
        self._yaml(settings).dump(root, stream)
        return stream.getvalue().replace("\n", self._line_end).encode()

    def _respelt(self, settings: tuple[int, int, int]) -> int:
        before = self._content.decode().splitlines()
        after = self._written(self._loaded(), settings).decode().splitlines()
        return sum(line.startswith("- ") for line in difflib.ndiff(before, after)) if before != after else 0

    def _refused(self, expected: str, found: str) -> Refusal:
        return Refusal(self.place, expected=expected, found=found, remedy="Correct the file.", code="not_a_configuration")


def kind(component: object) -> str:
    """The type of a component by its id: ``tail_sampling`` of ``tail_sampling/shop``."""
    return str(component).partition("/")[0]


def dumped(plain: t.Mapping[str, t.Any]) -> bytes:
    """Plain data as YAML, a line for each entry, in their order."""
    stream = io.StringIO()
    writer: Node = yaml.YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False
    writer.dump(dict(plain), stream)
    return stream.getvalue().encode()


def _plain(node: Node) -> t.Any:
    """Plain Python values of what ruamel read; quotes, anchors and comments are gone."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for simple in (int, float, str):
        if isinstance(node, simple):
            return simple(node)
    return str(node)


def _merge(node: Node, wanted: t.Mapping[str, t.Any]) -> None:
    """Change a mapping so that it holds exactly what is wanted, and leave alone what already does."""
    for key in [key for key in node if key not in wanted]:
        del node[key]
    for key, value in wanted.items():
        if key in node and _plain(node[key]) == _plain(value):
            continue
        if isinstance(value, dict) and isinstance(node.get(key), dict):
            _merge(node[key], value)
        elif isinstance(value, list) and isinstance(node.get(key), list):
            _merge_list(node[key], value)
        else:
            node[key] = _node(value)


def _merge_list(node: Node, wanted: t.Sequence[t.Any]) -> None:
    """The same for a list: an entry that was there, wherever it stood, stays the node it is, with its comments."""
    left = list(node)
    entries = []
    for value in wanted:
        same = next((index for index, entry in enumerate(left) if _plain(entry) == _plain(value)), None)
        entries.append(_node(value) if same is None else left.pop(same))
    node[:] = entries


def _node(value: t.Any) -> Node:
    if isinstance(value, dict):
        made = yaml.comments.CommentedMap()
        for key, entry in value.items():
            made[key] = _node(entry)
        return made
    if isinstance(value, list):
        listed = yaml.comments.CommentedSeq([_node(entry) for entry in value])
        if not any(isinstance(entry, (dict, list)) for entry in value):
            listed.fa.set_flow_style()  # [ERROR] on one line, as people write it
        return listed
    return _plain(value)
