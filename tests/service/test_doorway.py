"""The lock obeys decisions that are on the disk, and nothing else; what happens at the door is written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker import Listener, listening, running, wait_until
from edgeface import door
from edgeface.access import Contact, Rules
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.mqtt import MqttOptions
from edgeface.config import parse
from edgeface.decide import Outcome
from edgeface.errors import DoorError, GalleryError
from edgeface.frame import Instant
from edgeface.message import DoorEventMessage, DoorMessage, Topics, decode
from edgeface.service import doorway as module
from edgeface.service.doorway import Doorway
from edgeface.service.guard import Guard, recall
from edgeface.service.loop import Recorded
from edgeface.service.outside import open_outside
from edgeface.service.ports import Received
from edgeface.service.settings import Config
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from samples import decision


class Bolt:
    """A lock that writes down what it is told, in one list with what is stored."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.alive, self.obeys = True, True
        self.closed = False

    def release(self, for_s: float) -> None:
        self._told(f"release {for_s:g}")

    def lock(self) -> None:
        self._told("lock")

    def restart(self) -> None:
        self.log.append("restart")

    def close(self) -> None:
        self.closed = True

    def _told(self, what: str) -> None:
        self.log.append(what)
        if not self.obeys:
            raise DoorError("the relay does not answer")


class Book:
    """A journal in the same list."""

    def __init__(self, log: list[str]) -> None:
        self._log = log
        self.full = False

    def happened(self, name: str, event: door.Happening, decision_id: str | None, now: Instant) -> int:
        if self.full:
            raise GalleryError("the disk is full")
        self._log.append(f"{event.value} {decision_id}")
        return len(self._log)


class Hand:
    """A clock that can be moved ahead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> Instant:
        real = SystemClock().now()
        return replace(real, monotonic_ns=real.monotonic_ns + int(1e9 * self.ahead_s))


class Site:
    """A door way with everything it needs."""

    def __init__(self, *, lock: bool = True, wired: bool = False) -> None:
        self.bolt, self.clock = Bolt(), Hand()
        self.book = Book(self.bolt.log)
        self.heard: list[tuple[str, Contact]] = []
        self.changes = 0
        self.doorway = Doorway(
            name="front",
            options=door.Options(),
            lock=self.bolt if lock else None,
            wired_contact=wired,
            journal=self.book,  # type: ignore[arg-type]
            clock=self.clock,
            hear=lambda name, contact: self.heard.append((name, contact)),
            changed=self._changed,
        )
        self.doorway.start()

    def _changed(self) -> None:
        self.changes += 1

    def logged(self, *expected: str) -> None:
        wait_until(lambda: self.bolt.log == list(expected), f"{self.bolt.log} becomes {expected}")

    def message(self) -> DoorMessage:
        return decode(DoorMessage, self.doorway.message())


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.doorway.stop()


def test_a_grant_releases_the_lock_for_its_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHECK_EVERY_S", 0.02)
    made = decision()
    site.doorway.hand_over(made)
    site.logged("release 5", f"released {made.id}")
    assert site.message().lock.value == "released"
    site.clock.ahead_s = 5.1
    site.logged("release 5", f"released {made.id}", "lock")
    assert site.message().lock.value == "locked"


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.GRANT])
def test_nothing_but_a_grant_for_this_door_moves_it(site: Site, outcome: Outcome) -> None:
    site.doorway.hand_over(decision(outcome=outcome))
    site.doorway.hand_over(decision(door="back"))
    last = decision()
    site.doorway.hand_over(last)
    site.logged("release 5", f"released {last.id}")


@pytest.mark.parametrize("ago_s", [3.1, 100.0, -1.0])
def test_a_late_grant_moves_nothing_and_is_noted(site: Site, ago_s: float) -> None:
    late = decision(ago_s)
    site.doorway.hand_over(late)
    site.logged(f"refused_late {late.id}")


def test_it_is_locked_when_the_service_ends(site: Site) -> None:
    made = decision()
    site.doorway.hand_over(made)
    site.logged("release 5", f"released {made.id}")
    site.doorway.stop()
    assert site.bolt.log[-1] == "lock"
    assert site.bolt.closed


def test_a_disk_that_is_full_locks_and_is_told(site: Site) -> None:
    site.book.full = True
    site.doorway.hand_over(decision())
    site.logged("release 5", "lock")
    wait_until(lambda: site.doorway.failure is not None, "it is told")
    assert site.message().lock.value == "unknown"
    assert not site.doorway.ticks()
    site.doorway.hand_over(decision())
    site.logged("release 5", "lock")


def test_a_lock_that_does_not_obey_is_taken_anew_locked(site: Site) -> None:
    site.bolt.obeys = False
    site.doorway.hand_over(decision())
    site.logged("release 5", "lock", "restart")
    assert isinstance(site.doorway.failure, DoorError)


def test_a_holder_that_died_shuts_the_door(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHECK_EVERY_S", 0.02)
    site.bolt.alive = False
    wait_until(lambda: site.doorway.failure is not None, "it is noticed")
    assert site.bolt.log == ["lock"]


def test_it_ticks_while_it_works(site: Site) -> None:
    assert site.doorway.ticks()
    wait_until(lambda: site.doorway._answered == 1, "it answers")
    assert site.doorway.ticks()


def test_the_contact_is_told_to_the_rules_and_raises_alarms(site: Site) -> None:
    site.doorway.contact(Contact.CLOSED)
    site.doorway.contact(Contact.OPEN)
    site.logged("closed None", "opened None", "forced_open None")
    wait_until(lambda: site.heard == [("front", Contact.CLOSED), ("front", Contact.OPEN)], "the rules hear of it")
    assert site.message().alarm is door.Alarm.FORCED_OPEN
    assert site.changes >= 2


def said(name: str, text: bytes, *, retained: bool = False) -> Received:
    topic = f"edgeface/reader/door/{name}/contact"
    return Received(topic=topic, payload=text, retained=retained, response_topic=None, correlation=None)


def test_controllers_tell_contacts_and_are_believed_for_a_while(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHECK_EVERY_S", 0.02)
    for odd in (b"", b"OPEN", b"\xff", b"ajar"):
        site.doorway.report(said("front", odd))
    site.doorway.report(said("front", b"open", retained=True))
    site.doorway.report(said("front", b"closed"))
    site.doorway.report(said("back", b"open"))
    wait_until(lambda: len(site.heard) == 2, "both are heard")
    assert site.heard == [("front", Contact.CLOSED), ("back", Contact.OPEN)]
    site.clock.ahead_s = 15.1
    wait_until(lambda: len(site.heard) == 4, "both are forgotten")
    assert site.heard[2:] == [("front", Contact.UNKNOWN), ("back", Contact.UNKNOWN)]
    assert site.message().alarm is door.Alarm.CONTACT_LOST


def test_a_wire_is_believed_more_than_a_controller() -> None:
    made = Site(wired=True)
    made.doorway.report(said("front", b"open"))
    made.doorway.contact(Contact.CLOSED)
    made.logged("closed None")
    made.doorway.stop()
    assert made.heard == [("front", Contact.CLOSED)]


def test_without_a_lock_here_it_knows_only_what_was_permitted() -> None:
    made = Site(lock=False)
    made.doorway.hand_over(decision())
    made.doorway.report(said("front", b"open"))
    made.logged("opened None")
    made.doorway.stop()
    assert made.message().lock.value == "unknown"
    assert made.message().alarm is door.Alarm.NONE, "it was opened by right"


RULES = parse('[doors.front]\n[[grants]]\nwho=["everyone"]\ndoors=["front"]\n', Rules)


def of(listener: Listener, what: str) -> list[Any]:
    return [json.loads(heard.payload) for heard in listener.heard if heard.topic.endswith(f"door/front/{what}")]


def opened(database: Database, relay: Path, contact: Path, port: int) -> Any:
    config = parse(
        f'[decide]\ndoor="front"\n[gpio]\nrelay="sim:{relay}"\ncontact="sim:{contact}"\n[door]\nunlock_s=2.0\n', Config
    )
    guard = Guard(RULES, recall(database, "now", SystemClock().now()), "now")
    topics = Topics(base="edgeface", device="reader")
    options = MqttOptions(host="127.0.0.1", port=port, topics=topics, keepalive_s=1)
    return open_outside(config, options, database, guard, lambda: "{}", film_time=False)


def test_a_door_from_decision_to_broker(tmp_path: Path) -> None:
    """Relay and contact are files, the rest is real: its process, the disk, the broker."""
    relay, contact = tmp_path / "relay", tmp_path / "contact"
    contact.write_text("0")
    with (
        closing(open_database(tmp_path / "g.db")) as database,
        running(tmp_path) as broker,
        listening(broker) as listener,
    ):
        with opened(database, relay, contact, broker.port) as outside:
            wait_until(lambda: [s["contact"] for s in of(listener, "state")][-1:] == ["closed"], "its state is told")
            made = decision()
            outside.announce(Recorded(seq=Journal(database, "now").record(made), decision=made))
            wait_until(lambda: relay.read_text() == "1\n", "it is released")
            contact.write_text("1")
            wait_until(lambda: relay.read_text() == "0\n", "it is locked as the door opens, or after its time")
            wait_until(lambda: len(of(listener, "event")) == 3, "all is told")
            wait_until(lambda: of(listener, "state")[-1]["contact"] == "open", "its state is told")
        rows = database.read("SELECT seq, kind, payload FROM audit ORDER BY seq")
    happened = [(row["seq"], decode(DoorEventMessage, row["payload"])) for row in rows if row["kind"] == "door"]
    assert [one.event.value for _, one in happened] == ["closed", "released", "opened"]
    assert [seq for seq, _ in happened] == [one.seq for _, one in happened]
    assert [one.decision for _, one in happened] == [None, made.id, None]
    assert [event["event"] for event in of(listener, "event")] == ["closed", "released", "opened"]
    assert not any(event["replayed"] for event in of(listener, "event"))
