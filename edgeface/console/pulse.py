"""Remembers how the reader was of late, in memory: one figure a report, for the graphs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType

from edgeface.commands import VERBS
from edgeface.commands.words_device import Report
from edgeface.console.speaker import Reader
from edgeface.errors import EdgefaceError
from edgeface.wire import MessageError, record

EVERY_S = 15.0
MOST = 1440
"""Reports: six hours of them."""

FIGURES: Mapping[str, str] = MappingProxyType(
    {"fps": "1/s", "took_ms_p95": "ms", "temperature_c": "°C", "memory_mb": "MB", "waiting": "", "disk_free_mb": "MB"}
)
"""Those that are drawn, with their units."""


class Pulse:
    """The last hours of one reader. Safe for threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._lock = reader, threading.Lock()
        self._reports: deque[Report] = deque(maxlen=MOST)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Ask every so often, as the user who runs this; a reader that does not answer leaves a gap."""
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def heard(self, report: Report) -> None:
        """One more report, if it is newer than the last."""
        with self._lock:
            if not self._reports or report.at > self._reports[-1].at:
                self._reports.append(report)

    def points(self, figure: str) -> list[tuple[datetime, float]]:
        """A figure over time, oldest first."""
        with self._lock:
            found = [(report.at, getattr(report, figure)) for report in self._reports]
        return [(at, float(value)) for at, value in found if value is not None]

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        """Ask once."""
        with suppress(EdgefaceError, MessageError):  # it is away, or has nothing to tell yet
            self.heard(record(VERBS["health/report"].answer, dict(self._reader.local("health/report", {})), "report"))
