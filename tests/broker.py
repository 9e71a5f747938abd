"""A real Mosquitto, somebody who listens to it, and a wire that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgeface.adapters.mqtt import MqttPublisher
from tools.broker import Broker, free_port
from tools.wire import Wire

__all__ = ["Broker", "Heard", "Listener", "Wire", "free_port", "listening", "running", "staying", "wait_until"]

DEADLINE_S = 15.0


def wait_until(true: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Poll until it is so; AssertionError after the deadline."""
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, f"still not so after {deadline_s} s: {what}"
        time.sleep(0.01)


@contextmanager
def running(folder: Path, *settings: str) -> Iterator[Broker]:
    broker = Broker(folder, *settings)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def staying(publisher: MqttPublisher, on_connect: Callable[[], None] = lambda: None) -> Iterator[MqttPublisher]:
    """Keep a publisher's link until the block ends, as `edgeface.service.deliver` does."""
    thread = threading.Thread(target=publisher.stay, args=(on_connect,))
    thread.start()
    try:
        yield publisher
    finally:
        publisher.stop()
        thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message, as a subscriber got it."""

    topic: str
    payload: str
    qos: int
    retain: bool
    content_type: str | None
    expiry_s: int | None


class Listener:
    """Subscribes to everything below edgeface/, or elsewhere, and remembers it; reconnects by itself."""

    def __init__(self, port: int, username: str | None = None, below: str = "edgeface/#") -> None:
        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        if username is not None:
            self._client.username_pw_set(username)
        self._client.on_connect = lambda client, *_: client.subscribe(below, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.on_message = self._remember
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def ready(self) -> None:
        assert self._subscribed.wait(DEADLINE_S)

    def of(self, topic: str) -> list[Heard]:
        """What came on topics with that last level."""
        return [message for message in self.heard if message.topic.endswith(f"/{topic}")]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_subscribe = self._client.on_disconnect = None
        self._client.on_message = None

    def _remember(self, _client: Client, _data: Any, message: Any) -> None:
        properties = message.properties
        heard = Heard(
            topic=message.topic,
            payload=message.payload.decode(),
            qos=message.qos,
            retain=message.retain,
            content_type=getattr(properties, "ContentType", None),
            expiry_s=getattr(properties, "MessageExpiryInterval", None),
        )
        self.heard.append(heard)


@contextmanager
def listening(broker: Broker, username: str | None = None) -> Iterator[Listener]:
    listener = Listener(broker.port, username)
    try:
        listener.ready()
        yield listener
    finally:
        listener.close()
