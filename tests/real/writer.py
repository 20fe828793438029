# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that appends to a ledger in S3, one entry a commit, and tells each that was acknowledged; it can die at a chosen put.

``python -m tests.real.writer BUCKET KEY NAME COUNT [--batch N] [--die-before PUT]``; the server and its keys are in the environment.
"""

from __future__ import annotations

import argparse
import itertools
import os
import pathlib
import signal

from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import HeadMoved, Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3 import S3Store
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3_bucket import Place

from .ledgers import said


def die_before(store: S3Store, number: int) -> None:
    """SIGKILL right before this process' put of that number."""
    puts = itertools.count(1)

    def count(**_event: object) -> None:
        if next(puts) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    store.bucket.client.meta.events.register("before-call.s3.PutObject", count)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bucket")
    parser.add_argument("key", type=pathlib.Path)
    parser.add_argument("name")
    parser.add_argument("count", type=int)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--die-before", type=int)
    chosen = parser.parse_args()
    key = keys.read(chosen.key)
    store = S3Store(Place(chosen.bucket, retain_days=1))
    if chosen.die_before is not None:
        die_before(store, chosen.die_before)
    log = Log(store, [key.verifier], signer=key)
    for number in range(chosen.count):
        some = [f"{chosen.name} {number}.{place}" for place in range(chosen.batch)]
        while True:
            head = log.head()
            log.read(max(0, head.size - 1) if head else 0, head)
            try:
                log.append([said(one) for one in some], head)
                break
            except HeadMoved:
                continue
        print("\n".join(some), flush=True)


if __name__ == "__main__":
    main()
