# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy on 127.0.0.1 that loses one answer: the server has done what it was asked, the client sees the connection end."""

from __future__ import annotations

import contextlib
import socket
import threading
import types
import typing as t
import urllib.parse

from playground.cluster import HOST

BLOCK = 65536


class Dropping:
    """Passes everything on. The first request with that method and path ending is answered by closing the connection,

    once the server has answered and ``then`` was done. Requests must fit into what is sent at once.
    """

    def __init__(self, endpoint: str, method: bytes, ending: bytes, then: t.Callable[[], None]) -> None:
        target = urllib.parse.urlsplit(endpoint)
        self._target = (str(target.hostname), int(target.port or 80))
        self._method, self._ending, self._then = method, ending, then
        self._server = socket.create_server((HOST, 0))
        self.dropped = 0

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self._server.getsockname()[1]}"

    def __enter__(self) -> t.Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server, contextlib.suppress(OSError):
            losing = threading.Event()
            threading.Thread(target=self._back, args=(server, client, losing), daemon=True).start()
            while block := client.recv(BLOCK):
                line = block.split(b"\r\n", 1)[0]
                if not self.dropped and line.startswith(self._method) and self._ending in line:
                    self.dropped += 1
                    losing.set()
                server.sendall(block)

    def _back(self, server: socket.socket, client: socket.socket, losing: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while block := server.recv(BLOCK):
                if losing.is_set() and not block.startswith(b"HTTP/1.1 100"):
                    self._then()
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(block)
