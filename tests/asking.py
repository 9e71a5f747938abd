"""A reader at work with a real broker, and somebody who commands it over MQTT."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import Broker, wait_until
from commanding import Commander
from edgeface.commands import Role
from edgeface.service.bootstrap import Loaded, Station, open_station
from edgeface.service.serve import serving
from edgeface.service.settings import Config, MqttSettings
from edgeface.signature import key_id, public_of
from edgeface.store import commands
from edgeface.store.database import Database, open_database
from portraits import at


class Asker:
    """Sends commands and collects answers, as a console or a script would."""

    def __init__(self, port: int, commander: Commander) -> None:
        self.commander = commander
        self.answers: SimpleQueue[MQTTMessage] = SimpleQueue()
        self.decisions: SimpleQueue[MQTTMessage] = SimpleQueue()
        ready: SimpleQueue[None] = SimpleQueue()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("edgeface/#", qos=1)
        self._client.on_subscribe = lambda *_: ready.put(None)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        ready.get(timeout=10)

    def send(
        self, verb: str, payload: bytes, to: str | None = None, word: bytes | None = None, *, retain: bool = False
    ) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if to is not None:
            properties.ResponseTopic = to
        if word is not None:
            properties.CorrelationData = word
        topic = f"edgeface/reader/request/{verb}"
        self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)

    def heard(self) -> MQTTMessage:
        return self.answers.get(timeout=15)

    def ask(self, verb: str, body: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        self.commander.issued_at = datetime.now(UTC).replace(microsecond=0)
        self.send(verb, self.commander.sign(self.commander.make(verb, body, **changes)))
        found: dict[str, Any] = json.loads(self.heard().payload)
        return found

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_subscribe = self._client.on_message = None

    def say(self, topic: str, word: str) -> None:
        self._client.publish(topic, word, qos=1)

    def _take(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic == "edgeface/reader/decision":
            self.decisions.put(message)
        word = getattr(message.properties, "CorrelationData", None)
        if "/response/" in message.topic or (word is not None and "/request/" not in message.topic):
            self.answers.put(message)


def commander(database: Database) -> Commander:
    made = Commander(device=key_id(public_of(database.keyring.signing_seed)))
    with database.transaction() as tables:
        commands.add(tables, public_of(made.seed), "console", Role.ADMIN, at(0), by="test")
    return made


@contextmanager
def at_work(home: Path, loaded: Loaded, broker: Broker) -> Iterator[tuple[Station, Asker]]:
    """A reader, its broker, and an administrator."""
    config = Config(mqtt=MqttSettings(broker=broker.url))
    home.mkdir(exist_ok=True)
    with (
        closing(open_database(home / "gallery.db")) as database,
        open_station(config, loaded, database, film_time=True) as station,
        serving(station, config, loaded, database),
    ):
        asker = Asker(broker.port, commander(database))
        try:
            wait_until(lambda: station.problem() is None, "the reader is connected")
            yield station, asker
        finally:
            asker.close()
