# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures by the real ssh-keygen, with real keys and a real agent."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import re
import subprocess
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import approvals, decision, people, ssh_signatures
from ansible_collections.governed.delivery.plugins.module_utils._promotion.preconditions import Approved
from ansible_collections.governed.delivery.plugins.module_utils._promotion.ssh_signatures import sign, verify

CONTENT = b'{"decision":"approve"}'
WITHOUT_AGENT = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
KINDS = {"ed25519": (), "ecdsa": (), "rsa": ("-b", "2048")}


def make(directory: pathlib.Path, kind: str = "ed25519", passphrase: str = "", name: str = "key") -> pathlib.Path:
    path = directory / name
    command = ["ssh-keygen", "-q", "-t", kind, *KINDS[kind], "-N", passphrase, "-C", "someone at a laptop", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return path


def public(path: pathlib.Path) -> str:
    return people.public_key(path.with_name(f"{path.name}.pub").read_text(encoding="utf-8").strip(), "key")


def refused(key: pathlib.Path | str, environment: t.Mapping[str, str] | None = None) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        sign(CONTENT, str(key), environment=environment or WITHOUT_AGENT)
    return refusal.value


@pytest.fixture
def agent(tmp_path: pathlib.Path) -> t.Iterator[dict[str, str]]:
    """An agent of our own; it is asked to end by its process id."""
    started = subprocess.run(["ssh-agent", "-s", "-a", str(tmp_path / "agent")], check=True, capture_output=True, text=True)
    number = re.search(r"SSH_AGENT_PID=(\d+)", started.stdout)
    assert number
    environment = {**os.environ, "SSH_AUTH_SOCK": str(tmp_path / "agent"), "SSH_AGENT_PID": number[1]}
    yield environment
    subprocess.run(["ssh-agent", "-k"], env=environment, check=True, capture_output=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_is_good_for_its_content_namespace_and_key_only(tmp_path: pathlib.Path, kind: str) -> None:
    mine, other = make(tmp_path, kind), make(tmp_path, kind, name="other")
    signature = sign(CONTENT, str(mine), environment=WITHOUT_AGENT)
    assert verify(CONTENT, signature, public(mine), "ann")
    assert not verify(CONTENT + b" ", signature, public(mine), "ann")
    assert not verify(b"", signature, public(mine), "ann")
    assert not verify(CONTENT, signature, public(other), "ann")
    assert not verify(CONTENT, sign(CONTENT, str(mine), namespace="file", environment=WITHOUT_AGENT), public(mine), "ann")
    assert not verify(CONTENT, signature, public(mine), "ann", namespace="file")


def test_no_byte_of_a_signature_can_be_changed(tmp_path: pathlib.Path) -> None:
    mine = make(tmp_path)
    signature = sign(CONTENT, str(mine), environment=WITHOUT_AGENT)
    for place in range(0, len(signature) - 1, 17):
        changed = signature[:place] + ("A" if signature[place] != "A" else "B") + signature[place + 1 :]
        assert not verify(CONTENT, changed, public(mine), "ann"), place


@pytest.mark.parametrize("junk", ["", "x", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----", "ü", "-" * 70000])
def test_what_is_no_signature_is_none(tmp_path: pathlib.Path, junk: str) -> None:
    assert not verify(CONTENT, junk, public(make(tmp_path)), "ann")


def test_a_key_that_smuggles_in_options_is_none(tmp_path: pathlib.Path) -> None:
    mine = make(tmp_path)
    signature = sign(CONTENT, str(mine), namespace="file", environment=WITHOUT_AGENT)
    assert not verify(CONTENT, signature, f'{public(mine)}\nsigner namespaces="*" {public(mine)}', "ann")


@pytest.mark.parametrize("suffix", ["", ".pub"])
def test_an_agent_signs_with_a_key_that_has_a_passphrase(tmp_path: pathlib.Path, agent: dict[str, str], suffix: str) -> None:
    mine = make(tmp_path, passphrase="open sesame")
    askpass = tmp_path / "askpass"
    askpass.write_text("#!/bin/sh\necho open sesame\n", encoding="ascii")
    askpass.chmod(0o700)
    add = {**agent, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", "-q", str(mine)], env=add, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    signature = sign(CONTENT, f"{mine}{suffix}", environment=agent)
    assert verify(CONTENT, signature, public(mine), "ann")


def test_an_agent_alone_is_enough(tmp_path: pathlib.Path, agent: dict[str, str]) -> None:
    mine = make(tmp_path)
    subprocess.run(["ssh-add", "-q", str(mine)], env=agent, check=True, capture_output=True)
    mine.unlink()
    assert verify(CONTENT, sign(CONTENT, f"{mine}.pub", environment=agent), public(mine), "ann")


def test_a_passphrase_without_an_agent_is_refused_and_not_asked_for(tmp_path: pathlib.Path, agent: dict[str, str]) -> None:
    mine = make(tmp_path, passphrase="open sesame")
    for environment in (WITHOUT_AGENT, agent):  # no agent, and one that does not hold it
        assert refused(mine, environment).code == "key_passphrase"
        assert refused(f"{mine}.pub", environment).code == "key_passphrase"


def test_what_cannot_sign_is_refused_with_what_to_do(tmp_path: pathlib.Path) -> None:
    mine = make(tmp_path)
    junk, lonely, readable = tmp_path / "junk", tmp_path / "lonely.pub", make(tmp_path, name="readable")
    junk.write_text("not a key\n", encoding="ascii")
    lonely.write_text(mine.with_name("key.pub").read_text(encoding="ascii"), encoding="ascii")
    readable.chmod(0o644)
    junk.chmod(0o600)
    expected = {"missing": "key_missing", "junk": "not_a_key", "lonely.pub": "key_not_held", "readable": "key_permissions"}
    assert {name: refused(tmp_path / name).code for name in expected} == expected
    assert all(refused(tmp_path / name).remedy for name in expected)


def test_no_ssh_keygen_is_said(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = make(tmp_path)
    signature = sign(CONTENT, str(mine), environment=WITHOUT_AGENT)
    monkeypatch.setattr(ssh_signatures, "PROGRAM", "ssh-keygen-of-nowhere")
    assert refused(mine).code == "no_ssh_keygen"
    with pytest.raises(Refusal, match="ssh-keygen-of-nowhere"):
        verify(CONTENT, signature, public(mine), "ann")


def test_nothing_is_left_behind(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, room = make(tmp_path), tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    signature = sign(CONTENT, str(mine), environment=WITHOUT_AGENT)
    assert verify(CONTENT, signature, public(mine), "ann")
    assert not verify(CONTENT + b"x", signature, public(mine), "ann")
    assert list(room.iterdir()) == []


def test_approvals_are_weighed_with_real_signatures(tmp_path: pathlib.Path) -> None:
    now = datetime.datetime(2026, 3, 30, 12, tzinfo=datetime.UTC)
    scope = decision.Scope("sprint_36", "a" * 64, "stage", "b" * 64, "app")
    keys = {name: make(tmp_path, kind, name=name) for name, kind in (("ann", "ed25519"), ("bob", "ecdsa"), ("cho", "rsa"))}
    crowd = people.parse([{"name": name, "key": public(path), "roles": ["sre"]} for name, path in keys.items()])

    def approved(name: str, number: int) -> dict[str, t.Any]:
        made = decision.Decision("approve", scope, name, f"{number:032x}", now, now + datetime.timedelta(hours=1), "fine")
        return decision.statement(made, sign(decision.payload(made), str(keys[name]), environment=WITHOUT_AGENT))

    statements = [approved(name, number) for number, name in enumerate(keys)]
    question = approvals.Question(crowd, scope, now, {}, verify)
    assert approvals.weigh(statements, Approved(3, {"sre": 3}, 86400.0), question).met
    revoked = tuple(dataclasses.replace(person, revoked=person.name == "bob") for person in crowd)
    found = approvals.weigh(statements, Approved(3, {"sre": 3}, 86400.0), dataclasses.replace(question, people=revoked))
    assert ([no.code for no in found.refused], found.met) == (["revoked_key"], False)
    statements[0] = {**statements[0], "signature": statements[1]["signature"]}
    found = approvals.weigh(statements, Approved(3, {"sre": 3}, 86400.0), question)
    assert ([no.code for no in found.refused], found.met) == (["bad_signature"], False)
