# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The paths that users take through the services, as a person wrote them."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..._common import shape


@dataclasses.dataclass(frozen=True)
class UserPath:
    """A request enters at ``services[0]`` and goes through the others in this order, then to a database when ``database`` says so.

    ``route`` is compared with the entry span's ``http.route``, ``span`` with its name; "" for any.
    ``external_parent`` when who calls sends a context of its own, so that the entry span has a parent that nobody recorded.
    """

    name: str
    services: tuple[str, ...]
    route: str
    span: str
    database: bool
    external_parent: bool

    @functools.cached_property
    def hops(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a service and the one that it calls."""
        return tuple(zip(self.services, self.services[1:], strict=False))


def parse(found: object) -> list[UserPath]:
    """
    :raises Refusal: it names the path of what is wrong.
    """
    paths = [_path(entry, f"paths[{index}]") for index, entry in enumerate(shape.sequence(found, "paths"))]
    shape.unique([path.name for path in paths], "paths")
    return paths


def _path(found: object, path: str) -> UserPath:
    given = found if not isinstance(found, t.Mapping) else {key: value for key, value in found.items() if value is not None}
    entry = shape.mapping(given, path, required=("name", "services"), optional=("route", "span", "database", "external_parent"))
    services = [
        shape.text(service, f"{path}.services[{index}]")
        for index, service in enumerate(shape.sequence(entry["services"], f"{path}.services"))
    ]
    shape.unique(services, f"{path}.services")
    return UserPath(
        name=shape.name(entry["name"], f"{path}.name"),
        services=tuple(services),
        route=shape.text(entry["route"], f"{path}.route") if entry.get("route") else "",
        span=shape.text(entry["span"], f"{path}.span") if entry.get("span") else "",
        database=bool(entry.get("database", True)),
        external_parent=bool(entry.get("external_parent", False)),
    )
