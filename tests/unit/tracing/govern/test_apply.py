# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that is cut at any step, or that the collector does not take, ends right; on a target in memory."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import apply
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.journal import Journal, digest

BEFORE, MARK = b"theirs\n", b"ours\n"


class Cut(BaseException):
    """A kill."""


class Memory:
    """A target, and the collector that reads it, which may be cut before any write."""

    place = "memory"

    def __init__(self) -> None:
        self.content = BEFORE
        self.running = BEFORE
        self.kept_contents: dict[str, bytes] = {}
        self.told: Journal | None = None
        self.steps = 0
        self.cut_at: int | None = None
        self.refuses: bytes | None = None

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.cut_at:
            raise Cut

    def read(self) -> bytes:
        return self.content

    def replace(self, content: bytes, former: bytes) -> None:
        self.step()
        assert self.content == former
        self.content = content

    def journal(self) -> Journal | None:
        return self.told

    def remember(self, journal: Journal, contents: t.Sequence[bytes] = ()) -> None:
        self.step()
        self.kept_contents.update({digest(content): content for content in contents})
        self.step()
        self.told = journal

    def kept(self, wanted: str) -> bytes:
        return self.kept_contents[wanted]

    def forget(self) -> None:
        self.step()
        self.told = None
        self.kept_contents = {}

    def reload(self, content: bytes) -> None:
        self.step()
        assert content == self.content
        self.running = content

    def verify(self) -> str:
        self.step()
        if self.running == self.refuses:
            raise Refusal("share", expected="0.1", found="0.9", remedy="Look.", code="kept_share_differs")
        return "seen"


def ours(content: bytes) -> bytes:
    return content if MARK in content else content + MARK


def stripped(content: bytes) -> bytes:
    return content.replace(MARK, b"")


def test_there_once_and_back() -> None:
    memory = Memory()
    assert apply.present(memory, ours, memory) == "seen"
    assert memory.running == memory.content == BEFORE + MARK
    assert apply.present(memory, ours, memory) is None
    assert apply.absent(memory, stripped, memory).is_due
    assert memory.running == memory.content == BEFORE
    assert not apply.absent(memory, stripped, memory).is_due


@pytest.mark.parametrize("refuses", [None, BEFORE + MARK])
@pytest.mark.parametrize("cut_at", range(1, 12))
def test_cut_at_any_step_and_run_again(cut_at: int, refuses: bytes | None) -> None:
    memory = Memory()
    memory.cut_at, memory.refuses = cut_at, refuses

    def present() -> None:
        try:
            apply.present(memory, ours, memory)
        except Refusal:
            assert refuses is not None

    try:
        present()
    except Cut:
        assert memory.content in (BEFORE, BEFORE + MARK)
        present()
    assert memory.content == memory.running == (BEFORE if refuses else BEFORE + MARK)
    assert apply.planned(memory, ours).is_due == (refuses is not None)


@pytest.mark.parametrize("cut_at", range(1, 5))
def test_undo_that_is_cut_at_any_step_and_run_again(cut_at: int) -> None:
    memory = Memory()
    apply.present(memory, ours, memory)
    memory.steps, memory.cut_at = 0, cut_at
    try:
        apply.absent(memory, stripped, memory)
    except Cut:
        apply.absent(memory, stripped, memory)
    assert memory.content == memory.running == BEFORE
    assert memory.told is None


def test_what_somebody_else_has_changed_since_stays() -> None:
    memory = Memory()
    apply.present(memory, ours, memory)
    memory.content += b"more of theirs\n"
    assert apply.absent(memory, stripped, memory).after == b"theirs\nmore of theirs\n"
    memory = Memory()
    apply.present(memory, ours, memory)
    memory.content = BEFORE + b"more of theirs\n"
    apply.present(memory, ours, memory)
    apply.absent(memory, stripped, memory)
    assert memory.content == memory.running == BEFORE + b"more of theirs\n"


def test_a_second_change_that_fails_goes_back_to_the_first_and_undo_to_the_beginning() -> None:
    memory = Memory()
    apply.present(memory, ours, memory)
    other = BEFORE + MARK + b"!"
    memory.refuses = other
    with pytest.raises(Refusal) as refused:
        apply.present(memory, lambda _content: other, memory)
    assert refused.value.details["taken_back"] is True
    assert memory.content == memory.running == BEFORE + MARK
    assert apply.present(memory, ours, memory) is None
    apply.absent(memory, stripped, memory)
    assert memory.content == BEFORE
