"""Says that the reader is alive while all of it is: one part that hangs silences it, and systemd starts it anew.

The camera and the models tick by the frames that were looked at; every other part answers for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgeface.frame import Instant
from edgeface.service.loop import Step


class Heartbeat:
    """Fed with every step of the reader's loop."""

    def __init__(
        self,
        *,
        every_s: float,
        alive: Callable[[], None],
        parts: Mapping[str, Callable[[], bool]],
        complain: Callable[[str], None],
        now: Callable[[], Instant],
    ) -> None:
        """`parts` answer whether they tick, by name; `alive` is called at most every `every_s` while all of them do.
        `complain` is called with a sentence when a part does not."""
        self._every_s, self._alive, self._parts = every_s, alive, parts
        self._complain, self._now = complain, now
        self._last: Instant | None = None

    def beat(self, step: Step) -> None:
        """One frame came. One too old to decide on does not count: a reader that only sees those is none."""
        if step.stale:
            return
        now = self._now()
        if self._last is not None and now.seconds_since(self._last) < self._every_s:
            return
        self._last = now
        silent = [name for name, ticks in self._parts.items() if not ticks()]
        if silent:
            self._complain(f"no answer from: {', '.join(silent)}")
        else:
            self._alive()
