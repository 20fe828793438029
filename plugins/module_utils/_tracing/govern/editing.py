# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. From what was asked for to the configuration that does it, and what of it is shown."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common import shape, words
from ..._common.errors import Refusal
from . import document, sizing
from .document import Document
from .sizing import Size, Traffic


@dataclasses.dataclass(frozen=True)
class Edit:
    """A change of a configuration: these settings for this processor, in these pipelines. Settings that are None leave all as it is."""

    place: str
    processor: str
    pipelines: tuple[str, ...]
    settings: dict[str, t.Any] | None

    def applied(self, content: bytes) -> bytes:
        """The configuration as it is to be.

        :raises Refusal: it is no configuration, or has no such pipeline.
        """
        document = Document(content, self.place)
        if self.settings is not None:
            document.set_processor(self.processor, self.settings)
            for pipeline in self.pipelines:
                document.put_in_pipeline(pipeline, self.processor)
        return document.dumped()

    def stripped(self, content: bytes) -> bytes:
        """The configuration without the processor."""
        document = Document(content, self.place)
        document.remove_processor(self.processor)
        return document.dumped()

    def shown(self, content: bytes) -> str:
        """The processor and the pipelines that have it, as YAML, and nothing else: there may be secrets in the rest."""
        plain = Document(content, self.place).plain
        pipelines = (plain.get("service") or {}).get("pipelines") or {}
        ours = {
            name: {"processors": parts["processors"]}
            for name, parts in pipelines.items()
            if isinstance(parts, dict) and (name in self.pipelines or self.processor in (parts.get("processors") or []))
        }
        processor = (plain.get("processors") or {}).get(self.processor)
        told = {**({"processors": {self.processor: processor}} if processor is not None else {}), "service": {"pipelines": ours}}
        return document.dumped(told).decode()


def settings(
    policies: t.Sequence[t.Mapping[str, t.Any]], decision_wait: str, more: t.Mapping[str, t.Any], traffic: Traffic | None
) -> tuple[dict[str, t.Any], Size | None]:
    """The processor's settings, and the size that they were given for this traffic.

    :param more: settings that are taken as they are, and win over what is computed.
    :raises Refusal: ``decision_wait`` is no duration, or ``more`` names what has an option of its own.
    """
    for key, option in (("policies", "goals or policies"), ("decision_wait", "decision_wait")):
        if key in more:
            raise shape.wrong(f"settings.{key}", f"it in the option {option}", "it here", "Move it.")
    wait = sizing.duration(decision_wait)
    if wait is None or wait <= 0:
        raise Refusal(
            "decision_wait",
            expected="a duration as 30s",
            found=words.described(decision_wait),
            remedy="Correct it.",
            code="decision_wait",
        )
    size = None if traffic is None else sizing.size(traffic, wait, shards=max(1, int(more.get("num_shards") or 1)))
    places = more.get("num_traces", sizing.DEFAULT_NUM_TRACES if size is None else size.num_traces)
    cache = sizing.CACHE_PER_TRACE * places if words.is_number(places) else 0
    computed = {
        "decision_wait": decision_wait,
        "num_traces": places,
        "decision_cache": {"sampled_cache_size": cache, "non_sampled_cache_size": cache},
    }
    return {**computed, **_plain(more), "policies": _plain(policies)}, size


def _plain(value: t.Any) -> t.Any:
    """The same without whatever Ansible attached to its texts."""
    if isinstance(value, t.Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, str) else value
