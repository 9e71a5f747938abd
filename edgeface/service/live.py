"""The reader at work, as the desk changes it: between two frames, and only to what is stored."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from edgeface.access import Answer, Factor, State
from edgeface.errors import GalleryError
from edgeface.service.bootstrap import Loaded, derive_bar, freeze_gallery, load_rules
from edgeface.service.guard import Guard
from edgeface.service.loop import Reader
from edgeface.service.settings import Config
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore
from edgeface.store.journal import Journal

RESTART_AFTER_S = 1.0
"""Time for the answer to leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReader:
    """What `edgeface.service.desk.Live` asks for."""

    reader: Reader
    guard: Guard
    journal: Journal
    database: Database
    config: Config
    loaded: Loaded
    announce: Callable[[], None]
    """Tells `info` anew."""

    def turn(self) -> AbstractContextManager[object]:
        """Between two frames."""
        return self.reader.turn

    def renewed_people(self) -> Callable[[], None]:
        """People and bar, read anew. Raises ConfigError for people with whom the dial cannot be kept."""
        embedder, learned = self.loaded.models.embedder, self.config.learn.enabled
        gallery = freeze_gallery(GalleryStore(self.database), embedder, learned=learned)
        bar = derive_bar(gallery, self.loaded, self.config.decide)

        def put_in_force() -> None:
            self.reader.renew(gallery, bar)
            self.announce()

        return put_in_force

    def renewed_rules(self) -> Callable[[], None]:
        """The rules of access, read anew."""
        rules = load_rules(self.database.path.parent, self.config.decide.door)

        def put_in_force() -> None:
            self.guard.follow(rules)
            self.reader.reconsider()

        return put_in_force

    def change(self, change: Callable[[State], State]) -> Callable[[], None]:
        """Store what the doors remember from now on, within the caller's transaction. Raises GalleryError."""
        if (lost := self.guard.lost) is not None:
            raise GalleryError(f"what the doors remember is damaged ({lost}): `edgeface access reset --all`")
        memory = self.guard.changed(change)
        if memory.change is not None:
            self.journal.remember(memory.change)
        return lambda: self.guard.keep(memory)

    def present(self, factor: Factor) -> Answer:
        """A PIN or a card."""
        return self.reader.present(factor)

    def shut(self) -> str | None:
        """Why it lets in nobody, or hardly anybody."""
        return self.guard.problem(self.config.decide.door)

    def restart(self) -> None:
        """As by the service manager: the loop ends, journal and broker are left in order."""
        timer = threading.Timer(RESTART_AFTER_S, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()
