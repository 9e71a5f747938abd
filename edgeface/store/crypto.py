"""Sealing of bytes: ChaCha20-Poly1305 (RFC 8439), chosen because a Pi 4 has no AES instructions.

    key = new_key()
    sealed = seal(key, b"Ada", bound("name", gallery, person))
    unseal(key, sealed, bound("name", gallery, person)) -> b"Ada"

What is sealed is bound to its place by the associated data: copied to another row, person or gallery it does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEY_BYTES = 32
NONCE_BYTES = 12
"""96 bits at random: with 2^32 messages under one key, two share a nonce with a chance of 2^-33 (NIST SP 800-38D)."""
TAG_BYTES = 16
FORMAT = "1"
"""Part of the associated data; another number when what is sealed changes its meaning."""


class Unsealable(Exception):
    """Wrong key, altered bytes or another place. Never leaves the store: callers say what it means there."""


def new_key() -> bytes:
    """256 bits from the kernel."""
    return os.urandom(KEY_BYTES)


def key_id(key: bytes) -> str:
    """Which key it is, without telling it: 16 hex digits."""
    return hashlib.sha256(b"edgeface key id\0" + key).hexdigest()[:16]


def bound(*place: str) -> bytes:
    """Associated data that names a place; no two places share one."""
    if any("\0" in part for part in place):
        raise ValueError("a place is named without NUL")
    return "\0".join(("edgeface", FORMAT, *place)).encode()


def seal(key: bytes, plain: bytes, place: bytes) -> bytes:
    """nonce || ciphertext || tag: 28 bytes longer than what is sealed."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, plain, place)


def unseal(key: bytes, sealed: bytes, place: bytes) -> bytes:
    """What was sealed. Raises Unsealable."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise Unsealable(f"{len(sealed)} bytes are too few to be sealed")
    try:
        return ChaCha20Poly1305(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
    except InvalidTag as error:
        raise Unsealable("wrong key, altered, or sealed for another place") from error


def fingerprint(key: bytes, text: str) -> str:
    """HMAC-SHA-256, 64 hex digits: equal for equal texts, and worth nothing to those who lack the key."""
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def derive(key: bytes, purpose: str) -> bytes:
    """Another key, 32 bytes, for another purpose. By SHA-512, so that no `fingerprint` under the same key tells it."""
    return hmac.new(key, purpose.encode(), "sha512").digest()[:KEY_BYTES]


_RECIPIENT = re.compile(r"edgeface-recipient-1 ([0-9a-f]{64})")


def recipient_of(seed: bytes) -> bytes:
    """The public key for which others seal what only the holder of this seed opens: X25519 (RFC 7748), 32 bytes."""
    return _own(seed).public_key().public_bytes_raw()


def recipient_text(public: bytes) -> str:
    """The key as people hand it on."""
    return f"edgeface-recipient-1 {public.hex()}"


def parse_recipient(text: str) -> bytes:
    """The reverse. Raises ValueError."""
    found = _RECIPIENT.fullmatch(text.strip())
    if found is None:
        raise ValueError("this is no key of a device to seal for")
    return bytes.fromhex(found[1])


def send_to(recipient: bytes) -> tuple[bytes, bytes]:
    """What travels in plain text, and the key that it stands for: once, for one recipient. Raises ValueError."""
    once = X25519PrivateKey.generate()
    ephemeral = once.public_key().public_bytes_raw()
    return ephemeral, _agreed(once.exchange(X25519PublicKey.from_public_bytes(recipient)), ephemeral, recipient)


def receive(seed: bytes, ephemeral: bytes) -> bytes:
    """The key that the sender used. Raises ValueError for what is no key."""
    own = _own(seed)
    return _agreed(own.exchange(X25519PublicKey.from_public_bytes(ephemeral)), ephemeral, recipient_of(seed))


def _own(seed: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(derive(seed, "edgeface recipient 1"))


def _agreed(shared: bytes, ephemeral: bytes, recipient: bytes) -> bytes:
    """Bound to both ends, as RFC 9180 does."""
    return derive(shared, f"edgeface sealed for 1 {ephemeral.hex()} {recipient.hex()}")
