# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Asking a server over HTTP: certificates verified, no redirect followed, never longer than told, never more than fits."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import json
import pathlib
import queue
import ssl
import threading
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

from .errors import Refusal

MOST_BYTES = 8 << 20
AGAIN = (429, 500, 502, 503, 504)
PAUSE = 1.0

# How a module is told of a server; an option of its own for each module that asks only one, else a dictionary's.
OPTIONS: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30.0},
    "tries": {"type": "int", "default": 3},
    "use_proxy": {"type": "bool", "default": True},
}
EXCLUSIVE = (("username", "token"),)
TOGETHER = (("username", "password"),)


class Unusable(Exception):
    """Why there is no answer, or none that says anything; ``str()`` ends the sentence "found …". ``code`` is a short reason for programs."""

    def __init__(self, why: str, code: str = "unusable") -> None:
        self.code = code
        super().__init__(why)


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer with its whole body."""

    status: int
    content_type: str
    body: bytes


@dataclasses.dataclass(frozen=True)
class Server:
    """Where an API is, and how to ask it. ``timeout`` in seconds, of one try."""

    url: str
    authorization: str | None
    tls: ssl.SSLContext
    timeout: float
    tries: int
    use_proxy: bool


def server(parameters: t.Mapping[str, t.Any]) -> Server:
    """A server from a module's parameters, which are ``OPTIONS``.

    :raises Refusal: the address or the file of certificates cannot be used.
    """
    if parameters["tries"] < 1:
        raise _refused("tries", "1 or more", str(parameters["tries"]), "Correct it.")
    if not 0 < parameters["timeout"] < threading.TIMEOUT_MAX:  # also false for NaN
        raise _refused("timeout", "a number of seconds above 0", str(parameters["timeout"]), "Correct it.")
    if parameters["token"] is not None:
        authorization = f"Bearer {_line(parameters['token'], 'token')}"
    elif parameters["username"] is not None:
        pair = f"{parameters['username']}:{parameters['password']}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        authorization = None
    return Server(
        _address(parameters["url"]),
        authorization,
        _certificates(parameters["ca_path"]),
        parameters["timeout"],
        parameters["tries"],
        parameters["use_proxy"],
    )


def ask(asked: Server, path: str, form: t.Mapping[str, str] | None = None) -> Answer:
    """The answer to one question, a POST where there is a form. Asks again after a second when there was none, or one that says so.

    :raises Unusable: no answer in time, or one that is too large.
    """
    kind = "application/x-www-form-urlencoded"
    return _sent(
        asked, path, "GET" if form is None else "POST", None if form is None else urllib.parse.urlencode(form).encode(), kind, asked.tries
    )


def tell(asked: Server, method: str, path: str, document: object) -> Answer:
    """The answer to a request that changes something, its body JSON, or none for None. It is sent once: one not answered may still have been done.

    :raises Unusable: no answer in time, or one that is too large.
    """
    return _sent(asked, path, method, None if document is None else json.dumps(document).encode(), "application/json", 1)


def _sent(asked: Server, path: str, method: str, body: bytes | None, kind: str, tries: int) -> Answer:
    headers = {"Accept": "application/json", "User-Agent": "governed.delivery", **({} if body is None else {"Content-Type": kind})}
    request = urllib.request.Request(asked.url + path, body, headers, method=method)
    if asked.authorization is not None:
        request.add_unredirected_header("Authorization", asked.authorization)
    for left in reversed(range(tries)):
        try:
            answer = _within(asked.timeout, lambda: _once(asked, request))
        except Unusable:
            if not left:
                raise
        else:
            if answer.status not in AGAIN or not left:
                return answer
        time.sleep(PAUSE)
    raise Unusable("no answer: it was not asked", "unreachable")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the credentials elsewhere, and turn a POST into a GET."""

    def redirect_request(self, *told: t.Any) -> None:
        del told


def _once(asked: Server, request: urllib.request.Request) -> Answer:
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=asked.tls), _NoRedirect()]
    if not asked.use_proxy:
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=asked.timeout) as response:
            return _whole(response.status, response)
    except urllib.error.HTTPError as error:
        with error:
            return _whole(error.code, error)


def _whole(status: int, response: http.client.HTTPResponse | urllib.error.HTTPError) -> Answer:
    body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise Unusable(f"an answer of more than {MOST_BYTES >> 20} MiB: aggregate in the query, as by sum()", "too_large")
    return Answer(status, response.headers.get("Content-Type") or "", body)


def _within(seconds: float, call: t.Callable[[], Answer]) -> Answer:
    """What the call returns, given up after so many seconds in all: a socket's own timeout starts anew with every byte that drips in."""
    said: queue.SimpleQueue[Answer | Unusable] = queue.SimpleQueue()

    def answer() -> None:
        try:
            said.put(call())
        except Unusable as why:
            said.put(why)
        except (OSError, http.client.HTTPException, ValueError) as error:
            said.put(Unusable(_reason(error, seconds), "unreachable"))

    threading.Thread(target=answer, daemon=True).start()
    try:
        found = said.get(timeout=seconds)
    except queue.Empty:
        raise Unusable(_reason(TimeoutError(), seconds), "unreachable") from None
    if isinstance(found, Unusable):
        raise found
    return found


def _reason(error: Exception, seconds: float) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return f"no answer within {seconds:g} s"
    return "no answer: " + (getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).strip()


def _address(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in url):
        raise _refused("url", "http:// or https://, a host, and perhaps a port and a path", "something else", "Correct it.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise _refused("url", "an address without user, query and fragment", "one of them", "Use username and password, or token.")
    return url.rstrip("/")


def _certificates(path: str | None) -> ssl.SSLContext:
    if path is None:
        return ssl.create_default_context()
    try:
        folder = pathlib.Path(path).is_dir()
        return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except OSError as error:  # ssl.SSLError is one
        found = error.strerror or str(error)
        raise _refused(f"ca_path {path}", "certificates in PEM, in a file or a folder", found, "Correct it.") from error


def _line(text: str, name: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise _refused(name, "one line of ASCII", "other characters", "Look for a line break at its end.")
    return text


def _refused(thing: str, expected: str, found: str, remedy: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code="server_address")
