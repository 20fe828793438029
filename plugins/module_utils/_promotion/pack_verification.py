# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether a pack is whole and true, from its files alone: nothing is asked of anybody else, nothing is written.

Files, ledger, proofs and attachments are what all else stands on: a fault in one of them ends the look, and the other checks are said not to
have been made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from .._common.errors import Refusal
from .._ledger import tiles, verification
from .._ledger.keys import VerifierKey
from .._ledger.verification import Policy
from . import pack, pack_conditions, pack_criteria, pack_holds, pack_ledger, pack_runs, pack_verdicts
from .pack import About, Files, Manifest, StageEnd
from .pack_criteria import Criterion
from .pack_ledger import Case, PackStore
from .pack_runs import Runs
from .plan import Plan

FOUNDATIONS = ("files", "key", "ledger", "proofs", "attachments")
NAMES = (*FOUNDATIONS, "digests", "order", "verdicts", "conditions", "outcome")
MOST_FAULTS = 50  # told of one check


@dataclasses.dataclass(frozen=True)
class Check:
    """One look: at what, in words, and every fault. Without ``made``, an earlier check stood in the way."""

    name: str
    about: str
    faults: tuple[str, ...] = ()
    made: bool = True

    @property
    def result(self) -> str:
        if not self.made:
            return "not made"
        return "FAULT" if self.faults else "ok"

    def as_dict(self) -> dict[str, t.Any]:
        return {"name": self.name, "about": self.about, "result": self.result, "faults": list(self.faults)}


@dataclasses.dataclass(frozen=True)
class Story:
    """What a pack tells, once its ledger can be read; ``about`` is recomputed, whatever ``pack.json`` says."""

    case: Case
    runs: Runs
    plan: Plan
    criteria: tuple[Criterion, ...]
    about: About


@dataclasses.dataclass(frozen=True)
class Report:
    """What was looked at, and what was found. Without a story, the pack says nothing that could be believed."""

    checks: tuple[Check, ...]
    story: Story | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        return tuple(fault for check in self.checks for fault in check.faults)


def verify(files: Files, plan: str, manifest: Manifest | None = None, pinned: t.Sequence[VerifierKey] = ()) -> Report:
    """All checks but those of the container and of the page.

    :param plan: name of the plan that the pack is about.
    :param manifest: what ``pack.json`` says; none while the pack is being made.
    :param pinned: keys that are believed; without any, the key that lies in the pack.
    """
    looks: dict[str, t.Callable[[], tuple[str, t.Sequence[str]]]] = {
        "files": lambda: _files(files, manifest),
        "key": lambda: _key(files, pinned),
        "ledger": lambda: _ledger(files),
        "proofs": lambda: _proofs(files, plan),
        "attachments": lambda: _attachments(files, plan),
    }
    checks: list[Check] = []
    for name in FOUNDATIONS:
        checks.append(_made(name, looks[name]))
        if checks[-1].faults:
            return Report((*checks, *(Check(other, "", made=False) for other in NAMES[len(checks) :])))
    case = pack_ledger.read(files, plan)
    runs = pack_runs.read(case)
    judged, wrong = pack_verdicts.judge(case, runs)
    story = _story(case, runs, judged)
    count = len(runs.begun)
    goals = sum(len(one.verdicts) for one in judged)
    checks += [
        Check("digests", f"plan and stage of {_counted(count, 'run')} recomputed from what they resolved to", _some(runs.faults)),
        Check("order", "every run acted only while it held its target", _some(pack_holds.faults(case))),
        Check(
            "verdicts",
            f"{_counted(goals, 'verdict')} recomputed from raw measures and goals",
            _some([*wrong, *pack_verdicts.lists(case, runs, judged)]),
        ),
        Check(
            "conditions",
            f"approvals, waivers, soak, freezes and earlier stages of {_counted(count, 'run')}",
            _some(pack_conditions.faults(case, runs)),
        ),
        _outcome(manifest, story, plan),
    ]
    return Report(tuple(checks), story)


def _story(case: Case, runs: Runs, judged: t.Sequence[pack_verdicts.Judged]) -> Story | None:
    last = runs.last
    if last is None:
        return None
    criteria = tuple(pack_criteria.criteria(case, last.plan, runs, judged))
    stages = tuple(StageEnd(*end) for end in pack_conditions.ends(case, last.plan))
    about = About(
        plan=last.plan.name,
        title=last.plan.title,
        plan_digest=last.plan.digest,
        origin=case.key.name,
        size=case.head.size,
        root=case.head.root.hex(),
        accepted=all(one.outcome == "promoted" for one in stages)
        and all(one.verdict == one.recorded and one.verdict in pack_verdicts.OPENS for one in criteria),
        stages=stages,
    )
    return Story(case, runs, last.plan, criteria, about)


def _made(name: str, look: t.Callable[[], tuple[str, t.Sequence[str]]]) -> Check:
    try:
        about, faults = look()
    except Refusal as refusal:
        return Check(name, "", (str(refusal),))
    return Check(name, about, _some(faults))


def _files(files: Files, manifest: Manifest | None) -> tuple[str, list[str]]:
    """Every file is listed, and is what its digest says."""
    needed = (pack.KEY, pack.CHECKPOINT, pack.PEOPLE, *((pack.PAGE, pack.MANIFEST) if manifest is not None else ()))
    faults = [f"{name}: there is no such file" for name in needed if name not in files]
    about = f"{_counted(sum(name not in (pack.PAGE, pack.MANIFEST) for name in files), 'file')} by SHA-256"
    if manifest is None:
        return about, faults
    listed = {one.name: one for one in manifest.files}
    if [one.name for one in manifest.files] != sorted(listed):
        faults.append(f"{pack.MANIFEST}: files are listed twice, or not by name")
    faults += [f"{name}: not listed in {pack.MANIFEST}" for name in sorted(files) if name not in listed and name != pack.MANIFEST]
    for name, one in sorted(listed.items()):
        content = files.get(name)
        if content is None:
            faults.append(f"{name}: listed in {pack.MANIFEST}, but not there")
        elif hashlib.sha256(content).hexdigest() != one.sha256 or len(content) != one.bytes:
            faults.append(f"{name}: not the content that {pack.MANIFEST} lists (SHA-256 {one.sha256[:12]}, {one.bytes} bytes)")
    return about, faults


def _key(files: Files, pinned: t.Sequence[VerifierKey]) -> tuple[str, list[str]]:
    """Whose signature the pack asks to be believed."""
    key = pack_ledger.key_of(files)
    if files[pack.KEY] != f"{key.text()}\n".encode():
        return "", [f"{pack.KEY}: not one line with the key"]
    if pinned and key not in pinned:
        return "", [f"{pack.KEY}: the pack is signed by {key.label}, and not by {' or '.join(one.label for one in pinned)}"]
    if pinned:
        return f"signed by {key.label}, which was pinned", []
    return f"signed by {key.label}, the key in the pack, which you have to know from elsewhere", []


def _ledger(files: Files) -> tuple[str, list[str]]:
    """The checkpoint's signature, the root over the entries, every envelope's signature; and no byte beside them."""
    about = "checkpoint and every envelope signed by the key"
    key = pack_ledger.key_of(files)
    store = PackStore(files)
    report = verification.verify(store, Policy((key,)))
    if report.fault != "ok":
        entry = "" if report.first_bad_entry is None else f"entry {report.first_bad_entry}: "
        return about, [f"ledger: {entry}{report.reason}"]
    entries: list[bytes] = []
    for index in range(-(-report.size // tiles.WIDTH)):
        entries += tiles.read_entries(store.read, index, min(tiles.WIDTH, report.size - index * tiles.WIDTH))
    expected = pack_ledger.tree(entries)
    found = {name: content for name, content in files.items() if name.startswith(f"{pack.LEDGER}tile/")}
    faults = [f"{name}: not a file of this ledger" for name in sorted(found.keys() - expected.keys())]
    faults += [f"{name}: not what follows from the entries" for name in sorted(expected) if found.get(name) != expected[name]]
    return f"{_counted(report.size, 'entry', 'entries')}, root {report.root[:12]}, {about}", faults


def _proofs(files: Files, plan: str) -> tuple[str, list[str]]:
    """Every entry about the plan has its proof, and nothing else has."""
    expected = pack_ledger.proofs(files, plan)
    found = {name: content for name, content in files.items() if name.startswith(pack.PROOFS)}
    faults = [f"{name}: the ledger has no such entry about {plan}" for name in sorted(found.keys() - expected.keys())]
    faults += [f"{name}: missing" for name in sorted(expected.keys() - found.keys())]
    faults += [f"{name}: does not prove this entry" for name in sorted(expected) if found.get(name, expected[name]) != expected[name]]
    return f"{_counted(len(expected), 'entry', 'entries')} about {plan} proven to be in the ledger", faults


def _attachments(files: Files, plan: str) -> tuple[str, list[str]]:
    """All that the plan's entries attach is there, is what its name says, and is all; people are those of the runs."""
    faults = []
    found = {name.removeprefix(pack.ATTACHMENTS): content for name, content in files.items() if name.startswith(pack.ATTACHMENTS)}
    for digest, content in sorted(found.items()):
        if hashlib.sha256(content).hexdigest() != digest:
            faults.append(f"{pack.ATTACHMENTS}{digest}: not the content that its name says")
    case = pack_ledger.read(files, plan)
    named = pack_ledger.kinds_attached(case)
    faults += [f"{pack.ATTACHMENTS}{digest}: no entry about {plan} attaches it" for digest in sorted(found.keys() - named.keys())]
    if files.get(pack.PEOPLE) != pack_ledger.people(case):
        faults.append(f"{pack.PEOPLE}: not the people that the runs began with")
    return f"{_counted(len(named), 'attachment')} by SHA-256, people as the runs began with", faults


def _outcome(manifest: Manifest | None, story: Story | None, plan: str) -> Check:
    about = f"what {pack.MANIFEST} says about plan, ledger and stages"
    if story is None:
        return Check("outcome", about, (f"ledger: no run of {plan} was started with a plan that can be read",))
    if manifest is None:
        return Check("outcome", about)
    faults = []
    for field in dataclasses.fields(About):
        said, found = getattr(manifest.about, field.name), getattr(story.about, field.name)
        if said != found:
            faults.append(f"{pack.MANIFEST}: about.{field.name} is {_shown(said)}, but {_shown(found)} follows from the ledger")
    return Check("outcome", about, tuple(faults))


def _shown(found: object) -> str:
    if isinstance(found, tuple):
        return ", ".join(f"{one.name} {one.outcome} (entry {one.entry})" for one in found)
    return repr(found)


def _some(faults: t.Sequence[str]) -> tuple[str, ...]:
    more = len(faults) - MOST_FAULTS
    return (*faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else []))


def _counted(count: int, one: str, many: str = "") -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"
