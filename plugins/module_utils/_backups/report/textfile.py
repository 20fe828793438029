# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A validation's record as metrics, for the node exporter's textfile collector.

A number that was not measured is absent, never 0. The labels ``cluster`` and ``engine`` are few, and stay the same from night to night.
Format: https://github.com/prometheus/docs/blob/main/content/docs/instrumenting/exposition_formats.md
"""

from __future__ import annotations

import contextlib
import pathlib
import re
import secrets
import typing as t

from ..._common.errors import Refusal
from .. import findings
from ..restore import amcheck
from . import records
from .records import Record

PREFIX = "restore_validate"
LAST_PASS = f"{PREFIX}_last_pass_timestamp_seconds"

Sample = tuple[t.Mapping[str, str], float]  # labels beside cluster and engine, and the value

# Numbers of the record that are a metric as they are: name, help, path.
PLAIN: tuple[tuple[str, str, tuple[str, str]], ...] = (
    ("rto_seconds", "Recovery time that was measured.", ("rto", "seconds")),
    ("rto_goal_seconds", "Recovery time that was promised.", ("rto", "goal_seconds")),
    ("rpo_seconds", "Age of the last heartbeat that came back.", ("rpo", "seconds")),
    ("rpo_worst_24h_seconds", "Longest time within a day in which nothing was archived.", ("rpo", "worst_24h_seconds")),
    ("rpo_goal_seconds", "Loss that was promised.", ("rpo", "goal_seconds")),
    ("lost_heartbeats", "Heartbeats of the primary that did not come back.", ("rpo", "lost_heartbeats")),
    ("throttle_sleep_seconds", "Time that the rate limit took.", ("rto", "throttle_sleep_seconds")),
    ("backup_age_seconds", "Age of the backup by its own end.", ("backup", "age_seconds")),
    ("backup_bytes", "Size of the backup.", ("backup", "bytes")),
    ("fetched_bytes", "Bytes that were fetched.", ("bytes", "fetched")),
    ("wal_replayed_bytes", "Bytes of write-ahead log that were replayed.", ("bytes", "wal")),
    ("database_bytes", "Size of the restored databases.", ("bytes", "database")),
    ("fetch_bytes_per_second", "How fast the backup was fetched.", ("rates", "fetch_bytes_per_second")),
    ("replay_bytes_per_second", "How fast the write-ahead log was replayed.", ("rates", "replay_bytes_per_second")),
    ("coverage_ratio", "Share of the tables that were checked whole within the coverage period.", ("coverage", "ratio")),
)
TABLES = ("compared", "matched", "sampled")


def write(path: pathlib.Path, record: Record, entry: int | None = None) -> None:
    """Replace the file in one step; what it said of the last pass is kept when this run did not pass.

    :param entry: index of the record's statement in the ledger, if it is kept in one.
    :raises Refusal: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # the collector reads *.prom only
    try:
        before = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(render(record, before, entry), encoding="utf-8")
        beside.chmod(0o644)
        beside.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            beside.unlink()
        found = problem.strerror or str(problem)
        remedy = "Name a file in the collector's folder that this account can write."
        raise Refusal(str(path), expected="a file that can be written", found=found, remedy=remedy, code="textfile_unwritable") from problem


def render(record: Record, before: str = "", entry: int | None = None) -> str:
    """The whole file.

    :param before: the file as it was; when this run did not pass, the time of the last pass comes from it.
    """
    families = [_family(name, about, samples, record) for name, about, samples in _metrics(record, before, entry) if samples]
    return "".join(families)


def _metrics(record: Record, before: str, entry: int | None) -> t.Iterator[tuple[str, str, list[Sample]]]:
    at = _epoch(record.get("at"))
    passed = at if record.get("verdict") == "PASS" else _last_pass(record, before)
    yield "last_run_timestamp_seconds", "When the last run ended.", _one(at)
    yield "last_pass_timestamp_seconds", "When the last run ended that passed.", _one(passed)
    yield (
        "verdict",
        "Verdict of the last run, 1 for the one it is.",
        [({"verdict": one}, float(record.get("verdict") == one)) for one in findings.ORDER],
    )
    for name, about, keys in PLAIN:
        yield name, about, _one(records.number(record, *keys))
    phases = records.part(records.part(record, "rto"), "phases")
    measured = [({"phase": name}, records.number(phases, name)) for name in phases]
    yield "phase_seconds", "How long each phase of the recovery took.", [(labels, value) for labels, value in measured if value is not None]
    yield "tables", "Tables by what became of their comparison.", _tables(records.part(record, "tables"))
    yield "amcheck_errors", "Databases in which pg_amcheck found damage.", _one(_amcheck(record))
    yield "lock_min_remaining_seconds", "For how long nobody can delete the backup.", _one(_lock_remaining(record, at))
    yield "evidence_seq", "Index of the record in the ledger.", _one(None if entry is None else float(entry))


def _family(name: str, about: str, samples: t.Sequence[Sample], record: Record) -> str:
    lines = [f"# HELP {PREFIX}_{name} {about}", f"# TYPE {PREFIX}_{name} gauge"]
    lines += [f"{PREFIX}_{name}{{{_labels({**_who(record), **labels})}}} {_digits(value)}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _who(record: Record) -> dict[str, str]:
    return {"cluster": str(record.get("cluster", "")), "engine": str(record.get("engine", ""))}


def _labels(labels: t.Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _digits(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [({}, value)]


def _epoch(text: t.Any) -> float | None:
    moment = records.moment(text)
    return None if moment is None else moment.timestamp()


def _last_pass(record: Record, before: str) -> float | None:
    """The last pass of the same cluster and engine, as the file has it."""
    series = re.escape(f"{LAST_PASS}{{{_labels(_who(record))}}}")
    found = re.search(rf"^{series} ([0-9.]+)$", before, re.MULTILINE)
    return float(found.group(1)) if found else None


def _tables(found: Record) -> list[Sample]:
    counted = [({"result": name}, records.number(found, name)) for name in TABLES]
    if isinstance(found.get("mismatches"), (list, tuple)) and counted[0][1] is not None:
        counted.append(({"result": "differing"}, float(len(found["mismatches"]))))
        counted.append(({"result": "excluded"}, float(len(records.part(found, "excluded")))))
    return [(labels, value) for labels, value in counted if value is not None]


def _amcheck(record: Record) -> float | None:
    """None where it did not look."""
    checks = [one for one in record.get("checks") or () if isinstance(one, t.Mapping) and one.get("name") == amcheck.NAME]
    if not any(one.get("result") in ("ok", "failed") for one in checks):
        return None
    return float(sum(one.get("code") == "AMCHECK_FAILED" for one in record.get("findings") or () if isinstance(one, t.Mapping)))


def _lock_remaining(record: Record, at: float | None) -> float | None:
    until = _epoch(records.part(record, "source").get("lock_until"))
    return None if until is None or at is None else until - at
