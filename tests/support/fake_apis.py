# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the HTTP APIs of Grafana, GitHub and GitLab, as far as this collection speaks them. No such server can be had in a test."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import re
import threading
import typing as t


@dataclasses.dataclass
class FakeApi:
    """What it keeps: dashboards by uid, comments by id; and which requests came, as method and path."""

    token: str
    dashboards: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    comments: dict[int, str] = dataclasses.field(default_factory=dict)
    asked: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    url: str = ""

    def written(self) -> list[str]:
        """Methods of the requests that change something."""
        return [method for method, _path in self.asked if method != "GET"]

    def answer(self, method: str, path: str, body: t.Any) -> tuple[int, t.Any]:
        """Status and document."""
        if path.startswith("/api/dashboards"):
            return self._grafana(method, path, body)
        return self._issues(method, path, body)

    def _grafana(self, method: str, path: str, body: t.Any) -> tuple[int, t.Any]:
        if method == "POST":
            uid = body["dashboard"]["uid"]
            self.dashboards[uid] = {**body["dashboard"], "id": 7, "version": 3}
            return 200, {"status": "success", "uid": uid}
        uid = path.rpartition("/")[2]
        if uid not in self.dashboards:
            return 404, {"message": "Dashboard not found"}
        if method == "DELETE":
            return 200, {"title": self.dashboards.pop(uid)["title"]}
        return 200, {"dashboard": self.dashboards[uid], "meta": {}}

    def _issues(self, method: str, path: str, body: t.Any) -> tuple[int, t.Any]:
        place, _mark, query = path.partition("?")
        one = re.fullmatch(r"/repos/shop/ops/issues/comments/(\d+)|/api/v4/projects/shop%2Fteam%2Fops/issues/5/notes/(\d+)", place)
        if one and method == ("PATCH" if one[1] else "PUT"):
            self.comments[int(one[1] or one[2])] = body["body"]
            return 200, {}
        if place not in ("/repos/shop/ops/issues/5/comments", "/api/v4/projects/shop%2Fteam%2Fops/issues/5/notes"):
            return 404, {"message": "Not Found"}
        if method == "POST":
            self.comments[len(self.comments) + 1] = body["body"]
            return 201, {}
        per_page, page = (int(number) for number in re.findall(r"=(\d+)", query))
        listed = [{"id": number, "body": text} for number, text in self.comments.items()]
        return 200, listed[per_page * (page - 1) : per_page * page]


@contextlib.contextmanager
def serving(token: str = "t0ken") -> t.Iterator[FakeApi]:
    """A fake on 127.0.0.1, which answers who brings the token."""
    fake = FakeApi(token)

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            fake.asked.append((self.command, self.path))
            known = self.headers.get("Authorization") == f"Bearer {fake.token}"
            status, document = fake.answer(self.command, self.path, body) if known else (401, {"message": "Unauthorized"})
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

        def log_message(self, *told: t.Any) -> None:
            del told

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
