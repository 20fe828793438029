# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Feeds a recovering server with the archive as it was at the cut, and never lets it take a gap for the end.

The server's restore_command is the small script below: a process each segment, so it must be small. It takes what lies ready in the spool, waits for what is
still on its way, answers "not there" (1) only behind the archive's end, and 255, at which the server stops, where a segment is missing or damaged.
All fetching, pinning, checking and throttling happens here, ahead of it, in one thread.
"""

from __future__ import annotations

import pathlib
import threading
import typing as t
from concurrent import futures

from ..findings import Finding, Stopped
from ..programs import Account, hand_over
from ..source import wal

ASKED_AGAIN = 3  # a segment that is no longer than the backup needed it, before it counts as the archive's end
AHEAD = 12  # segments that lie ready; bounds the space
SCRIPT = """\
#!/bin/sh
# restore_command of a validation: restore_wal <file> <destination>
here=${0%/*}
printf '%s\\n' "$1" >> "$here/asked"
case "$1" in
*.history)
    [ -f "$here/$1" ] && exec cp "$here/$1" "$2"
    exit 1 ;;
esac
[ -f "$here/served.$1" ] && exit 1 # the server has it in pg_wal
while :; do
    if [ -f "$here/$1" ]; then
        mv "$here/$1" "$2" || exit 255
        : > "$here/served.$1"
        exit 0
    fi
    [ -f "$here/refused.$1" ] && exit 255
    if [ -f "$here/ended" ]; then
        [ -f "$here/$1" ] && continue
        exit 1
    fi
    sleep 0.01
done
"""


class Source(t.Protocol):
    """Where whole, checked segments come from."""

    def segment(self, segment: wal.Segment, destination: pathlib.Path) -> int:
        """Put it there; bytes fetched. Raises ``Stopped`` where it is not as it should be."""


class Spool:
    """A folder that the server's account can write to, and the thread that fills it.

    :param chain: what will be asked for.
    :param histories: history files by name, all of them.
    :param owner: the account that the server runs as: it writes over the segments when it uses them again.
    :param own: segments that the archive lacks and the backup brought along; the last of them may end early.
    :param gap: what the chain's gap comes to, where it has one.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        source: Source,
        chain: wal.Chain,
        *,
        histories: t.Mapping[str, bytes],
        size: int,
        owner: Account | None,
        gap: Finding | None = None,
        own: t.Collection[wal.Segment] = (),
    ) -> None:
        self.folder = folder
        self.source = source
        self.chain = chain
        self.size = size
        self.owner = owner
        self.gap = gap
        self._own = frozenset(segment.name(size) for segment in own)
        self.bytes = 0
        self.finding: Finding | None = None
        self._histories = histories
        self._stopping = threading.Event()
        self._thread = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._filling: futures.Future[None] | None = None

    @property
    def command(self) -> str:
        """For restore_command."""
        return f'sh "{self.folder}/restore_wal" "%f" "%p"'

    def start(self) -> None:
        """Begin to fill it."""
        (self.folder / "restore_wal").write_text(SCRIPT, encoding="utf-8")
        for name in self._own:
            (self.folder / f"served.{name}").touch()
        for name, content in self._histories.items():
            (self.folder / name).write_bytes(content)
        self._filling = self._thread.submit(self._fill)

    def stop(self) -> None:
        """End the thread; what is on its way is left."""
        self._stopping.set()
        self._thread.shutdown()

    def require_well(self) -> None:
        """Nothing, while the thread fills or has ended well; else what it died of."""
        if self._filling is not None and self._filling.done() and (problem := self._filling.exception()) is not None:
            raise problem

    def asked(self) -> list[str]:
        """Everything that the server asked for since it was started, in order."""
        try:
            return (self.folder / "asked").read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return []

    def forget_asked(self) -> None:
        """Before the server is started again."""
        (self.folder / "asked").unlink(missing_ok=True)

    def is_drained(self, asked: t.Sequence[str]) -> bool:
        """Whether the server asked for what comes behind the archive's end, so that it has read all before."""
        if not self.chain.segments or self.chain.gap:
            return False
        last = self.chain.segments[-1]
        return last.next().name(self.size) in asked or (
            last.name(self.size) in self._own and asked.count(last.name(self.size)) >= ASKED_AGAIN
        )

    def refused(self) -> Finding | None:
        """What a server that ended was told to stop at: a damaged segment, or a missing one that it asked for."""
        if self.finding is not None:
            return self.finding
        gap = self.chain.gap
        return self.gap if gap is not None and gap.first_missing.name(self.size) in self.asked() else None

    def _fill(self) -> None:
        try:
            for segment in self.chain.segments:
                if not self._has_room():
                    return
                name = segment.name(self.size)
                if name in self._own:
                    continue
                incoming = self.folder / "incoming"
                try:
                    self.bytes += self.source.segment(segment, incoming)
                except Stopped as stopped:
                    self.finding = stopped.finding
                    (self.folder / f"refused.{name}").touch()
                    return
                hand_over(incoming, self.owner).rename(self.folder / name)
            if self.chain.gap:
                (self.folder / f"refused.{self.chain.gap.first_missing.name(self.size)}").touch()
        finally:
            (self.folder / "ended").touch()

    def _has_room(self) -> bool:
        """Wait until the server has taken some; False when it is all over."""
        while not self._stopping.is_set():
            if sum(1 for path in self.folder.iterdir() if wal.parse(path.name)) < AHEAD:
                return True
            self._stopping.wait(0.005)
        return False
