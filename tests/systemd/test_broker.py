"""The broker as it is shipped: a real Mosquitto with the drop-in, certificates by the documented command, the access
list, passwords, and queues that outlive it."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import free_port, staying, wait_until
from edgeface.adapters.mqtt import MqttPublisher, check, mqtt_options
from edgeface.errors import BrokerError
from edgeface.message import Topics
from edgeface.service.ports import Receipt

FOLDER = Path(__file__).parents[2] / "systemd"
TOPICS = Topics(base="edgeface", device="reader")
DEBIAN = "persistence true\npersistence_location {own}/\nlog_dest file {own}/log\ninclude_dir {own}/conf.d\n"
"""/etc/mosquitto/mosquitto.conf as Debian ships it: what the drop-in says again would be refused."""

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*unclosed.*SSLSocket", "ignore::pytest.PytestUnraisableExceptionWarning"
)


class Shipped:
    """The drop-in at work in a folder that stands for /etc/mosquitto."""

    def __init__(self, own: Path) -> None:
        self.own, self.port = own, free_port()
        (own / "conf.d").mkdir()
        text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8").replace("/etc/mosquitto", str(own))
        text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        (own / "conf.d" / "edgeface.conf").write_text(text, encoding="utf-8")
        user = "user root\n" if os.geteuid() == 0 else ""
        (own / "mosquitto.conf").write_text(user + DEBIAN.format(own=own), encoding="utf-8")
        (own / "edgeface.acl").write_text((FOLDER / "mosquitto.acl").read_text(encoding="utf-8"), encoding="utf-8")
        made = subprocess.run(["sh", FOLDER / "certificates.sh", own / "edgeface"], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        (own / "edgeface.passwd").write_text("edgeface:a secret\naudit:another\n", encoding="utf-8")
        subprocess.run(["mosquitto_passwd", "-U", own / "edgeface.passwd"], check=True)
        (own / "mqtt-password").write_text("a secret\n", encoding="utf-8")
        self.start()

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        assert program is not None
        self._process = subprocess.Popen([program, "-c", str(self.own / "mosquitto.conf")], stderr=subprocess.DEVNULL)
        wait_until(self._answers, "the broker answers")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def options(self, user: str = "edgeface") -> Any:
        return mqtt_options(
            f"mqtts://{user}@localhost:{self.port}",
            TOPICS,
            ca_file=self.own / "edgeface" / "ca.pem",
            password_file=self.own / "mqtt-password",
        )

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.own / "log").read_text()
        try:
            check(self.options())
        except BrokerError:
            return False
        return True


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    shipped = Shipped(tmp_path_factory.mktemp("mosquitto"))
    yield shipped
    shipped.kill()


@contextmanager
def consumer(broker: Shipped, heard: list[str]) -> Iterator[Client]:
    """Somebody who keeps records: its session stays at the broker while it is away."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="recorder", protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("audit", "another")
    client.tls_set_context(ssl.create_default_context(cafile=broker.own / "edgeface" / "ca.pem"))
    kept = Properties(PacketTypes.CONNECT)
    kept.SessionExpiryInterval = 3600
    subscribed = Event()
    client.on_connect = lambda client, *_: client.subscribe("edgeface/+/history", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _c, _d, message: heard.append(message.payload.decode())
    client.connect("localhost", broker.port, clean_start=False, properties=kept)
    client.loop_start()
    try:
        assert subscribed.wait(15)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
        client.on_connect = client.on_subscribe = client.on_message = None


def test_the_reader_is_let_in_with_certificate_user_and_password(broker: Shipped) -> None:
    check(broker.options())
    with pytest.raises(BrokerError, match="user, password"):
        check(broker.options("audit"))
    with pytest.raises(BrokerError, match="signed by nobody whom we trust"):
        check(mqtt_options(f"mqtts://edgeface@localhost:{broker.port}", TOPICS))


def test_certificates_are_made_once(broker: Shipped) -> None:
    own = broker.own / "edgeface"
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    assert before.keys() == {"ca.pem", "ca.key", "broker.pem", "broker.key"}
    assert own.joinpath("ca.key").stat().st_mode & 0o777 == 0o600
    subprocess.run(["sh", FOLDER / "certificates.sh", own, "other.example"], check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before


def test_what_a_consumer_missed_outlives_the_broker(broker: Shipped) -> None:
    heard: list[str] = []
    with consumer(broker, heard):
        pass
    publisher = MqttPublisher(broker.options())
    linked = Event()
    with staying(publisher, linked.set):
        assert linked.wait(15)
        for number in range(20):
            sent = publisher.publish_history(str(number))
            assert sent is not None and sent.result(15) is Receipt.ACCEPTED
        time.sleep(0.5)  # each change is saved, but not before it is acknowledged
        broker.kill()
    broker.start()
    with consumer(broker, heard):
        wait_until(lambda: len(heard) >= 20, "the queue has come")
    assert heard == [str(number) for number in range(20)]
