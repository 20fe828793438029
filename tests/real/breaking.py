# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy on 127.0.0.1 whose connections break off: each of the first few is closed after so many bytes of the server's answers."""

from __future__ import annotations

import contextlib
import socket
import threading
import types
import typing as t
import urllib.parse

from playground.cluster import HOST

BLOCK = 65536


class Breaking:
    """Passes everything on to ``endpoint``; ``broken`` counts what it closed."""

    def __init__(self, endpoint: str, *, after: int, times: int) -> None:
        target = urllib.parse.urlsplit(endpoint)
        self._target = (str(target.hostname), int(target.port or 80))
        self._after, self._times = after, times
        self._server = socket.create_server((HOST, 0))
        self.broken = 0

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
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()
            while block := client.recv(BLOCK):
                server.sendall(block)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while block := server.recv(BLOCK):
                client.sendall(block)
                passed += len(block)
                if passed >= self._after and self.broken < self._times:
                    self.broken += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
