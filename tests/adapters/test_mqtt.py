"""The link to a real Mosquitto: what is sent, what is not, and what never comes late."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from broker import Broker, Listener, Wire, free_port, listening, running, staying, wait_until
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher, check, mqtt_options
from edgeface.adapters.mqtt import link as link_module
from edgeface.adapters.mqtt import publisher as publisher_module
from edgeface.adapters.mqtt.link import IN_FLIGHT, Link
from edgeface.errors import BrokerError, ConfigError
from edgeface.message import Presence, StateMessage, Topics, decode
from edgeface.service.ports import Receipt, Received

TOPICS = Topics(base="edgeface", device="front")
paho_leaves_a_failed_handshake_to_the_collector = pytest.mark.filterwarnings(
    "ignore:.*unclosed.*SSLSocket", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def options(port: int) -> MqttOptions:
    return MqttOptions(host="127.0.0.1", port=port, topics=TOPICS, keepalive_s=1)


@contextmanager
def publishing(chosen: MqttOptions, on_connect: Callable[[], None] = lambda: None) -> Iterator[MqttPublisher]:
    with staying(MqttPublisher(chosen), on_connect) as publisher:
        yield publisher


def connected(publisher: MqttPublisher) -> None:
    wait_until(lambda: publisher.connected, f"connected: {publisher.problem}")


def state(payload: str) -> StateMessage:
    return decode(StateMessage, payload)


def test_a_decision_is_qos_1_expires_and_is_not_retained(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker) as listener, publishing(options(broker.port)) as publisher:
        connected(publisher)
        sent = publisher.publish_decision("{}", 2)
        assert sent is not None
        assert sent.result(5) is Receipt.ACCEPTED
        wait_until(lambda: listener.of("decision") != [], "the decision arrives")
        (heard,) = listener.of("decision")
        assert (heard.topic, heard.qos, heard.retain) == ("edgeface/front/decision", 1, False)
        assert (heard.content_type, heard.expiry_s) == ("application/json", 2)
        with listening(broker) as late:
            wait_until(lambda: late.of("state") != [], "retained messages arrive")
            assert late.of("decision") == []


def test_an_event_is_for_now_and_never_retained(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker) as listener, publishing(options(broker.port)) as publisher:
        connected(publisher)
        assert publisher.publish_event("{}", 5) is not None
        wait_until(lambda: listener.of("event") != [], "the event arrives")
        (heard,) = listener.of("event")
        assert (heard.topic, heard.retain, heard.expiry_s) == ("edgeface/front/event", False, 5)


def test_history_does_not_expire(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker) as listener, publishing(options(broker.port)) as publisher:
        connected(publisher)
        assert publisher.publish_history("{}") is not None
        wait_until(lambda: listener.of("history") != [], "history arrives")
        (heard,) = listener.of("history")
        assert (heard.qos, heard.retain, heard.expiry_s) == (1, False, None)


def test_a_head_of_the_audit_log_is_heard_and_not_retained(tmp_path: Path) -> None:
    assert MqttPublisher(options(free_port())).publish_head("early") is None, "there is no link yet"
    with running(tmp_path) as broker, listening(broker) as listener, publishing(options(broker.port)) as publisher:
        connected(publisher)
        assert publisher.publish_head("head") is not None
        wait_until(lambda: listener.of("head") != [], "the head arrives")
        (heard,) = listener.of("head")
        assert (heard.topic, heard.payload, heard.qos, heard.retain) == ("edgeface/front/head", "head", 1, False)


def test_state_and_info_are_retained_and_a_stop_says_offline(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        with publishing(options(broker.port)) as publisher:
            connected(publisher)
            said = publisher.publish_info('{"v":1}')
            assert said is not None
            said.result(5)
            with listening(broker) as late:
                wait_until(lambda: len(late.heard) == 2, "state and info arrive")
                assert all(heard.retain for heard in late.heard)
                assert state(late.of("state")[0].payload).state is Presence.ONLINE
        with listening(broker) as later:
            wait_until(lambda: later.of("state") != [], "state arrives")
            last = state(later.of("state")[0].payload)
            assert (last.state, last.reason) == (Presence.OFFLINE, "stopped")


def test_the_last_will_speaks_after_kill_9(tmp_path: Path) -> None:
    child = (
        "import sys\n"
        "from edgeface.adapters.mqtt import MqttPublisher, mqtt_options\n"
        "from edgeface.message import Topics\n"
        "publisher = MqttPublisher(mqtt_options(sys.argv[1], Topics(base='edgeface', device='front')))\n"
        "publisher.stay(lambda: print('up', flush=True))\n"
    )
    with (
        running(tmp_path) as broker,
        listening(broker) as listener,
        subprocess.Popen([sys.executable, "-c", child, broker.url], stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        wait_until(lambda: len(listener.of("state")) == 1, "it is online")
        process.send_signal(signal.SIGKILL)
        wait_until(lambda: len(listener.of("state")) == 2, "the will arrives")
        last = state(listener.of("state")[-1].payload)
        assert (last.state, last.reason) == (Presence.OFFLINE, "connection lost")


def test_every_connection_begins_with_the_full_state(tmp_path: Path) -> None:
    ups: list[int] = []
    with running(tmp_path) as broker, publishing(options(broker.port), lambda: ups.append(1)) as publisher:
        connected(publisher)
        broker.stop()
        wait_until(lambda: not publisher.connected, "the loss is noticed")
        wait_until(lambda: publisher.problem is not None, "the loss has a reason")
        broker.start()
        connected(publisher)
        assert len(ups) == 2
        with listening(broker) as late:  # this broker keeps nothing over a restart: it has been told anew
            wait_until(lambda: late.of("state") != [], "state arrives")


def test_without_a_broker_nothing_is_sent_and_nothing_is_kept(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    with publishing(options(broker.port)) as publisher:
        wait_until(lambda: "cannot reach" in str(publisher.problem), "the broker is missed")
        assert not publisher.connected
        assert publisher.publish_decision('{"late":1}', 2) is None
        assert publisher.publish_history('{"late":1}') is None
        broker.start()
        try:
            with listening(broker) as listener:
                connected(publisher)
                proof = publisher.publish_history('{"on":"time"}')
                assert proof is not None
                wait_until(lambda: listener.of("history") != [], "the link works")
                assert [heard.payload for heard in listener.of("history")] == ['{"on":"time"}']
                assert listener.of("decision") == []
        finally:
            broker.stop()


def test_paho_by_itself_would_come_late(tmp_path: Path) -> None:
    """Why a client of paho's lives for one connection only: what a wire swallowed comes with the next one."""
    with running(tmp_path) as broker, listening(broker) as listener:
        wire = Wire(broker.port)
        naive = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        try:
            naive.connect("127.0.0.1", wire.port, keepalive=1)
            naive.loop_start()
            wait_until(naive.is_connected, "connected")
            wire.fail()
            naive.publish("edgeface/front/decision", '{"door":"open"}', qos=1)
            wait_until(lambda: b'{"door":"open"}' in wire.swallowed, "swallowed")
            wire.heal()
            wait_until(lambda: listener.of("decision") != [], "it comes late")
            assert [heard.payload for heard in listener.of("decision")] == ['{"door":"open"}']
        finally:
            naive.disconnect()
            naive.loop_stop()
            wire.close()


def test_a_refusal_by_access_list_is_no_delivery(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("user front\ntopic write edgeface/front/state\nuser home\ntopic read edgeface/#\n")
    settings = ("allow_anonymous true", f"acl_file {tmp_path / 'acl'}")
    with running(tmp_path, *settings) as broker:
        chosen = replace(options(broker.port), username="front")
        with listening(broker, "home"), publishing(chosen) as publisher:
            connected(publisher)
            refused = publisher.publish_decision("{}", 2)
            assert refused is not None
            assert refused.result(5) is Receipt.REFUSED


def test_a_message_that_nobody_hears_is_no_delivery(tmp_path: Path) -> None:
    with running(tmp_path) as broker, publishing(options(broker.port)) as publisher:
        connected(publisher)
        unheard = publisher.publish_history("{}")
        assert unheard is not None
        assert unheard.result(5) is Receipt.UNHEARD


def test_no_more_is_on_its_way_than_the_broker_takes(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        wire = Wire(broker.port)
        try:
            with publishing(options(wire.port)) as publisher:
                connected(publisher)
                wire.fail()
                sent = [publisher.publish_history("{}") for _ in range(2 * IN_FLIGHT)]
                assert sum(one is not None for one in sent) <= IN_FLIGHT
                assert {one.result(10) for one in sent if one is not None} == {Receipt.LOST}
        finally:
            wire.close()


def test_a_broker_that_takes_less_gets_less(tmp_path: Path) -> None:
    with running(tmp_path, "allow_anonymous true", "max_inflight_messages 3") as broker:
        wire = Wire(broker.port)
        try:
            with publishing(options(wire.port)) as publisher:
                connected(publisher)
                wire.fail()
                assert sum(publisher.publish_history("{}") is not None for _ in range(10)) <= 3
        finally:
            wire.close()


def test_nothing_is_sent_before_the_broker_has_let_us_in() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, publishing(options(mute.getsockname()[1])) as publisher:
        peer, _ = mute.accept()
        with peer:
            assert peer.recv(1) == b"\x10", "CONNECT"
            assert publisher.publish_decision("{}", 2) is None


def test_receipts_find_their_senders_in_any_order(tmp_path: Path) -> None:
    """Threads send at once, and the broker often answers before `publish` has returned."""
    results: list[Receipt] = []
    with running(tmp_path) as broker, listening(broker) as listener, publishing(options(broker.port)) as publisher:
        connected(publisher)

        def send() -> None:
            for _ in range(50):
                sent = publisher.publish_history("{}")
                if sent is not None:
                    results.append(sent.result(5))

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: len(listener.of("history")) == len(results), "all arrive")
        assert len(results) == 200
        assert set(results) == {Receipt.ACCEPTED}


def test_a_link_that_breaks_between_a_receipt_and_its_sender_is_made_again(tmp_path: Path) -> None:
    """Seen once in a thousand outages: the thread that connects died of it, and no decision went out any more."""
    with running(tmp_path) as broker, listening(broker), publishing(options(broker.port)) as publisher:
        connected(publisher)
        link = publisher._link
        assert link is not None
        early = link._meet(60_000)  # the receipt comes, and its sender is yet to look for it
        early.set_result(Receipt.ACCEPTED)
        late = link._meet(60_001)
        link.over.set()
        assert late.result(5) is Receipt.LOST
        assert early.result(5) is Receipt.ACCEPTED
        wait_until(lambda: publisher._link is not link and publisher.connected, "the link is made again")


def test_unanswered_bytes_end_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel would otherwise repeat them for minutes, and deliver an old decision when the network is back."""
    seen: dict[int, int] = {}
    real = socket.socket.setsockopt

    def spy(self: socket.socket, level: int, option: int, value: int) -> None:
        real(self, level, option, value)
        seen[option] = self.getsockopt(level, option)

    monkeypatch.setattr(socket.socket, "setsockopt", spy)
    with running(tmp_path) as broker, publishing(options(broker.port)) as publisher:
        connected(publisher)
    assert seen[socket.TCP_USER_TIMEOUT] == 3000


def test_stopping_twice_or_before_the_start_or_while_connecting(tmp_path: Path) -> None:
    MqttPublisher(options(free_port())).stop()
    with running(tmp_path) as broker, publishing(options(broker.port)) as publisher:
        connected(publisher)
        publisher.stop()
        wait_until(lambda: not publisher.connected, "it is over")
    with socket.create_server(("127.0.0.1", 0)) as mute, publishing(options(mute.getsockname()[1])):
        peer, _ = mute.accept()
        peer.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Broker, Path]]:
    """A broker that knows one user, and the file with his password."""
    users, secret = tmp_path / "users", tmp_path / "secret"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "front", "pass word"], check=True)
    users.chmod(0o600)
    secret.write_text("pass word\n")
    with running(tmp_path, "allow_anonymous false", f"password_file {users}") as broker:
        yield broker, secret


def test_a_password_from_a_file(guarded: tuple[Broker, Path]) -> None:
    broker, secret = guarded
    chosen = mqtt_options(f"mqtt://front@127.0.0.1:{broker.port}", TOPICS, password_file=secret)
    check(chosen)
    with publishing(chosen) as publisher:
        connected(publisher)
        assert publisher.problem is None


def test_a_wrong_password_is_told(guarded: tuple[Broker, Path]) -> None:
    broker, secret = guarded
    secret.write_text("guess")
    chosen = mqtt_options(f"mqtt://front@127.0.0.1:{broker.port}", TOPICS, password_file=secret)
    with pytest.raises(BrokerError, match=r"Not authorized.*check user, password"):
        check(chosen)
    with publishing(chosen) as publisher:
        wait_until(lambda: "Not authorized" in str(publisher.problem), "the refusal is told")
        assert not publisher.connected


def test_two_readers_of_one_name_are_told_and_do_not_throw_each_other_out_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "FIRST_WAIT_S", 0.05)
    with running(tmp_path) as broker, publishing(options(broker.port)) as first:
        connected(first)
        with publishing(options(broker.port)) as second:
            both = (first, second)
            wait_until(lambda: any("another reader 'front'" in str(one.problem) for one in both), "one says why")
            wait_until(lambda: any(one.connected for one in both), "one of them works")


def test_a_listener_gets_what_is_sent_now_and_nothing_that_was_kept(tmp_path: Path) -> None:
    heard: list[Received] = []
    topic = TOPICS.door("main", "nonce")
    with running(tmp_path) as broker, listening(broker) as sender:
        sender._client.publish(topic, "kept", qos=1, retain=True).wait_for_publish(5)
        made = MqttPublisher(options(broker.port))
        made.listen(TOPICS.door("+", "nonce"), heard.append)
        with staying(made):
            connected(made)
            wait_until(lambda: _told(sender, topic, heard), "it is heard")
    assert {received.payload for received in heard} == {b"now"}
    assert not any(received.retained for received in heard)
    assert heard[0].topic == topic


def _told(sender: Listener, topic: str, heard: list[Received]) -> bool:
    sender._client.publish(topic, "now", qos=1).wait_for_publish(5)
    return bool(heard)


def test_checking_disturbs_nobody(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker) as listener, publishing(options(broker.port)) as publisher:
        connected(publisher)
        check(options(broker.port))
        proof = publisher.publish_history("{}")
        assert proof is not None
        assert proof.result(5) is Receipt.ACCEPTED
        wait_until(lambda: listener.of("history") != [], "history arrives")
        assert len(listener.of("state")) == 1


def test_checking_a_dead_and_a_mute_broker() -> None:
    with pytest.raises(BrokerError, match=r"cannot reach 127\.0\.0\.1.*is the broker running"):
        check(options(free_port()))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        chosen = replace(options(mute.getsockname()[1]), keepalive_s=60)
        with pytest.raises(BrokerError, match="does not answer"):
            check(chosen, timeout_s=0.3)


@paho_leaves_a_failed_handshake_to_the_collector
def test_tls_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*request, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with running(tmp_path, "allow_anonymous true", f"certfile {certificate}", f"keyfile {key}") as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        check(mqtt_options(url, TOPICS, ca_file=certificate))
        with pytest.raises(BrokerError, match="certificate"):
            check(mqtt_options(url, TOPICS))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    for file in (tmp_path / "missing", tmp_path / "odd"):
        with pytest.raises(BrokerError, match="password or certificate"):
            MqttPublisher(mqtt_options("mqtt://front@localhost", TOPICS, password_file=file))
        with pytest.raises(BrokerError, match="password or certificate"):
            MqttPublisher(mqtt_options("mqtts://localhost", TOPICS, ca_file=file))


def test_addresses() -> None:
    plain = mqtt_options("mqtt://reader%40home@broker.local", TOPICS)
    assert (plain.host, plain.port, plain.tls, plain.username) == ("broker.local", 1883, False, "reader@home")
    secure = mqtt_options("mqtts://[::1]:9000/", TOPICS, ca_file=Path("ca.pem"))
    assert (secure.host, secure.port, secure.tls, secure.username) == ("::1", 9000, True, None)
    assert mqtt_options("mqtts://b", TOPICS).port == 8883


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost", "write it as"),
        ("localhost:1883", "write it as"),
        ("http://localhost", "write it as"),
        ("mqtt://", "write it as"),
        ("mqtt://host:99999", "Port out of range"),
        ("mqtt://host:x", "[Pp]ort"),
        ("mqtt://host:0", "write it as"),
        ("mqtt://[::1", "Invalid"),
        ("mqtt://host/topic", "nothing may follow"),
        ("mqtt://host?x=1", "nothing may follow"),
        ("mqtt://user:secret@host", "put the password into a file"),
    ],
)
def test_addresses_that_are_none(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        mqtt_options(url, TOPICS)
    assert "secret" not in str(caught.value)


def test_a_certificate_without_tls() -> None:
    with pytest.raises(ConfigError, match="no TLS"):
        mqtt_options("mqtt://host", TOPICS, ca_file=Path("ca.pem"))


def test_hosts_that_no_resolver_takes() -> None:
    with pytest.raises(BrokerError, match="cannot reach"):
        check(mqtt_options(f"mqtt://{'x' * 70}.local", TOPICS))


def test_no_thread_is_left_behind() -> None:
    assert [thread.name for thread in threading.enumerate() if thread.name == "mqtt" or "paho" in thread.name] == []


def test_a_link_that_nobody_looks_after_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """paho's own thread hangs or has died: nothing is sent any more, and nobody says so."""
    monkeypatch.setattr(link_module, "PATIENCE", 1.0)
    monkeypatch.setattr(link_module, "_LOOK_S", 0.02)
    with running(tmp_path) as broker, publishing(options(broker.port)) as publisher:
        connected(publisher)
        first = publisher._link
        assert first is not None
        wait_until(lambda: not first._sent_s, "all that was said has its receipt")
        assert not first._deaf(), "a link with nothing to say is well"
        first._client.loop_stop()
        assert publisher.publish_history("{}") is not None
        wait_until(lambda: publisher._link not in (None, first) and publisher.connected, "another link is up")
        sent = publisher.publish_history("{}")
        assert sent is not None and sent.result(5) is not Receipt.LOST


def test_a_link_that_cannot_be_ended_stops_the_pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(publisher_module, "STUCK_S", 0.1)
    monkeypatch.setattr(Link, "leave", lambda self: str(goes_on.wait(15)))
    with running(tmp_path) as broker, publishing(options(broker.port)) as publisher:
        connected(publisher)
        assert publisher.ticks()
        broker.stop()
        wait_until(lambda: not publisher.ticks(), "it ticks no more")
        goes_on.set()
        wait_until(publisher.ticks, "and again")
