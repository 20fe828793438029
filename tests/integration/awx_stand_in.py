# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of AWX's API, as far as the awx.awx modules use it to make templates, workflows and schedules. It knows no rule of AWX's own.

Written from the requests of awx.awx 24.6.1 and the serializers of AWX 24.6.1. No AWX ran beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import threading
import typing as t
import urllib.parse

Entry = dict[str, t.Any]
ROOT = "/api/v2/"
TEMPLATES = ("job_templates", "workflow_job_templates", "workflow_approval_templates")
EDGES = ("success_nodes", "failure_nodes", "always_nodes")


@dataclasses.dataclass
class StandIn:
    """Entries by endpoint and id, and every request that changed one."""

    url: str = ""
    entries: dict[str, dict[int, Entry]] = dataclasses.field(default_factory=dict)
    changes: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    count: int = 0

    def add(self, endpoint: str, **fields: object) -> Entry:
        self.count += 1
        url = f"{ROOT}{endpoint}/{self.count}/"
        entry: Entry = {"id": self.count, "type": endpoint.removesuffix("s"), "url": url, "related": {}, **fields}
        if endpoint == "workflow_job_templates":
            entry["related"]["survey_spec"] = f"{url}survey_spec/"
        if endpoint == "workflow_job_template_nodes":
            entry.update({"all_parents_must_converge": False, **{edge: [] for edge in EDGES}})
            self._point(entry, fields.get("unified_job_template"))
        self.entries.setdefault(endpoint, {})[self.count] = entry
        return entry

    def of(self, endpoint: str) -> list[Entry]:
        names = TEMPLATES if endpoint == "unified_job_templates" else (endpoint,)
        return [entry for name in names for entry in self.entries.get(name, {}).values()]

    def answer(self, method: str, path: str, query: t.Mapping[str, str], data: Entry) -> tuple[int, t.Any]:
        endpoint, *rest = path.removeprefix(ROOT).strip("/").split("/")
        if method != "GET":
            self.changes.append((method, path))
        if not rest:
            return self._collection(method, endpoint, query, data)
        entry = self.entries.get(endpoint, {}).get(int(rest[0]))
        if entry is None:
            return 404, {"detail": "Not found."}
        return self._part(method, entry, rest[1], data) if len(rest) > 1 else self._one(method, endpoint, entry, data)

    def _collection(self, method: str, endpoint: str, query: t.Mapping[str, str], data: Entry) -> tuple[int, t.Any]:
        if method == "POST":
            return 201, self.add(endpoint, **data)
        found = [entry for entry in self.of(endpoint) if all(self._is(entry, key, value) for key, value in query.items())]
        return 200, {"count": len(found), "next": None, "previous": None, "results": found}

    def _one(self, method: str, endpoint: str, entry: Entry, data: Entry) -> tuple[int, t.Any]:
        if method == "DELETE":
            del self.entries[endpoint][entry["id"]]
            for other in self.of(endpoint):
                for edge in EDGES:
                    if entry["id"] in other.get(edge, []):
                        other[edge].remove(entry["id"])
            return 204, None
        if method == "PATCH":
            entry.update(data)
            if "unified_job_template" in data:
                self._point(entry, data["unified_job_template"])
        return 200, entry

    def _part(self, method: str, entry: Entry, part: str, data: Entry) -> tuple[int, t.Any]:
        if part == "survey_spec":
            entry["survey_spec"] = data if method == "POST" else entry.get("survey_spec", {})
            return 200, entry["survey_spec"]
        if part == "create_approval_template":
            made = self.add("workflow_approval_templates", **data)
            self._point(entry, made["id"])
            return 201, made
        ids: list[int] = entry.setdefault(part, [])
        if method == "POST":
            ids.remove(data["id"]) if data.get("disassociate") else ids.append(data["id"])
            return 204, None
        return 200, {"count": len(ids), "next": None, "results": [{"id": number} for number in ids]}

    def _point(self, node: Entry, template: object) -> None:
        node["unified_job_template"] = template
        found = [entry for entry in self.of("unified_job_templates") if entry["id"] == template]
        node["related"] = {"unified_job_template": found[0]["url"]} if found else {}

    def _is(self, entry: Entry, key: str, value: str) -> bool:
        if key in ("page_size", "order_by"):
            return True
        name, _separator, inner = key.removeprefix("or__").partition("__")
        found = entry.get(name)
        if inner:
            others = [other for other in self.of(f"{name}s") if other["id"] == found]
            return bool(others) and self._is(others[0], inner, value)
        return str(found) == value


@contextlib.contextmanager
def served() -> t.Iterator[StandIn]:
    """The stand-in on a free port of this machine."""
    stand_in = StandIn()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = dict(urllib.parse.parse_qsl(parts.query))
            status, answer = stand_in.answer(self.command, parts.path, query, json.loads(body) if body else {})
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the test keeps what it needs."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand_in.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield stand_in
        finally:
            server.shutdown()
