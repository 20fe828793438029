# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module tenant_map: from what is wanted and what is there to a rollout, and the rollout itself."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal, Refusals
from .._common.frame import Context, Outcome
from .._common.postgres.driver import errors, psycopg, sql
from . import routes_fence as fences
from . import routes_objects as objects
from . import routes_render as render
from . import routes_shard as shard_database
from .names import STATE_SCHEMA
from .routes import LARGEST_VERSION, TenantMap, moves
from .routes_balance import share_out
from .routes_fence import Change
from .routes_tenants import require_home
from .routes_world import SHARDS_SPEC, World, by_name, look, place, sessions, speaking_of, tenant_columns
from .steps import Step, execute

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .routes_render import File
    from .routes_world import Parameters

SPEC = SHARDS_SPEC.merge(
    ArgumentSpec(
        options={
            "state": {"type": "str", "default": "present", "choices": ["present", "reverted", "absent"]},
            "overrides": {"type": "dict", "default": {}},
            "version": {"type": "int"},
            "moved_tenants": {"type": "list", "elements": "str", "default": []},
            "refuse_stale": {"type": "bool", "default": True},
            "application_roles": {"type": "list", "elements": "str", "default": []},
            "patience": {"type": "int", "default": 30},
            "config_map_path": {"type": "path"},
            "config_map_name": {"type": "str", "default": "tenant-map"},
            "config_map_namespace": {"type": "str", "default": "default"},
            "pgbouncer_path": {"type": "path"},
        },
        required_if=(("state", "present", ("tenant_tables",)), ("state", "reverted", ("tenant_tables",))),
    )
)


@dataclasses.dataclass(frozen=True)
class Target:
    """The map to arrive at, and the version that it takes back, if it does."""

    tenants: TenantMap
    reverts: int | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything a run would do, in order."""

    target: Target
    install: t.Mapping[str, list[Step]]
    changes: list[Change]
    files: list[File]
    texts: t.Mapping[str, str]

    def of(self, phase: str) -> list[Change]:
        return [change for change in self.changes if change.phase == phase]

    def steps(self, change: Change) -> list[Step]:
        return objects.apply(change, self.target.tenants, self.target.reverts)

    def described(self) -> list[dict[str, str]]:
        """All steps for people and programs."""
        described = [{"shard": shard, "phase": "install", **step.as_dict()} for shard, steps in self.install.items() for step in steps]
        for phase in (fences.NARROW, fences.SETTLE, fences.PUBLISH, fences.RETIRE):
            if phase == fences.PUBLISH:
                described += [{"phase": phase, "file": str(file.path)} for file in self.files if file.changes]
            described += [
                {"shard": change.shard, "phase": phase, **step.as_dict()} for change in self.of(phase) for step in self.steps(change)
            ]
        return described


def work(context: Context) -> Outcome:
    """Bring all shards and files to the wanted map, or say what that would take."""
    parameters = context.parameters
    shards = by_name(parameters["shards"])
    callers = parameters["application_roles"]
    with sessions(shards, application="tenant_map", read_only=context.check_mode) as connections:
        world = look(connections, callers)
        target = _target(parameters, shards, world)
        if target is None:
            return _take_away(context, connections, world)
        plan = _plan(parameters, shards, world, target)
        require_home(connections, world, target.tenants, tenant_columns(parameters), parameters["moved_tenants"])
        if not context.check_mode:
            _run(context, connections, world, plan)
        return _outcome(world, plan)


def _target(parameters: Parameters, shards: t.Mapping[str, Parameters], world: World) -> Target | None:
    """The map to arrive at; None when nothing is to be left.

    :raises Refusal: when it would go backwards.
    :raises Refusals: when what is wanted has mistakes.
    """
    if parameters["state"] == "absent":
        return None
    if parameters["state"] == "reverted":
        return _reverted(world, parameters["version"])
    settled = world.settled.tenants if world.settled else None
    weights = {name: shard["weight"] for name, shard in shards.items()}
    wanted = share_out(settled, weights, parameters["overrides"], version=1)
    version = parameters["version"]
    if settled and wanted.digest == settled.digest and version in (None, settled.version):
        return Target(settled, world.settled.reverts if world.settled else None)
    begun = world.history.get(world.newest)
    if (
        begun
        and begun.tenants.digest == wanted.digest
        and version in (None, world.newest)
        and world.newest > (settled.version if settled else 0)
    ):
        return Target(begun.tenants, begun.reverts)  # a run that was cut had begun to roll it out
    if version is not None and version <= world.newest:
        raise Refusal(
            "version",
            expected=f"{world.newest + 1} or higher for a map that differs",
            found=str(version),
            remedy="Maps never go backwards: leave version out, or give a higher one.",
            code="backwards",
        )
    return Target(dataclasses.replace(wanted, version=world.newest + 1 if version is None else version))


def _reverted(world: World, version: int | None) -> Target | None:
    """What an older map said, as a version newer than all; None when there is nothing to go back to.

    :param version: of the older map, 0 for the time before any; None for the one before the newest change.
    :raises Refusal: when no shard has a record of it.
    """
    newest = world.history.get(world.newest)
    if newest is None:
        return None
    if version is None and newest.reverts is not None:
        return Target(newest.tenants, newest.reverts)
    if version is None:
        version = max((older for older in world.history if older < world.newest), default=0)
    if version == 0:
        return None
    if version not in world.history:
        raise Refusal(
            f"tenant map version {version}",
            expected="a map that a shard has recorded",
            found=f"versions {', '.join(map(str, sorted(world.history)))}",
            remedy="Give one of these, or leave version out for the one before the newest.",
            code="no_record",
        )
    older = world.history[version].tenants
    if older.digest == newest.tenants.digest:
        return Target(newest.tenants, newest.reverts)
    return Target(dataclasses.replace(older, version=world.newest + 1), world.newest)


def _plan(parameters: Parameters, shards: t.Mapping[str, Parameters], world: World, target: Target) -> Plan:
    tenants = target.tenants
    unlisted = sorted(set(tenants.shards) - set(shards))
    if unlisted:
        raise Refusal(
            f"shard {unlisted[0]}",
            expected=f"to be listed, because map version {tenants.version} names it",
            found=f"only {', '.join(sorted(shards))}",
            remedy="List it with its connection.",
            code="shard_missing",
        )
    places = {name: place(shard) for name, shard in shards.items()}
    texts = {
        "config_map": render.config_map(tenants, places, name=parameters["config_map_name"], namespace=parameters["config_map_namespace"]),
        "pgbouncer": render.pgbouncer(tenants, places),
    }
    install = {name: objects.install(shard.installed, parameters["application_roles"]) for name, shard in world.shards.items()}
    changes = fences.rollout({name: shard.fence for name, shard in world.shards.items()}, tenants, refuse_stale=parameters["refuse_stale"])
    return Plan(
        target, {name: steps for name, steps in install.items() if steps}, changes, _files(parameters, texts, tenants.version), texts
    )


def _files(parameters: Parameters, texts: t.Mapping[str, str | None], version: int) -> list[File]:
    paths = {name: parameters[f"{name}_path"] for name in ("config_map", "pgbouncer")}
    return [render.look_at(path, texts.get(name), version=version) for name, path in paths.items() if path]


def _run(context: Context, connections: t.Mapping[str, Connection], world: World, plan: Plan) -> None:
    patience = context.parameters["patience"]
    for shard, steps in plan.install.items():
        _transaction(connections[shard], shard, steps, patience)
    with _all_or_nothing(context, connections, plan) as done:
        _narrow(context, connections, world, plan, done)
        for change in plan.of(fences.SETTLE):
            _transaction(connections[change.shard], change.shard, plan.steps(change), patience)
            done.append(change)
    _publish(plan.files)
    for change in plan.of(fences.RETIRE):
        _transaction(connections[change.shard], change.shard, plan.steps(change), patience)


def _transaction(connection: Connection, shard: str, steps: t.Sequence[Step], patience: float) -> None:
    """Run the steps together. A REPEATABLE READ transaction that has asserted a route holds the fence's row: it is waited for."""
    with speaking_of(shard), connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = {round(1000 * patience)}")
        execute(connection, steps)


@contextlib.contextmanager
def _all_or_nothing(context: Context, connections: t.Mapping[str, Connection], plan: Plan) -> t.Iterator[list[Change]]:
    """Widen what was narrowed when something stands in the way before a shard has settled; from then on the next run goes forward."""
    done: list[Change] = []
    try:
        yield done
    except (Refusal, Refusals, psycopg.Error):
        if all(change.phase == fences.NARROW for change in done):
            for change in done:
                _widen(context, connections[change.shard], change, plan)
        raise


def _narrow(context: Context, connections: t.Mapping[str, Connection], world: World, plan: Plan, done: list[Change]) -> None:
    """Take away from every shard what the map gives to others.

    From here on nobody writes for a tenant that moves, so what is found in the tables now is the last word.
    """
    parameters = context.parameters
    for change in plan.of(fences.NARROW):
        with speaking_of(change.shard):
            steps = plan.steps(change)
            shard_database.when_quiet(connections[change.shard], steps, shard=change.shard, patience=parameters["patience"])
        done.append(change)
    if done:
        require_home(connections, world, plan.target.tenants, tenant_columns(parameters), parameters["moved_tenants"])


def _widen(context: Context, connection: Connection, change: Change, plan: Plan) -> None:
    """Put back what a narrowing took away. Safe, because no shard has settled; if it fails, the next run does it."""
    if change.before is None:
        return
    back = objects.apply(Change("widen", change.shard, change.after, change.before), plan.target.tenants, None)
    try:
        with connection.transaction():
            execute(connection, [*back, objects.forget(plan.target.tenants.version)])
    except psycopg.Error as error:
        context.warn(f"shard {change.shard} refuses the tenants that were to move until the next run: {error}")


def _publish(files: t.Iterable[File]) -> None:
    for file in files:
        if file.changes:
            try:
                render.write(file)
            except OSError as error:
                raise Refusal(
                    str(file.path),
                    expected="to be written",
                    found=str(error),
                    remedy="The shards have the map already. Mend the file's place and run again.",
                    code="not_written",
                ) from error


def _outcome(world: World, plan: Plan) -> Outcome:
    tenants = plan.target.tenants
    before = world.settled.tenants if world.settled else None
    described = plan.described()
    now = {name: shard.fence for name, shard in world.shards.items()}
    then = dict(now)
    for change in plan.changes:
        then[change.shard] = change.after
    facts = {
        "version": tenants.version,
        "version_before": before.version if before else 0,
        "digest": tenants.digest,
        "map": tenants.as_dict(),
        "moves": moves(before, tenants),
        "plan": described,
        **plan.texts,
    }
    return Outcome(
        changed=bool(described),
        facts=facts,
        before=_text(before, now, [(file, file.found) for file in plan.files]),
        after=_text(tenants, then, [(file, file.text) for file in plan.files]),
    )


def _text(tenants: TenantMap | None, shards: t.Mapping[str, fences.Fence | None], files: t.Iterable[tuple[File, str | None]]) -> str:
    """The state for ``--diff``: the map, what every shard lets in, and the files."""
    lines = []
    if tenants:
        lines += [f"map version {tenants.version} {tenants.digest}"]
        lines += [f"slots {part.first}-{part.last}: {part.shard}" for part in tenants.ranges]
        lines += [f"tenant {tenant!r}: {shard}" for tenant, shard in tenants.overrides.items()]
    for shard, fence in sorted(shards.items()):
        if fence is None:
            lines.append(f"fence of {shard}: none")
        else:
            between = [tenant for tenant, owner in fence.owners.items() if owner is None]
            lines.append(
                f"fence of {shard}: version {fence.version}, refuses routers before {fence.oldest}, lets in {fence.slots.bit_count()} slots"
                + (f", {len(between)} tenants on their way" if between else "")
            )
    for file, text in files:
        lines += [f"file {file.path}:" + (" none" if text is None else ""), *(f"  {line}" for line in (text or "").splitlines())]
    return "\n".join(lines) + "\n"


def _take_away(context: Context, connections: t.Mapping[str, Connection], world: World) -> Outcome:
    """Remove the fences and the files that former runs wrote; from then on ``assert_route`` fails, so nobody writes unchecked."""
    removals = {name: objects.remove(shard.installed) for name, shard in world.shards.items()}
    files = [file for file in _files(context.parameters, {}, LARGEST_VERSION) if file.changes]
    described = [{"shard": shard, "phase": "remove", **step.as_dict()} for shard, steps in removals.items() for step in steps]
    described += [{"phase": "remove", "file": str(file.path)} for file in files]
    if not context.check_mode:
        for shard, steps in removals.items():
            if steps:
                with speaking_of(shard):
                    shard_database.when_quiet(connections[shard], steps, shard=shard, patience=context.parameters["patience"])
                    _drop_schema_if_empty(connections[shard])
        _publish(files)
    before = world.settled.tenants if world.settled else None
    now = {name: shard.fence for name, shard in world.shards.items()}
    return Outcome(
        changed=bool(described),
        facts={
            "version": 0,
            "version_before": before.version if before else 0,
            "digest": "",
            "map": {},
            "moves": [],
            "plan": described,
            "config_map": "",
            "pgbouncer": "",
        },
        before=_text(before, now, [(file, file.found) for file in files]),
        after=_text(None, dict.fromkeys(now), [(file, None) for file in files]),
    )


def _drop_schema_if_empty(connection: Connection) -> None:
    with contextlib.suppress(errors.DependentObjectsStillExist, errors.InsufficientPrivilege), connection.transaction():
        connection.execute(sql.SQL("DROP SCHEMA {} RESTRICT").format(sql.Identifier(STATE_SCHEMA)))
