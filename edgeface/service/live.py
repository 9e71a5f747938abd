"""The reader at work, as the desk changes it: between two frames, and only to what is stored."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from edgeface.access import Answer, Factor, State
from edgeface.bar import Bar
from edgeface.decide import opened_from_afar
from edgeface.errors import ConfigError, DoorError, GalleryError
from edgeface.frame import Instant
from edgeface.match import Gallery
from edgeface.service.bootstrap import Loaded, gallery_and_bar, load_rules
from edgeface.service.exhibit import Exhibit
from edgeface.service.guard import Guard, Memory
from edgeface.service.loop import Reader, Recorded
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
    hand_out: Callable[[Recorded], None]
    """Takes a decision that is stored to the lock and to the broker."""
    now: Callable[[], Instant]
    again: Callable[[int, int], object]
    """Sends a range of rows once more."""
    exhibit: Exhibit | None
    """Shows a kept picture in Home Assistant; None where that is not allowed."""

    def turn(self) -> AbstractContextManager[object]:
        """Between two frames."""
        return self.reader.turn

    def renewed_people(self) -> Callable[[], None]:
        """People and bar, read anew. Raises ConfigError for people with whom the dial cannot be kept."""
        gallery, bar = self._derived(self.dial())

        def put_in_force() -> None:
            self.reader.renew(gallery, bar)
            self.announce()
            self.hide_pictures()

        return put_in_force

    def dial(self) -> str | None:
        """The false accepts by which it goes."""
        return self.reader.dial

    def renewed_dial(self, dial: str | None) -> tuple[Bar, Callable[[], None]]:
        """The bar by another dial. Raises ConfigError for one that cannot be kept."""
        gallery, bar = self._derived(dial)
        return bar, lambda: self.reader.renew(gallery, bar)

    def _derived(self, dial: str | None) -> tuple[Gallery, Bar]:
        return gallery_and_bar(GalleryStore(self.database), self.loaded, self.config, dial)

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

    def let_in(self, door: str, by: str) -> tuple[Recorded, Callable[[], None]]:
        """Store the decision that opens a door from afar; what is returned opens it. Raises DoorError, GalleryError."""
        now = self.now()
        step, memory = self.guard.let_in(door, now)
        if not step.passed:
            raise DoorError(f"the door stays shut: {step.reason}")
        decision = opened_from_afar(door, by, now, secrets.token_hex(16))
        recorded = Recorded(seq=self.journal.record(decision, memory.change), decision=decision)

        def put_in_force() -> None:
            self.guard.keep(memory)
            self.hand_out(recorded)

        return recorded, put_in_force

    def present(self, factor: Factor) -> Answer:
        """A PIN or a card."""
        return self.reader.present(factor)

    def present_picture(self, jpeg: bytes) -> Callable[[], None]:
        """What is returned shows it. Raises ConfigError, BrokerError."""
        if self.exhibit is None:
            raise ConfigError("no picture is shown to anybody here: see home_assistant_picture under [mqtt]")
        return self.exhibit.show(jpeg)

    def hide_pictures(self) -> None:
        """Whoever is shown may be the one who is gone."""
        if self.exhibit is not None:
            self.exhibit.end()

    def shut(self) -> str | None:
        """Why it lets in nobody, or hardly anybody."""
        return self.guard.problem(self.config.decide.door)

    def replay(self, first: int, last: int) -> None:
        """Rows of the journal are sent once more, as history."""
        self.again(first, last)

    def forgot(self) -> None:
        """The doors remember nothing."""
        self.guard.keep(Memory(state=State(), change=None))
        self.reader.reconsider()

    def restart(self) -> None:
        """As by the service manager: the loop ends, journal and broker are left in order."""
        timer = threading.Timer(RESTART_AFTER_S, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()
