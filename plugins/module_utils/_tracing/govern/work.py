# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``otel_tail_sampling`` does."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import typing as t

from ..._common import files, shape, web
from ..._common.errors import Refusal
from ..._common.frame import Context, Outcome, need
from ..policies.regular_expressions import RE2
from ..policies.versions import NEWEST_READ, Version
from . import (
    apply,
    checks,
    document,
    editing,
    findings,
    foretelling,
    goals,
    load_balancing,
    measuring,
    pipelines,
    programs,
    sizing,
    verification,
)
from .apply_configmap import ConfigMapTarget, Rollout
from .apply_file import FileTarget
from .document import Document
from .editing import Edit
from .findings import WARNING, Finding
from .foretelling import Foretold
from .journal import Target
from .libraries import RUAMEL
from .reloading import Collectors, Reload
from .subject import Raw, Subject
from .verification import Expected

Told: t.TypeAlias = "t.Mapping[str, t.Any]"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A configuration that was looked at: what to change, what it comes to, what is wrong with it, what it would keep."""

    edit: Edit
    config: Raw
    findings: list[Finding]
    facts: dict[str, t.Any]
    foretold: Foretold | None


def work(context: Context) -> Outcome:
    """Do what ``state`` says.

    :raises Refusal: an option is not as it must be, or the collector disagrees.
    :raises Refusals: errors in the configuration, all at once.
    """
    need(RUAMEL, RE2)
    told = context.parameters
    version = Version.parse(told["collector_version"])
    if version > NEWEST_READ:
        context.warn(f"Collector {version} is newer than {NEWEST_READ}, the newest that is known here, and is taken to behave like it.")
    servers = [web.server(one) for one in told["telemetry"]]
    if told["state"] == "measured":
        is_asked = told["measure_from"] == "collectors"
        return Outcome(False, {"measures": measuring.measures(servers, told, _apart(told)) if is_asked else _replayed(context, version)})
    target = _target(told)
    if told["state"] == "absent":
        return _absent(context, target)
    wanted = _wanted(context, target, version)
    for finding in wanted.findings:
        if finding.severity == WARNING:
            context.warn(str(finding))
    if told["state"] != "present":
        return Outcome(False, wanted.facts)
    return _present(context, target, wanted, version, servers)


def _wanted(context: Context, target: Target, version: Version) -> Wanted:
    """:raises Refusals: what it comes to has errors."""
    told = context.parameters
    traffic = sizing.traffic(told["traffic"])
    solved = None
    edit = Edit(target.place, told["processor"], tuple(told["pipelines"]), None)
    size = None
    if told["goals"] is not None or told["policies"] is not None:
        base = {"decision_wait": told["decision_wait"], "more": told["settings"], "traffic": traffic}
        if told["goals"] is not None:
            asked = goals.parse(told["goals"], version)
            solved = foretelling.solved(asked, told["traces"], version, base)
            policies = goals.policies(asked, solved.baseline_percentage)
        else:
            policies = told["policies"]
        made, size = editing.settings(policies, **base)
        edit = dataclasses.replace(edit, settings=made)
    config = Document(edit.applied(target.read()), target.place).plain
    tier = _tier(told, version)
    subject = Subject(config, told["processor"], version, told["replicas"], tier, traffic)
    found = checks.findings(subject, told["accept"])
    findings.refuse_errors(found)
    if told["collector"] is not None:
        _ask_collector(told["collector"], config)
    foretold = None
    if told["incident_traces"] and not told["traces"]:
        raise shape.wrong("incident_traces", "traces of an ordinary time beside them", "none", "Name some with traces.")
    if told["traces"]:
        foretold = foretelling.foretold(subject, told["traces"], told["incident_traces"], solved, routed=tier is not None)
        found += foretold.findings
    facts: dict[str, t.Any] = {
        "config": dict(subject.sampler),
        "findings": [finding.as_dict() for finding in found],
        "sizing": None if size is None else size.as_dict(),
        "predicted": None if foretold is None else foretold.facts,
        "load_balancing": _rendered_tier(told, version),
    }
    return Wanted(edit, config, found, facts, foretold)


def _replayed(context: Context, version: Version) -> list[dict[str, t.Any]]:
    """Measures of the configuration as it is, from recorded traces.

    :raises Refusals: the configuration has errors.
    """
    told = context.parameters
    target = _target(told)
    tier = _tier(told, version)
    config = Document(target.read(), target.place).plain
    subject = Subject(config, told["processor"], version, told["replicas"], tier, sizing.traffic(told["traffic"]))
    findings.refuse_errors(checks.findings(subject, told["accept"]))
    foretold = foretelling.foretold(subject, told["traces"], told["incident_traces"], None, routed=tier is not None)
    for finding in foretold.findings:
        context.warn(str(finding))
    return measuring.of_replays([foretold.facts[time] for time in ("ordinary", "incident") if foretold.facts[time] is not None])


def _apart(told: Told) -> frozenset[str]:
    """Exporters that the sampler's traces do not reach, where the configuration is named."""
    if told["path"] is None and told["configmap"] is None:
        return frozenset()
    target = _target(told)
    return pipelines.exporters_apart(Document(target.read(), target.place).plain, told["processor"])


def _present(context: Context, target: Target, wanted: Wanted, version: Version, servers: t.Sequence[web.Server]) -> Outcome:
    told = context.parameters
    plan = apply.planned(target, wanted.edit.applied)
    outcome = Outcome(plan.is_due, {**wanted.facts, "seen": None}, wanted.edit.shown(plan.before), wanted.edit.shown(plan.after))
    tier_is_due = _write_tier(told, version, write=not context.check_mode)
    outcome.changed = plan.is_due or tier_is_due
    if not context.check_mode:
        seen = apply.present(target, wanted.edit.applied, _collectors(told, servers, wanted))
        outcome.facts["seen"] = None if seen is None else seen.as_dict()
    return outcome


def _absent(context: Context, target: Target) -> Outcome:
    told = context.parameters
    edit = Edit(target.place, told["processor"], tuple(told["pipelines"]), None)
    collectors = _collectors(told, [], None)
    plan = apply.plan_absent(target, edit.stripped) if context.check_mode else apply.absent(target, edit.stripped, collectors)
    return Outcome(plan.is_due, {}, edit.shown(plan.before), edit.shown(plan.after))


def _target(told: Told) -> Target:
    if told["path"] is not None:
        return FileTarget(told["path"])
    where = told["configmap"]
    return ConfigMapTarget(_kubectl(where), where["namespace"], where["name"], where["key"])


def _kubectl(where: Told) -> list[str]:
    options = (("kubeconfig", where["kubeconfig"]), ("context", where["context"]))
    return [where["kubectl"], *(f"--{name}={value}" for name, value in options if value is not None)]


def _collectors(told: Told, servers: t.Sequence[web.Server], wanted: Wanted | None) -> Collectors:
    way = told["reload"]
    if way == "rollout":
        where = told["configmap"]
        if where["workload"] is None:
            raise Refusal(
                "configmap.workload",
                expected="what mounts the ConfigMap, with reload rollout",
                found="nothing",
                remedy="Name it, as deployment/collector.",
                code="workload_missing",
            )
        reload: t.Callable[[bytes], None] = Rollout(_kubectl(where), where["namespace"], where["workload"], told["reload_timeout"])
    else:
        once = Reload(way, told["pid_file"], tuple(told["reload_command"] or ()), told["reload_timeout"])

        def reload(content: bytes) -> None:
            del content
            once()

    expected = None if wanted is None or not servers else _expected(told, wanted)
    return Collectors(reload, servers, expected, renews=way in ("sighup", "command", "rollout"))


def _expected(told: Told, wanted: Wanted) -> Expected:
    sampler = (wanted.config.get("processors") or {})[told["processor"]]
    wait = sizing.duration(sampler.get("decision_wait", sizing.DEFAULT_DECISION_WAIT))
    how = told["verify"]
    return Expected(
        told["processor"],
        tuple(str(policy["name"]) for policy in sampler["policies"]),
        None if wanted.foretold is None else wanted.foretold.kept,
        how["tolerance"],
        verification.window(30.0 if wait is None else wait, how["window"]),
        how["traces_at_least"],
        how["patience"],
        pipelines.exporters_apart(wanted.config, told["processor"]),
    )


def _rendered_tier(told: Told, version: Version) -> dict[str, t.Any] | None:
    tier = told["load_balancing"]
    if tier is None or tier["resolver"] is None:
        return None
    service = tier["service"]
    return {
        "config": load_balancing.rendered(version, listen=tier["listen"], resolver=tier["resolver"], tls=tier["tls"]),
        "service": None if service is None else load_balancing.headless_service(**service),
    }


def _tier(told: Told, version: Version) -> Raw | None:
    """The configuration of the tier in front: rendered, or read where it is."""
    rendered = _rendered_tier(told, version)
    if rendered is not None:
        return t.cast("Raw", rendered["config"])
    if told["load_balancing"] is None:
        return None
    path = told["load_balancing"]["path"]
    return Document(files.text(path).encode(), path).plain


def _write_tier(told: Told, version: Version, *, write: bool) -> bool:
    """Have the rendered tier in its file; whether it was not there already. Its collectors are somebody else's to restart."""
    rendered = _rendered_tier(told, version)
    if rendered is None or told["load_balancing"]["path"] is None:
        return False
    path = pathlib.Path(told["load_balancing"]["path"])
    content = document.dumped(rendered["config"])
    if files.text_if_any(str(path)) == content.decode():
        return False
    if write:
        files.replace(path, content, "load_balancing_unwritable")
    return True


def _ask_collector(program: str, config: Raw) -> None:
    """Layer 5: what the collector itself has against it. That proves its structure, not its behaviour.

    :raises Refusal: something.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.yaml")
        path.touch(mode=0o600)
        path.write_bytes(document.dumped(config))
        done = programs.run([program, "validate", f"--config={path}"])
    if done.returncode != 0:
        raise Refusal(
            "configuration",
            expected="one that otelcol validate takes",
            found=programs.last_words(done),
            remedy="Correct it.",
            code="otelcol_validate",
        )
