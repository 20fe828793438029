# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``slo_rules`` does."""

from __future__ import annotations

import pathlib
import re
import typing as t

from ..._common import files, runbooks, shape, web, words
from ..._common.argument_spec import ArgumentSpec
from ..._common.errors import Refusal, Refusals
from ..._common.frame import Context, Outcome
from ..._common.prometheus import promql
from ..catalog import catalog as catalogs
from ..catalog import open_slo, yaml_text
from ..catalog.catalog import Catalog
from . import alertmanager, applying, bundle, closure, history, measuring, programs, record, recording, saved_history
from .applying import Change, File

HEADER = "# Made from the catalogue of service levels by governed.delivery.slo_rules; changes belong there.\n"

SPEC = ArgumentSpec(
    options={
        "state": {"type": "str", "default": "present", "choices": ["rendered", "present", "absent", "restored", "measured"]},
        "catalog": {"type": "path"},
        "catalog_text": {"type": "str"},
        "rules_file": {"type": "path"},
        "tests_directory": {"type": "path"},
        "alertmanager_file": {"type": "path"},
        "record": {"type": "path"},
        "page_receiver": {"type": "str", "default": "page"},
        "ticket_receiver": {"type": "str", "default": "ticket"},
        "runbooks_directory": {"type": "path"},
        "runbooks_url": {"type": "str", "default": ""},
        "other_rules": {"type": "list", "elements": "path", "default": []},
        "raw_metrics": {"type": "list", "elements": "str", "default": []},
        "promtool": {"type": "path"},
        "amtool": {"type": "path"},
        "untested": {"type": "bool", "default": False},
        "reload": {"type": "str", "default": "none", "choices": ["none", "http", "sighup"]},
        "pid_file": {"type": "path"},
        "prometheus": {
            "type": "dict",
            "options": dict(web.OPTIONS),
            "mutually_exclusive": web.EXCLUSIVE,
            "required_together": web.TOGETHER,
        },
        "history": {"type": "path"},
        "days": {"type": "int", "default": 7},
        "former_pages": {"type": "str", "default": 'ALERTS{alertstate="firing",severity="page",slo_id=""}'},
    },
    mutually_exclusive=(("catalog", "catalog_text"), ("history", "prometheus")),
    required_if=(
        ("state", "present", ("rules_file",)),
        ("state", "absent", ("rules_file",)),
        ("state", "restored", ("rules_file", "record")),
        ("state", "present", ("catalog", "catalog_text"), True),
        ("state", "rendered", ("catalog", "catalog_text"), True),
        ("state", "measured", ("catalog", "catalog_text"), True),
        ("state", "measured", ("prometheus", "history"), True),
        ("reload", "http", ("prometheus",)),
        ("reload", "sighup", ("prometheus", "pid_file")),
    ),
)
NOTHING: t.Mapping[str, t.Any] = {"slos": [], "rules": 0, "alerts": 0, "tests_passed": 0}


def work(context: Context) -> Outcome:
    """Make, write or remove the rules, or measure what they are worth.

    :raises Refusal: an option is not as it must be, or Prometheus did not take the rules; the files are then as they were.
    :raises Refusals: what is wrong with the catalogue or its rules.
    """
    told = context.parameters
    if not 1 <= told["days"] <= history.MOST_DAYS:
        raise shape.wrong("days", f"1 to {history.MOST_DAYS}", words.described(told["days"]), "Correct it.")
    if told["state"] == "restored":
        return _restored(context)
    if told["state"] == "absent":
        found = _present([told["rules_file"], told["alertmanager_file"]], told["tests_directory"])
        return _applied(context, applying.planned(told, found), dict(NOTHING))
    catalog = catalogs.read(_text(told), told["catalog"] or "catalog")
    if told["state"] == "measured":
        return Outcome(False, {"measures": _measures(told, catalog), "slos": [slo.id for slo in catalog.slos]})
    content = bundle.rules(catalog.slos, told["runbooks_url"])
    _refuse_missing_runbooks(catalog, told["runbooks_directory"])
    _refuse_undefined(catalog, content, told["other_rules"], told["raw_metrics"])
    routes = alertmanager.snippet(told["page_receiver"], told["ticket_receiver"])
    rules_text, routes_text = HEADER + yaml_text.dump([content]), HEADER + yaml_text.dump([routes])
    facts = {
        "slos": [slo.id for slo in catalog.slos],
        "rules": sum(1 for group in content["groups"] for rule in group["rules"] if "record" in rule),
        "alerts": sum(1 for group in content["groups"] for rule in group["rules"] if "alert" in rule),
        "tests_passed": 0,
    }
    wanted = {told["rules_file"]: rules_text, told["alertmanager_file"]: routes_text, **_tests(catalog, told["tests_directory"])}
    changes = [File(path, files.text_if_any(path), text) for path, text in wanted.items() if path is not None]
    changes += _retired(told["tests_directory"], wanted)
    _refuse_foreign(changes)
    if told["state"] == "rendered" or any(change.before != change.after for change in changes):
        facts["tests_passed"] = _tested(told, catalog, routes)
    if told["state"] == "rendered":
        rendered = {"rules": rules_text, "alertmanager": routes_text, "open_slo": yaml_text.dump(open_slo.documents(catalog.slos))}
        return Outcome(False, {**facts, "rendered": rendered})
    return _applied(context, applying.planned(told, changes), facts)


def _text(told: t.Mapping[str, t.Any]) -> str:
    return str(told["catalog_text"]) if told["catalog_text"] is not None else files.text(told["catalog"])


def _measures(told: t.Mapping[str, t.Any], catalog: Catalog) -> list[measuring.Measure]:
    folder = told["runbooks_directory"]
    if told["history"] is not None:
        saved = saved_history.load(files.text(told["history"]), told["history"])
        return measuring.of_history(saved, catalog, runbooks_directory=folder)
    former = told["former_pages"]
    _refuse_no_selector(former)
    server = web.server(told["prometheus"])
    return measuring.measures(server, catalog, days=told["days"], former_pages=former, runbooks_directory=folder)


def _refuse_no_selector(former: str) -> None:
    try:
        promql.plain_selector(former)
    except promql.NoPromql as why:
        raise shape.wrong("former_pages", "a selector of ALERTS", str(why), "Correct it.") from why


def _refuse_missing_runbooks(catalog: Catalog, directory: str | None) -> None:
    """A service level may be without a runbook, which is measured; it may not name one that is not there."""
    if directory is None:
        return
    problems = [
        (slo, problem)
        for slo in catalog.slos
        if slo.runbook and (problem := runbooks.problem(pathlib.Path(directory), slo.runbook)) is not None
    ]
    if problems:
        raise Refusals(
            [
                Refusal(
                    f"slo {slo.id}: runbook",
                    expected=f"{slo.runbook} to be there",
                    found=problem,
                    remedy="Write the runbook, or correct the link.",
                    code="slo_runbook_missing",
                )
                for slo, problem in problems
            ]
        )


def _refuse_undefined(catalog: Catalog, content: t.Mapping[str, t.Any], others: t.Sequence[str], raw: t.Sequence[str]) -> None:
    """Selectors of our rules and of the others that read what there is not."""
    asked = {promql.plain_selector(selector).name for slo in catalog.slos for selector in recording.part_and_total(slo)[:2]}
    try:
        is_raw = closure.allowed([*(re.escape(name) for name in asked), *raw])
    except re.error as problem:
        raise shape.wrong("raw_metrics", "regular expressions", str(problem), "Correct it.") from problem
    groups = list(content["groups"])
    for path in others:
        for document in yaml_text.documents(files.text(path), path):
            groups += shape.sequence(shape.mapping(document, path, required=("groups",))["groups"], f"{path}: groups", empty=True)
    found = closure.findings({"groups": groups}, is_raw)
    if found:
        raise Refusals(
            [
                Refusal(f"rule {one.path}", expected="to read series that there are", found=one.found, remedy=one.remedy, code=one.code)
                for one in found
            ]
        )


def _tests(catalog: Catalog, directory: str | None) -> dict[str, str]:
    if directory is None:
        return {}
    return {str(pathlib.Path(directory) / name): HEADER + text for slo in catalog.slos for name, text in programs.files(slo).items()}


def _present(paths: t.Sequence[str | None], directory: str | None) -> list[File]:
    """Files of ours that are there, to be removed; a file that somebody else wrote stays."""
    ours = [File(path, text, None) for path in paths if path is not None and (text := files.text_if_any(path)) is not None]
    _refuse_foreign(ours)
    return [*ours, *_retired(directory, {})]


def _refuse_foreign(changes: t.Sequence[File]) -> None:
    """A file that somebody else wrote is neither replaced nor removed."""
    strange = [change.path for change in changes if change.before is not None and not change.before.startswith(HEADER)]
    if strange:
        raise Refusal(
            strange[0],
            expected=f"a file that begins with {HEADER.strip()!r}",
            found="another beginning",
            remedy="Name another file, or move this one away.",
            code="slo_foreign_file",
        )


def _retired(directory: str | None, wanted: t.Mapping[t.Any, str]) -> list[File]:
    """Our files of service levels that the catalogue no longer has."""
    if directory is None or not pathlib.Path(directory).is_dir():
        return []
    paths = [str(path) for suffix in ("rules", "test") for path in sorted(pathlib.Path(directory).glob(f"*.{suffix}.yml"))]
    found = [File(path, files.text(path), None) for path in paths if path not in wanted]
    return [one for one in found if str(one.before).startswith(HEADER)]


def _tested(told: t.Mapping[str, t.Any], catalog: Catalog, routes: t.Mapping[str, t.Any]) -> int:
    """How many cases passed; rules that nothing has tested are not applied, unless that is wanted."""
    if told["amtool"] is not None:
        receivers = {"page": told["page_receiver"], "ticket": told["ticket_receiver"]}
        programs.refuse_wrong_routes(told["amtool"], routes, receivers, catalog.slos[0])
    if told["promtool"] is not None:
        return programs.tested(told["promtool"], catalog.slos)
    if told["state"] == "present" and not told["untested"]:
        raise Refusal(
            "promtool",
            expected="to be named, so that the rules are tested before they are in force",
            found="nothing",
            remedy="Say where promtool is, or untested: true.",
            code="slo_untested",
        )
    return 0


def _restored(context: Context) -> Outcome:
    """Bring back what was there before the last change, as it was recorded; nothing where there is no record."""
    told = context.parameters
    recorded = record.load(told["record"])
    if recorded is None:
        return Outcome(False, {**NOTHING, "files": []})
    wanted = [File(path, files.text_if_any(path), text) for path, text in recorded.former.items()]
    _refuse_foreign(wanted)
    return _applied(context, applying.planned_undo(told, recorded, wanted), dict(NOTHING))


def _applied(context: Context, change: Change, facts: dict[str, t.Any]) -> Outcome:
    if not context.check_mode:
        applying.apply(context.parameters, change)
    facts["files"] = [file.path for file in change.files]
    before, after = (
        "".join(f"--- {file.path}\n{text}" for file in change.files if (text := getattr(file, side)) is not None)
        for side in ("before", "after")
    )
    return Outcome(change.is_due, facts, before, after)
