"""PINs and card numbers as they may be written down: hashes that are slow to guess.

scrypt as in RFC 7914, with 16 MiB a guess: a four-digit PIN is guessed from its verifier within minutes on any machine,
so the file stays private (0600) and wrong tries are counted; the hash keeps a glance or a backup from telling the PIN.
"""

from __future__ import annotations

import hashlib
import hmac
import re

_LOG_N, _R, _P = 14, 8, 1
_VERIFIER = re.compile(r"scrypt:14:8:1:([0-9a-f]{32}):([0-9a-f]{64})")
_PIN = re.compile(r"[0-9]{4,12}")


def hash_pin(pin: str, salt: bytes) -> str:
    """A verifier for a PIN of 4 to 12 digits; `salt` is 16 bytes of chance. Raises ValueError for any other PIN."""
    if _PIN.fullmatch(pin) is None:
        raise ValueError("a PIN is 4 to 12 digits")
    if len(salt) != 16:
        raise ValueError("a salt is 16 bytes")
    return f"scrypt:{_LOG_N}:{_R}:{_P}:{salt.hex()}:{_scrypt(pin, salt).hex()}"


def verify_pin(pin: str, verifier: str) -> bool:
    """Whether this is the PIN; takes the same time for every wrong one."""
    found = _VERIFIER.fullmatch(verifier)
    if found is None or _PIN.fullmatch(pin) is None:
        return False
    return hmac.compare_digest(_scrypt(pin, bytes.fromhex(found[1])), bytes.fromhex(found[2]))


def check_verifier(name: str, text: str) -> None:
    """Raises ValueError, never with the text in it, for what `hash_pin` did not write."""
    if _VERIFIER.fullmatch(text) is None:
        raise ValueError(f"{name} is no verifier: write it with `edgeface access pin`, never the PIN itself")


def hash_card(number: str, salt: str) -> str:
    """The hash of a card's number, 64 hex digits. One salt for all cards of a site: a card says by itself whose it is.

    Raises ValueError for a number that is not 1 to 64 letters and digits.
    """
    if re.fullmatch(r"[0-9A-Za-z]{1,64}", number) is None:
        raise ValueError("a card's number is 1 to 64 letters and digits")
    return _scrypt(number.lower(), bytes.fromhex(salt)).hex()


def _scrypt(text: str, salt: bytes) -> bytes:
    return hashlib.scrypt(text.encode("ascii"), salt=salt, n=1 << _LOG_N, r=_R, p=_P, maxmem=1 << 26, dklen=32)
