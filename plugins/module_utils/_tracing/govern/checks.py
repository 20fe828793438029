# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. All checks of a collector's configuration, all findings at once."""

from __future__ import annotations

import dataclasses
import typing as t

from . import checks_pipelines, checks_policies, checks_semantics, checks_sizing, checks_structure
from .findings import ERROR, WARNING, Finding
from .subject import Subject

LAYERS = (checks_structure, checks_policies, checks_semantics, checks_sizing, checks_pipelines)


def findings(subject: Subject, accepted: t.Collection[str] = ()) -> list[Finding]:
    """What is wrong, errors first, each where it stands in the configuration.

    :param accepted: codes of errors that are to be warnings.
    """
    found = [finding for layer in LAYERS for finding in layer.findings(subject)]
    told = [dataclasses.replace(one, severity=WARNING) if one.code in accepted else one for one in found]
    return sorted(told, key=lambda one: one.severity != ERROR)
