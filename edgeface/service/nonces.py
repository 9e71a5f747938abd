"""The newest word of the door's controller, to be repeated in a grant: so it knows that the grant is no recording."""

from __future__ import annotations

import re

from edgeface.message import LIVE_FOR_S
from edgeface.service.ports import Clock, Received

_WORD = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Nonces:
    """One door's. `hear` may be called from another thread than `take`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: tuple[str, int] | None = None
        """The word, and when it came, monotonic ns."""

    def hear(self, received: Received) -> None:
        """The controller gives a word: 8 to 64 letters, digits, `-` and `_`. Anything else is no word."""
        word = received.payload.decode("ascii", errors="replace")
        if not received.retained and _WORD.fullmatch(word):
            self._newest = (word, self._clock.now().monotonic_ns)

    def take(self) -> str | None:
        """The newest word, once, while it is young enough to be believed; else None."""
        found, self._newest = self._newest, None
        if found is None:
            return None
        word, heard_at_ns = found
        return word if (self._clock.now().monotonic_ns - heard_at_ns) / 1e9 < LIVE_FOR_S else None
