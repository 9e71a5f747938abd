"""Slows down whoever tries passwords: per account, per address, and over all."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 5
"""Wrong tries without a pause. A choice: so often people mistype."""
FIRST_PAUSE_S = 5.0
"""Then twice as long after each."""
LONGEST_PAUSE_S = 900.0
FORGOTTEN_AFTER_S = 3600.0
MOST = 4096
"""Names and addresses that are remembered; the oldest make room."""


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    until: float = 0.0
    last: float = 0.0


class Throttle:
    """One for sign-in, one for the set-up code."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._lock = now, threading.Lock()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def wait_s(self, *who: str) -> float:
        """Seconds until the next try is taken; 0: now."""
        now = self._now()
        with self._lock:
            pauses = [tries.until - now for tries in map(self._tries.get, who) if tries is not None]
        return max(0.0, *pauses) if pauses else 0.0

    def wrong(self, *who: str) -> None:
        """A try was wrong."""
        now = self._now()
        with self._lock:
            for one in who:
                tries = self._tries.setdefault(one, _Tries())
                if now - tries.last > FORGOTTEN_AFTER_S:
                    tries.wrong = 0
                tries.wrong, tries.last = tries.wrong + 1, now
                if tries.wrong >= FREE:
                    pause_s = FIRST_PAUSE_S * 2.0 ** min(tries.wrong - FREE, 10)
                    tries.until = now + min(pause_s, LONGEST_PAUSE_S)
                self._tries.move_to_end(one)
            while len(self._tries) > MOST:
                self._tries.popitem(last=False)

    def right(self, *who: str) -> None:
        """A try was right: what was wrong before is forgotten."""
        with self._lock:
            for one in who:
                self._tries.pop(one, None)
