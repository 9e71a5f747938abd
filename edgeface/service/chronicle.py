"""Keeps the reader's troubles in the journal: what was wrong with it in the night a visitor was turned away?"""

from __future__ import annotations

import logging

from edgeface.alarms import Alarms, follow
from edgeface.errors import GalleryError
from edgeface.frame import Instant
from edgeface.health import Sign
from edgeface.store.journal import Journal

log = logging.getLogger(__name__)

PAUSE_S = 30.0
"""After rows could not be stored: a disk that is full is not asked again at every look."""


class Chronicle:
    """Fed with each look at what is wrong, in the loop's thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._alarms = Alarms()
        self._failed_at: Instant | None = None

    def keep(self, found: tuple[Sign, ...], now: Instant) -> None:
        """What is wrong now. A journal that fails costs the rows, not the reader: they are written once it works."""
        if self._failed_at is not None and now.seconds_since(self._failed_at) < PAUSE_S:
            return
        alarms, rows = follow(self._alarms, found, now)
        try:
            if rows:
                self._journal.alarm(rows, now)
        except GalleryError as error:
            self._failed_at = now
            log.warning("alarms could not be journalled: %s", error)
        else:
            self._alarms, self._failed_at = alarms, None
