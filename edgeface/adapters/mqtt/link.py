"""One connection to the broker, and the only importer of paho.

paho keeps what it could not send and sends it on the next connection: an "open" may so arrive minutes late. Therefore a
paho client lives for one connection only, and what was not acknowledged dies with it; the outbox, on the disk, is what
remembers. MQTT 5 (OASIS), https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edgeface.adapters.mqtt.options import MqttOptions
from edgeface.errors import BrokerError
from edgeface.message import LIVE_FOR_S, Presence, StateMessage, encode
from edgeface.service.ports import Receipt, Received

IN_FLIGHT = 20
"""Unacknowledged messages at once: Mosquitto's own limit (max_inflight_messages); paho would queue what goes beyond."""

CONNECT_TIMEOUT_S = 5.0
"""For TCP and TLS; a broker on the same network answers in milliseconds, and a stop may have to wait for it."""

GOODBYE_S = 2.0
"""How long a stop waits for "offline" to be acknowledged; the last will says it otherwise."""

JSON, PICTURE = "application/json", "image/jpeg;base64"
"""What a message is, by MQTT 5's content type."""

PATIENCE = 1.5
"""What has no receipt after so many keepalives gets none: the link is made anew. paho would not notice while other
messages go and come: a network may lose one direction only."""

_LOOK_S = 1.0

_NO_SUBSCRIBERS = 0x10
"""The reason code of a message that was accepted and that nobody subscribes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What lets us in, read from its files once."""

    password: str | None
    tls: ssl.SSLContext | None


class Link:
    """One connection: from the first packet to the last, with a client of its own."""

    def __init__(
        self,
        options: MqttOptions,
        access: Access,
        on_up: Callable[[], None] | None,
        listeners: Mapping[str, Callable[[Received], None]] | None = None,
    ) -> None:
        """`listeners`: whom to tell of messages, by topic. Without `on_up` the link says nothing, and ends as soon as
        the broker has let it in."""
        self.up = threading.Event()
        self.over = threading.Event()
        """Set when the link broke, or to end it."""
        self.was_up = False
        self._options = options
        self._on_up = on_up
        self._listeners = dict(listeners or {})
        self._why = f"{options.host}:{options.port} does not answer; is it an MQTT broker?"
        self._refused = False
        self._lock = threading.Lock()
        self._pending: dict[int, Future[Receipt]] = {}
        self._sent_s: dict[int, float] = {}
        """When each of them was sent."""
        self._window = IN_FLIGHT
        self._ended = False
        self._client = _client(options, access, on_up is not None)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def connect(self) -> str | None:
        """Connect; why that cannot be, None if it is under way."""
        options = self._options
        # paho asks after an interval of silence and gives up after another, so these two are the patience.
        interval_s = max(1, int(PATIENCE * options.keepalive_s / 2))
        try:
            self._client.connect(options.host, options.port, interval_s, clean_start=True)
        except ssl.SSLCertVerificationError as error:
            return f"{options.host}:{options.port} is not to be trusted: {_distrust(error)}"
        except (OSError, UnicodeError) as error:
            return f"cannot reach {options.host}:{options.port} ({error}); is the broker running and the address right?"
        self._client.loop_start()
        return None

    def wait(self, timeout_s: float | None = None) -> None:
        """Stay until the link is over, deaf, or so much time has passed."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.over.wait(_LOOK_S) and (until_s is None or time.monotonic() < until_s):
            if self._deaf():
                self.up.clear()  # no goodbye to who does not answer
                self._why = f"no receipt from {self._options.host} for {PATIENCE * self._options.keepalive_s:g} s"
                return

    def send(
        self,
        topic: str,
        payload: str,
        *,
        retain: bool = False,
        expiry_s: int | None = None,
        correlation: bytes | None = None,
        content_type: str = JSON,
    ) -> Future[Receipt] | None:
        """Send with QoS 1 at once, or return None."""
        with self._lock:
            if len(self._pending) >= self._window:
                return None
        properties = _properties(content_type, expiry_s, correlation)
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        return self._meet(sent.mid) if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def leave(self) -> str:
        """End it, with a goodbye if it is up; why it ended."""
        if self.up.is_set() and self._on_up is not None:
            said = self.send(self._options.topics.state, _state(Presence.OFFLINE, "stopped"), retain=True)
            with suppress(TimeoutError):
                if said is not None:
                    said.result(GOODBYE_S)
        self.up.clear()
        self._client.disconnect()
        self._client.loop_stop()
        # Or the client would hold this link and the link the client, and its sockets would wait for the collector.
        self._client.on_connect = self._client.on_disconnect = self._client.on_publish = None
        self._client.on_message = None
        with self._lock:
            self._ended = True
            # A receipt whose sender has not come for it yet waits there as well, and is no loss.
            unanswered = [future for future in self._pending.values() if not future.done()]
        for future in unanswered:
            future.set_result(Receipt.LOST)
        return self._why

    def _deaf(self) -> bool:
        """Whether something was sent long ago and nobody said that it came: paho does not look after its link."""
        with self._lock:
            oldest_s = min(self._sent_s.values(), default=math.inf)
        return time.monotonic() - oldest_s > PATIENCE * self._options.keepalive_s

    def _meet(self, mid: int) -> Future[Receipt]:
        """Sender and receipt meet here in either order; whoever comes second takes the entry away.

        No lock may be held around paho's publish: it calls back with its own locks held.
        """
        with self._lock:
            met = self._pending.pop(mid, None)
            self._sent_s.pop(mid, None)
            if met is None:
                met = Future()
                if self._ended:
                    met.set_result(Receipt.LOST)
                else:
                    self._pending[mid], self._sent_s[mid] = met, time.monotonic()
        return met

    def _on_connect(
        self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._refused = True
            self._why = f"the broker refused the connection ({code}); check user, password and device id"
            return
        self._window = min(IN_FLIGHT, getattr(properties, "ReceiveMaximum", IN_FLIGHT))
        self._why = "disconnected"
        self.was_up = True
        if self._on_up is None:
            self.over.set()
            return
        self.send(self._options.topics.state, _state(Presence.ONLINE, None), retain=True)
        if self._listeners:
            # What the broker kept from before is not sent, and what it is to keep says so: nothing that we listen to
            # may be retained.
            wanted = SubscribeOptions(
                qos=1, noLocal=True, retainAsPublished=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND
            )
            self._client.subscribe([(topic, wanted) for topic in self._listeners])
        self.up.set()
        self._on_up()

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if self.was_up and not self.over.is_set():
            self._why = f"the link to the broker broke ({code})"
        elif self._options.tls and not self.over.is_set() and not self._refused:
            self._why = (
                f"{self._options.host}:{self._options.port} ended the connection before letting us in; does it want a "
                "certificate of this device that is valid? see mqtt.cert_file"
            )
        self.up.clear()
        self.over.set()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        received = Received(
            topic=message.topic,
            payload=bytes(message.payload),
            retained=message.retain,
            response_topic=getattr(message.properties, "ResponseTopic", None),
            correlation=getattr(message.properties, "CorrelationData", None),
        )
        for topic, hear in self._listeners.items():
            if topic_matches_sub(topic, received.topic):
                hear(received)

    def _on_publish(self, _client: Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        unheard = Receipt.UNHEARD if code.value == _NO_SUBSCRIBERS else Receipt.ACCEPTED
        self._meet(mid).set_result(Receipt.REFUSED if code.is_failure else unheard)


def access_of(options: MqttOptions) -> Access:
    """Read the files that the options name. Raises BrokerError."""
    try:
        password = options.password_file and options.password_file.read_text(encoding="utf-8").partition("\n")[0]
        tls = ssl.create_default_context(cafile=options.ca_file) if options.tls else None
        if tls is not None and options.cert_file is not None:
            # Without a passphrase of its own OpenSSL would ask for one at the terminal, and wait.
            tls.load_cert_chain(options.cert_file, options.key_file, password="")
    except (OSError, UnicodeError) as error:
        raise BrokerError(f"the broker's password or certificate file cannot be used: {error}") from error
    return Access(password=password or None, tls=tls)


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a broker's certificate, and what to do (codes of X509_STORE_CTX_get_error(3))."""
    match error.verify_code:
        case 9:
            return "its certificate is not valid yet by this device's clock; is the clock set?"
        case 10:
            return "its certificate has expired, or this device's clock is ahead; renew it"
        case 62 | 63 | 64:
            return "its certificate is for another host; write the broker's name as in the certificate"
        case _:
            return f"its certificate is signed by nobody whom we trust ({error.verify_message}); see mqtt.ca_file"


def _client(options: MqttOptions, access: Access, as_device: bool) -> Client:
    """A client for one connection: it never reconnects and keeps no more than may be on its way."""
    topics = options.topics
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{topics.base}-{topics.device}" if as_device else "",
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(IN_FLIGHT)
    client.max_queued_messages_set(IN_FLIGHT)
    client.on_socket_open = _give_up_early
    if options.username is not None or access.password is not None:
        client.username_pw_set(options.username, access.password)
    if access.tls is not None:
        client.tls_set_context(access.tls)
    if as_device:
        client.will_set(topics.state, _state(Presence.OFFLINE, "connection lost"), qos=1, retain=True)
    return client


def _give_up_early(_client: Client, _data: Any, connection: Any) -> None:
    """The kernel, too, would send again for minutes: bytes that stay unanswered for longer end the connection."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(LIVE_FOR_S * 1000))


def _state(state: Presence, reason: str | None) -> str:
    return encode(StateMessage(state=state, reason=reason))


def _properties(content_type: str, expiry_s: int | None, correlation: bytes | None) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.ContentType = content_type
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    if correlation is not None:
        properties.CorrelationData = correlation
    return properties
