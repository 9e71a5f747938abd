"""Who is signed in, in memory alone: when the console stops, everybody is signed out and every opened key is gone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeface.commands import Role
from edgeface.signature import key_id, public_of

MOST = 256
"""Sessions at once; the one that was idle longest makes room."""
MOST_OF_ONE = 16
"""Of one account."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One browser of somebody who signed in."""

    name: str
    role: Role
    seed: bytes = field(repr=False)
    """The account's command key, opened."""
    csrf: str = field(repr=False)
    """What every form of this session must bring along."""
    began: float
    """Seconds of the monotonic clock."""
    seen: float
    notices: list[str] = field(default_factory=list)
    """What the next page shall say."""

    @property
    def key_id(self) -> str:
        """Whom the reader's audit names."""
        return key_id(public_of(self.seed))


class Sessions:
    """All of them. Cookies are kept as hashes, so that a memory dump of the table is no set of cookies."""

    def __init__(self, *, idle_s: float, longest_s: float, now: Callable[[], float]) -> None:
        self._idle_s, self._longest_s, self._now = idle_s, longest_s, now
        self._lock = threading.Lock()
        self._held: dict[str, Session] = {}

    def begin(self, name: str, role: Role, seed: bytes) -> str:
        """A new session; the cookie, 256 bits."""
        cookie, now = secrets.token_urlsafe(32), self._now()
        session = Session(name=name, role=role, seed=seed, csrf=secrets.token_urlsafe(32), began=now, seen=now)
        with self._lock:
            self._sweep(now)
            own = [held for held, one in self._held.items() if one.name == name]
            for held in own[: max(0, len(own) + 1 - MOST_OF_ONE)]:
                del self._held[held]
            if len(self._held) >= MOST:
                del self._held[min(self._held, key=lambda held: self._held[held].seen)]
            self._held[_hash(cookie)] = session
        return cookie

    def find(self, cookie: str, *, touch: bool = True) -> Session | None:
        """The session of a cookie, if it has not ended; looked at just now, unless it is a page that asks by itself."""
        now = self._now()
        with self._lock:
            self._sweep(now)
            session = self._held.get(_hash(cookie))
            if session is not None and touch:
                session.seen = now
        return session

    def end(self, cookie: str) -> None:
        """Sign out."""
        with self._lock:
            self._held.pop(_hash(cookie), None)

    def end_all(self, name: str, but: str = "") -> int:
        """Sign an account out everywhere, or everywhere else; how many that were."""
        kept = _hash(but)
        with self._lock:
            gone = [held for held, one in self._held.items() if one.name == name and held != kept]
            for held in gone:
                del self._held[held]
        return len(gone)

    def count(self, name: str) -> int:
        """How many an account has."""
        with self._lock:
            self._sweep(self._now())
            return sum(one.name == name for one in self._held.values())

    def _sweep(self, now: float) -> None:
        for held, one in list(self._held.items()):
            if now - one.seen > self._idle_s or now - one.began > self._longest_s:
                del self._held[held]


class Tokens:
    """CSRF tokens of forms that come before anybody has signed in: a keyed hash of the browser's own cookie."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, cookie: str) -> str:
        """What the form must bring along."""
        return hmac.new(self._key, cookie.encode("utf-8", "replace"), "sha256").hexdigest()


def same(first: str, second: str) -> bool:
    """Whether two texts are equal, in a time that tells nothing."""
    return hmac.compare_digest(first.encode("utf-8", "replace"), second.encode("utf-8", "replace"))


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
