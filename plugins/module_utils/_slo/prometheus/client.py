# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Asking Prometheus over HTTP: certificates verified, no redirect followed, never longer than told, never more than fits."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import pathlib
import queue
import ssl
import threading
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

from ..._common.errors import Refusal
from .answers import Answer, Unusable

MOST_BYTES = 8 << 20
AGAIN = (429, 500, 502, 503, 504)
PAUSE = 1.0


@dataclasses.dataclass(frozen=True)
class Server:
    """Where Prometheus' API is, and how to ask it. ``timeout`` in seconds, of one try."""

    url: str
    authorization: str | None
    tls: ssl.SSLContext
    timeout: float
    tries: int
    use_proxy: bool


def server(parameters: t.Mapping[str, t.Any]) -> Server:
    """A server from the module's parameters.

    :raises Refusal: the address or the file of certificates cannot be used.
    """
    if parameters["tries"] < 1:
        raise _refused("tries", "1 or more", str(parameters["tries"]), "Correct it.")
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
    """The answer to one request, a POST where there is a form. Asks again after a second when there was none, or one that says so.

    :raises Unusable: no answer in time, or one that is too large.
    """
    for left in reversed(range(asked.tries)):
        try:
            answer = _within(asked.timeout, lambda: _once(asked, path, form))
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


def _once(asked: Server, path: str, form: t.Mapping[str, str] | None) -> Answer:
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(asked.url + path, data, {"Accept": "application/json", "User-Agent": "governed.delivery"})
    if asked.authorization is not None:
        request.add_unredirected_header("Authorization", asked.authorization)
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
            said.put(Unusable(f"no answer: {_reason(error)}", "unreachable"))

    threading.Thread(target=answer, daemon=True).start()
    try:
        found = said.get(timeout=seconds)
    except queue.Empty:
        raise Unusable(f"no answer within {seconds:g} s", "unreachable") from None
    if isinstance(found, Unusable):
        raise found
    return found


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return (getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).strip()


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
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code="promql_address")
