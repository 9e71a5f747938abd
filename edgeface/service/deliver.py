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
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from edgeface.decide import Outcome
from edgeface.errors import GalleryCorrupt, GalleryError
from edgeface.message import LIVE_FOR_S, DecisionMessage, as_history, as_live, decode, encode_signed
from edgeface.service.ports import Clock, Publisher, Receipt
from edgeface.store.outbox import Outbox, Waiting
from edgeface.wire import MessageError

log = logging.getLogger(__name__)

WINDOW = 16
"""History messages on their way at once; the broker allows 20, and live decisions must find room beside them."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After history that was refused or that nobody heard, doubling: one message then tries the way for all others."""

EVENT_S = 5
"""How long the broker may hold an event for whoever was away: a prompt is answered or over by then. A choice."""

FAREWELL_S = 2.0
"""How long a stop waits for receipts; what has none by then goes out again after the next start."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A decision was recorded."""

    seq: int


@dataclass(frozen=True, slots=True)
class _Answered:
    """A message of ours has its receipt."""

    seq: int
    live: bool
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _LinkUp:
    """The broker is there."""


@dataclass(frozen=True, slots=True)
class _Announce:
    """What `info` tells has changed."""


@dataclass(frozen=True, slots=True)
class _Tell:
    """A display has something new to show."""

    payload: str


@dataclass(frozen=True, slots=True)
class _Report:
    """How the reader is."""

    payload: str


@dataclass(frozen=True, slots=True)
class _Ping:
    """Somebody asks whether this thread still runs."""

    number: int


@dataclass(frozen=True, slots=True)
class _Stop:
    """The service ends."""


_Event = _Fresh | _Answered | _LinkUp | _Announce | _Tell | _Report | _Ping | _Stop


class Deliverer:
    """One thread between outbox and broker. `failure` is set if the store failed it: nothing is delivered any more."""

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
    ) -> None:
        """`name_of` gives a person's name for an id; `info` the InfoMessage, as JSON, to tell on each connection;
        `seed` is the private key that signs (`edgeface.signature`); `nonce` gives the door controller's newest word."""
        self.failure: GalleryError | None = None
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._boot_id = boot_id
        self._name_of = name_of
        self._info = info
        self._seed = seed
        self._nonce = nonce
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._health: str | None = None
        self._in_flight: dict[int, bool] = {}
        """seq -> was it sent live."""
        self._pause_s = 0.0
        """Grows while history is not taken; 0 when it is."""
        self._resume_at_ns = 0
        self._asked = self._answered = 0
        """Numbers of the newest ping and of the newest that was answered."""
        self._thread = threading.Thread(target=self._run, name="deliver")

    def start(self) -> None:
        """Begin to connect and to deliver, with whatever earlier runs left behind."""
        self._publisher.start(lambda: self._events.put(_LinkUp()))
        self._thread.start()

    def hand_over(self, seq: int) -> None:
        """Deliver a decision that the journal has just recorded. Returns at once."""
        self._events.put(_Fresh(seq))

    def announce(self) -> None:
        """Publish `info` again, as something in it has changed."""
        self._events.put(_Announce())

    def tell(self, payload: str) -> None:
        """Publish an event now or never. Returns at once."""
        self._events.put(_Tell(payload))

    def report(self, payload: str) -> None:
        """How the reader is, a HealthMessage as JSON: told now, and again on each connection. Never waits."""
        self._events.put(_Report(payload))

    def ticks(self) -> bool:
        """Whether the thread has answered since this was last asked. True the first time."""
        answered = self._answered == self._asked and self.failure is None
        self._asked += 1
        self._events.put(_Ping(self._asked))
        return answered

    def stop(self) -> None:
        """Wait a little for receipts, then end the thread and the link."""
        self._events.put(_Stop())
        if self._thread.is_alive():
            self._thread.join()
        self._publisher.stop()

    def _run(self) -> None:
        try:
            pause_s = self._drain()
            while self._handle(self._next(pause_s)):
                pause_s = self._drain()
            self._farewell()
        except GalleryError as error:
            self.failure = error
            log.error("delivery stopped: %s", error)

    def _next(self, timeout_s: float | None) -> list[_Event]:
        """Everything that has happened; waits for the first, but not longer than asked."""
        events: list[_Event] = []
        try:
            events.append(self._events.get(timeout=timeout_s))
            while True:
                events.append(self._events.get_nowait())
        except Empty:
            return events

    def _handle(self, events: list[_Event]) -> bool:
        """False when it is time to stop."""
        self._settle([event for event in events if isinstance(event, _Answered)])
        if any(isinstance(event, _LinkUp) for event in events):
            self._pause_s, self._resume_at_ns = 0.0, 0
        if any(isinstance(event, _LinkUp | _Announce) for event in events) and self._publisher.connected:
            self._publisher.publish_info(self._info())
        self._tell_health(events)
        for event in events:
            if isinstance(event, _Fresh):
                self._go_live(event.seq)
            elif isinstance(event, _Tell) and self._publisher.connected:
                self._publisher.publish_event(event.payload, EVENT_S)
            elif isinstance(event, _Ping):
                self._answered = event.number
        return not any(isinstance(event, _Stop) for event in events)

    def _tell_health(self, events: list[_Event]) -> None:
        """The newest report, if there is one that the broker has not got."""
        reports = [event.payload for event in events if isinstance(event, _Report)]
        self._health = reports[-1] if reports else self._health
        fresh = reports or any(isinstance(event, _LinkUp) for event in events)
        if fresh and self._health is not None and self._publisher.connected:
            self._publisher.publish_health(self._health)

    def _settle(self, answers: list[_Answered]) -> None:
        """Mark what was confirmed, in one transaction, and judge whether the way is open."""
        for answer in answers:
            self._in_flight.pop(answer.seq, None)
            if answer.receipt in (Receipt.REFUSED, Receipt.UNHEARD) and not answer.live:
                self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                self._resume_at_ns = self._clock.now().monotonic_ns + int(self._pause_s * 1e9)
                log.warning("history was %s; next attempt in %.0f s", answer.receipt.value, self._pause_s)
        accepted = [answer for answer in answers if answer.receipt is Receipt.ACCEPTED]
        if any(not answer.live for answer in accepted):
            self._pause_s, self._resume_at_ns = 0.0, 0
        if accepted:
            self._outbox.delivered([answer.seq for answer in accepted], self._clock.now().wall_ns)

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
            if not self._track(row.seq, False, self._publisher.publish_history(self._history(row))):
                return FIRST_PAUSE_S
            room -= 1
        return None

    def _track(self, seq: int, live: bool, sent: Future[Receipt] | None) -> bool:
        """Follow a message that was sent; False if it was not."""
        if sent is None:
            return False
        self._in_flight[seq] = live
        sent.add_done_callback(lambda future: self._events.put(_Answered(seq, live, future.result())))
        return True

    def _fresh_for_s(self, row: Waiting) -> float:
        """Seconds that are left of a decision's life; none for one of an earlier boot, or of a time still to come: a
        film played faster than life opens nothing."""
        age_s = (self._clock.now().monotonic_ns - row.decided_at_monotonic_ns) / 1e9
        return LIVE_FOR_S - age_s if row.boot_id == self._boot_id and age_s >= 0 else 0.0

    def _live(self, row: Waiting) -> str:
        message, label = self._read(row)
        nonce = self._nonce() if message.outcome is Outcome.GRANT else None
        age_ms = math.ceil(1000 * (LIVE_FOR_S - self._fresh_for_s(row)))
        return encode_signed(as_live(message, label, nonce, age_ms), self._seed)

    def _history(self, row: Waiting) -> str:
        return encode_signed(as_history(*self._read(row)), self._seed)

    def _read(self, row: Waiting) -> tuple[DecisionMessage, str | None]:
        """The message, and the name of whom it is about."""
        try:
            message = decode(DecisionMessage, row.payload)
        except MessageError as error:
            raise GalleryCorrupt(f"audit row {row.seq} cannot be read: {error}; restore a backup") from error
        return message, None if message.person is None else self._name_of(message.person.id)

    def _farewell(self) -> None:
        """The receipts that are still on their way."""
        until_s = time.monotonic() + FAREWELL_S
        while self._in_flight and (left_s := until_s - time.monotonic()) > 0:
            events = self._next(left_s)
            self._settle([event for event in events if isinstance(event, _Answered)])
