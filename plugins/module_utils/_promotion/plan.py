# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A promotion as data: read, checked to the last key, and named by its digest."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._common import shape, words
from .._common.errors import Refusal
from .._ledger import canonical
from . import goal, preconditions
from .goal import Goal
from .preconditions import Precondition, StagePassed

COLLECTION = "governed.delivery"
WhenInconclusive = t.Literal["hold", "undo"]
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
CAPABILITY = re.compile(r"(?:[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\.)?[a-z][a-z0-9_]*\Z")


@dataclasses.dataclass(frozen=True)
class Variable:
    """A number that the plan's goals use by name; the report shows it with ``why`` it is what it is."""

    name: str
    value: float
    unit: str
    why: str
    instead_of: float | None = None  # what the plan's file says, where the run was told another number

    def spelt(self) -> dict[str, t.Any]:
        """The variable as a plan spells it."""
        other = {} if self.instead_of is None else {"instead_of": self.instead_of}
        return {"value": self.value, "why": self.why, **({"unit": self.unit} if self.unit else {}), **other}


@dataclasses.dataclass(frozen=True)
class Action:
    """A capability to apply, with what its role is told."""

    capability: str
    variables: t.Mapping[str, t.Any]
    timeout_seconds: float = 3600.0  # how long its apply may be silent before others may take the target over

    @property
    def role(self) -> str:
        return role_of(self.capability)

    @property
    def prefix(self) -> str:
        return prefix_of(self.capability)


@dataclasses.dataclass(frozen=True)
class Verification:
    """What the measures of one capability have to come to."""

    capability: str
    goals: tuple[Goal, ...]


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of the way: what must have passed before, what is done, and what must hold afterwards."""

    name: str
    summary: str
    preconditions: tuple[Precondition, ...]
    when_inconclusive: WhenInconclusive
    hold_seconds: float  # how long a held stage waits for somebody to decide before ``recover`` brings it back
    actions: tuple[Action, ...]
    verifications: tuple[Verification, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """The stages that must have passed."""
        return tuple(entry.stage for entry in self.preconditions if isinstance(entry, StagePassed))


@dataclasses.dataclass(frozen=True)
class Artifact:
    """Something that is promoted, named by its content."""

    name: str
    digest: str


@dataclasses.dataclass(frozen=True)
class Headline:
    """A measure that the report prints large."""

    stage: str
    measure: str
    label: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """A sprint's promotion.

    ``content`` is all of it as plain data, variables with the values used, and can be read again; ``digest`` names exactly this content.
    """

    name: str
    title: str
    items: tuple[str, ...]
    variables: tuple[Variable, ...]
    stages: tuple[Stage, ...]
    headlines: tuple[Headline, ...]
    artifacts: tuple[Artifact, ...]
    authors: tuple[str, ...]
    content: t.Mapping[str, t.Any]
    digest: str

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        :raises Refusal: there is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise Refusal(
            f"plan {self.name}",
            expected=f"one of its stages {names}",
            found=words.described(name),
            remedy="Set promotion_stage.",
            code="unknown_stage",
        )


def role_of(capability: str) -> str:
    """The role by its full name; a capability without a dot is one of this collection."""
    return capability if "." in capability else f"{COLLECTION}.{capability}"


def prefix_of(capability: str) -> str:
    """What the names of the role's variables begin with."""
    return capability.rpartition(".")[2]


def digest_of(content: t.Mapping[str, t.Any]) -> str:
    """SHA-256 of the content as canonical JSON (RFC 8785)."""
    return canonical.digest(content)


def read(content: object, overrides: t.Mapping[str, t.Any] | None = None) -> Plan:
    """The plan that ``content`` spells out, its variables replaced by ``overrides``.

    :param content: what the plan's file holds, as plain Python.
    :param overrides: numbers by the name of a variable that the plan declares.
    :raises Refusal: anything is unknown, missing or of the wrong kind; it names the path.
    """
    plain = _plain(content, "plan")
    top = shape.mapping(
        plain, "plan", required=("name", "title", "stages"), optional=("items", "variables", "headlines", "artifacts", "authors")
    )
    variables = _variables(top.get("variables", {}), overrides or {})
    numbers = {variable.name: variable.value for variable in variables}
    durations = {
        variable.name: variable.value * preconditions.UNITS[variable.unit] for variable in variables if variable.unit in preconditions.UNITS
    }
    found = shape.sequence(top["stages"], "stages")
    stages: list[Stage] = []
    for index, entry in enumerate(found):
        stages.append(_stage(entry, f"stages[{index}]", [stage.name for stage in stages], numbers, durations))
    shape.unique([stage.name for stage in stages], "stages")
    content = {**top, "variables": {variable.name: variable.spelt() for variable in variables}}
    return Plan(
        name=shape.name(top["name"], "name"),
        title=shape.text(top["title"], "title"),
        items=tuple(
            shape.text(item, f"items[{index}]") for index, item in enumerate(shape.sequence(top.get("items", []), "items", empty=True))
        ),
        variables=tuple(variables),
        stages=tuple(stages),
        headlines=tuple(_headlines(top.get("headlines", []), stages)),
        artifacts=tuple(_artifacts(top.get("artifacts", []))),
        authors=tuple(
            shape.text(author, f"authors[{index}]")
            for index, author in enumerate(shape.sequence(top.get("authors", []), "authors", empty=True))
        ),
        content=content,
        digest=digest_of(content),
    )


def _plain(found: object, path: str) -> t.Any:
    """The same content in JSON's own types; what JSON cannot say is refused."""
    if isinstance(found, t.Mapping):
        for key in found:
            if not isinstance(key, str):
                raise shape.wrong(path, "keys that are text", f"the key {key!r}", "Put it in quotes.")
        return {str(key): _plain(value, f"{path}.{key}") for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [_plain(value, f"{path}[{index}]") for index, value in enumerate(found)]
    if found is None or isinstance(found, bool):
        return found
    if isinstance(found, str):
        return str(found)
    if words.is_number(found):
        return words.plain(found)
    raise shape.wrong(
        path, "text, a finite number, true, false, a list or a mapping", words.described(found), "Put dates and the like in quotes."
    )


def _variables(found: object, overrides: t.Mapping[str, t.Any]) -> list[Variable]:
    if not isinstance(found, t.Mapping):
        raise shape.wrong("variables", "a mapping of names", found, "Write name: {value: …, unit: …, why: …}.")
    unknown = sorted(str(name) for name in overrides if name not in found)
    if unknown:
        declared = ", ".join(sorted(found)) or "none"
        raise shape.wrong("promotion_variables", f"variables that the plan declares ({declared})", ", ".join(unknown), "Correct the name.")
    variables = []
    for name, spelt in found.items():
        path = f"variables.{name}"
        entries = shape.mapping(spelt, path, required=("value", "why"), optional=("unit", "instead_of"))
        written = shape.number(entries["value"], f"{path}.value")
        value = shape.number(overrides[name], f"promotion_variables.{name}") if name in overrides else written
        unit = shape.text(entries["unit"], f"{path}.unit") if "unit" in entries else ""
        before = shape.number(entries["instead_of"], f"{path}.instead_of") if "instead_of" in entries else None
        instead_of = written if value != written else before
        variables.append(Variable(shape.name(name, path), value, unit, shape.text(entries["why"], f"{path}.why"), instead_of))
    return variables


def _stage(found: object, path: str, earlier: t.Sequence[str], numbers: goal.Variables, durations: preconditions.Seconds) -> Stage:
    entries = shape.mapping(
        found, path, required=("name", "actions", "verifications"), optional=("summary", "preconditions", "when_inconclusive", "hold_for")
    )
    conditions = shape.sequence(entries.get("preconditions", []), f"{path}.preconditions", empty=True)
    stage = Stage(
        name=shape.name(entries["name"], f"{path}.name"),
        summary=shape.text(entries["summary"], f"{path}.summary") if "summary" in entries else "",
        preconditions=tuple(
            preconditions.parse(entry, f"{path}.preconditions[{index}]", earlier, durations) for index, entry in enumerate(conditions)
        ),
        when_inconclusive=_when_inconclusive(entries.get("when_inconclusive", "hold"), f"{path}.when_inconclusive"),
        hold_seconds=preconditions.seconds(entries.get("hold_for", "24h"), f"{path}.hold_for", durations),
        actions=tuple(
            _action(entry, f"{path}.actions[{index}]", durations)
            for index, entry in enumerate(shape.sequence(entries["actions"], f"{path}.actions"))
        ),
        verifications=tuple(
            _verification(entry, f"{path}.verifications[{index}]", numbers)
            for index, entry in enumerate(shape.sequence(entries["verifications"], f"{path}.verifications"))
        ),
    )
    shape.unique([action.prefix for action in stage.actions], f"{path}.actions")
    shape.unique([verification.capability for verification in stage.verifications], f"{path}.verifications")
    verified = {verification.capability for verification in stage.verifications}
    applied = {action.capability for action in stage.actions}
    for capability in sorted(applied - verified):
        raise shape.wrong(
            f"{path}.verifications", f"goals for {capability}, which this stage applies", "none", "What nobody judges cannot pass."
        )
    for capability in sorted(verified - applied):
        raise shape.wrong(
            f"{path}.verifications", "capabilities that this stage applies", capability, "Add it to actions, or remove its goals."
        )
    return stage


def _when_inconclusive(found: object, path: str) -> WhenInconclusive:
    if found == "hold":
        return "hold"
    if found == "undo":
        return "undo"
    raise shape.wrong(
        path, "hold or undo", words.described(found), "hold keeps the stage as it is until somebody looks; undo brings it back."
    )


def _artifacts(found: object) -> list[Artifact]:
    artifacts = []
    for index, entry in enumerate(shape.sequence(found, "artifacts", empty=True)):
        path = f"artifacts[{index}]"
        entries = shape.mapping(entry, path, required=("name", "digest"))
        digest = entries["digest"]
        if not isinstance(digest, str) or not DIGEST.match(digest):
            raise shape.wrong(
                f"{path}.digest",
                "sha256: and 64 lower-case hexadecimal digits",
                words.described(digest),
                "A tag can move; write the digest.",
            )
        artifacts.append(Artifact(shape.text(entries["name"], f"{path}.name"), str(digest)))
    shape.unique([artifact.name for artifact in artifacts], "artifacts")
    return artifacts


def _action(found: object, path: str, durations: preconditions.Seconds) -> Action:
    entries = shape.mapping(found, path, required=("capability",), optional=("with", "timeout"))
    capability = _capability(entries["capability"], f"{path}.capability")
    told = entries.get("with", {})
    if not isinstance(told, t.Mapping):
        raise shape.wrong(f"{path}.with", "a mapping of the role's variables", told, "Write name: value.")
    beginning = f"{prefix_of(capability)}_"
    for name in told:
        if not name.startswith(beginning):
            raise shape.wrong(f"{path}.with.{name}", f"a variable of the role, beginning with {beginning}", repr(name), "Correct the name.")
    return Action(capability, dict(told), preconditions.seconds(entries.get("timeout", "1h"), f"{path}.timeout", durations))


def _verification(found: object, path: str, numbers: goal.Variables) -> Verification:
    entries = shape.mapping(found, path, required=("capability", "goals"))
    spelt = shape.sequence(entries["goals"], f"{path}.goals")
    return Verification(
        capability=_capability(entries["capability"], f"{path}.capability"),
        goals=tuple(goal.parse(entry, f"{path}.goals[{index}]", numbers) for index, entry in enumerate(spelt)),
    )


def _capability(found: object, path: str) -> str:
    if not isinstance(found, str) or not CAPABILITY.match(found):
        raise shape.wrong(path, "a role's name, or namespace.collection.role", found, "Correct the name.")
    return str(found)


def _headlines(found: object, stages: t.Sequence[Stage]) -> list[Headline]:
    headlines = []
    names = [stage.name for stage in stages]
    for index, entry in enumerate(shape.sequence(found, "headlines", empty=True)):
        path = f"headlines[{index}]"
        entries = shape.mapping(entry, path, required=("stage", "measure", "label"))
        stage = shape.name(entries["stage"], f"{path}.stage")
        if stage not in names:
            raise shape.wrong(f"{path}.stage", f"a stage of the plan ({', '.join(names)})", repr(stage), "Correct the name.")
        headlines.append(Headline(stage, shape.name(entries["measure"], f"{path}.measure"), shape.text(entries["label"], f"{path}.label")))
    return headlines
