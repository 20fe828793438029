# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on while a test does something else."""

from __future__ import annotations

import contextlib
import threading
import typing as t


@contextlib.contextmanager
def meanwhile(*acts: t.Callable[[threading.Event], None]) -> t.Iterator[None]:
    """Each act in a thread of its own, as long as this lasts; it ends when the event that it is given is set."""
    over = threading.Event()
    threads = [threading.Thread(target=act, args=(over,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
