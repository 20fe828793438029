# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The module restore_validate: options, and the call."""

from __future__ import annotations

import pathlib
import tempfile

from ..._common.argument_spec import ArgumentSpec
from ..._common.frame import Context, Outcome
from ..._common.postgres.connect import CONNECTION_SPEC
from ..._ledger import options as ledger
from ..findings import Stopped, verdict
from ..report import textfile
from ..source import places, room
from . import outcome, validate
from .validation import Validation
from .wish import wish

SPEC = ArgumentSpec(
    options={
        "engine": {"type": "str", "choices": ["basebackup", "pgbackrest", "pg_dump"], "default": "basebackup"},
        "source": places.SOURCE_OPTIONS,
        "backup": {"type": "str", "default": "latest"},
        "target_time": {"type": "str"},
        "target_lsn": {"type": "str"},
        "manifest_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "work_directory": {"type": "path", "required": True},
        "bin_dir": {"type": "path"},
        "run_as": {"type": "str"},
        "superuser": {"type": "str", "default": "postgres"},
        "server_settings": {"type": "dict", "default": {}},
        "jobs": {"type": "int", "default": 2},
        "bytes_per_second": {"type": "float"},
        "is_drill": {"type": "bool", "default": False},
        "cluster": {"type": "str", "default": "main"},
        "night": {"type": "str"},
        "run": {"type": "str"},
        "rto_at_most": {"type": "float", "default": 900.0},
        "rpo_at_most": {"type": "float", "default": 300.0},
        "max_age": {"type": "float", "default": 93600.0},
        "required_lock_days": {"type": "int"},
        "accepted": {"type": "dict"},
        "max_shrink_percent": {"type": "float", "default": 20.0},
        "coverage_days": {"type": "int", "default": 30},
        "invariants": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "database": {"type": "str", "required": True},
                "query": {"type": "str", "required": True},
            },
        },
        "amcheck": {"type": "str", "choices": ["required", "auto", "off"], "default": "auto"},
        "heartbeat": {"type": "dict", "options": dict(CONNECTION_SPEC.options)},
        "heartbeat_database": {"type": "str", "default": "postgres"},
        "heartbeat_period": {"type": "float", "default": 1.0},
        "keep_on_failure": {"type": "bool", "default": False},
        "run_timeout": {"type": "float", "default": 7200.0},
        "pgbackrest": {"type": "dict", "options": {"stanza": {"type": "str", "required": True}, "config": {"type": "path"}}},
        "textfile": {"type": "path"},
        # Of the action:
        "reuse_within": {"type": "float", "default": 0.0},
        "ledger": {"type": "dict", "options": ledger.OPTIONS},
    },
    mutually_exclusive=(("target_time", "target_lsn"),),
)


def work(context: Context) -> Outcome:
    """Validate; in check mode only say what would be restored."""
    asked = wish(context.parameters)
    place = places.make(context.parameters["source"])
    if context.check_mode:
        return _planned(Validation(asked, place))
    found, run = validate.validate(asked, place)
    if context.parameters["textfile"]:
        textfile.write(pathlib.Path(context.parameters["textfile"]), found)
    facts = {
        "record": found,
        "verdict": found["verdict"],
        "measures": outcome.measures(found),
        "timeline": outcome.timeline(run.phases.spans),
        "rows": outcome.rows(found),
    }
    return Outcome(changed=run.restored, facts=facts)


def _planned(run: Validation) -> Outcome:
    """Locate, measure, compare sizes with the space there is. Nothing is started and nothing is kept."""
    needed = 0
    with tempfile.TemporaryDirectory(prefix="restore_validate-") as folder:
        try:
            located = validate.find(run, validate.make_engine(run, pathlib.Path(folder)))
            needed = validate.needed(located)
            room.require_free(run.wish.work, needed)
            validate.require_programs(run)
        except Stopped as stopped:
            run.checks.findings.append(stopped.finding)
    found = outcome.record(run)
    plan = {"backup": found["backup"], "manifest": found["manifest"], "bytes_needed": needed, "findings": found["findings"]}
    is_possible = not validate.is_over(run) and verdict(run.checks.findings) != "ERROR"
    return Outcome(changed=is_possible, facts={"plan": plan, "verdict": found["verdict"], "rows": outcome.rows(found)})
