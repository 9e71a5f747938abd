"""The access list that is shipped, held by a real Mosquitto: who may say what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest
from paho.mqtt import publish
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from broker import Broker, running

ACL = Path(__file__).parents[2] / "systemd" / "mosquitto.acl"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("acl")
    (folder / "acl").write_text(ACL.read_text())  # Mosquitto wants its own file
    with running(folder, "allow_anonymous true", f"acl_file {folder / 'acl'}") as made:
        yield made


def allowed(broker: Broker, user: str, topic: str) -> bool:
    """Whether the broker takes a message from a user."""
    answers: SimpleQueue[bool] = SimpleQueue()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(user)
    client.on_connect = lambda client, *_: client.publish(topic, "x", qos=1)
    client.on_publish = lambda _c, _d, _m, code, _p: answers.put(not code.is_failure)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        return answers.get(timeout=10)
    finally:
        client.disconnect()
        client.loop_stop()
        client.on_connect = client.on_publish = None


@pytest.mark.parametrize(
    ("user", "topic", "may"),
    [
        ("edgeface", "edgeface/reader/decision", True),
        ("edgeface", "edgeface/reader/response/people/list", True),
        ("console", "edgeface/reader/request/people/forget", True),
        ("console", "edgeface/reader/response/people/forget", False),
        ("console", "edgeface/reader/decision", False),
        ("keypad", "edgeface/reader/request/door/present", True),
        ("keypad", "edgeface/reader/request/door/lockdown", False),
        ("door", "edgeface/reader/door/main/nonce", True),
        ("door", "edgeface/reader/request/door/lockdown", False),
        ("audit", "edgeface/reader/request/door/lockdown", False),
        ("edgeface", "homeassistant/device/edgeface-reader/config", True),
        ("homeassistant", "homeassistant/status", True),
        ("homeassistant", "edgeface/reader/request/door/lockdown", False),
        ("somebody", "edgeface/reader/request/health", False),
    ],
)
def test_who_may_say_what(broker: Broker, user: str, topic: str, may: bool) -> None:
    assert allowed(broker, user, topic) is may


def heard(broker: Broker, user: str, topic: str) -> bool:
    """Whether a user who asks for everything is given what the reader says there."""
    answers: SimpleQueue[str] = SimpleQueue()
    ready: SimpleQueue[None] = SimpleQueue()
    listener = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    listener.username_pw_set(user)
    listener.on_connect = lambda client, *_: client.subscribe([("edgeface/#", 1), (MARK, 1)])
    listener.on_subscribe = lambda *_: ready.put(None)
    listener.on_message = lambda _c, _d, message: answers.put(message.topic)
    listener.connect("127.0.0.1", broker.port)
    listener.loop_start()
    try:
        ready.get(timeout=10)
        single = partial(publish.single, hostname="127.0.0.1", port=broker.port, auth={"username": "edgeface"}, qos=1)
        single(topic, "x")
        single(MARK, "x")  # all of them may hear that one, and it comes after the other
        came = [answers.get(timeout=10)]
        while came[-1] != MARK:
            came.append(answers.get(timeout=10))
        return topic in came
    finally:
        listener.disconnect()
        listener.loop_stop()
        listener.on_connect = listener.on_subscribe = listener.on_message = None


MARK = "edgeface/reader/state"
HEARS = {
    "door": ("decision",),
    "console": ("response/people/list", "info"),
    "homeassistant": ("decision", "info", "health", "image", "door/main/state"),
    "audit": ("decision", "history", "head", "info", "health", "event", "door/main/state", "door/main/event"),
}
SAID = sorted({topic for topics in HEARS.values() for topic in topics} | {"request/health", "door/main/nonce"})


@pytest.mark.parametrize("user", HEARS)
def test_who_hears_what(broker: Broker, user: str) -> None:
    """Pictures and answers, which may hold names and faces, come to nobody who keeps records or opens doors."""
    assert {topic for topic in SAID if heard(broker, user, f"edgeface/reader/{topic}")} == set(HEARS[user])
