# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A run that is told to end cleans up first: Kubernetes and systemd send SIGTERM, and wait, before they kill."""

from __future__ import annotations

import contextlib
import signal
import typing as t

from .findings import stop

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def in_order() -> t.Iterator[None]:
    """Inside, the first of these signals raises; further ones do not disturb the cleaning up. Only for a process's main thread.

    :raises Stopped: ABORTED.
    """

    def told(number: int, _frame: t.Any) -> None:
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise stop("ABORTED", "run", expected="to be left to its end", found=signal.Signals(number).name)

    before = {number: signal.signal(number, told) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
