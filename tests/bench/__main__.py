# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed beside a peer: ``python -m tests.bench [NAME …]`` prints one line of JSON a bench and leaves it in build/bench/."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import typing as t
from pathlib import Path

from playground.postgres import available_versions

from .result import Options, Result

Bench = t.Callable[[Options], Result]


def benches() -> dict[str, Bench]:
    """All benches by name: what the files beside this one list as their ``BENCHES``."""
    found: dict[str, Bench] = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = importlib.import_module(f"{__package__}.{path.stem}")
        found.update({bench.__name__: bench for bench in getattr(module, "BENCHES", ())})
    return found


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and loads are cleared away
    known = benches()
    default = Options()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed beside a peer, one line of JSON each.")
    parser.add_argument("names", nargs="*", metavar="name", help="of: " + ", ".join(known))
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="the same")
    parser.add_argument("--rows", type=int, default=default.rows, help="rows of the table (%(default)s)")
    parser.add_argument("--times", type=int, default=default.times, help="turns of ours and the peer (%(default)s)")
    parser.add_argument("--version", type=int, choices=available_versions(), default=default.version, help="of PostgreSQL (%(default)s)")
    options = parser.parse_args(arguments)
    names = [*options.names, *options.only] or list(known)
    unknown = sorted(set(names) - set(known))
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there are: {', '.join(known)}")
    for name in names:
        print(known[name](Options(options.rows, options.times, options.version)).save(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
