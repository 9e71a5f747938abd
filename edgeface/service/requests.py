"""Commands that come over MQTT: taken in the link's thread, answered in one of their own.

    <base>/<device>/request/<verb>  ->  the clerk  ->  the sender's response topic, or <base>/<device>/response/<verb>

A sender may name a response topic (MQTT 5) below <base>/<device>/response/, and nowhere else: else whoever can send
could make the reader speak on the topics of its decisions.
"""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from queue import Full, Queue
from typing import Protocol

from edgeface.message import Topics
from edgeface.service.ports import Publisher, Received
from edgeface.service.pulse import Pulse

log = logging.getLogger(__name__)

MOST_WAITING = 16
"""Commands that wait at once; more are answered "busy". A person sends one at a time."""

MOST_CORRELATION = 256
"""Bytes of correlation data that are repeated; more are left out. Clients send some 16."""

STUCK_S = 1200.0
"""A command that takes longer never ends: twice the time that the clerk gives one, as it may wait for another."""

_VERB = re.compile(r"[a-z]{1,32}(/[a-z]{1,32})?")
_RESPONSE = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}")


class Clerk(Protocol):
    """Who answers."""

    def answer(self, payload: bytes, topic_verb: str, *, retained: bool = False) -> str:
        """The signed answer to a command."""
        ...

    def busy(self, payload: bytes, topic_verb: str) -> str:
        """The signed answer while too many wait."""
        ...


@dataclass(frozen=True, slots=True)
class _Stop:
    """The service ends."""


class Requests:
    """One device's commands. Until it serves, and while it is busy, the first few wait."""

    def __init__(self, publisher: Publisher, topics: Topics, *, stuck_s: float = STUCK_S) -> None:
        """Listens on each connection from now on; to be made before the publisher connects."""
        self._publisher, self._topics, self._pulse = publisher, topics, Pulse(stuck_s)
        self._waiting: Queue[Received | _Stop] = Queue(MOST_WAITING)
        self._clerk: Clerk | None = None
        self._thread: threading.Thread | None = None
        publisher.listen(topics.request("#"), self._hear)

    def serve(self, clerk: Clerk) -> None:
        """Begin to answer."""
        self._clerk = clerk
        self._thread = threading.Thread(target=self._run, args=(clerk,), name="requests")
        self._thread.start()

    def waiting(self) -> int:
        """How many commands wait."""
        return self._waiting.qsize()

    def ticks(self) -> bool:
        """Whether commands are still taken, and none takes forever."""
        return self._thread is None or (self._thread.is_alive() and self._pulse.ticks())

    def stop(self) -> None:
        """Answer what waits, and no more."""
        if self._thread is not None:
            self._waiting.put(_Stop())
            self._thread.join()
            self._clerk = self._thread = None

    def _hear(self, received: Received) -> None:
        try:
            self._waiting.put_nowait(received)
        except Full:
            if self._clerk is not None:
                self._say(received, self._clerk.busy(received.payload, self._verb(received)))

    def _run(self, clerk: Clerk) -> None:
        while not isinstance(received := self._waiting.get(), _Stop):
            with self._pulse.work():
                text = clerk.answer(received.payload, self._verb(received), retained=received.retained)
                self._say(received, text)

    def _verb(self, received: Received) -> str:
        verb = received.topic.removeprefix(self._topics.request(""))
        return verb if _VERB.fullmatch(verb) else "unknown"

    def _say(self, received: Received, text: str) -> None:
        wanted, ours = received.response_topic, self._topics.response("")
        if wanted is None or not (wanted.startswith(ours) and _RESPONSE.fullmatch(wanted.removeprefix(ours))):
            wanted = self._topics.response(self._verb(received))
        word = received.correlation
        if word is not None and len(word) > MOST_CORRELATION:  # or the answer might be longer than the broker takes
            word = None
        if self._publisher.publish_response(wanted, text, word) is None:
            log.warning("an answer could not be sent: the link is gone")
