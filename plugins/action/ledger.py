# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import datetime
import pathlib
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import need
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys, statement, verification
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import VerifierKey
from ansible_collections.governed.delivery.plugins.module_utils._ledger.libraries import CRYPTOGRAPHY, RFC8785
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Entry, Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import Store
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import Policy, Report
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, tables
from ansible_collections.governed.delivery.plugins.plugin_utils.tables import Column

WIDTH = 100
FACTS = (Column("ledger"), Column("found", wrapped=True))
ENTRIES = (Column("entry", right=True), Column("at"), Column("kind"), Column("about", wrapped=True), Column("by"))

SPEC = ArgumentSpec(
    options={
        "directory": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["verified", "proved", "shown"], "default": "verified"},
        "verifier_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "origin": {"type": "str", "default": ""},
        "trusted": {"type": "list", "elements": "path", "default": []},
        "witness_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "statements": {"type": "bool", "default": True},
        "only_new": {"type": "bool", "default": False},
        "skew_seconds": {"type": "float", "default": verification.SKEW_SECONDS},
        "entries": {"type": "list", "elements": "int", "default": []},
        "last": {"type": "int", "default": 20},
    },
    required_if=(("state", "proved", ("entries",)),),
)


class ActionModule(ActionBase):
    """Verifies, proves and shows on the controller; writes nothing."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            need(CRYPTOGRAPHY, RFC8785)
            directory = _directory(options["directory"])
            found = _keys(options["verifier_keys"], directory)
            if options["state"] == "verified":
                return {**result, **_verified(DirectoryStore(directory, files_first=True), _policy(options, found), str(directory))}
            log = Log(DirectoryStore(directory), found, origin=options["origin"])
            answer = _proved(log, options["entries"]) if options["state"] == "proved" else _shown(log, options["entries"], options["last"])
        except Refusal as refusal:
            return {**result, **actions.refused(refusal)}
        return {**result, "changed": False, **answer}


def _directory(name: str) -> pathlib.Path:
    """The ledger's own directory, also when the one around it was named."""
    directory = pathlib.Path(name).absolute()
    inner = directory / "ledger"
    return inner if inner.is_dir() and not (directory / "checkpoint").exists() else directory


def _keys(pinned: t.Sequence[str], directory: pathlib.Path) -> tuple[VerifierKey, ...]:
    if pinned:
        return tuple(keys.parse_verifier(text.strip()) for text in pinned)
    beside = directory.with_name(f"{directory.name}.vkey")
    try:
        text = beside.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as problem:
        raise Refusal(
            "verifier_keys",
            expected=f"the ledger's verifier key, or the file {beside}",
            found="neither",
            remedy="Ask whoever keeps the ledger for its verifier key, <name>+<hash>+<base64>, and give it as verifier_keys.",
            code="key_missing",
        ) from problem
    Display().warning(f"{beside} lies beside the ledger: whoever can change the one can change the other. Pin the key with verifier_keys.")
    return (keys.parse_verifier(text, str(beside)),)


def _policy(options: t.Mapping[str, t.Any], found: tuple[VerifierKey, ...]) -> Policy:
    return Policy(
        keys=found,
        origin=options["origin"],
        trusted=tuple(_note(path) for path in options["trusted"]),
        witnesses=tuple(keys.parse_verifier(text, "witness_keys") for text in options["witness_keys"]),
        statements=options["statements"],
        only_new=options["only_new"],
        skew_seconds=options["skew_seconds"],
    )


def _note(path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as problem:
        remedy = "Name the file of a checkpoint that was kept elsewhere."
        found = problem.strerror or str(problem)
        raise Refusal(path, expected="a checkpoint that can be read", found=found, remedy=remedy, code="trusted_unreadable") from problem


def _verified(store: Store, policy: Policy, directory: str) -> dict[str, t.Any]:
    report = verification.verify(store, policy)
    answer = {"changed": False, **report.as_dict(), "table": _report_table(report, policy, directory)}
    if report.fault == "ok":
        return answer
    where = "" if report.first_bad_entry is None else f" First bad entry: {report.first_bad_entry}."
    return {**answer, "failed": True, "msg": f"{directory}: {report.fault} (exit code {report.exit_code}): {report.reason}.{where}"}


def _report_table(report: Report, policy: Policy, directory: str) -> list[str]:
    is_ok = report.fault == "ok"
    rows = [
        ("directory", directory),
        ("origin", report.origin),
        ("entries", f"{report.size:,}, {report.checked:,} of them checked" + (" with their signatures" if report.statements else "")),
        ("root", report.root or "-"),
        ("signed by", ", ".join(report.signers) or "-"),
        ("trusted checkpoints", str(len(policy.trusted)) if policy.trusted else "none: a cut tail or a rebuilt history would not be seen"),
        ("result", "OK" if is_ok else f"{report.fault.upper()}, exit code {report.exit_code}: {report.reason}"),
        *([] if report.first_bad_entry is None else [("first bad entry", str(report.first_bad_entry))]),
    ]
    return _table(FACTS, rows)


def _proved(log: Log, indexes: t.Sequence[int]) -> dict[str, t.Any]:
    proofs: list[dict[str, t.Any]] = []
    for index in indexes:
        proof = log.prove(index)
        entry = _entries(log, [index])[0]
        proofs.append({"index": index, "entry": base64.b64encode(entry.raw).decode(), "statement": entry.statement, "proof": proof})
    shown = [Entry(one["index"], one["statement"], b"") for one in proofs]
    return {"proofs": proofs, "table": _table(ENTRIES, [_row(entry) for entry in shown])}


def _shown(log: Log, indexes: t.Sequence[int], last: int) -> dict[str, t.Any]:
    head = log.head()
    size = 0 if head is None else head.size
    entries = _entries(log, indexes) if indexes else log.read(max(0, size - last))
    return {
        "size": size,
        "root": "" if head is None else head.root.hex(),
        "entries": [{"index": entry.index, "kind": statement.kind(entry.statement), "statement": entry.statement} for entry in entries],
        "table": _table(ENTRIES, [_row(entry) for entry in entries]),
    }


def _entries(log: Log, indexes: t.Sequence[int]) -> list[Entry]:
    """These entries, each proven to be in the ledger."""
    head = log.head()
    size = 0 if head is None else head.size
    for index in indexes:
        if not 0 <= index < size:
            remedy = "Name entries that are there."
            raise Refusal(f"entry {index}", expected=f"an index below {size}", found=str(index), remedy=remedy, code="no_such_entry")
    found = {entry.index: entry for entry in log.read(min(indexes))}
    return [found[index] for index in indexes]


def _row(entry: Entry) -> tuple[str, ...]:
    predicate = entry.statement["predicate"]
    about = " ".join(str(predicate[key]) for key in ("plan", "stage", "target", "host", "capability", "reason") if predicate.get(key))
    about = about or ", ".join(one["name"] for one in entry.statement["subject"])
    return str(entry.index), _minute(predicate.get("at")), statement.kind(entry.statement), about, str(predicate.get("by") or "-")


def _minute(at: t.Any) -> str:
    try:
        return datetime.datetime.fromisoformat(str(at)).isoformat(sep=" ", timespec="seconds")
    except ValueError:
        return "-"


def _table(columns: t.Sequence[Column], rows: t.Sequence[t.Sequence[str]]) -> list[str]:
    return ["  ".join(cells).rstrip() for cells in tables.lines(columns, rows, WIDTH)]
