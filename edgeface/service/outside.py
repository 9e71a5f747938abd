"""The ways out of the reader: to the broker, and to the lock. Both get a decision only once it is on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from edgeface.adapters import gpio
from edgeface.adapters.clock import SystemClock, boot_id
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.adapters.relay import Relay
from edgeface.message import HealthMessage, encode
from edgeface.service.deliver import Deliverer
from edgeface.service.doorway import Doorway
from edgeface.service.exhibit import Exhibit, allowed
from edgeface.service.guard import Guard
from edgeface.service.loop import Recorded
from edgeface.service.nonces import Nonces
from edgeface.service.pairing import Button
from edgeface.service.presence import present
from edgeface.service.requests import Requests
from edgeface.service.settings import Config
from edgeface.service.wires import of_contact, watched
from edgeface.service.witness import AuditOptions, Send, Witness, appended_to
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the loop needs of the world."""

    announce: Callable[[Recorded], None]
    problem: Callable[[], str | None]
    """Why decisions do not get out, or the door stays shut, as a sentence; None while all is well."""
    tell: Callable[[str], None]
    """Takes what a display shows, as JSON, and never waits."""
    parts: Mapping[str, Callable[[], bool]]
    """Whether each part still ticks, by name."""
    queues: Mapping[str, Callable[[], int]]
    """How much waits at each part that has a queue, by name."""
    requests: Requests | None
    """Commands that come over MQTT wait here to be served; None if no broker is configured."""
    announce_info: Callable[[], None]
    """Publish `info` anew, as something in it has changed."""
    replay: Callable[[int, int], object] | None
    """Send a range of rows once more; None if no broker is configured."""
    report: Callable[[HealthMessage], None]
    """Takes a report of the reader's health to whoever listens, and never waits."""
    exhibit: Exhibit | None
    """Shows a kept picture in Home Assistant; None where that is not allowed."""


@contextmanager
def open_outside(
    config: Config,
    broker: MqttOptions | None,
    database: Database,
    guard: Guard,
    info: Callable[[], str],
    *,
    film_time: bool,
) -> Iterator[Outside]:
    """Broker and lock, as far as they are configured, until the block ends; then the lock is locked.

    `info` gives the InfoMessage as JSON. A film that is not played at the speed of life (`film_time`) moves no lock.
    Raises BrokerError, ConfigError, DoorError.
    """
    publisher = MqttPublisher(broker) if broker is not None else None
    requests = Requests(publisher, broker.topics) if broker and publisher else None
    exhibit = None
    if broker and publisher:
        exhibit = Exhibit(publisher, broker.topics.image) if allowed(config, broker) else None
        present(publisher, broker.topics, config, picture=exhibit is not None)
    wired = config.gpio.relay or config.gpio.contact
    doorway = _doorway(config, database, guard, lambda: deliverer.door_moved() if deliverer else None)
    deliverer = _deliverer(config, broker, publisher, doorway, database, info) if broker and publisher else None
    heads: tuple[Send, ...] = (lambda head: publisher.publish_head(head) is not None,) if publisher else ()
    with ExitStack() as running:
        if wired or broker:
            running.callback(doorway.stop)
            doorway.start()
        wires = running.enter_context(_wired(config.gpio, doorway, database))
        if deliverer is not None:
            deliverer.start()
            running.callback(deliverer.stop)
        if exhibit is not None:
            running.callback(exhibit.end)
        witness = running.enter_context(_witnessed(config.audit, database, heads))
        parts = _parts(doorway if wired or broker else None, deliverer, requests, witness) | wires
        yield _outside(doorway if wired or broker else None, deliverer, publisher, requests, exhibit, parts, film_time)


def _doorway(config: Config, database: Database, guard: Guard, changed: Callable[[], None]) -> Doorway:
    return Doorway(
        name=config.decide.door,
        options=config.door,
        lock=Relay(config.gpio) if config.gpio.relay else None,
        wired_contact=bool(config.gpio.contact),
        journal=Journal(database, boot_id()),
        clock=SystemClock(),
        hear=guard.hear,
        changed=changed,
    )


def _deliverer(
    config: Config,
    broker: MqttOptions,
    publisher: MqttPublisher,
    doorway: Doorway,
    database: Database,
    info: Callable[[], str],
) -> Deliverer:
    name, nonces = config.decide.door, Nonces(SystemClock())
    publisher.listen(broker.topics.door(name, "nonce"), nonces.hear)
    publisher.listen(broker.topics.door("+", "contact"), doorway.report)
    return Deliverer(
        outbox=Outbox(database),
        publisher=publisher,
        clock=SystemClock(),
        boot_id=boot_id(),
        name_of=GalleryStore(database).name_of,
        info=info,
        seed=database.keyring.signing_seed,
        nonce=nonces.take,
        door=lambda: (name, doorway.message()),
    )


@contextmanager
def _wired(options: gpio.Options, doorway: Doorway, database: Database) -> Iterator[dict[str, Callable[[], bool]]]:
    """Contact and button are listened to, as far as there are any; whether each still is, by name."""
    button = Button(database, SystemClock().now)
    wires = {"contact": (options.contact, of_contact(options, doorway)), "button": (options.button, button.level)}
    with ExitStack() as running:
        yield {
            name: running.enter_context(watched(line, tell, name)).ticks for name, (line, tell) in wires.items() if line
        }


def _parts(
    doorway: Doorway | None, deliverer: Deliverer | None, requests: Requests | None, witness: Witness | None
) -> dict[str, Callable[[], bool]]:
    """Whether each part that there is still ticks."""
    ticking = {"door": doorway, "delivery": deliverer, "requests": requests, "witness": witness}
    link = {} if deliverer is None else {"link": deliverer.link_ticks}
    return {name: part.ticks for name, part in ticking.items() if part is not None} | link


def _outside(
    doorway: Doorway | None,
    deliverer: Deliverer | None,
    publisher: MqttPublisher | None,
    requests: Requests | None,
    exhibit: Exhibit | None,
    parts: Mapping[str, Callable[[], bool]],
    film_time: bool,
) -> Outside:
    def announce(recorded: Recorded) -> None:
        if doorway is not None and not film_time:
            doorway.hand_over(recorded.decision)
        if deliverer is not None:
            deliverer.hand_over(recorded.seq)

    def problem() -> str | None:
        failed = [part.failure for part in (doorway, deliverer) if part is not None and part.failure is not None]
        if failed or publisher is None or deliverer is None:
            return str(failed[0]) if failed else None
        return publisher.problem or deliverer.problem

    def report(message: HealthMessage) -> None:
        if deliverer is not None:
            deliverer.report(encode(message))

    queueing = {"delivery": deliverer, "requests": requests}
    return Outside(
        announce=announce,
        problem=problem,
        tell=deliverer.tell if deliverer else lambda payload: None,
        parts=parts,
        queues={name: part.waiting for name, part in queueing.items() if part is not None},
        requests=requests,
        announce_info=deliverer.announce if deliverer else lambda: None,
        replay=deliverer.replay if deliverer else None,
        report=report,
        exhibit=exhibit,
    )


@contextmanager
def _witnessed(options: AuditOptions, database: Database, places: Sequence[Send]) -> Iterator[Witness | None]:
    """Heads of the audit log go to these places and to the file that is set, until the block ends."""
    everywhere = [*places, *([appended_to(options.head_file)] if options.head_file else [])]
    if not everywhere:
        yield None
        return
    witness = Witness(database, SystemClock(), options, everywhere)
    witness.start()
    try:
        yield witness
    finally:
        witness.stop()
