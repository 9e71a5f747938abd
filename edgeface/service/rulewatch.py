"""access.toml, read again when it has changed: whole, or not at all.

A file that is broken, half written or gone leaves the rules that were in force, and says so. New rules count only once
the journal tells of them.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeface.access import Rules
from edgeface.config import parse
from edgeface.errors import ConfigError, GalleryError
from edgeface.service.ports import Clock
from edgeface.service.pulse import Pulse
from edgeface.store.journal import Journal

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""A change counts when it has stayed the same from one look to the next: an editor may write a file in pieces, and half
of it may lack the rule that denies. A choice."""

STUCK_S = 30.0
"""A look that takes longer never ends: it reads some kilobytes, and stores one row. A choice, far above any disk's
longest pause."""

_Mark = tuple[int, int, int] | None


class RuleWatch:
    """Looks at one file in a thread of its own. `problem` says why the rules in force are not those of the file."""

    def __init__(
        self,
        path: Path,
        journal: Journal,
        clock: Clock,
        adopt: Callable[[Rules], None],
        *,
        stuck_s: float = STUCK_S,
    ) -> None:
        """`adopt` is called from the thread with rules that are to be in force from now on. The file as it is
        now counts as read already."""
        self.problem: str | None = None
        self._path, self._journal, self._clock, self._adopt = path, journal, clock, adopt
        self._known = self._seen = self._mark()
        self._stopping, self._pulse = threading.Event(), Pulse(stuck_s)
        self._thread = threading.Thread(target=self._run, name="rules")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look until the block ends."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()

    def ticks(self) -> bool:
        """Whether the thread still looks."""
        return self._thread.is_alive() and self._pulse.ticks()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            with self._pulse.work():
                self._look()

    def _look(self) -> None:
        mark = self._mark()
        if mark != self._known and mark == self._seen:
            self._known = mark
            self._read()
        self._seen = mark

    def _mark(self) -> _Mark:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> None:
        try:
            text = self._path.read_text(encoding="utf-8-sig")
            rules = parse(text, Rules)
            self._journal.ruled(hashlib.sha256(text.encode()).hexdigest(), self._clock.now())
        except (OSError, UnicodeDecodeError, ConfigError, GalleryError) as error:
            self.problem = f"{self._path.name} has changed and is not in force: {error}; the former rules stay"
            log.error("%s", self.problem)
            return
        self._adopt(rules)
        self.problem = None
        log.warning("%s has changed and is in force", self._path.name)
