"""A reader's journal and delivery on a broker of their own, with a controller that judges, and a naive pair beside it.

The naive way is what many programs do: publish an "open" with QoS 1, let the client library keep it while there is no
link, and let the door open for whatever arrives.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgeface.adapters.clock import SystemClock, boot_id
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.controller import Doorkeeper, Ledger, Opening
from edgeface.decide import Decision, Outcome
from edgeface.message import Topics
from edgeface.service.deliver import Deliverer
from edgeface.service.nonces import Nonces
from edgeface.signature import public_of, public_text
from edgeface.store.database import open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from tools.broker import Broker
from tools.wire import Wire

DOOR = "main"
TOPICS = Topics(base="edgeface", device="reader")
NAIVE = "naive/open"
NONCE_EVERY_S = 0.5
KEEPALIVE_S = 2
"""Short, so that what is tried again and again takes less time; a reader's own is longer."""
LATE_S = 3.0
"""An opening later than this after the decision is late: the design's own limit."""


def granted() -> Decision:
    """Somebody is let in, now."""
    now = SystemClock().now()
    return Decision(
        id=uuid.uuid4().hex, door=DOOR, outcome=Outcome.GRANT, reason="3 good shots agree", rule="known_person",
        person_id="p_0123456789abcdef", score=0.7, margin=0.3, threshold=0.45, quality=80.0, liveness=0.9, pose=None,
        shots=3, track=1, captured_at=now, decided_at=now,
    )  # fmt: skip


class Controller:
    """A door's controller, as the README writes it, that notes when it opens; and a consumer that keeps records."""

    def __init__(self, port: int, public_key: str, *, records: bool = True) -> None:
        """Without `records` it does not listen to history, and nobody does."""
        self.opened: dict[str, float] = {}
        """Decision -> seconds since boot of the opening."""
        self.refused: dict[str, int] = {}
        self.arrived: dict[str, float] = {}
        """Decision -> seconds since boot of its first message, live or not."""
        self.live: dict[str, float] = {}
        """Decision -> seconds since boot of its message on `decision`."""
        self.ledger = Ledger(public_key)
        self._keeper = Doorkeeper(door=DOOR, public_key=public_key)
        self._client = client(port, self._hear, (TOPICS.decision, *((TOPICS.history,) if records else ())))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._give_words)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()
        finish(self._client)

    def _give_words(self) -> None:
        while not self._stopping.wait(NONCE_EVERY_S):
            if self._client.is_connected():
                self._client.publish(TOPICS.door(DOOR, "nonce"), self._keeper.nonce())

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        fields = self.ledger.take(message.payload)
        if isinstance(fields, dict):
            self.arrived[fields["id"]] = now_s
        if message.topic == TOPICS.decision:
            answer = self._keeper.judge(message.payload, retained=message.retain)
            if isinstance(fields, dict):
                self.live.setdefault(fields["id"], now_s)
            if isinstance(answer, Opening):
                self.opened[answer.id] = now_s
                self._client.publish(TOPICS.door(DOOR, "nonce"), self._keeper.nonce())
            else:
                self.refused[answer.value] = self.refused.get(answer.value, 0) + 1


class NaiveDoor:
    """Publishes each grant with QoS 1 through a client that keeps it, and opens for whatever arrives."""

    def __init__(self, port: int) -> None:
        self.opened: list[tuple[str, float]] = []
        """Decision and seconds since boot, for each message that arrived."""
        self._sender = client(port, None, ())
        self._door = client(port, self._hear, (NAIVE,))

    def publish(self, decision: Decision) -> None:
        """Tell the door to open."""
        self._sender.publish(NAIVE, json.dumps({"open": DOOR, "id": decision.id}), qos=1)

    def stop(self) -> None:
        """End."""
        finish(self._sender)
        finish(self._door)

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.opened.append((json.loads(message.payload)["id"], time.clock_gettime(time.CLOCK_BOOTTIME)))


class Site:
    """All of it on one broker; use as a context manager. The broker is started by whoever measures."""

    def __init__(
        self, folder: Path, *, naive: bool, wired: bool = False, link: type[MqttPublisher] = MqttPublisher
    ) -> None:
        """`wired`: the reader's way to the broker can be made to fail. `link`: how it keeps it."""
        folder.mkdir(parents=True)
        self.broker = Broker(folder)
        self.wire = Wire(self.broker.port) if wired else None
        self.database = open_database(folder / "gallery.db")
        self.outbox, self.journal = Outbox(self.database), Journal(self.database, boot_id())
        seed, clock = self.database.keyring.signing_seed, SystemClock()
        self.public_key = public_text(public_of(seed))
        nonces = Nonces(clock)
        port = self.broker.port if self.wire is None else self.wire.port
        self.publisher = link(MqttOptions(host="127.0.0.1", port=port, topics=TOPICS, keepalive_s=KEEPALIVE_S))
        self.publisher.listen(TOPICS.door(DOOR, "nonce"), nonces.hear)
        self.deliverer = Deliverer(
            outbox=self.outbox, publisher=self.publisher, clock=clock, boot_id=boot_id(), name_of=lambda _: "Ada",
            info=lambda: "{}", seed=seed, nonce=nonces.take,
        )  # fmt: skip
        self.decided: dict[str, float] = {}
        """Decision -> seconds since boot."""
        self._with_naive = naive

    def __enter__(self) -> Site:
        self.broker.start()
        self.controller = Controller(self.broker.port, self.public_key)
        self.naive = NaiveDoor(self.broker.port) if self._with_naive else None
        self.deliverer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with closing(self.database):
            self.deliverer.stop()
        if self.naive is not None:
            self.naive.stop()
        self.controller.stop()
        if self.wire is not None:
            self.wire.close()
        self.broker.stop()

    def decide(self) -> Decision:
        """Let somebody in: recorded, handed over, and published the naive way too."""
        made = granted()
        self.decided[made.id] = made.decided_at.monotonic_ns / 1e9
        self.deliverer.hand_over(self.journal.record(made))
        if self.naive is not None:
            self.naive.publish(made)
        return made

    def late(self, opened: list[tuple[str, float]]) -> int:
        """How many of these openings were late."""
        return sum(at_s - self.decided[decision] > LATE_S for decision, at_s in opened)


def client(port: int, hear: Any, topics: tuple[str, ...]) -> Client:
    """A paho client that reconnects by itself."""
    made = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    made.reconnect_delay_set(1, 1)
    if topics:
        made.on_connect = lambda connected, *_: connected.subscribe([(topic, 1) for topic in topics])
    if hear is not None:
        made.on_message = hear
    made.connect("127.0.0.1", port, keepalive=5)
    made.loop_start()
    return made


def finish(made: Client) -> None:
    """Disconnect, and end its thread."""
    made.disconnect()
    made.loop_stop()
    made.on_connect = made.on_message = None
