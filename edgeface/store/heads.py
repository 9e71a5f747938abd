"""Signed heads of the audit chain: what an outside witness keeps, so that a cut, a rollback or a rewritten log shows.

    edgeface/0123456789abcdef0123456789abcdef      origin: which gallery
    1342                                           number of the newest row
    vbYEGkT2...=                                   its hash, base64
    time 2026-03-01T08:00:00Z                      by the device's clock
                                                   an empty line ends what is signed
    — edgeface/0123456789abcdef... Az3grl...=      name, base64 of key id (4 bytes) and Ed25519 signature (64)

The form is that of a signed note (https://c2sp.org/signed-note); the text is like a checkpoint
(https://c2sp.org/tlog-checkpoint), but for a chain where that has a tree. The key is the one that
signs decisions; what checks it is `edgeface/<gallery>+<key id>+<base64>`, the "verifier key" of that page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edgeface.errors import AuditError
from edgeface.frame import Instant
from edgeface.signature import public_of, sign_text, text_holds
from edgeface.store.chain import Link
from edgeface.store.keyring import Keyring

_ED25519 = b"\x01"
"""The kind of key, in key ids and verifier keys."""

_BEGINNING = re.compile(r"^edgeface/[0-9a-f]{32}$", re.MULTILINE)
_NOTE = re.compile(r"^(edgeface/[0-9a-f]{32}\n(?:.+\n)+)\n— (\S+) (\S+)$", re.MULTILINE)
_BODY = re.compile(r"(edgeface/[0-9a-f]{32})\n([0-9]{1,15})\n([A-Za-z0-9+/]{43}=)\ntime (\S+)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Up to where the audit log went at some moment."""

    origin: str
    """"edgeface/" and the gallery's id."""
    link: Link
    """The newest row."""
    time: str
    """By the device's clock, which may have been wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """What checks a device's signatures."""

    name: str
    public_key: bytes
    """Ed25519, 32 bytes."""

    @property
    def key_id(self) -> bytes:
        """4 bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Signer:
    """Who signs for a device."""

    name: str
    """"edgeface/" and the gallery's id."""
    seed: bytes
    """32 bytes, secret."""

    @property
    def verifier(self) -> Verifier:
        """To be given to whoever wants to check."""
        return Verifier(name=self.name, public_key=public_of(self.seed))


def signer_of(keyring: Keyring) -> Signer:
    """Who signs for the device that owns a gallery."""
    return Signer(name=f"edgeface/{keyring.gallery_id}", seed=keyring.signing_seed)


def signed_head(signer: Signer, link: Link, now: Instant) -> str:
    """The newest row, signed."""
    time = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now.wall_ns // 10**9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = f"{signer.name}\n{link.seq}\n{base64.b64encode(link.hash).decode()}\ntime {time}\n"
    signature = base64.b64encode(signer.verifier.key_id + sign_text(signer.seed, body.encode())).decode()
    return f"{body}\n— {signer.name} {signature}\n"


def verifier_of(text: str) -> Verifier:
    """A verifier key from its text form. Raises AuditError."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    raw = _unbase64(encoded)
    verifier = Verifier(name=name, public_key=raw[1:])
    if len(raw) != 33 or raw[:1] != _ED25519 or key_id != verifier.key_id.hex():
        raise AuditError(f"{text!r} is no verifier key, or was mistyped")
    return verifier


def read_heads(text: str, verifier: Verifier) -> tuple[Head, ...]:
    """All heads that a witness wrote down one after another, oldest row first. Raises AuditError for one that is
    incomplete or that this device did not sign, and if there is none."""
    plain = text.replace("\r\n", "\n")
    found = [_head(match[1], match[2], match[3], verifier) for match in _NOTE.finditer(plain)]
    if not found:
        raise AuditError("there is no signed head in it")
    if (begun := len(_BEGINNING.findall(plain))) != len(found):
        raise AuditError(f"{begun - len(found)} of {begun} heads in it are incomplete: take those out")
    return tuple(sorted(found, key=lambda head: head.link.seq))


def _head(body: str, name: str, signature: str, verifier: Verifier) -> Head:
    parts = _BODY.fullmatch(body)
    if parts is None:
        raise AuditError(f"what is signed by {name} is no head of an audit log")
    raw = _unbase64(signature)
    if name != verifier.name or parts[1] != name or raw[:4] != verifier.key_id:
        raise AuditError(f"the head of row {parts[2]} is signed by {name} with another key than {verifier.name}'s")
    if not text_holds(verifier.public_key, body.encode(), raw[4:]):
        raise AuditError(f"the head of row {parts[2]} was altered: its signature does not hold")
    return Head(origin=name, link=Link(seq=int(parts[2]), hash=base64.b64decode(parts[3])), time=parts[4])


def _unbase64(text: str) -> bytes:
    """Bytes of their one text; nothing of it may be left out or vary."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise AuditError(f"{text!r} is no base64: {error}") from error
    if base64.b64encode(raw).decode() != text:
        raise AuditError(f"{text!r} is no base64 as it should be written")
    return raw
