# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router that an application uses. Needs neither Ansible nor, to import it, psycopg: any driver whose errors carry ``sqlstate`` will do.

    router = Router(map_from_file("/etc/tenant-map/tenant_map.json"))
    token = router.run("acme", pool_of, lambda connection: connection.execute("INSERT …"))

The router may be wrong, and that is no harm: the fence in each shard's database has the last word (``routes_fence.py``).
"""

from __future__ import annotations

import dataclasses
import logging
import re
import threading
import time
import typing as t
from pathlib import Path

from .._common.errors import Refusal
from .routes import TenantMap

STALE = "TR001"  # SQLSTATE: the router's map is older than the shard's
NOT_OWNER = "TR002"  # SQLSTATE: the tenant does not live on this shard, or is on its way
BAD_TENANT = "TR003"  # SQLSTATE: no tenant id
_NO_SCHEMA, _NO_FUNCTION = "3F000", "42883"

_logger = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0  # how soon to ask again for a map after the source failed
_TOKEN = re.compile(r"([1-9][0-9]{0,18})\.([0-9A-F]{1,8})/([0-9A-F]{1,8})\.([A-Za-z0-9_][A-Za-z0-9_-]{0,62})")

Result = t.TypeVar("Result")


class Cursor(t.Protocol):
    """What the router needs of a cursor: psycopg's has it."""

    def fetchone(self) -> t.Any: ...


class Connection(t.Protocol):
    """What the router needs of a connection: psycopg's has it."""

    def execute(self, query: t.LiteralString, params: t.Sequence[t.Any] | None = None, /) -> Cursor: ...

    def transaction(self) -> t.ContextManager[t.Any]: ...


class RouteError(Exception):
    """A shard refused a tenant; nothing was written."""

    def __init__(self, route: Route, reason: str) -> None:
        self.route = route
        super().__init__(f"tenant {route.tenant!r} on shard {route.shard} by map version {route.version}: {reason}")


class StaleMap(RouteError):
    """The router's map is older than the shard's: read the map again, then route again."""


class NotOwner(RouteError):
    """The tenant does not live on this shard, or is just being moved: wait a moment, then route again."""


@dataclasses.dataclass(frozen=True)
class Route:
    """Where a tenant lives, and by which version of the map."""

    tenant: str
    shard: str
    version: int


@dataclasses.dataclass(frozen=True)
class WriteToken:
    """Proof of a write: who reads from a copy of ``shard`` that has replayed ``lsn`` sees it. ``str()`` fits a cookie or a header."""

    shard: str
    version: int
    lsn: int

    def __str__(self) -> str:
        return f"{self.version}.{_lsn_text(self.lsn)}.{self.shard}"

    @classmethod
    def parse(cls, text: str) -> WriteToken:
        """The token that ``str()`` wrote.

        :raises Refusal: when the text is no token; a client may send anything.
        """
        found = _TOKEN.fullmatch(text)
        if not found:
            raise Refusal(
                "write token",
                expected="version.lsn.shard, like 7.0/16B3748.shard_a",
                found=repr(text[:80]),
                remedy="Read from the primary instead.",
                code="bad_token",
            )
        version, high, low, shard = found.groups()
        return cls(shard, int(version), int(high, 16) << 32 | int(low, 16))


class Router:
    """Keeps a map fresh enough, and asks the shard before every write.

    Threads may share one. A map never goes back to a lower version; when the source fails, the last map stays in use, because what it
    has wrong the shards refuse.

    :param source: gives the newest map it knows: ``map_from_file(…)``, or any function.
    :param time_to_live: seconds after which the source is asked again.
    :param clock: seconds that only grow; for tests.
    """

    def __init__(
        self, source: t.Callable[[], TenantMap], *, time_to_live: float = 30.0, clock: t.Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._time_to_live = time_to_live
        self._clock = clock
        self._map: TenantMap | None = None
        self._due = 0.0
        self._refreshing = threading.Lock()
        self._adopting = threading.Lock()

    def map(self) -> TenantMap:
        """The map in use, asked for again when its time is over. Only one thread waits for the source; the others go on with what is there."""
        known = self._map
        if known is None:
            return self.refresh()
        if self._clock() >= self._due and self._refreshing.acquire(blocking=False):
            try:
                return self._refresh()
            except Exception:
                self._due = self._clock() + _RETRY_SECONDS
                _logger.warning("no fresh tenant map, going on with version %s", known.version, exc_info=True)
            finally:
                self._refreshing.release()
        return known

    def refresh(self) -> TenantMap:
        """Ask the source now. What the source raises is raised."""
        with self._refreshing:
            return self._refresh()

    def _refresh(self) -> TenantMap:
        adopted = self.adopt(self._source())
        self._due = self._clock() + self._time_to_live
        return adopted

    def adopt(self, offered: TenantMap) -> TenantMap:
        """Use the offered map if it is newer than the one in use; gives the one in use then.

        :raises Refusal: when two maps of one version differ: somebody made one by hand.
        """
        with self._adopting:
            known = self._map
            if known is not None and known.version == offered.version and known.digest != offered.digest:
                raise Refusal(
                    f"tenant map version {known.version}",
                    expected=f"one map of this version, digest {known.digest}",
                    found=f"another, digest {offered.digest}",
                    remedy="Make maps only with the module tenant_map, which counts versions up.",
                    code="two_maps",
                )
            if known is None or offered.version > known.version:
                self._map = known = offered
            return known

    def shard_for(self, tenant: str) -> str:
        """The name of the tenant's shard.

        :raises Refusal: when the id is not a non-empty string.
        """
        return self.map().shard_for(tenant)

    def route(self, tenant: str) -> Route:
        """The tenant's shard and the version of the map that says so, for ``assert_route``."""
        current = self.map()
        return Route(tenant, current.shard_for(tenant), current.version)

    def run(
        self,
        tenant: str,
        connect: t.Callable[[str], t.ContextManager[Connection]],
        work: t.Callable[[t.Any], Result],
        *,
        attempts: int = 6,
        pause: float = 0.02,
    ) -> Result:
        """Do ``work`` in a transaction on the tenant's shard, once the shard has agreed that it is the right one.

        A shard that refuses hands over its newer map, and the tenant is routed again: what is being moved is waited for, shortly.
        ``work`` is called at most once.

        :param connect: shard name to a context manager that gives a connection, such as ``pools[shard].connection``.
        :param work: gets the connection, inside the transaction.
        :param attempts: how often to try; the pauses between double, from ``pause`` seconds.
        :raises StaleMap, NotOwner: when the shard still refuses at the last attempt; nothing was written.
        """
        for attempt in range(1, attempts + 1):
            route = self.route(tenant)
            agreed = False
            with connect(route.shard) as connection:
                try:
                    with connection.transaction():
                        assert_route(connection, route)
                        agreed = True
                        return work(connection)
                except RouteError as error:
                    if agreed or attempt == attempts:
                        raise
                    newer = self.adopt(map_from_shard(connection))
                    _logger.info("%s; now at map version %s", error, newer.version)
            if newer.version == route.version:
                time.sleep(pause * 2 ** (attempt - 1))
        raise ValueError(f"attempts: expected at least 1; found {attempts}")

    def replica_may_serve(self, tenant: str, token: WriteToken | None, replica: Connection, *, wait: float = 0.0) -> bool:
        """Whether the tenant may be read from this copy of its shard without missing the token's write; else read from the primary.

        Without a token, nothing was written that could be missed. A token from another shard than the tenant's proves nothing here.
        """
        if token is None:
            return True
        if token.version > self.map().version:
            self.refresh()  # the client has seen a newer map than we have
        return token.shard == self.shard_for(tenant) and can_serve(replica, token, wait=wait)


def assert_route(connection: Connection, route: Route) -> None:
    """Let the shard's database check the route. First thing in the transaction: the agreement holds until that transaction ends.

    :raises StaleMap, NotOwner: when the shard refuses; the transaction is aborted then.
    """
    try:
        connection.execute("SELECT governed_delivery.assert_route(%s, %s)", (route.tenant, route.version))
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        if state == STALE:
            raise StaleMap(route, str(error)) from error
        if state == NOT_OWNER:
            raise NotOwner(route, str(error)) from error
        raise


def map_from_file(path: str | Path) -> t.Callable[[], TenantMap]:
    """A source for ``Router``: the file ``tenant_map.json`` of the ConfigMap, where it is mounted."""
    return lambda: TenantMap.from_json(Path(path).read_text(encoding="utf-8"))


def map_from_shard(connection: Connection) -> TenantMap:
    """The map that a shard's database works by."""
    return TenantMap.from_json(connection.execute("SELECT governed_delivery.current_map()").fetchone()[0])


def token_after_write(connection: Connection) -> WriteToken:
    """A token for what was committed before on the primary of a shard, by anyone. Call it after COMMIT.

    :raises Refusal: when the transaction that wrote is still open, or the server is a replica.
    """
    shard, version, lsn, replica, writing, _fixed = _position(connection)
    if replica or writing:
        raise Refusal(
            f"write token of shard {shard}",
            expected="a primary, after COMMIT",
            found="a replica" if replica else "a transaction that has written and is still open",
            remedy="Take the token on the connection that wrote, after its COMMIT.",
            code="no_token",
        )
    return WriteToken(shard, version, lsn)


def can_serve(replica: Connection, token: WriteToken, *, wait: float = 0.0) -> bool:
    """Whether this server has the token's write, waiting for it at most ``wait`` seconds. False: read from the primary.

    :raises Refusal: inside a transaction whose snapshot is older than the answer: what is read next would be older too.
    """
    deadline = time.monotonic() + wait
    pause = 0.001
    while True:
        shard, version, lsn, fixed = _replayed(replica, token)
        if fixed:
            raise Refusal(
                f"read from shard {shard}",
                expected="the question before the transaction",
                found="a REPEATABLE READ or SERIALIZABLE transaction that is open already",
                remedy="Ask can_serve first, then BEGIN.",
                code="old_snapshot",
            )
        if shard != token.shard:
            return False
        if version >= token.version and lsn >= token.lsn:
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, 0.05)


def _replayed(replica: Connection, token: WriteToken) -> tuple[str, int, int, bool]:
    """How far the replica is; nowhere when not even the fence has arrived there yet."""
    try:
        shard, version, lsn, _replica, _writing, fixed = _position(replica)
    except Exception as error:
        if getattr(error, "sqlstate", None) in (_NO_SCHEMA, _NO_FUNCTION):
            return token.shard, 0, 0, False
        raise
    return shard, version, lsn, fixed


def _position(connection: Connection) -> tuple[str, int, int, bool, bool, bool]:
    row = connection.execute(
        "SELECT shard, version, lsn::text, is_replica, is_writing, is_snapshot_fixed FROM governed_delivery.route_position()"
    ).fetchone()
    shard, version, lsn, replica, writing, fixed = row
    high, low = lsn.split("/")
    return shard, version, int(high, 16) << 32 | int(low, 16), replica, writing, fixed


def _lsn_text(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
