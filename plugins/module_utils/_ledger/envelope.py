# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. DSSE envelopes (secure-systems-lab/dsse, v1): a statement's bytes with signatures over them."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import typing as t

from .checkpoint import Malformed
from .keys import SigningKey, VerifierKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_HEAD = b'{"payload":"'
_MIDDLE = b'","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"'


@dataclasses.dataclass(frozen=True)
class Envelope:
    """The payload, and who claims to have signed it: (key's label, signature)."""

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def signers(self, keys: t.Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Those of the keys whose signature is there and good."""
        message = authenticated(self.payload)
        return tuple(key for key in keys if any(label == key.label and key.verifies(sig, message) for label, sig in self.signatures))


def authenticated(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding of the payload and its type."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def seal(payload: bytes, key: SigningKey) -> bytes:
    """An envelope with one signature, as canonical JSON: an entry of the log."""
    signature = base64.b64encode(key.sign(authenticated(payload)))
    label = json.dumps(key.verifier.label, ensure_ascii=False)[1:-1].encode()
    return b'%b%b%b%b","sig":"%b"}]}' % (_HEAD, base64.b64encode(payload), _MIDDLE, label, signature)


def unseal(entry: bytes) -> Envelope:
    """The envelope that the bytes are the canonical form of. Its signatures are not looked at.

    :raises Malformed: they are not.
    """
    try:
        found = json.loads(entry)
    except (ValueError, RecursionError) as problem:
        raise Malformed("an envelope is JSON") from problem
    if not isinstance(found, dict) or found.keys() != {"payload", "payloadType", "signatures"} or found["payloadType"] != PAYLOAD_TYPE:
        raise Malformed(f"an envelope has payload, payloadType {PAYLOAD_TYPE} and signatures")
    if not isinstance(found["signatures"], list) or not found["signatures"]:
        raise Malformed("an envelope has at least one signature")
    signatures = tuple(_signature(one) for one in found["signatures"])
    if json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") != entry:
        raise Malformed("an envelope is canonical JSON (RFC 8785)")
    return Envelope(_decoded(found["payload"]), signatures)


def _signature(found: t.Any) -> tuple[str, bytes]:
    if not isinstance(found, dict) or found.keys() != {"keyid", "sig"} or not isinstance(found["keyid"], str):
        raise Malformed("a signature has keyid and sig")
    return found["keyid"], _decoded(found["sig"])


def _decoded(text: t.Any) -> bytes:
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        content = None
    if content is None or base64.b64encode(content).decode() != text:
        raise Malformed("payload and signatures are base64")
    return content
