# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal writes nothing anywhere, in whatever state the target is, and ends as the real run would begin."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import os
import pathlib
import signal
import stat
import subprocess
import time
import typing as t

import pytest

from tests.support import promotions
from tests.support.promotions import Bench, Signer, seen, signer

YEARLY = {"starts": "2020-01-01T00:00", "timezone": "UTC", "rrule": "FREQ=YEARLY"}
FROZEN = [
    {"name": "the year", **YEARLY, "lasts": "360d", "reason": "books"},
    {"name": "the rest", **YEARLY, "starts": "2020-12-20T00:00", "lasts": "30d", "reason": "rest"},
]
NOT_LOOKED_AT = ("tmp", "remote_tmp", "plan.yml", "hosts.yml")  # Ansible's own, and what the bench writes before each run
PATIENCE = 60


@dataclasses.dataclass
class Ground:
    """A bench in some state, and what every run of it is told."""

    bench: Bench
    ann: Signer
    ben: Signer
    told: dict[str, t.Any]
    running: subprocess.Popen[str] | None = None

    def run(self, playbook: str, *arguments: str, **more: t.Any) -> promotions.Run:
        given = {**self.told, "promotion_by": "eve", **more}
        return self.bench.promote("dev", *arguments, playbook=f"governed.delivery.{playbook}", **given)

    def approve(self, who: Signer, *arguments: str, **more: t.Any) -> promotions.Run:
        return self.run("approve", *arguments, promotion_by=who.name, promotion_key=str(who.key), **more)

    def files(self) -> dict[str, tuple[object, ...]]:
        """Everything there is: kind and permissions, time of the last change, content."""
        found: dict[str, tuple[object, ...]] = {}
        for path in (self.bench.folder, *sorted(self.bench.folder.rglob("*"))):
            name = str(path.relative_to(self.bench.folder))
            if name == "." or name.split("/", maxsplit=1)[0] in NOT_LOOKED_AT:
                continue
            about = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(about.st_mode) else ""
            found[name] = (about.st_mode, about.st_mtime_ns, about.st_size, content)
        return found

    def settled(self) -> None:
        """Wait until nothing changes any more: the workers of a run that was cut go on for a moment."""
        for path in (self.bench.folder / "evidence" / "holds").glob("*") if self.running is None else ():
            with path.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
        until, before = time.monotonic() + PATIENCE, self.files()
        while time.monotonic() < until:
            time.sleep(1)
            now = self.files()
            if now == before:
                return
            before = now
        raise TimeoutError("files go on changing")


def expect(run: promotions.Run, code: int) -> None:
    assert run.code == code, run.output


def empty(ground: Ground) -> None:
    del ground


def promoted(ground: Ground) -> None:
    expect(ground.run("promote"), 0)


def held(ground: Ground) -> None:
    expect(ground.run("promote", beta_sees=[seen(0, samples=1)]), 4)


def cut(ground: Ground) -> None:
    expect(ground.run("promote", kill_at="beta : Write down"), -9)


def half_undone(ground: Ground) -> None:
    expect(ground.run("promote", kill_at="Note that it is undone", alpha_sees=[seen(1)]), -9)


def quarantined(ground: Ground) -> None:
    expect(ground.run("promote", alpha_sees=[seen(1)], beta_broken="undo"), 3)


def soaking(ground: Ground) -> None:
    promoted(ground)
    expect(ground.run("soak"), 0)


def half_approved(ground: Ground) -> None:
    ground.bench.plan["stages"][0]["preconditions"] = [{"approved": {"by_at_least": 2, "roles": {"sre": 1, "owner": 1}}}]
    expect(ground.approve(ground.ann), 0)


def approved(ground: Ground) -> None:
    half_approved(ground)
    expect(ground.approve(ground.ben), 0)


def frozen(ground: Ground) -> None:
    promoted(ground)
    ground.told["promotion_calendar"] = FROZEN


def busy(ground: Ground) -> None:
    ground.running = ground.bench.begin("dev", kill_at="alpha : Write down", kill_by=signal.SIGSTOP, **ground.told)
    os.waitid(os.P_PID, ground.running.pid, os.WSTOPPED)


PLAYBOOKS = ("promote", "recover", "rollback", "soak", "approve")
BACK = "Would be brought back, in this order: acme.trial.beta, acme.trial.alpha."
NOTHING = "There is nothing to bring back."
NOT_PROMOTED = "expected to stand promoted"

# How each playbook ends in each state, and something that it says.
Ending = tuple[int, str]
STATES: t.Mapping[t.Callable[[Ground], None], t.Sequence[Ending]] = {
    empty: [(0, "UNKNOWN"), (0, NOTHING), (5, "nothing was ever promoted"), (5, NOT_PROMOTED), (0, "ann: approve trial")],
    promoted: [
        (0, "UNKNOWN"),
        (0, NOTHING),
        (0, BACK),
        (0, "only a real run does; 0.0 s credited from 0 observations"),
        (0, "ann: approve trial"),
    ],
    held: [(0, "UNKNOWN"), (0, NOTHING), (0, BACK), (5, NOT_PROMOTED), (0, "ann: approve trial")],
    cut: [(0, "UNKNOWN"), (0, BACK), (0, BACK), (5, NOT_PROMOTED), (0, "ann: approve trial")],
    half_undone: [
        (2, "in this order: acme.trial.beta, acme.trial.alpha, and end without promoting"),
        (0, BACK),
        (0, BACK),
        (5, NOT_PROMOTED),
        (0, "ann: approve trial"),
    ],
    quarantined: [(3, "quarantined by"), (3, "quarantined by"), (3, "quarantined by"), (5, NOT_PROMOTED), (0, "ann: approve trial")],
    soaking: [
        (0, "UNKNOWN"),
        (0, NOTHING),
        (0, BACK),
        (0, "only a real run does; 0.0 s credited from 1 observations"),
        (0, "ann: approve trial"),
    ],
    half_approved: [(5, "1 more with the role owner"), (0, NOTHING), (5, "nothing was ever"), (5, NOT_PROMOTED), (0, "ann: approve trial")],
    approved: [(0, "UNKNOWN"), (0, NOTHING), (5, "nothing was ever"), (5, NOT_PROMOTED), (0, "ann: approve trial")],
    frozen: [
        (5, "no freeze"),
        (0, NOTHING),
        (0, BACK),
        (0, "only a real run does; 0.0 s credited from 0 observations"),
        (0, "ann: approve trial"),
    ],
    busy: [(6, "process is alive"), (6, "process is alive"), (6, "process is alive"), (5, NOT_PROMOTED), (0, "ann: approve trial")],
}


@pytest.fixture(scope="module", params=STATES, ids=lambda state: state.__name__)
def state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[tuple[Ground, t.Sequence[Ending]]]:
    """A bench that was brought into the state by real runs, once for all playbooks."""
    folder = tmp_path_factory.mktemp(request.param.__name__)
    (folder / "home" / ".ansible").mkdir(parents=True)  # Ansible makes it whenever it starts
    bench = promotions.made(folder)
    bench.environment = {"HOME": str(folder / "home"), "ANSIBLE_REMOTE_TEMP": str(folder / "remote_tmp")}
    ann, ben = signer(folder, "ann", "sre"), signer(folder, "ben", "owner")
    # The memory of the host is where it is by default, in the home folder.
    ground = Ground(bench, ann, ben, {"promotion_people": [ann.person, ben.person], "promotion_memory": None})
    try:
        request.param(ground)
        ground.settled()
        yield ground, STATES[request.param]
    finally:
        if ground.running is not None:
            ground.running.kill()
            ground.running.communicate()


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_rehearsal_writes_nothing_and_ends_as_the_run_would(state: tuple[Ground, t.Sequence[Ending]], playbook: str) -> None:
    ground, endings = state
    code, said = endings[PLAYBOOKS.index(playbook)]
    before = ground.files()
    head = checkpoint(ground.bench)
    run = ground.approve(ground.ann, "--check", "--diff") if playbook == "approve" else ground.run(playbook, "--check", "--diff")
    assert changes(before, ground.files()) == [], run.output
    assert checkpoint(ground.bench) == head
    assert (run.code, said in " ".join(run.output.split())) == (code, True), run.output


def checkpoint(bench: Bench) -> bytes:
    path = bench.folder / "evidence" / "ledger" / "checkpoint"
    return path.read_bytes() if path.exists() else b""


def changes(before: t.Mapping[str, object], after: t.Mapping[str, object]) -> list[str]:
    """Names of what came, went or is another."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def test_a_closed_stage_is_refused_in_a_rehearsal_too(tmp_path: pathlib.Path) -> None:
    run = promotions.made(tmp_path).promote("stage", "--check", "--diff")
    assert run.code == 5, run.output
    assert not (tmp_path / "evidence").exists()


def test_the_comparison_sees_what_comes_goes_and_changes_back(tmp_path: pathlib.Path) -> None:
    """Else all of the above would prove nothing."""
    bench = promotions.made(tmp_path)
    ground = Ground(bench, signer(tmp_path, "ann"), signer(tmp_path, "ben"), {})
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "one").write_text("same")
    before = ground.files()
    (tmp_path / "evidence" / "one").write_text("same")
    (tmp_path / "evidence" / "two").touch()
    assert changes(before, ground.files()) == ["evidence", "evidence/one", "evidence/two"]
    before = ground.files()
    (tmp_path / "evidence" / "two").unlink()
    assert changes(before, ground.files()) == ["evidence", "evidence/two"]
