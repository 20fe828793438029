# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The shards of a map: their options, a session on each, and what all of them together say."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal
from .._common.postgres.connect import CONNECTION_SPEC
from .._common.postgres.driver import errors, psycopg
from . import routes_shard as shard_database
from .names import STATE_SCHEMA, Table
from .routes import TenantMap
from .routes_render import Address, Place
from .routes_shard import Observation, TenantColumn
from .state import only_one

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .routes_shard import Recorded

_SERVER = {name: CONNECTION_SPEC.options[name] for name in ("login_host", "login_port", "login_unix_socket")}
_ADVERTISED = {"advertised_host": {"type": "str"}, "advertised_port": {"type": "int"}}

SHARDS_SPEC = ArgumentSpec(
    options={
        "shards": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "weight": {"type": "int", "default": 1},
                **CONNECTION_SPEC.options,
                **_ADVERTISED,
                "replicas": {"type": "list", "elements": "dict", "default": [], "options": {**_SERVER, **_ADVERTISED}},
            },
        },
        "tenant_tables": {
            "type": "list",
            "elements": "dict",
            "options": {
                "schema": {"type": "str", "default": "public"},
                "table": {"type": "str", "required": True},
                "column": {"type": "str", "default": "tenant_id"},
            },
        },
    }
)

Parameters = t.Mapping[str, t.Any]


def by_name(shards: t.Iterable[Parameters]) -> dict[str, Parameters]:
    """The shards' options by name.

    :raises Refusal: when a name comes twice.
    """
    named: dict[str, Parameters] = {}
    for shard in shards:
        if shard["name"] in named:
            raise Refusal(
                f"shard {shard['name']}",
                expected="to be listed once",
                found="it twice",
                remedy="Give every shard its own name.",
                code="shard_twice",
            )
        named[shard["name"]] = shard
    return named


def place(shard: Parameters) -> Place:
    """Where applications reach the shard and its replicas."""
    return Place(_address(shard, shard["login_db"]), tuple(_address(replica, shard["login_db"]) for replica in shard["replicas"]))


def _address(server: Parameters, database: str) -> Address:
    host = server["advertised_host"] or server["login_unix_socket"] or server["login_host"]
    return Address(host, server["advertised_port"] or server["login_port"], database)


def replica_parameters(shard: Parameters, replica: Parameters) -> Parameters:
    """Connection options of a replica: the shard's, on another server."""
    return {**shard, **{name: replica[name] for name in _SERVER}}


def tenant_columns(parameters: Parameters) -> list[TenantColumn]:
    return [TenantColumn(Table(entry["schema"], entry["table"]), entry["column"]) for entry in parameters["tenant_tables"] or []]


@contextlib.contextmanager
def speaking_of(shard: str) -> t.Iterator[None]:
    """Say which shard it was when its server refuses, or is gone."""
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise Refusal(
            f"shard {shard}",
            expected="a role that may create in the database (the first time), owns the fence, and may read the tenant tables",
            found=_first_line(error),
            remedy="Log in as such a role, or grant it that.",
            code="no_permission",
        ) from error
    except errors.LockNotAvailable as error:
        raise Refusal(
            f"shard {shard}",
            expected="the locks it needs, within the patience",
            found=" ".join(filter(None, [_first_line(error), error.diag.context])),
            remedy="End the transaction that holds them, or run again when it is over. A REPEATABLE READ one that asserted a route holds the fence's row.",
            code="busy_shard",
        ) from error
    except psycopg.OperationalError as error:
        raise Refusal(
            f"shard {shard}",
            expected="its server to answer until the work is done",
            found=_first_line(error),
            remedy="Run again when it is back: the run goes on where this one was cut.",
            code="connection_lost",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def sessions(shards: t.Mapping[str, Parameters], *, application: str, read_only: bool) -> t.Iterator[dict[str, Connection]]:
    """A session on every shard's primary; unless ``read_only``, with every other run kept out of all of them.

    :raises Refusal: when one cannot be reached, two are the same database, or another run is at work.
    """
    with contextlib.ExitStack() as stack:
        connections: dict[str, Connection] = {}
        seen: dict[tuple[t.Any, ...], str] = {}
        for name, parameters in sorted(shards.items()):
            connection = shard_database.open_shard(name, parameters, application=application, read_only=read_only)
            connections[name] = stack.enter_context(contextlib.closing(connection))
            with speaking_of(name):
                other = seen.setdefault(shard_database.identity(connection), name)
            if other != name:
                raise Refusal(
                    f"shard {name}",
                    expected="a database of its own",
                    found=f"the same database as shard {other}",
                    remedy="Correct login_host, login_port or login_db of one of them.",
                    code="same_database",
                )
            if not read_only:
                # In the order of their names, so that two runs never wait for each other crosswise.
                stack.enter_context(only_one(connection, Table(STATE_SCHEMA, "tenant_map")))
        yield connections


@dataclasses.dataclass(frozen=True)
class World:
    """What all shards together say."""

    shards: t.Mapping[str, Observation]
    settled: Recorded | None  # the newest map that a shard's fence is at
    history: t.Mapping[int, Recorded]  # every map that a shard has recorded, also one that no fence came to yet

    @property
    def newest(self) -> int:
        """The highest version that was ever recorded, 0 when none was."""
        return max(self.history, default=0)

    @property
    def anything(self) -> bool:
        return any(shard.installed.anything for shard in self.shards.values())


def look(connections: t.Mapping[str, Connection], callers: t.Collection[str]) -> World:
    """Read every shard.

    :raises Refusal: when what they say cannot be true together, or a shard is not listed that may own tenants.
    """
    shards = {}
    for name, connection in connections.items():
        with speaking_of(name):
            shards[name] = shard_database.observe(connection, callers)
        _require_own_fence(name, shards[name])
    at = max((shard.fence.version for shard in shards.values() if shard.fence), default=0)
    history: dict[int, Recorded] = {}
    for name, shard in shards.items():
        for version, recorded in shard.history.items():
            known = history.setdefault(version, recorded)
            if version >= at and known.tenants.digest != recorded.tenants.digest:
                raise _two_maps(version, name)
    world = World(shards, history.get(at), history)
    _require_all_owners(world, at)
    return world


def _require_own_fence(name: str, shard: Observation) -> None:
    if shard.fence and shard.fence.shard != name:
        raise Refusal(
            f"shard {name}",
            expected=f"the database of shard {name}",
            found=f"the database of shard {shard.fence.shard}",
            remedy="Correct the names: a shard keeps its name as long as it has a fence.",
            code="wrong_shard",
        )
    if shard.fence and shard.current is None:
        raise Refusal(
            f"shard {name}",
            expected=f"map version {shard.fence.version} in governed_delivery.tenant_map, where its fence is",
            found="no such row",
            remedy="Someone removed it: restore the row from another shard.",
            code="no_record",
        )


def _two_maps(version: int, name: str) -> Refusal:
    return Refusal(
        f"tenant map version {version}",
        expected="one map of this version in all shards",
        found=f"another one in shard {name}",
        remedy="One of the shards was restored or wired up wrongly: find out which before anything is routed.",
        code="two_maps",
    )


def _require_all_owners(world: World, at: int) -> None:
    """A shard left out could let tenants in that the next map gives to others; also by a map that a cut run has begun to roll out."""
    for version, recorded in sorted(world.history.items()):
        missing = sorted(owners(recorded.tenants) - set(world.shards)) if version >= at else []
        if missing:
            raise Refusal(
                f"shard {missing[0]}",
                expected=f"to be listed, because it owns tenants by map version {version}",
                found=f"only {', '.join(world.shards)}",
                remedy="List it, with weight 0 if it is to go; leave it out when it owns nothing any more.",
                code="shard_missing",
            )


def owners(tenants: TenantMap) -> set[str]:
    """The shards that own a slot or a tenant."""
    return {part.shard for part in tenants.ranges} | set(tenants.overrides.values())
