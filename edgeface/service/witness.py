"""Tells the world outside how far the audit log has come, so that nobody can cut or rewrite it unseen.

A head (`edgeface.store.heads`) goes out at the start, at the end, and whenever enough rows or seconds have passed since
the last one. Whoever keeps heads is a witness: `edgeface audit verify --witness FILE` holds the log against them.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeface.errors import GalleryError
from edgeface.service.ports import Clock
from edgeface.service.pulse import Pulse
from edgeface.store import audit
from edgeface.store.database import Database
from edgeface.store.heads import signed_head, signer_of

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
STUCK_S = 30.0
"""A look at the log that takes longer never ends. A choice, far above any disk's longest pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """How often the audit log is witnessed."""

    head_every_rows: int = 100
    """A signed head goes out after so many new rows, 1 or more. A choice: what an intruder could take back unseen."""
    head_every_s: float = 60.0
    """... or so many seconds after the last, if there are new rows; 1 or more. A choice, as above."""
    head_file: Path | None = None
    """File that heads are appended to, best on another machine or medium; unset: they only go to the broker."""

    def __post_init__(self) -> None:
        if not 1 <= self.head_every_rows <= 1_000_000:
            raise ValueError(f"head_every_rows must be 1 to 1000000, not {self.head_every_rows}")
        if not 1 <= self.head_every_s <= 86_400:
            raise ValueError(f"head_every_s must be 1 to 86400, a day, not {self.head_every_s:g}")


Send = Callable[[str], bool]
"""Takes a head; whether it has gone out."""


class _Place:
    """Where heads go, and what has gone there."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.seq = -1
        self.at_ns: int | None = None


class Witness:
    """One thread that signs heads and sends them to every place."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        options: AuditOptions,
        places: Sequence[Send],
        *,
        stuck_s: float = STUCK_S,
    ) -> None:
        self._database, self._clock, self._options = database, clock, options
        self._places = [_Place(send) for send in places]
        self._over, self._pulse = threading.Event(), Pulse(stuck_s)
        self._thread = threading.Thread(target=self._run, name="witness")

    def start(self) -> None:
        """Begin, with a head of what is there."""
        self._thread.start()

    def ticks(self) -> bool:
        """Whether the thread still looks at the log. A place that hangs, as a disk elsewhere may, is no reason to start
        the reader anew: it would hang again, and whoever keeps heads sees that none comes."""
        return self._thread.is_alive() and self._pulse.ticks()

    def stop(self) -> None:
        """Send what has not been sent, and end."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._over.wait(LOOK_EVERY_S):
                self.look()
            self.look(last=True)
        except GalleryError as error:
            log.error("heads of the audit log are not sent any more: %s", error)

    def look(self, *, last: bool = False) -> None:
        """Send a head wherever one is due."""
        with self._pulse.work():
            newest, now = audit.newest(self._database), self._clock.now()
        due = [place for place in self._places if self._due(place, newest.seq, now.monotonic_ns, last)]
        if not due:
            return
        head = signed_head(signer_of(self._database.keyring), newest, now)
        for place in due:
            if place.send(head):
                place.seq, place.at_ns = newest.seq, now.monotonic_ns

    def _due(self, place: _Place, seq: int, now_ns: int, last: bool) -> bool:
        if place.at_ns is None or seq - place.seq >= self._options.head_every_rows:
            return True
        return seq > place.seq and (last or now_ns - place.at_ns >= self._options.head_every_s * 1e9)


def appended_to(file: Path) -> Send:
    """A place: the end of a file. What cannot be written is said once, and tried again."""
    said = False

    def send(head: str) -> bool:
        nonlocal said
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
            try:
                os.write(descriptor, (head + "\n").encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not said:
                log.warning("no head can be written to %s: %s", file, error.strerror)
            said = True
            return False
        said = False
        return True

    return send
