# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A concurrent writer whose server goes at the worst moment."""

from __future__ import annotations

import typing as t

import psycopg
import pytest

from playground import concurrent


class Going:
    """A connection whose server is killed between the end of a transaction and its rollback."""

    closed = False

    def rollback(self) -> None:
        self.closed = True
        raise psycopg.OperationalError("server closed the connection unexpectedly")


def test_a_server_that_goes_while_a_writer_rolls_back_is_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    writers = concurrent.Writers("", "app", "docs")
    worker = concurrent._Worker(writers, 0)
    lost: list[bool] = []

    def refused(*_arguments: t.Any) -> None:
        raise psycopg.errors.SerializationFailure

    def looked(*_arguments: t.Any) -> bool:
        lost.append(True)
        writers.stopped.set()
        return True

    monkeypatch.setattr(worker, "_connect", Going)
    monkeypatch.setattr(worker, "_transact", refused)
    monkeypatch.setattr(worker, "_lost", looked)
    counts = worker.run()
    assert (lost, counts.failures) == ([True], [])
