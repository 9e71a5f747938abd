"""A link to the broker that is made again whenever it breaks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from edgeface.adapters.mqtt.link import JSON, PICTURE, Link, access_of
from edgeface.adapters.mqtt.options import MqttOptions
from edgeface.errors import BrokerError
from edgeface.service.ports import Receipt, Received
from edgeface.service.pulse import Pulse

log = logging.getLogger(__name__)

RESPONSE_FOR_S = 60
"""Who asked and is gone for longer asks again."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
"""Between attempts to connect, doubling: a restarted broker is found at once, a dead one is not flooded."""

STUCK_S = 180.0
"""A link that takes longer to be made or ended never will be. A choice: with three name servers that are silent, the
system looks for a name for some 90 s."""

BRIEF_S, MOST_BRIEF = 3.0, 3
"""So many links in a row that lasted no longer than that are no outage but somebody else with our name: two readers
would throw each other out twice a second. Choices."""


class MqttPublisher:
    """Keeps connecting to the broker, says "online" each time, and sends what it is given."""

    def __init__(self, options: MqttOptions) -> None:
        """Raises BrokerError if the password or certificate file cannot be used."""
        self.problem: str | None = "not started"
        """Why there is no link, as a sentence; None while there is one."""
        self._options = options
        self._access = access_of(options)
        self._listeners: dict[str, Callable[[Received], None]] = {}
        self._kept: dict[str, str] = {}
        self._link: Link | None = None
        self._stopping = threading.Event()
        self._pulse = Pulse(STUCK_S)

    @property
    def connected(self) -> bool:
        """Whether a message could be sent now."""
        link = self._link
        return link is not None and link.up.is_set()

    def listen(self, topic: str, hear: Callable[[Received], None]) -> None:
        """Subscribe on each connection; call it before `stay`. `hear` runs in the link's thread."""
        self._listeners[topic] = hear

    def publish_decision(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        """Send a live decision now or never; None if it was not sent. The broker drops it after `expiry_s` seconds."""
        return self._publish(self._options.topics.decision, payload, expiry_s=expiry_s)

    def publish_history(self, payload: str) -> Future[Receipt] | None:
        """Send a past decision; None if it was not sent."""
        return self._publish(self._options.topics.history, payload)

    def publish_event(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        """Send what is of use only now; None if it was not sent. The broker drops it after `expiry_s` seconds."""
        return self._publish(self._options.topics.event, payload, expiry_s=expiry_s)

    def publish_picture(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        """Send a picture, base64, not retained; None if it was not sent. The broker drops it after `expiry_s`."""
        return self._publish(self._options.topics.image, payload, expiry_s=expiry_s, content_type=PICTURE)

    def publish_head(self, payload: str) -> Future[Receipt] | None:
        """Send a head of the audit log, not retained: a witness keeps all it hears. None if it was not sent."""
        return self._publish(self._options.topics.head, payload)

    def publish_info(self, payload: str) -> Future[Receipt] | None:
        """Send what this device runs, retained; None if it was not sent."""
        return self._publish(self._options.topics.info, payload, retain=True)

    def publish_health(self, payload: str) -> Future[Receipt] | None:
        """Send how this device is, retained; None if it was not sent."""
        return self._publish(self._options.topics.health, payload, retain=True)

    def keep(self, topic: str, payload: str) -> None:
        """Have the broker keep a message: it is sent, retained, on each connection. An empty one removes it."""
        self._kept[topic] = payload
        self.remind()

    def remind(self) -> None:
        """Send what is to be kept once more, if there is a link."""
        for topic, payload in self._kept.items():
            self._publish(topic, payload, retain=True)

    def publish_response(self, topic: str, payload: str, correlation: bytes | None) -> Future[Receipt] | None:
        """Send the answer to a request; None if it was not sent. The broker drops it after a minute."""
        return self._publish(topic, payload, expiry_s=RESPONSE_FOR_S, correlation=correlation)

    def publish_door(self, door: str, payload: str) -> Future[Receipt] | None:
        """Send how a door is, retained; None if it was not sent."""
        return self._publish(self._options.topics.door(door, "state"), payload, retain=True)

    def publish_door_event(self, door: str, payload: str) -> Future[Receipt] | None:
        """Send what happened at a door; None if it was not sent."""
        return self._publish(self._options.topics.door(door, "event"), payload)

    def stop(self) -> None:
        """Have `stay` publish "offline", disconnect and return. Receipts that did not come are LOST."""
        self._stopping.set()
        link = self._link
        if link is not None:
            link.over.set()

    def ticks(self) -> bool:
        """False once a link takes longer than `STUCK_S` to be made or ended."""
        return self._pulse.ticks()

    def _publish(
        self,
        topic: str,
        payload: str,
        *,
        retain: bool = False,
        expiry_s: int | None = None,
        correlation: bytes | None = None,
        content_type: str = JSON,
    ) -> Future[Receipt] | None:
        link = self._link
        if link is None or not link.up.is_set():
            return None
        return link.send(
            topic, payload, retain=retain, expiry_s=expiry_s, correlation=correlation, content_type=content_type
        )

    def stay(self, on_connect: Callable[[], None]) -> None:
        """Connect, and again whenever the link breaks, until `stop`. Calls back, from the link's own thread, each time
        it is up."""

        def up() -> None:
            self.problem = None
            log.info("broker: connected to %s:%d", self._options.host, self._options.port)
            self.remind()
            on_connect()

        wait_s, brief = FIRST_WAIT_S, 0
        while not self._stopping.is_set():
            link = self._link = Link(self._options, self._access, up, self._listeners)
            if self._stopping.is_set():  # stop() may have looked for a link just before there was this one
                link.over.set()
            begun_s = time.monotonic()
            why = self._once(link)
            self._link = None
            brief = brief + 1 if link.was_up and time.monotonic() - begun_s < BRIEF_S else 0
            rivals = brief >= MOST_BRIEF
            self.problem = why + (self._suspicion() if rivals else "")
            wait_s = FIRST_WAIT_S if link.was_up and not rivals else min(2 * wait_s, LONGEST_WAIT_S)
            if not self._stopping.is_set():
                log.warning("broker: %s; next attempt in %.1f s", self.problem, wait_s)
                self._stopping.wait(wait_s)

    def _once(self, link: Link) -> str:
        """One link from beginning to end; why it ended."""
        with self._pulse.work():
            why = link.connect()
        if why is None:
            link.wait()
            with self._pulse.work():
                why = link.leave()
        return why

    def _suspicion(self) -> str:
        """A broker ends the link of whoever came first when another comes with the same id; not all of them say so."""
        device = self._options.topics.device
        return f", again and again: is there another reader {device!r}? Give each its own name, [mqtt] device"


def check(options: MqttOptions, timeout_s: float = 10.0) -> None:
    """Connect once, as nobody in particular, and leave. Raises BrokerError that says why the broker cannot be used."""
    link = Link(options, access_of(options), None)
    why = link.connect()
    if why is None:
        link.wait(timeout_s)
        why = link.leave()
    if not link.was_up:
        raise BrokerError(why)
