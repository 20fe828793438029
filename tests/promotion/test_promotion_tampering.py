# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody meets who changed the ledger, its keys, or has no data: a refusal that names it, and nothing is applied."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import shutil
import typing as t

import pytest

from tests.support import promotions
from tests.support.promotions import Bench, seen

TILE = "belong to its checkpoint"


@dataclasses.dataclass
class Ground:
    """A bench that was promoted to dev, with a copy of its evidence from then, and another bench of the same plan with a key of its own."""

    bench: Bench
    other: Bench

    @property
    def evidence(self) -> pathlib.Path:
        return self.bench.folder / "evidence"

    @property
    def ledger(self) -> pathlib.Path:
        return self.evidence / "ledger"

    def restore(self) -> None:
        shutil.rmtree(self.evidence)
        shutil.copytree(self.bench.folder / "kept", self.evidence)

    def publish(self) -> None:
        """Leave what a published copy has: the files, and no journal that vouches for them."""
        for name in ("journal", "lock"):
            (self.ledger / name).unlink()

    def copy_of_the_other(self, *names: str) -> None:
        for name in names:
            here, there = self.evidence / name, self.other.folder / "evidence" / name
            if there.is_dir():
                shutil.rmtree(here)
                shutil.copytree(there, here)
            else:
                shutil.copy(there, here)


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    ground = Ground(*(promotions.made(tmp_path_factory.mktemp(name)) for name in ("bench", "other")))
    for bench in (ground.bench, ground.other):
        run = bench.promote("dev")
        assert run.code == 0, run.output
    shutil.copytree(ground.evidence, ground.bench.folder / "kept")
    return ground


@pytest.fixture
def ground(promoted: Ground) -> t.Iterator[Ground]:
    promoted.restore()
    shutil.copytree(promoted.bench.folder / "memory", promoted.bench.folder / "remembered")
    (promoted.bench.folder / "journal").unlink(missing_ok=True)
    yield promoted
    shutil.rmtree(promoted.bench.folder / "memory")
    (promoted.bench.folder / "remembered").rename(promoted.bench.folder / "memory")


def flip(path: pathlib.Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def last(folder: pathlib.Path) -> pathlib.Path:
    """The newest partial tile: the one of most entries."""
    return max(folder.iterdir(), key=lambda path: int(path.name))


def end(path: pathlib.Path) -> int:
    """Where a journal ends; behind it are zeros."""
    return len(path.read_bytes().rstrip(b"\0"))


def bundle(ground: Ground) -> None:
    flip(last(ground.ledger / "tile" / "entries" / "000.p"), 100)


def tile(ground: Ground) -> None:
    flip(last(ground.ledger / "tile" / "0" / "000.p"), 5)


def signature(ground: Ground) -> None:
    flip(ground.ledger / "checkpoint", -10)


def size(ground: Ground) -> None:
    path = ground.ledger / "checkpoint"
    origin, number, rest = path.read_text().split("\n", 2)
    path.write_text(f"{origin}\n{int(number) - 1}\n{rest}")


def missing_bundle(ground: Ground) -> None:
    shutil.rmtree(ground.ledger / "tile" / "entries")


def cut_bundle(ground: Ground) -> None:
    path = last(ground.ledger / "tile" / "entries" / "000.p")
    path.write_bytes(path.read_bytes()[:-50])


def attachment(ground: Ground) -> None:
    flip(min((ground.ledger / "attachments" / "sha256").iterdir()), 5)


def missing_attachment(ground: Ground) -> None:
    min((ground.ledger / "attachments" / "sha256").iterdir()).unlink()


def refused(ground: Ground, said: str, stage: str = "stage", **told: t.Any) -> None:
    """Neither a rehearsal nor a run goes on: both say why, apply nothing, and end with 5."""
    for arguments in (("--check",), ()):
        run = ground.bench.promote(stage, *arguments, **told)
        assert run.code == 5, run.output
        assert said in " ".join(run.output.split()), run.output
        assert ground.bench.journal == []


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (bundle, TILE),
        (tile, "first bad entry: 0"),
        (signature, "expected a checkpoint signed by"),
        (size, "expected a checkpoint signed by"),
        (missing_bundle, "found no tile/entries/000"),
        (cut_bundle, "the bundle ends within entry 7 of it"),
        (attachment, "Somebody changed the attachment"),
        (missing_attachment, "Restore the attachment from a copy"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_files_that_were_changed_close_the_gate(ground: Ground, tamper: t.Callable[[Ground], None], said: str) -> None:
    ground.publish()
    tamper(ground)
    refused(ground, said)


@pytest.mark.parametrize(
    ("tamper", "code"), [(bundle, 10), (tile, 10), (signature, 13)], ids=lambda value: getattr(value, "__name__", None)
)
def test_files_that_the_journal_vouches_for_are_found_and_written_anew(
    ground: Ground, tamper: t.Callable[[Ground], None], code: int
) -> None:
    """The journal's records are the commits: the files follow from them, so nothing that was kept is lost or believed wrongly."""
    kept = ground.bench.evidence
    tamper(ground)
    verify = {"playbook": "governed.delivery.ledger", "ledger_directory": str(ground.ledger)}
    run = ground.bench.promote("", **verify)
    assert run.code == code, run.output
    assert ground.bench.promote("stage").code == 0
    assert ground.bench.evidence[: len(kept)] == kept
    run = ground.bench.promote("", **verify)
    assert run.code == 0, run.output


def test_a_journal_whose_end_was_changed_or_cut_closes_the_gate(ground: Ground) -> None:
    journal = ground.ledger / "journal"
    flip(journal, end(journal) - 30)
    refused(ground, "a journal that ends at 7 entries, before the checkpoint")
    ground.restore()
    journal.write_bytes(journal.read_bytes()[: end(journal) - 30])
    refused(ground, "a journal that ends at 7 entries, before the checkpoint")


def test_a_tail_that_was_cut_everywhere_is_found_by_the_hosts(ground: Ground) -> None:
    """Journal, files and checkpoint of an earlier time fit together: only what the hosts remember tells."""
    assert ground.bench.promote("dev").code == 0
    (ground.bench.folder / "journal").unlink()
    ground.restore()
    run = ground.bench.promote("stage")
    assert run.code == 5, run.output
    assert "expected one that goes on from what this host has seen" in run.output
    assert ground.bench.journal == []


def test_a_ledger_that_is_gone_is_missed_by_the_hosts(ground: Ground) -> None:
    shutil.rmtree(ground.ledger)
    run = ground.bench.promote("dev")
    assert run.code == 5, run.output
    assert "Somebody cut, copied or rebuilt the ledger" in run.output
    assert ground.bench.journal == []


@pytest.mark.parametrize("names", [("ledger",), ("ledger.key", "ledger.vkey")], ids=" ".join)
def test_a_ledger_of_another_key_closes_the_gate(ground: Ground, names: tuple[str, ...]) -> None:
    ground.copy_of_the_other(*names)
    refused(ground, "none of the known keys has signed it")


def test_everything_replaced_by_another_ledger_takes_a_pinned_key(ground: Ground) -> None:
    """Its dev was promoted with the very same digest; who it was that kept this, only the key tells that people have noted."""
    pinned = (ground.evidence / "ledger.vkey").read_text().strip()
    ground.copy_of_the_other("ledger", "ledger.key", "ledger.vkey")
    refused(ground, "none of the known keys has signed it", promotion_ledger_verifier_keys=[pinned])


def test_a_pinned_key_of_another_ledger_closes_the_gate(ground: Ground) -> None:
    pinned = (ground.other.folder / "evidence" / "ledger.vkey").read_text().strip()
    refused(ground, "none of the known keys has signed it", promotion_ledger_verifier_keys=[pinned])


def test_a_key_that_others_can_read_or_that_is_gone_closes_the_gate(ground: Ground) -> None:
    key = ground.evidence / "ledger.key"
    key.chmod(0o644)
    run = ground.bench.promote("stage")
    assert run.code == 5, run.output
    assert "expected a signing key that only its owner can read; found mode 0644. chmod 600" in run.output
    key.unlink()
    run = ground.bench.promote("stage")
    assert run.code == 5, run.output
    assert "expected the key of the ledger that is there; found no such file" in run.output
    assert ground.bench.journal == []


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    return promotions.made(tmp_path)


def less(name: str) -> dict[str, object]:
    return {key: value for key, value in seen(0).items() if key != name}


@pytest.mark.parametrize(
    "measures",
    [
        "",
        [],
        [seen(None)],
        [seen(math.nan)],
        [seen("0")],
        [seen(0, samples=0)],
        [less("value")],
    ],  # tests/unit/promotion/test_verdict.py has more
    ids=str,
)
def test_no_data_is_never_pass(bench: Bench, measures: object) -> None:
    run = bench.promote("dev", alpha_sees=measures)
    assert run.code in (2, 4), run.output
    assert "promoted" not in bench.kept
    verdicts = [verdict for verdict in bench.evidence[-1].get("verdicts", []) if verdict["capability"].endswith("alpha")]
    assert "PASS" not in [verdict["verdict"] for verdict in verdicts]
    assert bench.promote("stage").code == 5


def test_an_endpoint_that_is_dead_brings_everything_back(bench: Bench) -> None:
    verify = bench.folder / "collections/ansible_collections/acme/trial/roles/alpha/tasks/verify.yml"
    verify.write_text("---\n- name: Ask\n  ansible.builtin.wait_for: {port: 1, timeout: 1, connect_timeout: 1}\n" + verify.read_text()[4:])
    run = bench.promote("dev")
    assert run.code == 2, run.output
    assert bench.journal[-2:] == ["dev beta undo one", "dev alpha undo one"]
    assert bench.kept[-1] == "not_promoted"
    assert "Ask" in bench.evidence[-1]["reason"]


PLANS: t.Mapping[str, str] = {
    "zero bytes": "",
    "null": "null\n",
    "a comment": "# nothing yet\n",
    "no stages": "name: trial\ntitle: A trial\n",
    "stages of nothing": "name: trial\ntitle: A trial\nstages: []\n",
    "stages null": "name: trial\ntitle: A trial\nstages:\n",
    "no actions": "name: trial\ntitle: A trial\nstages: [{name: dev, actions: [], verifications: []}]\n",
    "no goals": "name: trial\ntitle: A trial\nstages: [{name: dev, actions: [{capability: acme.trial.alpha}],"
    " verifications: [{capability: acme.trial.alpha, goals: []}]}]\n",
    "goals left out": "name: trial\ntitle: A trial\nstages: [{name: dev, actions: [{capability: acme.trial.alpha}],"
    " verifications: [{capability: acme.trial.alpha}]}]\n",
    "nobody judges": "name: trial\ntitle: A trial\nstages: [{name: dev, actions: [{capability: acme.trial.alpha}]}]\n",
}


@pytest.mark.parametrize("content", PLANS.values(), ids=PLANS)
def test_an_empty_plan_is_refused(bench: Bench, content: str) -> None:
    path = bench.folder / "nothing.yml"
    path.write_text(content)
    run = bench.promote("dev", promotion_plan=str(path))
    assert run.code == 5, run.output
    assert "nothing.yml: " in run.output
    assert (bench.journal, bench.evidence) == ([], [])
