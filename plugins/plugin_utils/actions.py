# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The edge between Ansible and what runs on the controller."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal


def options_of(action: ActionBase, spec: ArgumentSpec) -> dict[str, t.Any]:
    """The task's options, checked and with defaults, as a module would get them."""
    validate: t.Callable[..., tuple[object, dict[str, t.Any]]] = action.validate_argument_spec
    return validate(**spec.to_kwargs())[1]


def refused(refusal: Refusal) -> dict[str, t.Any]:
    """A task result like the one a module's frame gives for the same refusal."""
    return {"failed": True, "changed": False, "msg": str(refusal), "refusals": [refusal.as_dict()], **refusal.details}
