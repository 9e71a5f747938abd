"""Slows down whoever tries passwords, and nobody else: a stranger who mistypes a name on purpose locks out himself.

A try runs in lanes, each with wrong tries of its own. Somebody whose browser has signed in before (known.py) has a lane
for himself. All others share one per address, one per name and address, and a slow one per name, which is never shut
for long: so a password cannot be guessed from many addresses either.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 5
"""Wrong tries without a pause. A choice: so often people mistype."""
FREE_OF_ADDRESS = 20
"""The same from one address, whatever the names. A choice: an office has one."""
FREE_OF_NAME = 50
"""The same of one name, from wherever."""
FIRST_PAUSE_S = 5.0
"""Then twice as long after each."""
LONGEST_PAUSE_S = 900.0
LONGEST_OF_NAME_S = 15.0
"""5,760 guesses a day at a password of 12 characters and more, and a stranger who waits for his turn gets it."""
FORGOTTEN_AFTER_S = 3600.0
MOST = 4096
"""Lanes that are remembered; the oldest make room."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What wrong tries are counted by."""

    of: str
    free: int = FREE
    longest_s: float = LONGEST_PAUSE_S


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    until: float = 0.0
    last: float = 0.0


class Throttle:
    """Counts wrong tries. Safe for threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._lock = now, threading.Lock()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def attempt(self, *lanes: Lane) -> float:
        """Seconds until the next try is taken; 0: now, and it counts as wrong until `right` or `undo` is said, so that
        many at once are no more than one after another."""
        with self._lock:
            if wait_s := self._wait_s(lanes):
                return wait_s
            for lane in lanes:
                self._count(lane)
        return 0.0

    def wait_s(self, *lanes: Lane) -> float:
        """Seconds until the next try is taken; 0: now. Counts nothing."""
        with self._lock:
            return self._wait_s(lanes)

    def wrong(self, *lanes: Lane) -> None:
        """A try was wrong."""
        with self._lock:
            for lane in lanes:
                self._count(lane)

    def right(self, *lanes: Lane) -> None:
        """A try was right: what was wrong before is forgotten."""
        with self._lock:
            for lane in lanes:
                self._tries.pop(lane.of, None)

    def undo(self, *lanes: Lane) -> None:
        """A try was right, which says nothing about those before it: only this one does not count."""
        with self._lock:
            for lane in lanes:
                if (tries := self._tries.get(lane.of)) is not None:
                    tries.wrong, tries.until = tries.wrong - 1, 0.0

    def _wait_s(self, lanes: tuple[Lane, ...]) -> float:
        now = self._now()
        found = (self._tries.get(lane.of) for lane in lanes)
        return max((tries.until - now for tries in found if tries is not None and tries.until > now), default=0.0)

    def _count(self, lane: Lane) -> None:
        now, tries = self._now(), self._tries.setdefault(lane.of, _Tries())
        if now - tries.last > FORGOTTEN_AFTER_S:
            tries.wrong = 0
        tries.wrong, tries.last = tries.wrong + 1, now
        if tries.wrong >= lane.free:
            pause_s = FIRST_PAUSE_S * 2.0 ** min(tries.wrong - lane.free, 10)
            tries.until = now + min(pause_s, lane.longest_s)
        self._tries.move_to_end(lane.of)
        while len(self._tries) > MOST:
            self._tries.popitem(last=False)


def source(address: str) -> str:
    """Whom an address stands for: of IPv6, where everybody has 2^64 of them, the network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4 or found.is_loopback:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
