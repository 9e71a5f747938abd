"""A broker, or a reader, with a certificate that is not the right one: nothing is said to it, or in plain text."""

from __future__ import annotations

import gc
import random
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import CERT_NONE, create_default_context

from edgeface.adapters.clock import SystemClock
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.message import Topics
from edgeface.service.deliver import Deliverer
from edgeface.store.database import open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from tools.authority import Authority
from tools.broker import Broker
from tools.delivery.site import TOPICS
from tools.faults.deeds import decision
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory
from tools.wire import Wire

SOON_S = 10.0
"""How long an attempt may take, and an answer."""

DECIDED_S = 0.5
DECISIONS = 3
ANSWERS = (b"\x20\x03\x00\x00\x00", b"\x20\x02\x00\x05", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0")
"""Let in, by MQTT 5; refused, by MQTT 3; another protocol; nothing."""

HOSTS = ("127.0.0.2", "10.0.0.1", "192.0.2.7")
OURS = "a reader of this house"
"""A name that stands in the reader's own certificate only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Who the broker is, whom it lets in, and who the reader is."""

    server: Path | None
    """The broker's certificate; None: it does not speak TLS."""
    says: str
    """What the reader must say of it; empty: it is let in, and told no to all that it says."""
    own: Path | None = None
    asks: bool = False
    """Whether the broker wants to see a certificate of the reader's."""
    answer: bytes = b""
    """Not Mosquitto, but somebody who says this to whatever comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Authorities, and where files lie."""

    folder: Path
    ours: Authority
    dice: random.Random

    def stranger(self) -> Authority:
        """Another one, of any name, ours included."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        return Authority(folder, self.dice.choice(("ca", "other", "edgeface")))

    def past(self) -> dict[str, float]:
        """Days of what has had its time."""
        last = -self.dice.choice((0.001, self.dice.uniform(0.01, 30), 3650))
        return {"first_day": last - self.dice.uniform(1, 800), "last_day": last}

    def ahead(self) -> dict[str, float]:
        """Days of what will have it."""
        first = self.dice.choice((0.05, self.dice.uniform(0.05, 30), 3650))
        return {"first_day": first, "last_day": first + self.dice.uniform(1, 800)}

    def asking(self, own: Path | None, says: str = "cert_file") -> Setting:
        """A broker that wants to see a certificate."""
        return Setting(server=self.ours.issue("server"), own=own, asks=True, says=says)


TRUSTED_BY_NOBODY = "signed by nobody whom we trust"
KINDS: dict[str, Callable[[Bench], Setting]] = {
    "expired": lambda at: Setting(server=at.ours.issue("server", **at.past()), says="has expired"),
    "not yet valid": lambda at: Setting(server=at.ours.issue("server", **at.ahead()), says="not valid yet"),
    "another authority": lambda at: Setting(server=at.stranger().issue("server"), says=TRUSTED_BY_NOBODY),
    "self-signed": lambda at: Setting(server=at.ours.issue("server", by_itself=True), says=TRUSTED_BY_NOBODY),
    "another host": lambda at: Setting(
        server=at.ours.issue("server", host=at.dice.choice(HOSTS)), says="for another host"
    ),
    "no certificate of the reader": lambda at: at.asking(None),
    "the reader's expired": lambda at: at.asking(at.ours.issue(OURS, **at.past())),
    "the reader's not yet valid": lambda at: at.asking(at.ours.issue(OURS, **at.ahead())),
    "the reader's of another authority": lambda at: at.asking(at.stranger().issue(OURS)),
    "the reader's self-signed": lambda at: at.asking(at.ours.issue(OURS, by_itself=True)),
    "another device's": lambda at: at.asking(at.ours.issue("another reader"), says=""),
    "an answer in plain text": lambda at: Setting(server=None, says="cannot reach", answer=at.dice.choice(ANSWERS)),
    "Mosquitto in plain text": lambda at: Setting(server=None, says="cannot reach"),
}
"""The last takes some seconds: a broker that is greeted in TLS, and expects plain text, waits for more."""


class Trusting(MqttPublisher):
    """The control: encrypted, but to anybody."""

    def __init__(self, options: MqttOptions) -> None:
        super().__init__(options)
        context = create_default_context()
        context.check_hostname, context.verify_mode = False, CERT_NONE
        self._access = replace(self._access, tls=context)


def wrong_certificates(n: int, seed: int, link: type[MqttPublisher] = MqttPublisher) -> Result:
    """Each is refused by name, people are let in meanwhile, and what was decided waits; with the right ones, in the
    end, all arrives."""
    dice, wrong, decided = random.Random(seed), [], 0
    with folder_in_memory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # paho leaves a handshake that failed to the collector
        bench = Bench(folder=folder, ours=Authority(folder), dice=dice)
        for trial in range(n):
            kind = list(KINDS)[trial % len(KINDS)] if trial < len(KINDS) else dice.choice(list(KINDS))
            wrong += [f"try {trial}, {kind}: {problem}" for problem in _try(bench, KINDS[kind](bench), link)]
            decided += DECISIONS
        right = replace(bench.asking(bench.ours.issue(OURS)), says="")
        if link is MqttPublisher and (problem := _arrives(bench, right)):
            wrong.append(problem)
        gc.collect()
    return Result(fault="certificates that are not the right ones", n=n, failures=wrong, seed=seed,
                  acknowledged=decided, note=f"{len(KINDS)} kinds")  # fmt: skip


def unverified(n: int, seed: int) -> Result:
    """The control."""
    return wrong_certificates(n, seed, Trusting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One that tries to reach its broker, through a wire that writes down what it says."""

    wire: Wire
    publisher: MqttPublisher
    deliverer: Deliverer
    outbox: Outbox
    slowest_s: float
    """The longest that a decision took."""


def _try(bench: Bench, setting: Setting, link: type[MqttPublisher]) -> list[str]:
    with _reader(bench, setting, link) as reader:
        _soon(lambda: reader.publisher.connected or reader.publisher.problem != "not started")
        problem, connected = reader.publisher.problem or "", reader.publisher.connected
        wrong = [] if connected == (setting.says == "") else ["it was trusted" if connected else f"refused: {problem}"]
        if not connected and setting.says not in problem:
            wrong.append(f"it is told as {problem!r}")
        if connected and not setting.says and not _soon(lambda: reader.deliverer.problem is not None):
            wrong.append("nobody says that all is refused")
        if reader.outbox.count() != DECISIONS:
            wrong.append(f"{DECISIONS - reader.outbox.count()} decisions count as delivered")
        if reader.slowest_s > DECIDED_S:
            wrong.append(f"a decision waited {reader.slowest_s:.2f} s")
        if not reader.deliverer.ticks() or not reader.deliverer.link_ticks():
            wrong.append("a thread hangs")
    said = bytes(reader.wire.said)
    if said[:2] != b"\x16\x03":
        wrong.append(f"what was said begins with {said[:8]!r}, no handshake of TLS")
    if found := [word for word in (b"MQTT", TOPICS.base.encode(), OURS.encode()) if word in said]:
        wrong.append(f"{found} was said in plain text")
    return wrong


def _arrives(bench: Bench, right: Setting) -> str:
    """What is wrong where nothing is."""
    heard: list[bytes] = []
    with _reader(bench, right, MqttPublisher, lambda options: _records(options, heard)) as reader:
        came = _soon(lambda: reader.outbox.count() == 0 and len(heard) == DECISIONS)
        return "" if came else f"with the right certificates nothing arrives: {reader.publisher.problem}"


@contextmanager
def _records(options: MqttOptions, heard: list[bytes]) -> Iterator[None]:
    """Somebody who keeps records, with the same certificate."""
    up = threading.Event()
    records = MqttPublisher(replace(options, topics=Topics(base=TOPICS.base, device="records")))
    records.listen(TOPICS.history, lambda received: heard.append(received.payload))
    thread = threading.Thread(target=records.stay, args=(up.set,))
    thread.start()
    try:
        up.wait(SOON_S)
        yield
    finally:
        records.stop()
        thread.join()


@contextmanager
def _reader(
    bench: Bench,
    setting: Setting,
    link: type[MqttPublisher],
    beside: Callable[[MqttOptions], AbstractContextManager[None]] = lambda options: nullcontext(),
) -> Iterator[Reader]:
    """A broker, somebody beside it, a reader, and some decisions that it has made by now."""
    with ExitStack() as stack:
        folder = bench.folder / uuid.uuid4().hex
        folder.mkdir()
        port = stack.enter_context(_answering(setting.answer) if setting.answer else _broker(bench, folder, setting))
        wire = Wire(port)
        stack.callback(wire.close)
        database = stack.enter_context(closing(open_database(folder / "gallery.db")))
        options = MqttOptions(
            host="127.0.0.1", port=wire.port, topics=TOPICS, tls=True, ca_file=bench.ours.file, cert_file=setting.own
        )
        stack.enter_context(beside(options))
        outbox, publisher = Outbox(database), link(options)
        deliverer = Deliverer(
            outbox=outbox, publisher=publisher, clock=SystemClock(), boot_id="now", name_of=lambda _: None,
            info=lambda: "{}", seed=database.keyring.signing_seed,
        )  # fmt: skip
        deliverer.start()
        stack.callback(deliverer.stop)
        journal, slowest_s = Journal(database, "before"), 0.0
        for _ in range(DECISIONS):
            begun_s = time.monotonic()
            deliverer.hand_over(journal.record(decision()))
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
        yield Reader(wire=wire, publisher=publisher, deliverer=deliverer, outbox=outbox, slowest_s=slowest_s)


@contextmanager
def _broker(bench: Bench, folder: Path, setting: Setting) -> Iterator[int]:
    broker = Broker(folder, *_settings(bench, folder, setting))
    broker.start()
    try:
        yield broker.port
    finally:
        broker.stop()


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """Somebody who hears the first words of one call, and says the same to all."""

    def serve() -> None:
        with suppress(OSError), server.accept()[0] as caller:
            caller.recv(4096)
            caller.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _settings(bench: Bench, folder: Path, setting: Setting) -> tuple[str, ...]:
    """The broker's; whoever has OURS for a name may say anything."""
    lines = [] if setting.server is None else [f"certfile {setting.server}", f"keyfile {setting.server}"]
    if not setting.asks:
        return (*lines, "allow_anonymous true")
    (folder / "acl").write_text(f"user {OURS}\ntopic readwrite edgeface/#\n")
    asks = ("allow_anonymous false", f"cafile {bench.ours.file}", "require_certificate true",
            "use_identity_as_username true", f"acl_file {folder / 'acl'}")  # fmt: skip
    return (*lines, *asks)


def _soon(true: Callable[[], bool]) -> bool:
    end_s = time.monotonic() + SOON_S
    while not (so := true()) and time.monotonic() < end_s:
        time.sleep(0.005)
    return so
