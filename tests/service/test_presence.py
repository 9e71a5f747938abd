"""Home Assistant's discovery through a real Mosquitto: kept, told again on its birth, taken back cleanly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
import pytest
from paho.mqtt.publish import single

from broker import Broker, Listener, running, staying, wait_until
from edgeface import __version__
from edgeface.adapters.mqtt import MqttPublisher, mqtt_options
from edgeface.decide import Outcome
from edgeface.homeassistant import BIRTH, Presentation, discovery, discovery_topic
from edgeface.message import Topics
from edgeface.service.presence import present
from edgeface.service.settings import Config, MqttSettings

TOPICS = Topics(base="edgeface", device="front-1")


@contextmanager
def told(broker: Broker, how: Presentation) -> Iterator[MqttPublisher]:
    publisher = MqttPublisher(mqtt_options(broker.url, TOPICS))
    present(publisher, TOPICS, Config(mqtt=MqttSettings(home_assistant=how)))
    with staying(publisher):
        wait_until(lambda: publisher.connected, "connected")
        yield publisher


@contextmanager
def listening(broker: Broker) -> Iterator[Listener]:
    listener = Listener(broker.port, below="homeassistant/device/#")
    try:
        listener.ready()
        yield listener
    finally:
        listener.close()


def test_it_is_announced_kept_told_again_and_taken_back(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        with listening(broker) as home, told(broker, Presentation.ANNOUNCED):
            wait_until(lambda: len(home.heard) == 1, "it is announced")
            single(BIRTH, "offline", qos=1, hostname="127.0.0.1", port=broker.port)
            single(BIRTH, "online", qos=1, hostname="127.0.0.1", port=broker.port)
            wait_until(lambda: len(home.heard) == 2, "it is told again")
            assert {heard.topic for heard in home.heard} == {discovery_topic(TOPICS)}
        with listening(broker) as home:
            wait_until(lambda: len(home.heard) == 1, "the broker kept it")
            assert json.loads(home.heard[0].payload) == plain()
        with told(broker, Presentation.REMOVED), listening(broker) as home:
            wait_until(lambda: [heard.payload for heard in home.heard][-1:] in ([], [""]), "it is taken back")
        with listening(broker) as home, told(broker, Presentation.OFF):
            single(discovery_topic(TOPICS), "proof", hostname="127.0.0.1", port=broker.port)
            wait_until(lambda: home.heard != [], "the listener listens")
            assert [heard.payload for heard in home.heard] == ["proof"]


def plain() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(discovery(TOPICS, "main", __version__)))
    return found


def test_what_is_announced_is_what_home_assistant_wants() -> None:
    found = discovery(TOPICS, "main", "1.0", picture=True)
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", discovery_topic(TOPICS))
    assert found["device"]["identifiers"] and found["origin"]["name"]
    parts = found["components"]
    assert {part["platform"] for part in parts.values()} == {"event", "binary_sensor", "sensor", "update", "image"}
    assert len({part["unique_id"] for part in parts.values()}) == len(parts)
    for part in parts.values():
        assert part.get("state_topic", part.get("image_topic")).startswith("edgeface/front-1/")
        assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", part["default_entity_id"])
    assert parts["decision"]["event_types"] == [outcome.value for outcome in Outcome]


@pytest.mark.parametrize(
    ("version", "trial", "shown", "busy"),
    [(None, None, "built in", False), (4, "3 of 1,000 frames", "4", True), (4, None, "4", False)],
)
def test_the_models_in_use_are_shown_and_whether_they_are_on_trial(
    version: int | None, trial: str | None, shown: str, busy: bool
) -> None:
    part = discovery(TOPICS, "main", "1.0")["components"]["models"]
    assert (part["platform"], part["state_topic"]) == ("update", TOPICS.health)
    health = {"models_version": version, "models_trial": trial}
    told = json.loads(jinja2.Template(part["value_template"]).render(value_json=health))
    assert told == {"installed_version": shown, "latest_version": shown, "title": "Models", "in_progress": busy}


def test_nothing_that_it_shows_can_be_clicked() -> None:
    assert "command_topic" not in json.dumps(discovery(TOPICS, "main", "1.0", picture=True))


def test_an_image_only_where_it_is_allowed_and_gone_cleanly_where_it_is_not() -> None:
    """A part with its platform alone is how a device is told that it lost that part."""
    assert discovery(TOPICS, "main", "1.0")["components"]["picture"] == {"platform": "image"}
    shown = discovery(TOPICS, "main", "1.0", picture=True)["components"]["picture"]
    assert (shown["image_topic"], shown["image_encoding"], shown["content_type"]) == (TOPICS.image, "b64", "image/jpeg")
