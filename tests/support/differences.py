# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a replay says is kept, beside what a real collector kept: sets of trace ids, and for a difference the smallest trace that shows it."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp.reading import read
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.config import parse
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import Version
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.outcome import Replay
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.replay import replay

from .collectors import Raw, spans


def foretold(sampling: Raw, recorded: Path, version: str) -> Replay:
    """What the replay of a file says of a configuration."""
    parsed = Version.parse(version)
    return replay(parse(sampling, parsed), read([recorded]), parsed, keep_ids=True)


def differences(samplings: t.Mapping[str, Raw], really: t.Mapping[str, set[str]], recorded: Path, version: str) -> list[str]:
    """A line for each configuration whose kept traces differ; empty when all sets are equal.

    Where the replay says of a trace that it does not know, which only conditions in OTTL may make it say, either answer is right.
    """
    sizes = {line: sum(1 for _span in spans(line)) for line in recorded.read_text(encoding="utf-8").splitlines()}
    found = []
    for name, sampling in samplings.items():
        said = foretold(sampling, recorded, version)
        kept, unknown = said.kept_ids or set(), said.unknown_ids or set()
        wrong = (kept ^ really[name]) - unknown
        if unknown and "ottl_condition" not in str(sampling):
            wrong |= unknown
        if wrong:
            smallest = min((line for line in sizes if any(trace_id in line for trace_id in wrong)), key=sizes.__getitem__)
            extra, missing = len(kept - really[name]), len(really[name] - kept - unknown)
            found.append(
                f"{name} {version}: {extra} too many, {missing} missing, {len(unknown)} unknown of {len(really[name])}, as {smallest}"
            )
    return found
