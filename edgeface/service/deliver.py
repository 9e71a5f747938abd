"""Takes decisions from the disk to the broker: live while they are fresh, as history afterwards.

A decision is fresh for `LIVE_FOR_S` after it was made. Fresh, it is sent once on `decision`, if there is a link; stale,
it is history, and goes out on `history` until the broker confirms that somebody got it. It is never both at one time,
so a link that comes back late cannot open a door.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from queue import Empty, SimpleQueue

from edgeface.decide import Outcome
from edgeface.errors import GalleryCorrupt, GalleryError
from edgeface.message import (
    LIVE_FOR_S,
    DecisionMessage,
    DoorEventMessage,
    M,
    as_history,
    as_live,
    decode,
    encode,
    encode_signed,
)
from edgeface.service.news import Announce, Answered, Event, Fresh, LinkUp, Moved, Ping, Replay, Report, Stop, Tell
from edgeface.service.ports import Clock, Publisher, Receipt
from edgeface.store.audit import Kind
from edgeface.store.outbox import Again, Outbox, Waiting
from edgeface.wire import MessageError

log = logging.getLogger(__name__)

WINDOW = 16
"""History messages on their way at once; the broker allows 20, and live decisions must find room beside them."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After history that was refused or that nobody heard, doubling: one message then tries the way for all others."""

EVENT_S = 5
"""How long the broker may hold an event for whoever was away: a prompt is answered or over by then. A choice."""

REFUSED = "the broker refuses decisions; may this reader's user write below [mqtt] base and device? see its access list"

FAREWELL_S = 2.0
"""How long a stop waits for receipts; what has none by then goes out again after the next start."""


class Deliverer:
    """One thread between outbox and broker, and one that keeps the link.

    `failure` is set if the store failed it: nothing is delivered any more.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        publisher: Publisher,
        clock: Clock,
        boot_id: str,
        name_of: Callable[[str], str | None],
        info: Callable[[], str],
        seed: bytes,
        nonce: Callable[[], str | None] = lambda: None,
        door: Callable[[], tuple[str, str]] | None = None,
    ) -> None:
        """`name_of` gives a person's name for an id; `info` the InfoMessage, as JSON, to tell on each connection;
        `seed` is the private key that signs (`edgeface.signature`); `nonce` gives the door controller's
        newest word, and `door` the door's name and how it is, a DoorMessage as JSON."""
        self.failure: GalleryError | None = None
        self.problem: str | None = None
        """That the broker refuses what it is told, as a sentence; None while it does not."""
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._boot_id = boot_id
        self._name_of = name_of
        self._info = info
        self._seed = seed
        self._nonce, self._door = nonce, door
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._health: str | None = None
        self._in_flight: dict[int, bool] = {}
        """seq -> was it sent live."""
        self._once_more: set[int] = set()
        """In flight, and wanted again whatever their receipt says."""
        self._pause_s = 0.0
        """Grows while history is not taken; 0 when it is."""
        self._resume_at_ns = 0
        self._asked = self._answered = 0
        """Numbers of the newest ping and of the newest that was answered."""
        self._thread = threading.Thread(target=self._run, name="deliver")
        self._link = threading.Thread(
            target=publisher.stay, args=(lambda: self._events.put(LinkUp()),), name="mqtt", daemon=True
        )

    def start(self) -> None:
        """Begin to connect and to deliver, with whatever earlier runs left behind."""
        self._link.start()
        self._thread.start()

    def hand_over(self, seq: int) -> None:
        """Deliver a decision that the journal has just recorded. Returns at once."""
        self._events.put(Fresh(seq))

    def replay(self, first: int, last: int) -> Again:
        """Send a range of rows once more, as history. Raises GalleryError."""
        self._events.put(Replay(first, last))
        return self._outbox.look(first, last)

    def announce(self) -> None:
        """Publish `info` again, as something in it has changed."""
        self._events.put(Announce())

    def door_moved(self) -> None:
        """Publish how the door is, and what the journal may have noted of it."""
        self._events.put(Moved())

    def tell(self, payload: str) -> None:
        """Publish an event now or never. Returns at once."""
        self._events.put(Tell(payload))

    def report(self, payload: str) -> None:
        """How the reader is, a HealthMessage as JSON: told now, and again on each connection. Never waits."""
        self._events.put(Report(payload))

    def waiting(self) -> int:
        """How many decisions are on their way to the broker."""
        return len(self._in_flight)

    def ticks(self) -> bool:
        """Whether the thread has answered since this was last asked. True the first time."""
        answered = self._answered == self._asked and self.failure is None
        self._asked += 1
        self._events.put(Ping(self._asked))
        return answered

    def link_ticks(self) -> bool:
        """Whether the link is there, or another may be made."""
        return self._link.is_alive() and self._publisher.ticks()

    def stop(self) -> None:
        """Wait a little for receipts, then end the thread and the link."""
        self._events.put(Stop())
        if self._thread.is_alive():
            self._thread.join()
        self._publisher.stop()
        if self._link.is_alive():
            self._link.join()

    def _run(self) -> None:
        try:
            pause_s = self._drain()
            while self._handle(self._next(pause_s)):
                pause_s = self._drain()
            self._farewell()
        except GalleryError as error:
            self.failure = error
            log.error("delivery stopped: %s", error)

    def _next(self, timeout_s: float | None) -> list[Event]:
        """Everything that has happened; waits for the first, but not longer than asked."""
        events: list[Event] = []
        try:
            events.append(self._events.get(timeout=timeout_s))
            while True:
                events.append(self._events.get_nowait())
        except Empty:
            return events

    def _handle(self, events: list[Event]) -> bool:
        """False when it is time to stop."""
        self._settle([event for event in events if isinstance(event, Answered)])
        if any(isinstance(event, LinkUp) for event in events):
            self._pause_s, self._resume_at_ns = 0.0, 0
        self._tell_health(events)
        if self._publisher.connected:
            self._tell(events)
        for event in events:
            if isinstance(event, Fresh):
                self._go_live(event.seq)
            elif isinstance(event, Tell) and self._publisher.connected:
                self._publisher.publish_event(event.payload, EVENT_S)
            elif isinstance(event, Replay):
                self._again(event.first, event.last)
            elif isinstance(event, Ping):
                self._answered = event.number
        return not any(isinstance(event, Stop) for event in events)

    def _tell_health(self, events: list[Event]) -> None:
        """The newest report, if there is one that the broker has not got."""
        reports = [event.payload for event in events if isinstance(event, Report)]
        self._health = reports[-1] if reports else self._health
        fresh = reports or any(isinstance(event, LinkUp) for event in events)
        if fresh and self._health is not None and self._publisher.connected:
            self._publisher.publish_health(self._health)

    def _tell(self, events: list[Event]) -> None:
        """How things are, to be kept by the broker."""
        if any(isinstance(event, LinkUp | Announce) for event in events):
            self._publisher.publish_info(self._info())
        if self._door is not None and any(isinstance(event, LinkUp | Moved) for event in events):
            self._publisher.publish_door(*self._door())

    def _settle(self, answers: list[Answered]) -> None:
        """Mark what was confirmed, in one transaction, and judge whether the way is open."""
        for answer in answers:
            self._in_flight.pop(answer.seq, None)
            if answer.receipt is not Receipt.LOST:
                self.problem = REFUSED if answer.receipt is Receipt.REFUSED else None
            if answer.receipt in (Receipt.REFUSED, Receipt.UNHEARD) and not answer.live:
                self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                self._resume_at_ns = self._clock.now().monotonic_ns + int(self._pause_s * 1e9)
                log.warning("history was %s; next attempt in %.0f s", answer.receipt.value, self._pause_s)
        accepted = [answer for answer in answers if answer.receipt is Receipt.ACCEPTED]
        accepted = [answer for answer in accepted if answer.seq not in self._once_more]
        self._once_more -= {answer.seq for answer in answers}
        if any(not answer.live for answer in accepted):
            self._pause_s, self._resume_at_ns = 0.0, 0
        if accepted:
            self._outbox.delivered([answer.seq for answer in accepted], self._clock.now().wall_ns)

    def _again(self, first: int, last: int) -> None:
        """What is on its way just now counts as what the consumer lacks: its receipt will not end the waiting."""
        self._outbox.again(first, last)
        self._once_more |= {seq for seq in self._in_flight if first <= seq <= last}

    def _go_live(self, seq: int) -> None:
        """Send a decision live if it is fresh for at least a second more: the broker counts its life in seconds."""
        row = self._outbox.row(seq)
        if row is None or not self._publisher.connected:
            return
        left_s = int(self._fresh_for_s(row))
        if left_s >= 1:
            self._track(seq, True, self._publisher.publish_decision(self._live(row), left_s))

    def _drain(self) -> float | None:
        """Send history as far as it may go; return the seconds to wait, None: until something happens."""
        if not self._publisher.connected:
            return None
        paused_s = (self._resume_at_ns - self._clock.now().monotonic_ns) / 1e9
        if paused_s > 0:
            return paused_s
        history = sum(not live for live in self._in_flight.values())
        room = (1 if self._pause_s else WINDOW) - history
        for row in self._outbox.waiting(WINDOW + len(self._in_flight)):
            if room <= 0:
                return None
            if row.seq in self._in_flight:
                continue
            if (fresh_for_s := self._fresh_for_s(row)) > 0:
                return fresh_for_s
            if not self._track(row.seq, False, self._send_late(row)):
                return FIRST_PAUSE_S
            room -= 1
        return None

    def _track(self, seq: int, live: bool, sent: Future[Receipt] | None) -> bool:
        """Follow a message that was sent; False if it was not."""
        if sent is None:
            return False
        self._in_flight[seq] = live
        sent.add_done_callback(lambda future: self._events.put(Answered(seq, live, future.result())))
        return True

    def _fresh_for_s(self, row: Waiting) -> float:
        """Seconds that a decision may still open a door."""
        return self._young_for_s(row) if row.kind is Kind.DECISION else 0.0

    def _young_for_s(self, row: Waiting) -> float:
        """Seconds that are left of a row's life; none for one of an earlier boot, or of a time still to come: a
        film played faster than life opens nothing."""
        age_s = (self._clock.now().monotonic_ns - row.decided_at_monotonic_ns) / 1e9
        return LIVE_FOR_S - age_s if row.boot_id == self._boot_id and age_s >= 0 else 0.0

    def _send_late(self, row: Waiting) -> Future[Receipt] | None:
        """A row that opens nothing: history, or what happened at the door."""
        match row.kind:
            case Kind.DECISION:
                return self._publisher.publish_history(self._history(row))
            case Kind.DOOR:
                event = replace(self._decoded(DoorEventMessage, row), replayed=self._young_for_s(row) <= 0)
                return self._publisher.publish_door_event(event.door, encode(event))
            case _:
                raise GalleryCorrupt(f"audit row {row.seq} is no message; restore a backup")

    def _live(self, row: Waiting) -> str:
        message, label = self._read(row)
        nonce = self._nonce() if message.outcome is Outcome.GRANT else None
        age_ms = math.ceil(1000 * (LIVE_FOR_S - self._fresh_for_s(row)))
        return encode_signed(as_live(message, label, nonce, age_ms), self._seed)

    def _history(self, row: Waiting) -> str:
        return encode_signed(as_history(*self._read(row)), self._seed)

    def _read(self, row: Waiting) -> tuple[DecisionMessage, str | None]:
        """The message, and the name of whom it is about."""
        message = self._decoded(DecisionMessage, row)
        return message, None if message.person is None else self._name_of(message.person.id)

    def _decoded(self, kind: type[M], row: Waiting) -> M:
        try:
            return decode(kind, row.payload)
        except MessageError as error:
            raise GalleryCorrupt(f"audit row {row.seq} cannot be read: {error}; restore a backup") from error

    def _farewell(self) -> None:
        """The receipts that are still on their way."""
        until_s = time.monotonic() + FAREWELL_S
        while self._in_flight and (left_s := until_s - time.monotonic()) > 0:
            events = self._next(left_s)
            self._settle([event for event in events if isinstance(event, Answered)])
