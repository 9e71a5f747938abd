"""By which browsers with which somebody has signed in are known again: a cookie that opens nothing.

It only tells that a wrong password is most likely a mistake of its owner's, so that strangers who try the same name
cannot make him wait (the device cookies of OWASP's "Slow down online guessing attacks with device cookies").
"""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from edgeface.errors import ConfigError
from edgeface.store import files

FILE = "known.key"
KEY_BYTES = 32
KEPT_S = 34_560_000
"""400 days: longer keeps no browser."""


class Known:
    """The key of one folder, made when it is first wanted; without it all browsers are strange again, and no more."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError if it can be neither read nor made."""
        path = folder / FILE
        try:
            self._key = _read(path) or _made(path)
        except OSError as error:
            raise ConfigError(f"{path} cannot be had: {error.strerror}") from error

    def cookie(self, account: str) -> str:
        """For a browser with which an account has signed in; `account`: the id of its key, another after a reset."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._mark(account, nonce)}"

    def nonce(self, account: str, cookie: str) -> str | None:
        """Which browser of an account's it is; None: a strange one."""
        nonce, _, mark = cookie.partition(".")
        fits = hmac.compare_digest(self._mark(account, nonce).encode(), mark.encode("utf-8", "replace"))
        return nonce if fits else None

    def _mark(self, account: str, nonce: str) -> str:
        return hmac.new(self._key, f"{account}\0{nonce}".encode("utf-8", "replace"), "sha256").hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    return key if len(key) == KEY_BYTES and not path.stat().st_mode & 0o077 else None


def _made(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    files.put(path, key)
    return key
