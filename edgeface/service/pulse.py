"""Whether a part of the reader gets on: what `edgeface.service.heartbeat` asks each of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Pulse:
    """Of a part that does one piece of work after another. Between two it may wait for as long as it takes."""

    def __init__(self, most_s: float) -> None:
        """A piece of work that takes longer than `most_s` never ends."""
        self._most_s = most_s
        self._begun_s: float | None = None

    @contextmanager
    def work(self) -> Iterator[None]:
        """One piece of work."""
        self._begun_s = time.monotonic()
        try:
            yield
        finally:
            self._begun_s = None

    def ticks(self) -> bool:
        """Whether it waits for work, or has not been at it for too long. From any thread."""
        begun_s = self._begun_s
        return begun_s is None or time.monotonic() - begun_s < self._most_s
