"""Who said this, and was it altered: Ed25519 (RFC 8032) over canonical JSON (RFC 8785). Pure.

    sign(seed, Purpose.DECISION, body) -> text        verify(public, Purpose.DECISION, body, text) -> bool

What is signed begins with its purpose, so that a signed decision can never pass for a command.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edgeface.canonical import canonical

SEED_BYTES = 32
"""Of a private key."""
_PREFIX = "ed25519:"


class Purpose(StrEnum):
    """What a signature is for."""

    DECISION = "decision"
    COMMAND = "command"
    RESPONSE = "response"
    MODELS = "models"


def sign(seed: bytes, purpose: Purpose, body: Mapping[str, Any]) -> str:
    """The signature of a JSON object, base64url. `seed`: 32 bytes. Raises ValueError for what has no canonical form."""
    return base64.urlsafe_b64encode(sign_text(seed, _signed(purpose, body))).decode("ascii")


def verify(public: bytes, purpose: Purpose, body: Mapping[str, Any], signature: str) -> bool:
    """Whether the owner of a public key (32 bytes) signed this object for this purpose."""
    try:
        found = base64.b64decode(signature.encode("ascii"), altchars=b"-_", validate=True)
        once = base64.urlsafe_b64encode(found).decode() == signature  # its last letter has bits that say nothing
        return once and text_holds(public, _signed(purpose, body), found)
    except (UnicodeEncodeError, binascii.Error, ValueError, RecursionError):
        return False


def sign_text(seed: bytes, text: bytes) -> bytes:
    """64 bytes: for texts of a form of their own, which must not begin as those with a purpose do."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(text)


def text_holds(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether the owner of a public key signed this text. What is no key signs nothing."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_of(seed: bytes) -> bytes:
    """The public key, 32 bytes, of a private one."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """Which key it is, short: 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def public_text(public: bytes) -> str:
    """A public key as people pass it on: "ed25519:" and base64url."""
    return _PREFIX + base64.urlsafe_b64encode(public).decode("ascii")


def parse_public(text: str) -> bytes:
    """The reverse of `public_text`. Raises ValueError."""
    try:
        found = base64.b64decode(text.strip().removeprefix(_PREFIX).encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("a public key is written ed25519: and 44 letters and digits") from error
    if not text.strip().startswith(_PREFIX) or len(found) != SEED_BYTES:
        raise ValueError("a public key is written ed25519: and 44 letters and digits")
    return found


def _signed(purpose: Purpose, body: Mapping[str, Any]) -> bytes:
    return f"edgeface {purpose.value} 1\n".encode() + canonical(body)
