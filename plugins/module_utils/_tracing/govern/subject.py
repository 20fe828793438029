# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the checks look at."""

from __future__ import annotations

import dataclasses
import typing as t

from ..policies.versions import Version
from .sizing import Traffic

Raw: t.TypeAlias = "t.Mapping[str, t.Any]"
SUB_POLICIES = {"and": "and_sub_policy", "drop": "drop_sub_policy", "composite": "composite_sub_policy"}


@dataclasses.dataclass(frozen=True)
class Subject:
    """A collector's whole configuration and what is known of where it runs.

    :param processor: id of the tail sampler, as ``tail_sampling`` or ``tail_sampling/shop``.
    :param tier: configuration of the collectors in front that send all spans of a trace to one replica; None when there is none.
    """

    config: Raw
    processor: str
    version: Version
    replicas: int = 1
    tier: Raw | None = None
    traffic: Traffic | None = None

    @property
    def path(self) -> str:
        return f"processors.{self.processor}"

    @property
    def sampler(self) -> Raw:
        """The tail sampler's settings; empty when there are none."""
        found = section(self.config, "processors").get(self.processor)
        return found if isinstance(found, dict) else {}


@dataclasses.dataclass(frozen=True)
class Policy:
    """A policy at its place. ``context`` is the list it stands in: ``policies``, ``and_sub_policy``, ``not_sub_policy`` …"""

    path: str
    context: str
    raw: Raw

    @property
    def type(self) -> str:
        return str(self.raw.get("type", ""))

    @property
    def inside(self) -> str:
        """The type of the policy that it stands in; empty for the outermost."""
        return self.context.removesuffix("_sub_policy") if self.context != "policies" else ""

    @property
    def block(self) -> Raw:
        """The settings of its type; empty when they are missing or no mapping."""
        found = self.raw.get(self.type)
        return found if isinstance(found, dict) else {}

    @property
    def children(self) -> list[Policy]:
        if self.type == "not":
            inner = self.block.get("not_sub_policy")
            return [Policy(f"{self.path}.not.not_sub_policy", "not_sub_policy", inner)] if isinstance(inner, dict) else []
        name = SUB_POLICIES.get(self.type)
        return [] if name is None else listed(self.block.get(name), f"{self.path}.{self.type}.{name}", name)


def section(config: Raw, name: str) -> Raw:
    """A mapping of the configuration; empty when it is missing, or no mapping."""
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def listed(found: object, path: str, context: str) -> list[Policy]:
    """The policies of a list; what is no mapping is left out, and told by the check of the structure."""
    entries = found if isinstance(found, list) else []
    return [Policy(f"{path}[{index}]", context, entry) for index, entry in enumerate(entries) if isinstance(entry, dict)]


def top(subject: Subject) -> list[Policy]:
    """The policies of the outermost list."""
    return listed(subject.sampler.get("policies"), f"{subject.path}.policies", "policies")


def every(policies: t.Iterable[Policy]) -> t.Iterator[Policy]:
    """All policies, and all in them, outer ones first."""
    for policy in policies:
        yield policy
        yield from every(policy.children)
