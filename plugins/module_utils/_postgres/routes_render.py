# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The map as others read it: a Kubernetes ConfigMap, PgBouncer's databases; and files that change in one step."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import tempfile
import typing as t
from pathlib import Path

from .._common.errors import Refusal
from .routes import TenantMap

CONFIG_MAP_LIMIT = 1 << 20  # bytes of data that the API server takes
_MARK = "governed.delivery/tenant-map-version"
_VERSION = re.compile(rf'{re.escape(_MARK)}: "?([0-9]+)"?')


@dataclasses.dataclass(frozen=True)
class Address:
    """Where applications reach a server; never with a user or a password."""

    host: str
    port: int
    database: str


@dataclasses.dataclass(frozen=True)
class Place:
    """Where applications reach a shard, and the copies of it that they may read from."""

    primary: Address
    replicas: tuple[Address, ...] = ()


def config_map(tenants: TenantMap, places: t.Mapping[str, Place], *, name: str, namespace: str) -> str:
    """The ConfigMap as YAML, with the keys ``tenant_map.json`` and ``shards.json``.

    Everything quoted is JSON, which is YAML too: nothing of the content is interpreted.

    :raises Refusal: when it is larger than Kubernetes takes.
    """
    addresses = {shard: _address_entry(places[shard]) for shard in tenants.shards}
    data = {"shards.json": json.dumps(addresses, indent=2, sort_keys=True), "tenant_map.json": tenants.to_json()}
    size = sum(len(key) + len(value.encode()) for key, value in data.items())
    if size > CONFIG_MAP_LIMIT:
        raise Refusal(
            f"ConfigMap {namespace}/{name}",
            expected=f"at most {CONFIG_MAP_LIMIT} bytes",
            found=f"{size} bytes with {len(tenants.overrides)} overrides",
            remedy="Drop overrides that equal the tenant's slot, or let routers read the map from a shard.",
            code="config_map_too_large",
        )
    lines = [
        "---",
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata:",
        f"  name: {json.dumps(name)}",
        f"  namespace: {json.dumps(namespace)}",
        "  labels:",
        '    "app.kubernetes.io/managed-by": "governed.delivery"',
        "  annotations:",
        f'    {_MARK}: "{tenants.version}"',
        f'    governed.delivery/tenant-map-digest: "{tenants.digest}"',
        "data:",
    ]
    for key, value in data.items():
        lines += [f"  {key}: |", *(f"    {line}" for line in value.splitlines())]
    return "\n".join(lines) + "\n"


def pgbouncer(tenants: TenantMap, places: t.Mapping[str, Place]) -> str:
    """PgBouncer's ``[databases]`` section, for ``%include``: one database a shard, by the shard's name; copies as ``<shard>.replica<n>``.

    :raises Refusal: when an address has a line break in it, which its file cannot hold.
    """
    lines = [f"; {_MARK}: {tenants.version}", f"; {tenants.digest}", "[databases]"]
    for shard in tenants.shards:
        place = places[shard]
        lines.append(f"{shard} = {_connection_string(shard, place.primary)}")
        lines += [
            f"{shard}.replica{number} = {_connection_string(shard, replica)}" for number, replica in enumerate(place.replicas, start=1)
        ]
    return "\n".join(lines) + "\n"


def _address_entry(place: Place) -> dict[str, t.Any]:
    replicas = [dataclasses.asdict(replica) for replica in place.replicas]
    return {**dataclasses.asdict(place.primary), **({"replicas": replicas} if replicas else {})}


def _connection_string(shard: str, address: Address) -> str:
    parts = {"host": address.host, "port": str(address.port), "dbname": address.database}
    for value in parts.values():
        if re.search(r"[\x00-\x1f\x7f]", value):
            raise Refusal(
                f"address of shard {shard}",
                expected="no control characters",
                found=ascii(value),
                remedy="PgBouncer's file has one line a database: rename it.",
                code="bad_address",
            )
    return " ".join(f"{key}={_quoted(value)}" for key, value in parts.items() if value)


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[A-Za-z0-9_./:-]+", value) else "'" + value.replace("'", "''") + "'"


@dataclasses.dataclass(frozen=True)
class File:
    """A file that shall hold a text, or (None) shall not be there, and what is there now."""

    path: Path
    text: str | None
    found: str | None

    @property
    def changes(self) -> bool:
        return self.text != self.found


def look_at(path: str, text: str | None, *, version: int) -> File:
    """See what is at the path.

    :param version: of the map in ``text``.
    :raises Refusal: when something is there that no former run has written, or it holds a newer map, or the folder cannot be written.
    """
    place = Path(path)
    try:
        found: str | None = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        found = None
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(
            path, expected="a text file, or nothing", found=str(error), remedy="Name another path.", code="not_our_file"
        ) from error
    if found is not None:
        _require_ours(path, found, version)
    if text != found and not os.access(place.parent, os.W_OK | os.X_OK):
        raise Refusal(
            str(place.parent),
            expected="a folder to write in",
            found="a folder closed to us" if place.parent.is_dir() else "no such folder",
            remedy="Create it, or name another path.",
            code="no_folder",
        )
    return File(place, text, found)


def _require_ours(path: str, found: str, version: int) -> None:
    mark = _VERSION.search(found)
    if not mark and found.strip():
        raise Refusal(
            path,
            expected=f"a file with {_MARK} in it, or nothing",
            found="a file that this module has not written",
            remedy="Name another path, or move that file away.",
            code="not_our_file",
        )
    if mark and int(mark[1]) > version:
        raise Refusal(
            path,
            expected=f"map version {version} or an older one",
            found=f"version {mark[1]}",
            remedy=f"Maps never go backwards, and routers may know this one. Were the shards restored? Then give version {int(mark[1]) + 1}.",
            code="backwards",
        )


def write(file: File) -> None:
    """Make it so in one step: a reader sees the old text or the new one, whole. A new file gets mode 0644, an old one keeps its own."""
    if file.text is None:
        file.path.unlink(missing_ok=True)
        return
    mode = file.path.stat().st_mode & 0o7777 if file.found is not None else 0o644
    descriptor, unfinished = tempfile.mkstemp(dir=file.path.parent, prefix=f".{file.path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(file.text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(unfinished).replace(file.path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(unfinished).unlink()
        raise
