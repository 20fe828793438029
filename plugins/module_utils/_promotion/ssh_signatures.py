# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. SSH signatures over bytes, made and checked by OpenSSH's own ``ssh-keygen -Y`` (PROTOCOL.sshsig).

The key never passes through our hands: ssh-keygen reads its file, or asks the agent of ``SSH_AUTH_SOCK``.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import tempfile
import typing as t

from .._common.errors import Refusal
from .decision import NAMESPACE

PROGRAM = "ssh-keygen"
SECONDS = 60.0  # time enough to touch a hardware key
PRINCIPAL = "signer"  # the only one in a file of one line: whose key it is, the caller knows
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


def sign(payload: bytes, key_file: str, namespace: str = NAMESPACE, environment: t.Mapping[str, str] | None = None) -> str:
    """The armoured signature of ``payload``.

    :param key_file: a private key without a passphrase, or any key's ``.pub`` file whose private half the agent holds. Hardware keys (``sk-``) wait
        for the touch.
    :param environment: of ssh-keygen, with ``SSH_AUTH_SOCK`` of the agent; ours by default.
    :raises Refusal: there is no ssh-keygen or no such key, it has a passphrase and no agent holds it, or nobody touched it in time.
    """
    path = pathlib.Path(key_file).expanduser()
    if not path.is_file():
        raise _refusal(key_file, "an SSH key", "no such file", "Name your key's file, for instance ~/.ssh/id_ed25519.pub.", "key_missing")
    done = _run(["-Y", "sign", "-q", "-n", namespace, "-f", str(path)], payload, environment)
    signature = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode == 0 and signature.startswith(BEGIN) and signature.endswith(END):
        return signature + "\n"
    raise _cannot_sign(key_file, done.stderr.decode("utf-8", "replace"))


def verify(payload: bytes, signature: str, key: str, name: str, namespace: str = NAMESPACE) -> bool:
    """Whether ``signature`` is by the public ``key`` over exactly ``payload``, for ``namespace``.

    :param key: ``algorithm base64``.
    :param name: whose key it is, for messages.
    :raises Refusal: there is no ssh-keygen, or it could not do its work.
    """
    armour = signature.strip()
    if not armour.isascii() or not armour.startswith(BEGIN) or not armour.endswith(END) or len(key.split()) != 2 or "\n" in key:
        return False
    with tempfile.TemporaryDirectory(prefix="governed-delivery-") as directory:  # of mode 0700
        allowed, held = pathlib.Path(directory, "allowed_signers"), pathlib.Path(directory, "signature")
        allowed.write_text(f'{PRINCIPAL} namespaces="{namespace}" {key}\n', encoding="ascii", errors="replace")
        held.write_text(armour + "\n", encoding="ascii")
        command = ["-Y", "verify", "-q", "-f", str(allowed), "-I", PRINCIPAL, "-n", namespace, "-s", str(held)]
        done = _run(command, payload, None)
    if done.returncode in (0, 255):  # 255 is its one way to say no
        return done.returncode == 0
    found = f"exit code {done.returncode}: {_last_line(done.stderr.decode('utf-8', 'replace'))}"
    remedy = "OpenSSH 8.2 or later knows -Y verify. Correct the installation."
    raise _refusal(f"signature of {name}", "an answer of ssh-keygen", found, remedy, "ssh_keygen_failed")


def _run(arguments: t.Sequence[str], content: bytes, environment: t.Mapping[str, str] | None) -> subprocess.CompletedProcess[bytes]:
    """ssh-keygen without a terminal, so that it fails where it would ask for a passphrase."""
    settings = {**(os.environ if environment is None else environment), "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}
    settings.pop("SSH_ASKPASS", None)
    try:
        return subprocess.run(
            [PROGRAM, *arguments], input=content, capture_output=True, check=False, timeout=SECONDS, start_new_session=True, env=settings
        )
    except FileNotFoundError as problem:
        raise _refusal(
            PROGRAM, "to be installed where Ansible runs", "no such program", "Install OpenSSH's client.", "no_ssh_keygen"
        ) from problem
    except subprocess.TimeoutExpired as problem:
        remedy = "Touch the hardware key when it blinks, or look whether the agent answers: ssh-add -l."
        raise _refusal(PROGRAM, f"an answer within {SECONDS:.0f} s", "none", remedy, "ssh_keygen_timeout") from problem


def _cannot_sign(key_file: str, told: str) -> Refusal:
    """Why ssh-keygen did not sign, by what it says."""
    low = told.lower()
    if "passphrase" in low:
        remedy = "Start an agent, let it hold the key (ssh-add), and name the .pub file."
        return _refusal(
            key_file, "a key that can be used without asking", "a passphrase, and no agent that holds it", remedy, "key_passphrase"
        )
    if "unprotected private key" in low or "bad permissions" in low:
        return _refusal(key_file, "a file only its owner can read", "one that others can read", f"chmod 600 {key_file}", "key_permissions")
    if "invalid format" in low or "couldn't load public key" in low or "error in libcrypto" in low:
        return _refusal(
            key_file, "an SSH key", "something else", "Name the file of an SSH key. `ssh-keygen -t ed25519` makes one.", "not_a_key"
        )
    if "no private key found" in low:
        remedy = "Let the agent hold the key (ssh-add), or name the private key's file."
        return _refusal(key_file, "a private key to this public key", "none, neither in a file nor in an agent", remedy, "key_not_held")
    remedy = "Try it by hand: ssh-keygen -Y sign. OpenSSH 8.2 or later is needed."
    return _refusal(key_file, "a signature by ssh-keygen", _last_line(told), remedy, "ssh_keygen_failed")


def _last_line(told: str) -> str:
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no word of what is wrong"


def _refusal(thing: str, expected: str, found: str, remedy: str, code: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code=code)
