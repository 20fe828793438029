# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One comment on an issue, kept up to date: found by a hidden marker, never posted a second time.

GitHub: https://docs.github.com/en/rest/issues/comments. GitLab: https://docs.gitlab.com/api/notes/.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
import urllib.parse

from ..._common import web
from ..._common.errors import Refusal
from ..._common.web import Answer, Server, Unusable

PAGE = 100
MOST_PAGES = 100


@dataclasses.dataclass(frozen=True)
class Thread:
    """Where comments are: the path of an issue's, that of one of them up to its id, and the method that changes one."""

    server: Server
    comments: str
    comment: str
    changing: str


@dataclasses.dataclass(frozen=True)
class Comment:
    number: int
    body: str


def thread(server: Server, kind: str, project: str, issue: int) -> Thread:
    """An issue's comments.

    :param kind: ``github`` or ``gitlab``.
    :param project: ``owner/name``, for GitLab with all groups before it.
    """
    if kind == "github":
        path = f"/repos/{urllib.parse.quote(project)}/issues"
        return Thread(server, f"{path}/{issue}/comments", f"{path}/comments", "PATCH")
    path = f"/api/v4/projects/{urllib.parse.quote(project, safe='')}/issues/{issue}/notes"
    return Thread(server, path, path, "PUT")


def marker(name: str) -> str:
    """What the comment begins with; nobody sees it."""
    return f"<!-- governed.delivery slo_gap {name} -->\n"


def found(where: Thread, begins_with: str) -> Comment | None:
    """The oldest comment that begins so.

    :raises Refusal: the comments cannot be read.
    """
    for page in range(1, MOST_PAGES + 1):
        listed = _ask(where, f"{where.comments}?per_page={PAGE}&page={page}")
        for entry in listed:
            body = entry.get("body")
            # GitHub's web page makes CRLF of line ends when somebody edits a comment there.
            if isinstance(body, str) and body.replace("\r\n", "\n").startswith(begins_with) and isinstance(entry.get("id"), int):
                return Comment(entry["id"], body.replace("\r\n", "\n"))
        if len(listed) < PAGE:
            return None
    raise _refused(where, f"at most {PAGE * MOST_PAGES} comments", "more", "Open a new issue for the report.")


def write(where: Thread, body: str, comment: Comment | None) -> None:
    """Change the comment, or post the first.

    :raises Refusal: it was not taken. A first one that was not answered may have been posted all the same; the next run finds it.
    """
    method, path = ("POST", where.comments) if comment is None else (where.changing, f"{where.comment}/{comment.number}")
    try:
        answer = web.tell(where.server, method, path, {"body": body})
    except Unusable as problem:
        raise _refused(where, "an answer", str(problem), "Look at the server; then run it again.") from problem
    if answer.status not in (200, 201):
        raise _refused(where, "a comment that is taken", f"HTTP {answer.status}", "Give the token the right to write comments.")


def _ask(where: Thread, path: str) -> list[dict[str, t.Any]]:
    try:
        answer = web.ask(where.server, path)
    except Unusable as problem:
        raise _refused(where, "an answer", str(problem), "Correct the address, or wait for the server.") from problem
    listed = _listed(answer)
    if listed is None:
        raise _refused(where, "the issue's comments", f"HTTP {answer.status}", "Correct project, issue and token.")
    return listed


def _listed(answer: Answer) -> list[dict[str, t.Any]] | None:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if answer.status != 200 or not isinstance(document, list):
        return None
    return [entry for entry in document if isinstance(entry, dict)]


def _refused(where: Thread, expected: str, found_: str, remedy: str) -> Refusal:
    return Refusal(where.server.url + where.comments, expected=expected, found=found_, remedy=remedy, code="comment_refused")
