"""Decisions get out, live or as history, never late and never lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from broker import Broker, Listener, Wire, listening, running, wait_until
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.errors import GalleryError
from edgeface.message import DecisionMessage, Topics, decode
from edgeface.service import deliver
from edgeface.service.deliver import WINDOW, Deliverer
from edgeface.service.ports import Publisher, Receipt, Received
from edgeface.signature import key_id, public_of
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from samples import decision, instant

TOPICS = Topics(base="edgeface", device="front")
SEED = bytes(32)


class FakePublisher:
    """A broker whose answers the test gives."""

    def __init__(self, *, connected: bool = True) -> None:
        self.connected = connected
        self.accepts = True
        self.live: list[tuple[DecisionMessage, int, Future[Receipt]]] = []
        self.history: list[tuple[DecisionMessage, Future[Receipt]]] = []
        self.infos: list[str] = []
        self.events: list[tuple[str, int]] = []
        self.health: list[str] = []
        self.link_up: Callable[[], None] = lambda: None
        self.staying, self.stopped = threading.Event(), threading.Event()

    def listen(self, topic: str, hear: Callable[[Received], None]) -> None:
        raise AssertionError("the deliverer does not listen")

    def stay(self, on_connect: Callable[[], None]) -> None:
        self.link_up = on_connect
        self.staying.set()
        self.stopped.wait()

    def ticks(self) -> bool:
        return True

    def publish_decision(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        self.live.append((decode(DecisionMessage, payload), expiry_s, Future()))
        return self.live[-1][2] if self.accepts else None

    def publish_history(self, payload: str) -> Future[Receipt] | None:
        self.history.append((decode(DecisionMessage, payload), Future()))
        return self.history[-1][1] if self.accepts else None

    def publish_event(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        self.events.append((payload, expiry_s))
        return Future()

    def publish_info(self, payload: str) -> Future[Receipt] | None:
        self.infos.append(payload)
        return Future()

    def publish_health(self, payload: str) -> Future[Receipt] | None:
        self.health.append(payload)
        return Future()

    def stop(self) -> None:
        self.stopped.set()
        for future in [*(sent[2] for sent in self.live), *(sent[1] for sent in self.history)]:
            if not future.done():
                future.set_result(Receipt.LOST)


@dataclass(kw_only=True)
class Bench:
    """A gallery, its journal, and a deliverer that works."""

    database: Database
    journal: Journal
    outbox: Outbox
    publisher: Any
    deliverer: Deliverer

    def record(self, ago_s: float = 0.0, **changes: Any) -> int:
        """Decide, store and hand over, as the service does."""
        seq = self.journal.record(decision(ago_s, **changes))
        self.deliverer.hand_over(seq)
        return seq


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


def bench(database: Database, publisher: Publisher, boot_id: str = "now", store_boot_id: str = "now") -> Bench:
    deliverer = Deliverer(
        outbox=Outbox(database),
        publisher=publisher,
        clock=SystemClock(),
        boot_id=boot_id,
        name_of={"p_0123456789abcdef": "Ada"}.get,
        info=lambda: '{"info":1}',
        seed=SEED,
    )
    journal = Journal(database, store_boot_id)
    return Bench(database=database, journal=journal, outbox=Outbox(database), publisher=publisher, deliverer=deliverer)


@contextmanager
def started(made: Bench) -> Iterator[Bench]:
    made.deliverer.start()
    assert not isinstance(made.publisher, FakePublisher) or made.publisher.staying.wait(15)
    try:
        yield made
    finally:
        made.deliverer.stop()


@pytest.fixture
def up(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(deliver, "FAREWELL_S", 0.05)
    with started(bench(database, FakePublisher())) as made:
        yield made


def test_a_fresh_decision_goes_out_live_with_its_name(up: Bench) -> None:
    seq = up.record()
    wait_until(lambda: len(up.publisher.live) == 1, "it is sent")
    message, expiry_s, receipt = up.publisher.live[0]
    assert (message.seq, message.replayed) == (seq, False)
    assert message.key == key_id(public_of(SEED)), "signed"
    assert message.person is not None
    assert message.person.label == "Ada"
    assert expiry_s == 2, "what is left of 3 s, in whole seconds"
    assert up.outbox.count() == 1, "sent is not delivered"
    receipt.set_result(Receipt.ACCEPTED)
    wait_until(lambda: up.outbox.count() == 0, "the receipt is noted")
    assert up.publisher.history == []


def test_what_a_display_is_to_show_is_sent_now_or_never(up: Bench) -> None:
    up.publisher.connected = False
    up.deliverer.tell("missed")
    up.deliverer.ticks()
    wait_until(up.deliverer.ticks, "it has been through its events")
    up.publisher.connected = True
    up.deliverer.tell("seen")
    wait_until(lambda: up.publisher.events == [("seen", deliver.EVENT_S)], "only the second is sent")


def test_it_ticks_while_its_thread_answers_and_not_after(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "FAREWELL_S", 0.05)
    made = bench(database, FakePublisher())
    assert made.deliverer.ticks(), "nothing was asked yet"
    assert not made.deliverer.ticks(), "it was not even started"
    with started(made):
        wait_until(made.deliverer.ticks, "it answers")
    made.deliverer.ticks()
    assert not made.deliverer.ticks(), "it has ended"


def test_a_person_forgotten_since_has_no_name(up: Bench) -> None:
    up.record(person_id="p_gone")
    wait_until(lambda: len(up.publisher.live) == 1, "it is sent")
    person = up.publisher.live[0][0].person
    assert (person.id, person.label) == ("p_gone", None)


@pytest.mark.parametrize("ago_s", [2.5, 3.5, 100.0, -0.5, -100.0])
def test_a_decision_with_less_than_a_second_to_live_is_not_sent_live(up: Bench, ago_s: float) -> None:
    up.record(ago_s)
    wait_until(lambda: len(up.publisher.history) == 1, "it becomes history")
    assert up.publisher.history[0][0].replayed
    assert up.publisher.live == []


@pytest.mark.parametrize("outcome", [Receipt.LOST, Receipt.REFUSED, Receipt.UNHEARD])
def test_a_live_decision_without_success_becomes_history(up: Bench, outcome: Receipt) -> None:
    up.record(1.8)
    wait_until(lambda: len(up.publisher.live) == 1, "it is sent")
    up.publisher.live[0][2].set_result(outcome)
    wait_until(lambda: len(up.publisher.history) == 1, "it becomes history")
    assert len(up.publisher.live) == 1, "never twice"
    assert up.publisher.history[0][0].id == up.publisher.live[0][0].id
    up.publisher.history[0][1].set_result(Receipt.ACCEPTED)
    wait_until(lambda: up.outbox.count() == 0, "the receipt is noted")


def test_a_decision_is_never_history_while_it_may_open_a_door(up: Bench) -> None:
    up.record(1.5)
    wait_until(lambda: len(up.publisher.live) == 1, "it is sent")
    up.publisher.live[0][2].set_result(Receipt.LOST)
    wait_until(lambda: len(up.publisher.history) == 1, "it becomes history")
    (row,) = up.outbox.waiting(1)
    assert instant().monotonic_ns - row.decided_at_monotonic_ns >= 3e9


def test_history_keeps_to_its_window_and_order(up: Bench) -> None:
    for _ in range(3 * WINDOW):
        up.record(10.0)
    wait_until(lambda: len(up.publisher.history) == WINDOW, "a window is sent")
    for answered in range(3 * WINDOW):
        wait_until(lambda: len(up.publisher.history) > answered, "the next is sent")  # noqa: B023
        assert len(up.publisher.history) <= WINDOW + answered
        up.publisher.history[answered][1].set_result(Receipt.ACCEPTED)
    wait_until(lambda: up.outbox.count() == 0, "all are delivered")
    assert [message.seq for message, _ in up.publisher.history] == list(range(1, 3 * WINDOW + 1))


def test_live_decisions_pass_a_stuck_history(up: Bench) -> None:
    for _ in range(WINDOW + 5):
        up.record(10.0)
    wait_until(lambda: len(up.publisher.history) == WINDOW, "a window is sent")
    up.record()
    wait_until(lambda: len(up.publisher.live) == 1, "it is sent")


def test_a_range_that_is_asked_for_comes_again_even_if_it_is_on_its_way(up: Bench) -> None:
    for _ in range(4):
        up.record(10.0)
    wait_until(lambda: len(up.publisher.history) == 4, "all are sent")
    for _, receipt in up.publisher.history[:2]:
        receipt.set_result(Receipt.ACCEPTED)
    wait_until(lambda: up.outbox.count() == 2, "two are delivered")
    assert up.deliverer.replay(2, 3).waiting == 2
    wait_until(lambda: up.outbox.count() == 3, "one of them waits again")
    up.publisher.history[2][1].set_result(Receipt.ACCEPTED)
    up.publisher.history[3][1].set_result(Receipt.ACCEPTED)
    wait_until(lambda: len(up.publisher.history) == 6, "both come again")
    assert sorted(message.seq for message, _ in up.publisher.history[4:]) == [2, 3]
    for _, receipt in up.publisher.history[4:]:
        receipt.set_result(Receipt.ACCEPTED)
    wait_until(lambda: up.outbox.count() == 0, "and that is that")


def test_refused_history_is_tried_again_one_at_a_time(up: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "FIRST_PAUSE_S", 0.05)
    for _ in range(4):
        up.record(10.0)
    wait_until(lambda: len(up.publisher.history) == 4, "all are sent")
    for _, receipt in list(up.publisher.history):
        receipt.set_result(Receipt.UNHEARD)
    wait_until(lambda: len(up.publisher.history) == 5, "one is sent again")
    up.publisher.history[4][1].set_result(Receipt.ACCEPTED)
    wait_until(lambda: len(up.publisher.history) == 8, "the others follow")
    assert [message.seq for message, _ in up.publisher.history] == [1, 2, 3, 4, 1, 2, 3, 4]


def test_a_publisher_that_is_full_is_asked_again(up: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "FIRST_PAUSE_S", 0.05)
    up.publisher.accepts = False
    up.record(10.0)
    wait_until(lambda: len(up.publisher.history) >= 2, "it is asked again")
    up.publisher.accepts = True
    asked = len(up.publisher.history)
    wait_until(lambda: len(up.publisher.history) > asked, "it is sent")


def test_decisions_of_an_earlier_boot_are_history_whatever_their_clock_says(database: Database) -> None:
    earlier = bench(database, FakePublisher(), store_boot_id="before")
    earlier.journal.record(replace(decision(), decided_at=replace(instant(), monotonic_ns=2**62)))
    with started(bench(database, FakePublisher())) as made:
        wait_until(lambda: len(made.publisher.history) == 1, "it is sent")
        assert made.publisher.live == []
        made.publisher.history[0][1].set_result(Receipt.ACCEPTED)


def test_without_a_link_nothing_is_tried(database: Database) -> None:
    with started(bench(database, FakePublisher(connected=False))) as made:
        made.record()
        made.record(10.0)
        made.deliverer.stop()
        assert made.publisher.live == made.publisher.history == made.publisher.infos == []
        assert made.outbox.count() == 2


def test_info_is_told_on_each_connection_and_when_it_changes(up: Bench) -> None:
    up.publisher.link_up()
    wait_until(lambda: len(up.publisher.infos) == 1, "it is told")
    up.deliverer.announce()
    wait_until(lambda: len(up.publisher.infos) == 2, "it is told again")


def test_health_is_told_as_it_changes_and_again_on_each_connection(database: Database) -> None:
    made = bench(database, FakePublisher(connected=False))
    with started(made):
        made.deliverer.report("ill")
        made.deliverer.report("better")
        wait_until(made.deliverer.ticks, "it has heard")
        assert made.publisher.health == []
        made.publisher.connected = True
        made.publisher.link_up()
        wait_until(lambda: made.publisher.health == ["better"], "the newest is told")
        made.deliverer.report("well")
        wait_until(lambda: made.publisher.health == ["better", "well"], "and a change")
        made.publisher.link_up()
        wait_until(lambda: made.publisher.health == ["better", "well", "well"], "and again")


def test_receipts_that_come_during_a_stop_count(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench(database, FakePublisher())
    settled: list[object] = []
    original = made.deliverer._farewell

    def answer_late() -> None:
        made.publisher.live[0][2].set_result(Receipt.ACCEPTED)
        original()
        settled.append(made.outbox.count())

    monkeypatch.setattr(made.deliverer, "_farewell", answer_late)
    with started(made):
        made.record()
        wait_until(lambda: len(made.publisher.live) == 1, "it is sent")
    assert settled == [0]


def test_a_store_that_fails_is_told(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gallery.db")
    with started(bench(database, FakePublisher())) as made:
        database.close()
        made.deliverer.hand_over(1)
        wait_until(lambda: made.deliverer.failure is not None, "the failure is there")
        assert isinstance(made.deliverer.failure, GalleryError)


def options(broker: Broker, username: str | None = None) -> MqttOptions:
    return MqttOptions(host="127.0.0.1", port=broker.port, topics=TOPICS, keepalive_s=1, username=username)


def seqs(listener: Listener, topic: str) -> list[int]:
    return [decode(DecisionMessage, heard.payload).seq for heard in listener.of(topic)]


def test_over_a_real_broker(tmp_path: Path, database: Database) -> None:
    with (
        running(tmp_path) as broker,
        listening(broker) as listener,
        started(bench(database, MqttPublisher(options(broker)))) as made,
    ):
        wait_until(lambda: listener.of("info") != [], "the link is up")
        made.record()
        wait_until(lambda: made.outbox.count() == 0, "delivered")
        wait_until(lambda: seqs(listener, "decision") == [1], "heard")
        assert seqs(listener, "history") == []


def test_decisions_made_while_the_broker_is_down_come_as_history_in_order_and_never_live(
    tmp_path: Path, database: Database
) -> None:
    broker = Broker(tmp_path)
    with started(bench(database, MqttPublisher(options(broker)))) as made:
        count = 2 * WINDOW + 3
        for _ in range(count):
            made.record()
        broker.start()
        try:
            with listening(broker) as listener:
                wait_until(lambda: made.outbox.count() == 0, "all are delivered")
                wait_until(lambda: len(listener.of("history")) >= count, "all are heard")
                assert seqs(listener, "history") == list(range(1, count + 1))
                assert listener.of("decision") == []
                assert all(decode(DecisionMessage, heard.payload).replayed for heard in listener.of("history"))
        finally:
            broker.stop()


def test_a_link_that_breaks_again_and_again_loses_nothing(tmp_path: Path, database: Database) -> None:
    """The wire is cut while history is on its way. (A broker that dies may lose what it has acknowledged: that gap in
    `seq` is for the consumer to see.)"""
    with running(tmp_path) as broker, listening(broker) as listener:
        wire = Wire(broker.port)
        try:
            publisher = MqttPublisher(replace(options(broker), port=wire.port))
            with started(bench(database, publisher)) as made:
                for round_trip in range(1, 5):
                    wait_until(lambda: made.publisher.connected, "the link is up")
                    for _ in range(10):
                        made.record(10.0)
                    wait_until(lambda: len(listener.of("history")) >= 10 * round_trip - 5, "some arrive")  # noqa: B023
                    wire.cut()
                wait_until(lambda: made.outbox.count() == 0, "all are delivered")
                wait_until(lambda: set(seqs(listener, "history")) == set(range(1, 41)), "all are heard")
                assert listener.of("decision") == []
        finally:
            wire.close()


def test_what_the_access_list_refuses_stays_in_the_outbox(tmp_path: Path, database: Database) -> None:
    acl = tmp_path / "acl"
    acl.write_text("user front\ntopic write edgeface/front/info\nuser home\ntopic read edgeface/#\n")
    with running(tmp_path, "allow_anonymous true", f"acl_file {acl}") as broker, listening(broker, "home") as listener:
        publisher = MqttPublisher(options(broker, "front"))
        answers: list[Receipt] = []
        original = publisher.publish_history

        def watched(payload: str) -> Future[Receipt] | None:
            sent = original(payload)
            if sent is not None:
                sent.add_done_callback(lambda future: answers.append(future.result()))
            return sent

        publisher.publish_history = watched  # type: ignore[method-assign]
        with started(bench(database, publisher)) as made:
            made.record()
            made.record(10.0)
            wait_until(lambda: len(answers) >= 2, "it was tried, and tried again")
            wait_until(lambda: "access list" in str(made.deliverer.problem), "it is said")
            assert set(answers) == {Receipt.REFUSED}
            assert made.outbox.count() == 2
        assert listener.of("history") == listener.of("decision") == []
