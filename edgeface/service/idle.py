"""Work that waits until nobody stands at the door.

A decision takes several frames of one visitor, and a job here one transaction: begun while no visit is open, it is over
before the next decision wants the gallery. A poster that hangs before the camera is a visit without an end, so nothing
waits for longer than `PATIENCE_S`: what is past its time must go, at the cost of a transaction at a bad moment.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue

from edgeface.errors import GalleryError
from edgeface.service.pulse import Pulse

log = logging.getLogger(__name__)

MOST_WAITING = 64
"""Jobs that wait at once; more are not taken. A choice: an hour of visits without a pause."""

PATIENCE_S = 300.0
"""The longest wait for a quiet moment. A choice."""

STUCK_S = 300.0
"""A job that takes longer never ends. A choice: on a slow card the longest, a gallery whose tables are written anew,
takes a minute."""

Job = Callable[[], None]


class Idle:
    """One thread that works while the reader says that no visit is open."""

    def __init__(self, patience_s: float = PATIENCE_S, stuck_s: float = STUCK_S) -> None:
        self._patience_s, self._pulse = patience_s, Pulse(stuck_s)
        self._jobs: Queue[Job | None] = Queue(MOST_WAITING)
        self._chores: list[tuple[float, Job]] = []
        self._due_s: list[float] = []
        self._quiet = threading.Event()
        self._quiet.set()
        self._thread = threading.Thread(target=self._run, name="idle", daemon=True)

    def every(self, seconds: float, chore: Job) -> None:
        """Do something at once and then again and again. To be said before `start`."""
        self._chores.append((seconds, chore))
        self._due_s.append(0.0)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def busy(self, visit: bool) -> None:
        """Whether a visit is open now. Returns at once."""
        if visit:
            self._quiet.clear()
        else:
            self._quiet.set()

    def submit(self, job: Job) -> bool:
        """Have something done once; False if too much waits already. Returns at once."""
        try:
            self._jobs.put_nowait(job)
        except Full:
            return False
        return True

    def waiting(self) -> int:
        """How many jobs wait."""
        return self._jobs.qsize()

    def ticks(self) -> bool:
        """Whether the thread still runs, and no job takes forever."""
        return self._thread.is_alive() and self._pulse.ticks()

    def stop(self) -> None:
        """Do what still waits, and end."""
        self._quiet.set()
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._do_chores()
            try:
                job = self._jobs.get(timeout=self._pause_s())
            except Empty:
                continue
            if job is None:
                return
            self._do(job)

    def _pause_s(self) -> float | None:
        return max(0.0, min(self._due_s) - time.monotonic()) if self._due_s else None

    def _do_chores(self) -> None:
        for place, (seconds, chore) in enumerate(self._chores):
            if time.monotonic() >= self._due_s[place]:
                self._do(chore)
                self._due_s[place] = time.monotonic() + seconds

    def _do(self, job: Job) -> None:
        """Wait for a quiet moment first. A gallery that fails fails the decisions too, which are louder about it."""
        self._quiet.wait(self._patience_s)
        try:
            with self._pulse.work():
                job()
        except GalleryError as error:
            log.warning("idle work was left undone: %s", error)
