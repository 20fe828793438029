# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The foreground load without a server: its schedule, its feed, its book, its choices and its summary."""

from __future__ import annotations

import array
import collections
import datetime
import itertools
import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import foreground, schedule
from playground.book import MARK, Book, Row
from playground.feed import Feed, line
from playground.transactions import MIX, Client, Statements, Template
from playground.worker import Record

FLIGHT = Template("UA", datetime.datetime(2013, 1, 1, 10, tzinfo=datetime.UTC), {"origin": "EWR"})
OTHER = Template("AA", FLIGHT.created_at, {"origin": "JFK"})


# --- schedule


@given(st.floats(0.1, 5000), st.integers())
def test_one_start_is_due_in_each_interval(rate: float, seed: int) -> None:
    due = list(itertools.islice(schedule.starts(rate, random.Random(seed)), 50))
    for number, offset in enumerate(due):
        assert number <= offset * rate * (1 + 1e-9)
        assert offset * rate <= number + 1 + 1e-9


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_percentile_is_the_nearest_rank(values: list[float], share: float) -> None:
    found = schedule.percentile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    smaller = [value for value in values if value < found]
    assert not smaller or len(smaller) < share * len(values)


def test_summary_of_nothing_and_of_something() -> None:
    assert schedule.summary([]) == {"count": 0, "p50": None, "p95": None, "p99": None, "longest": None}
    assert schedule.summary(range(1, 101)) == {"count": 100, "p50": 50, "p95": 95, "p99": 99, "longest": 100}


# --- feed


def test_line_is_the_contracts_format() -> None:
    assert line(1774864800.1234564, 0.71349, "read", True) == "1774864800.123456,0.713,read,1\n"
    assert line(1774864800, 1234.5, "update", False) == "1774864800.000000,1234.500,update,0\n"


def test_writers_of_one_feed_never_tear_a_line(tmp_path: Path) -> None:
    path = tmp_path / "new" / "feed.csv"

    def write(number: int) -> None:
        with Feed(path) as feed:
            for _unused in range(500):
                feed.add(float(number), 1.0, "read", True)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert collections.Counter(path.read_text(encoding="ascii").splitlines()) == {line(n, 1.0, "read", True).strip(): 500 for n in range(4)}


# --- book


@given(
    st.dictionaries(st.integers(0, 20), st.none()),
    st.lists(st.tuples(st.sampled_from(["put", "strike"]), st.integers(0, 20))),
    st.integers(),
)
def test_book_holds_what_a_dictionary_holds(first: dict[int, None], steps: list[tuple[str, int]], seed: int) -> None:
    model = {key: Row("a", None) for key in first}
    gone: set[int] = set()
    book = Book(model)
    for number, (step, key) in enumerate(steps):
        if step == "put":
            model[key] = Row("b", str(number))
            book.put(key, model[key])
        elif key in model:
            del model[key]
            gone.add(key)
            book.strike(key)
        assert book.rows == model
        picked = book.pick(random.Random(seed))
        assert picked in model if model else picked is None
    assert sorted(book.entries()) == sorted(
        [[key, *row] for key, row in model.items()] + [[key, None, None] for key in gone - model.keys()]
    )
    json.dumps(book.entries())


def test_every_row_is_picked() -> None:
    book = Book({key: Row("a", None) for key in range(10)})
    book.strike(3)
    book.put(99, Row("a", None))
    chance = random.Random(1)
    assert {book.pick(chance) for _unused in range(500)} == {*range(10), 99} - {3}


# --- choices


def make_client(book: Book) -> Client:
    return Client(Statements.for_table("app", "docs"), book, [FLIGHT, OTHER], "client", 1)


def test_mix_is_kept_and_every_write_is_marked() -> None:
    client = make_client(Book({key: Row("UA", None) for key in range(1000)}))
    kinds: collections.Counter[str] = collections.Counter()
    marks: set[str | None] = set()
    given_ids = itertools.count(10_000)
    for _unused in range(20_000):
        transaction = client.next()
        kinds[transaction.kind] += 1
        if transaction.kind not in ("read", "delete"):
            assert transaction.after is not None
            assert transaction.after.mark not in marks
            marks.add(transaction.after.mark)
        if transaction.kind == "rekey":
            assert transaction.key is not None
            assert transaction.after is not None
            assert transaction.after.tenant != client.book.rows[transaction.key].tenant
        client.committed(transaction, next(given_ids) if transaction.kind == "insert" else None)
    assert sum(MIX.values()) == 100
    assert MIX["insert"] + MIX["reuse"] == MIX["delete"]
    for kind, share in MIX.items():
        assert kinds[kind] / 200 == pytest.approx(share, abs=1.0)
    assert len(client.book.rows) == pytest.approx(1000, abs=150)


def test_reuse_takes_a_deleted_key_and_only_once() -> None:
    client = make_client(Book({}))
    client.book.put(7, Row("UA", None))
    client.book.strike(7)
    transaction = next(found for found in (client.next() for _unused in range(10_000)) if found.kind == "reuse")
    assert transaction.key == 7
    assert json.loads(transaction.parameters[3])[MARK] == (transaction.after or Row("", "")).mark
    client.committed(transaction, None)
    assert client.book.deleted == []
    assert client.book.rows == {7: transaction.after}


def test_empty_book_only_inserts_and_a_failed_transaction_changes_nothing() -> None:
    client = make_client(Book({}))
    assert {client.next().kind for _unused in range(200)} == {"insert"}
    assert client.book.rows == {}


# --- summary and pid file


def test_summary_adds_connections_up() -> None:
    one = Record(["read", "update"], array.array("d", [1.0, 3.0]), array.array("d", [0.1, 0.1]), collections.Counter({"55P03": 1}))
    two = Record(["read"], array.array("d", [2.0]), array.array("d", [0.2]), retries=collections.Counter({"40001": 2}), unexpected=["lost"])
    report = foreground.summarise([one, two], 1.04)
    assert report["transactions"] == {"read": 2, "update": 1, "insert": 0, "reuse": 0, "delete": 0, "rekey": 0}
    assert (report["failures"], report["retries"], report["unexpected"], report["ended"]) == ({"55P03": 1}, {"40001": 2}, 1, "stopped")
    assert report["latency_ms"] == {"count": 3, "p50": 2.0, "p95": 3.0, "p99": 3.0, "longest": 3.0}
    assert report["latency_ms_by_kind"]["read"]["longest"] == 2.0
    assert report["messages"] == ["lost"]


def test_pid_file_of_another_process_is_not_believed(tmp_path: Path) -> None:
    pid = tmp_path / "load.pid"
    assert foreground._running(pid) is None
    pid.write_text(f"{os.getpid()}\n{psutil.Process().create_time()}\nsummary.json\n", encoding="utf-8")
    assert foreground._running(pid) == psutil.Process()
    pid.write_text(f"{os.getpid()}\n{psutil.Process().create_time() - 60}\nsummary.json\n", encoding="utf-8")
    assert foreground._running(pid) is None
    pid.write_text("nonsense", encoding="utf-8")
    assert foreground._running(pid) is None
