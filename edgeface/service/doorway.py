"""One thread at the door: it moves the lock, listens to the contact, and writes down what happened.

A decision reaches it when it is on the disk. If the disk, the relay or this thread fails, the lock is locked and stays
so; the heartbeat then stops as well.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from edgeface import door
from edgeface.access import Contact
from edgeface.decide import Decision, Outcome
from edgeface.door import Event, Happening, Heard, Release, Shut, State, Tick
from edgeface.errors import DoorError, EdgefaceError
from edgeface.frame import Instant
from edgeface.message import DoorMessage, LockState, encode
from edgeface.service.ports import Clock, Lock, Received
from edgeface.store.journal import Journal

log = logging.getLogger(__name__)

CONTACT_FOR_S = 15.0
"""A contact that a controller tells over MQTT is believed for so long, and then unknown: it must repeat itself. A
choice: three times in that time."""

_CHECK_EVERY_S = 1.0
"""The relay's holder and contacts that are old are looked at so often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """What somebody wants of the thread."""

    event: Event | None = None
    decision_id: str | None = None
    reported: tuple[str, Contact] | None = None
    """A door, and what its controller says of it."""
    ping: int = 0
    stop: bool = False


class Doorway:
    """The door of one reader. `failure` is set if the lock or the journal failed it: the door stays shut."""

    def __init__(
        self,
        *,
        name: str,
        options: door.Options,
        lock: Lock | None,
        wired_contact: bool,
        journal: Journal,
        clock: Clock,
        hear: Callable[[str, Contact], None],
        changed: Callable[[], None],
    ) -> None:
        """`lock`: None if a controller of its own moves it. `wired_contact`: what controllers say of this door's
        contact does not count. `hear` is told each door's contact; `changed`, that `message` is another now."""
        self.failure: EdgefaceError | None = None
        self._name, self._options, self._lock, self._wired = name, options, lock, wired_contact
        self._journal, self._clock, self._hear, self._changed = journal, clock, hear, changed
        self._state = State()
        self._reports: dict[str, Instant] = {}
        """When each controller last told its door's contact."""
        self._words: SimpleQueue[_Word] = SimpleQueue()
        self._asked = self._answered = 0
        self._thread = threading.Thread(target=self._run, name="door")

    def start(self) -> None:
        """Begin, locked."""
        self._thread.start()

    def hand_over(self, decision: Decision) -> None:
        """A decision that is on the disk. Returns at once; only a grant for this door moves anything."""
        if decision.outcome is Outcome.GRANT and decision.door == self._name:
            self._words.put(_Word(event=Release(decided_at=decision.decided_at), decision_id=decision.id))

    def contact(self, contact: Contact) -> None:
        """What the wire says."""
        self._words.put(_Word(event=Heard(contact=contact)))

    def report(self, received: Received) -> None:
        """What a controller says over MQTT, on door/<door>/contact: open, closed or unknown."""
        text = received.payload.decode("ascii", errors="replace")
        if received.retained or text not in set(Contact):
            return
        name = received.topic.split("/")[-2]
        if name != self._name or not self._wired:
            self._words.put(_Word(reported=(name, Contact(text))))

    def message(self) -> str:
        """How the door is, as a DoorMessage in JSON."""
        state = self._state
        lock = LockState.RELEASED if state.released else LockState.LOCKED
        told = LockState.UNKNOWN if self._lock is None or self.failure else lock
        return encode(DoorMessage(door=self._name, lock=told, contact=state.contact, alarm=state.alarm))

    def ticks(self) -> bool:
        """Whether the thread has answered since this was last asked. True the first time."""
        answered = self._answered == self._asked and self.failure is None
        self._asked += 1
        self._words.put(_Word(ping=self._asked))
        return answered

    def stop(self) -> None:
        """Lock, and end the thread."""
        self._words.put(_Word(stop=True))
        if self._thread.is_alive():
            self._thread.join()
        if self._lock is not None:
            self._lock.close()

    def _run(self) -> None:
        try:
            while self._obey(self._next()):
                pass
            self._step(Shut())
        except EdgefaceError as error:
            self.failure = error
            log.error("the door stays shut: %s", error)
            self._shut()
            self._changed()

    def _next(self) -> _Word:
        due_ns = door.due_ns(self._state, self._options)
        left_s = _CHECK_EVERY_S if due_ns is None else (due_ns - self._clock.now().monotonic_ns) / 1e9
        try:
            return self._words.get(timeout=min(max(left_s, 0.0), _CHECK_EVERY_S))
        except Empty:
            return _Word(event=Tick())

    def _obey(self, word: _Word) -> bool:
        """False when it is time to stop."""
        if word.event is not None:
            self._step(word.event, word.decision_id)
        if word.reported is not None:
            self._told(*word.reported)
        self._forget_old_reports()
        if self._lock is not None and not self._lock.alive:
            raise DoorError("the process that holds the relay's line has died")
        self._answered = max(self._answered, word.ping)
        return not word.stop

    def _told(self, name: str, contact: Contact) -> None:
        self._reports[name] = self._clock.now()
        if name == self._name:
            self._step(Heard(contact=contact))
        else:
            self._hear(name, contact)

    def _forget_old_reports(self) -> None:
        now = self._clock.now()
        for name in [name for name, at in self._reports.items() if now.seconds_since(at) > CONTACT_FOR_S]:
            self._told(name, Contact.UNKNOWN)
            del self._reports[name]

    def _step(self, event: Event, decision_id: str | None = None) -> None:
        """Move the lock first, for somebody waits; the decision that moves it is on the disk already."""
        now, former = self._clock.now(), self._state
        self._state, happened = door.step(former, event, self._options, now)
        for happening in happened:
            self._move(happening)
        if self._state.contact is not former.contact:
            self._hear(self._name, self._state.contact)
        for happening in filter(self._tells, happened):
            self._journal.happened(self._name, happening, decision_id, now)
        if happened or self._state != former:
            self._changed()

    def _move(self, happening: Happening) -> None:
        if self._lock is None:
            return
        if happening is Happening.RELEASED:
            self._lock.release(self._options.unlock_s)
        elif happening is Happening.LOCKED:
            self._lock.lock()

    def _tells(self, happening: Happening) -> bool:
        """Whether it is worth a row: that it locked goes without saying, and what a controller did it says itself."""
        if happening in (Happening.RELEASED, Happening.REFUSED_LATE):
            return self._lock is not None
        return happening is not Happening.LOCKED

    def _shut(self) -> None:
        """Lock by whatever means there are."""
        self._state, _ = door.step(self._state, Shut(), self._options, self._clock.now())
        if self._lock is None:
            return
        with suppress(DoorError):
            self._lock.lock()
            return
        with suppress(DoorError):
            self._lock.restart()
