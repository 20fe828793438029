# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The edge between Ansible and the logic: one frame for all modules."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .argument_spec import ArgumentSpec
from .errors import Refusal, Refusals


@dataclasses.dataclass(frozen=True)
class Context:
    """What the logic may know about the run it is part of."""

    parameters: t.Mapping[str, t.Any]
    check_mode: bool
    diff_mode: bool
    warn: t.Callable[[str], None]


@dataclasses.dataclass
class Outcome:
    """What the logic answers.

    ``facts`` become return values as they are. ``before`` and ``after`` are texts shown by ``--diff``.
    """

    changed: bool
    facts: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    before: str = ""
    after: str = ""


@dataclasses.dataclass(frozen=True)
class Library:
    """A third-party library: its name for people, and the traceback of its failed import, if it failed."""

    name: str
    import_error: str | None


def need(*libraries: Library) -> None:
    """Nothing, when all of them are there.

    :raises Refusal: one is not.
    """
    for library in libraries:
        if library.import_error is not None:
            raise Refusal(
                library.name,
                expected="to be installed for the Python that runs Ansible",
                found="no such library",
                remedy="Install it there, for instance with pip, or use the collection's execution environment.",
                code="library_missing",
            )


def run_module(
    spec: ArgumentSpec,
    work: t.Callable[[Context], Outcome],
    *,
    libraries: t.Sequence[Library] = (),
    supports_check_mode: bool = True,
) -> None:
    """Run ``work`` as an Ansible module and leave by ``exit_json`` or ``fail_json``."""
    module = AnsibleModule(supports_check_mode=supports_check_mode, **spec.to_kwargs())
    for library in libraries:
        if library.import_error is not None:
            module.fail_json(msg=missing_required_lib(library.name), exception=library.import_error)
    context = Context(module.params, module.check_mode, module._diff, module.warn)
    try:
        outcome = work(context)
    except Refusal as refusal:
        module.fail_json(msg=str(refusal), refusals=[refusal.as_dict()], **refusal.details)
    except Refusals as several:
        module.fail_json(msg=str(several), refusals=[refusal.as_dict() for refusal in several.refusals])
    result = dict(outcome.facts, changed=outcome.changed)
    if context.diff_mode and (outcome.before or outcome.after):
        result["diff"] = {"before": outcome.before, "after": outcome.after}
    module.exit_json(**result)
