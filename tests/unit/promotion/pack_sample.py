# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A promotion through two stages with soak and approvals, as its ledger has it; and what a liar would make of it, signed with a key of his own."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._ledger import canonical, keys, tiles
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import Commit, Head, Missing, head_of
from ansible_collections.governed.delivery.plugins.module_utils._promotion import approvals, decision, gates, plan, state, verdict
from ansible_collections.governed.delivery.plugins.module_utils._promotion.decision import Decision, Kind, Scope
from ansible_collections.governed.delivery.plugins.module_utils._promotion.entering import Condition, Request
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Evidence

Said = dict[str, t.Any]

START = datetime.datetime(2026, 3, 30, 10, 0, tzinfo=datetime.UTC)
KEY = keys.parse_signing(keys.new("example.com/ledger").text())
HOSTS = ("one", "two")
MADE_AT = "2026-04-01T12:00:00.000Z"

CONTENT: dict[str, t.Any] = {
    "name": "trial",
    "title": "A trial",
    "items": ["DSO-1"],
    "authors": ["ada"],
    "variables": {
        "most_errors": {"value": 2, "unit": "1", "why": "Three would be felt."},
        "playground_soak": {"value": 2, "unit": "h", "why": "As long as a night shift watches."},
    },
    "headlines": [{"stage": "dev", "measure": "errors", "label": "errors seen"}],
    "stages": [
        {
            "name": "dev",
            "actions": [{"capability": "alpha", "with": {"alpha_size": 3}}, {"capability": "beta"}],
            "verifications": [
                {"capability": "alpha", "goals": [{"measure": "errors", "at_most": "most_errors", "samples_at_least": 5}]},
                {"capability": "beta", "goals": [{"measure": "slower", "at_most": {"percent": 5, "of": "base"}, "samples_at_least": 5}]},
            ],
        },
        {
            "name": "prod",
            "preconditions": [
                {"stage_passed": "dev"},
                {"soaked": {"stage": "dev", "for": "playground_soak", "max_gap": "15m"}},
                {"approved": {"by_at_least": 2, "roles": {"sre": 1, "owner": 1}, "valid_for": "24h"}},
            ],
            "actions": [{"capability": "alpha"}],
            "verifications": [{"capability": "alpha", "goals": [{"measure": "errors", "at_most": "most_errors", "samples_at_least": 5}]}],
        },
    ],
}  # fmt: skip


def measured(name: str, value: t.Any, samples: int = 10, **more: t.Any) -> Said:
    return {"name": name, "value": value, "unit": "ms" if name != "errors" else "1", "samples": samples, "how": "counted", **more}


MEASURES = {
    "alpha": [measured("errors", 1)],
    "beta": [measured("slower", 0.25, interval=[0.125, 0.5]), measured("base", 10.5)],
}


def ssh_key(name: str) -> str:
    algorithm = b"ssh-ed25519"
    content = len(algorithm).to_bytes(4, "big") + algorithm + (32).to_bytes(4, "big") + hashlib.sha256(name.encode()).digest()
    return f"ssh-ed25519 {base64.b64encode(content).decode()}"


PEOPLE = [
    {"name": name, "roles": roles, "key": ssh_key(name)}
    for name, roles in (("ann", ["sre"]), ("bob", ["owner"]), ("cho", ["sre", "owner"]))
]


def stamp(payload: bytes, public_key: str) -> str:
    """In place of an SSH signature, where no ssh-keygen shall run."""
    return hashlib.sha256(public_key.encode() + payload).hexdigest()


def verify(payload: bytes, signature: str, public_key: str, name: str) -> bool:
    return bool(name) and signature == stamp(payload, public_key)


@dataclasses.dataclass
class Teller:
    """Says one statement after the other, as the engine would; every statement can be looked at and changed before it is signed."""

    plan: plan.Plan
    statements: list[Said] = dataclasses.field(default_factory=list)
    now: datetime.datetime = START
    nonces: int = 0
    waived: set[tuple[str, str]] = dataclasses.field(default_factory=set)

    def say(self, type_: str, *, by: str = "cap", **more: t.Any) -> Said:
        self.now += datetime.timedelta(seconds=7)
        said = {"type": type_, "plan": self.plan.name, "at": self.now.isoformat(timespec="milliseconds"), "by": by, **more}
        self.statements.append(said)
        return said

    def resolved(self, stage: str) -> tuple[Said, str, str]:
        content = {
            "plan": dict(self.plan.content),
            "roles": {"alpha": "a" * 64, "beta": "b" * 64},
            "collections": {"governed.delivery": "c" * 64},
        }
        plan_digest = canonical.digest(content)
        here = {
            "plan_digest": plan_digest, "stage": stage, "target": "app", "hosts": list(HOSTS), "variables": {host: {} for host in HOSTS},
            "people": PEOPLE, "calendar": [], "undo": [],
        }  # fmt: skip
        return {**content, "stage": here}, plan_digest, canonical.digest(here)

    def about(self, stage: str) -> Said:
        _resolved, plan_digest, stage_digest = self.resolved(stage)
        return {"plan_digest": plan_digest, "stage": stage, "stage_digest": stage_digest, "target": "app"}

    def start(self, stage: str, run: str, by: str = "cap") -> Said:
        resolved, _plan_digest, _stage_digest = self.resolved(stage)
        about = self.about(stage)
        request = Request(
            doing="promote", run=run, holder=state.Holder(), now=self.now, plan=self.plan.name, **{key: about[key] for key in about}
        )
        context = gates.Context(PEOPLE, [], by, self.plan.authors)
        judged, used = gates.conditions(self.plan.stage(stage), request, self.statements, context)
        waived = [
            one for one in approvals.waivers(self.statements, approvals.TWO_PEOPLE, gates.question(request, context)) if one.weighed.met
        ]
        used += tuple(nonce for one in waived for nonce in one.weighed.nonces)
        self.waived = {(one.goal.capability, one.goal.measure) for one in waived}
        shown = [Condition("target app is free", True, "free", "no run that acts on it"), *judged]
        told = {"hosts": list(HOSTS), "actions": []}
        more = {"conditions": [one.as_dict() for one in shown], "approvals_used": list(used), "told": told}
        more["waivers"] = [{"capability": capability, "measure": measure} for capability, measure in sorted(self.waived)]
        return self.say("started", by=by, run=run, **about, **more, plan_content=dict(self.plan.content), resolved=resolved)

    def run(self, stage: str, run: str, measures: t.Mapping[str, list[Said]] | None = None, by: str = "cap") -> None:
        """A whole run, to its end: promoted when all is PASS, else brought back."""
        seen = MEASURES if measures is None else measures
        self.start(stage, run, by)
        about = {"run": run, "epoch": len(self.statements) - 1, **self.about(stage)}
        capabilities = [action.capability for action in self.plan.stage(stage).actions]
        for capability in capabilities:
            self.say("intent", capability=capability, **about)
            self.say("done", capability=capability, **about)
        verdicts = []
        for capability in capabilities:
            for host in HOSTS:
                verdicts += self.verified(capability, host, seen[capability], about)
        if all(one["verdict"] in ("PASS", "WAIVED") for one in verdicts):
            self.say("promoted", verdicts=verdicts, **about)
            return
        self.say("failed", verdicts=verdicts, reason="FAIL", **about)
        for capability in reversed(capabilities):
            self.say("undoing", capability=capability, **about)
            self.say("undone", capability=capability, **about)
        self.say("not_promoted", reason="everything was brought back", **about)

    def verified(self, capability: str, host: str, measures: list[Said], about: Said) -> list[Said]:
        stage = self.plan.stage(about["stage"])
        goals = [goal.as_dict() for one in stage.verifications if one.capability == capability for goal in one.goals]
        judged = [one.as_dict() for one in verdict.judge(measures, goals)]
        for one in judged:
            if one["verdict"] != "PASS" and (capability, one["measure"]) in self.waived:
                one["verdict"] = "WAIVED"
        seconds = self.now.timestamp()
        timeline = {
            "phases": [{"name": "apply", "started": seconds - 60, "ended": seconds}],
            "series": [{"name": "latency", "unit": "ms", "points": [[seconds - 60 + step, 1.0 + step % 7 / 10] for step in range(60)], "baseline": 1.0}],
        }  # fmt: skip
        self.say("verified", host=host, capability=capability, measures=measures, verdicts=judged, timeline=timeline, **about)
        return [{**one, "host": host, "capability": capability} for one in judged]

    def soak(self, stage: str, hours: float, step_minutes: float = 10, *, healthy: bool = True) -> None:
        """Looks every so often, by two clocks."""
        for _look in range(round(hours * 60 / step_minutes) + 1):
            self.now += datetime.timedelta(minutes=step_minutes) - datetime.timedelta(seconds=7)
            seconds = (self.now + datetime.timedelta(seconds=7)).timestamp()
            clocks = {name: {"seconds": seconds, "boot_id": None, "machine": name} for name in ("controller", "db")}
            result = "PASS" if healthy else "FAIL"
            verdicts = [{"measure": "errors", "verdict": result, "host": HOSTS[0], "capability": "alpha"}]
            self.say("soak", healthy=healthy, verdicts=verdicts, clocks=clocks, **self.about(stage))

    def decide(self, by: str, stage: str, kind: Kind = "approve", *, key: str = "", goal: decision.WaivedGoal | None = None) -> Said:
        about = self.about(stage)
        scope = Scope(self.plan.name, about["plan_digest"], stage, about["stage_digest"], about["target"])
        self.nonces += 1
        made = Decision(kind, scope, by, f"{self.nonces:032x}", self.now, self.now + datetime.timedelta(hours=4), "looked at it", goal)
        said = decision.statement(made, stamp(decision.payload(made), key or ssh_key(by)))
        return self.say(said.pop("type"), **{**said, "target": "app"})


def teller(**variables: float) -> Teller:
    return Teller(plan.read(CONTENT, variables))


def promoted(**variables: float) -> Teller:
    """Everything as it should be."""
    told = teller(**variables)
    told.run("dev", "r1")
    told.soak("dev", told.plan.variables[1].value)
    told.decide("ann", "prod")
    told.decide("bob", "prod")
    told.run("prod", "r2")
    return told


class MemoryStore:
    """A ledger that no disk has to take, for many small ones."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.entries: tuple[bytes, ...] = ()
        self.last: Head | None = None

    def head(self) -> Head | None:
        return self.last

    def commit(self, after: Head | None, commit: Commit) -> Head:
        assert after == self.last
        self.entries += commit.entries
        self.files.update(tiles.extend(tiles.Edge(), self.entries)[1])
        self.last = head_of(commit.note)
        return self.last

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise Missing(path)
        return self.files[path]

    def attach(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.files[digest] = content
        return digest

    def attachment(self, digest: str) -> bytes:
        return self.read(digest)


def log_of(statements: t.Sequence[Said]) -> Log:
    """The statements in a ledger, signed with our key."""
    store = MemoryStore()
    kept = Evidence(Log(store, [KEY.verifier], signer=KEY))
    kept.append(statements, kept.read())
    return Log(store, [KEY.verifier])
