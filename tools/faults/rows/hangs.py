"""A part of the reader that hangs: the heartbeat stops within its period, so that systemd starts the reader anew."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import PosixPath
from typing import Any, cast

import numpy as np

from edgeface.adapters.clock import SystemClock
from edgeface.adapters.gpio import Input
from edgeface.adapters.listener import Caller, Listener
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.adapters.mqtt.link import Link
from edgeface.frame import Frame, Instant
from edgeface.message import Topics
from edgeface.service.clerk import Clerk
from edgeface.service.deliver import Deliverer
from edgeface.service.heartbeat import Heartbeat
from edgeface.service.idle import Idle
from edgeface.service.lookout import Lookout
from edgeface.service.loop import Step
from edgeface.service.ports import Received
from edgeface.service.pulse import Pulse
from edgeface.service.reception import Reception
from edgeface.service.requests import Requests
from edgeface.service.rulewatch import RuleWatch
from edgeface.service.witness import AuditOptions, Witness
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from tools.broker import free_port
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

EVERY_S, FRAME_S, STUCK_S, HANGS_S = 0.08, 0.01, 0.1, 0.7
GRACE_S = 3 * EVERY_S + STUCK_S
"""A part that hangs may have answered just before, is asked once a period, and may be at its work for so long."""
TOPICS = Topics(base="edgeface", device="reader")


class Gate:
    """A place at which a part hangs while it is shut."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        """When somebody first came while it was shut."""
        self._open = threading.Event()
        self._open.set()

    def go(self) -> None:
        """Pass, or hang."""
        if not self._open.is_set() and self.since_s is None:
            self.since_s = time.monotonic()
        self._open.wait()

    def hang(self, give_work: Callable[[], None]) -> float | None:
        """Be shut until somebody has hung for a while; since when, monotonic seconds."""
        self._open.clear()
        give_work()
        end = time.monotonic() + 10
        while self.since_s is None and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(HANGS_S)
        self._open.set()
        return self.since_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part at work."""

    ticks: Callable[[], bool] = lambda: True
    give_work: Callable[[], None] = lambda: None
    """Something to hang at, if it is not always at work."""


class HeldPublisher(MqttPublisher):
    """A link whose library hangs whoever asks for it."""

    def __init__(self, gate: Gate | None = None) -> None:
        super().__init__(MqttOptions(host="127.0.0.1", port=free_port(), topics=TOPICS))
        self._gate, self._pulse = gate, Pulse(STUCK_S)

    @property
    def connected(self) -> bool:
        """Whether there is a link."""
        if self._gate is not None:
            self._gate.go()
        return super().connected


class HeldLink(Link):
    """A connection that is never made."""

    gate: Gate

    def connect(self) -> str | None:
        """Hang first."""
        self.gate.go()
        return super().connect()


class HeldClerk:
    """One who thinks for long."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def answer(self, payload: bytes, topic_verb: str, *, retained: bool = False) -> str:
        """Nothing, in the end."""
        self._gate.go()
        return ""

    def busy(self, payload: bytes, topic_verb: str) -> str:
        """Nothing."""
        return ""

    def ticks(self) -> bool:
        """Not what is tried here."""
        return True


class HeldPath(PosixPath):
    """A file of a disk that does not answer."""

    gate: Gate

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Hang first."""
        self.gate.go()
        return super().stat(follow_symlinks=follow_symlinks)


class HeldClock(SystemClock):
    """A system call that does not come back."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def now(self) -> Instant:
        """The moment, in the end."""
        self._gate.go()
        return super().now()


class HeldListener:
    """A socket at which nobody ever calls."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def accept(self, wait_s: float) -> Caller | None:
        """Nobody, soon or late."""
        self._gate.go()
        time.sleep(FRAME_S)
        return None

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def _gallery(database: Database, gate: Gate) -> Iterator[Part]:
    begun = threading.Event()

    def hold() -> None:
        begun.wait()
        with database.transaction():
            gate.go()

    thread = threading.Thread(target=hold)
    thread.start()
    yield Part(ticks=lambda: GalleryStore(database).id() is not None, give_work=begun.set)
    thread.join()


@contextmanager
def _models(database: Database, gate: Gate) -> Iterator[Part]:
    yield Part()  # `_frames` hangs by itself


@contextmanager
def _deliverer(database: Database, publisher: MqttPublisher) -> Iterator[Deliverer]:
    made = Deliverer(
        outbox=Outbox(database), publisher=publisher, clock=SystemClock(), boot_id="b", name_of=lambda _: None,
        info=lambda: "{}", seed=database.keyring.signing_seed,
    )  # fmt: skip
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def _delivery(database: Database, gate: Gate) -> Iterator[Part]:
    with _deliverer(database, HeldPublisher(gate)) as deliverer:
        yield Part(ticks=deliverer.ticks, give_work=deliverer.announce)


@contextmanager
def _link(database: Database, gate: Gate) -> Iterator[Part]:
    publisher = HeldPublisher()
    once = publisher._once

    def held(link: Link) -> str:
        link.__class__ = type("Held", (HeldLink,), {"gate": gate})
        return once(link)

    publisher._once = held  # type: ignore[method-assign]
    with _deliverer(database, publisher) as deliverer:
        yield Part(ticks=deliverer.link_ticks)


@contextmanager
def _requests(database: Database, gate: Gate) -> Iterator[Part]:
    received = Received(
        topic=TOPICS.request("people/list"), payload=b"{}", retained=False, response_topic=None, correlation=None
    )
    requests = Requests(HeldPublisher(), TOPICS, stuck_s=STUCK_S)
    requests.serve(HeldClerk(gate))
    yield Part(ticks=requests.ticks, give_work=lambda: requests._hear(received))
    requests.stop()


@contextmanager
def _rules(database: Database, gate: Gate) -> Iterator[Part]:
    path = HeldPath(database.path.with_name("access.toml"))
    path.gate = gate
    watch = RuleWatch(path, Journal(database, "b"), SystemClock(), lambda _: None, stuck_s=STUCK_S)
    with watch.running():
        yield Part(ticks=watch.ticks)


@contextmanager
def _idle(database: Database, gate: Gate) -> Iterator[Part]:
    idle = Idle(stuck_s=STUCK_S)
    idle.start()
    yield Part(ticks=idle.ticks, give_work=lambda: idle.submit(gate.go) or None)
    idle.stop()


@contextmanager
def _witness(database: Database, gate: Gate) -> Iterator[Part]:
    witness = Witness(database, HeldClock(gate), AuditOptions(), [lambda head: True], stuck_s=STUCK_S)
    witness.start()
    yield Part(ticks=witness.ticks)
    witness.stop()


@contextmanager
def _socket(database: Database, gate: Gate) -> Iterator[Part]:
    listener, clerk = cast(Listener, HeldListener(gate)), cast(Clerk, HeldClerk(gate))
    reception = Reception(listener, clerk, Lookout(lambda _: None), stuck_s=STUCK_S)
    reception.start()
    yield Part(ticks=reception.ticks)
    reception.stop()


@contextmanager
def _contact(database: Database, gate: Gate) -> Iterator[Part]:
    def look() -> bool:
        gate.go()
        time.sleep(FRAME_S)
        return True

    wire = Input(look, lambda: None, lambda _: None)
    wire._pulse = Pulse(STUCK_S)
    thread = threading.Thread(target=wire.watch)
    thread.start()
    yield Part(ticks=wire.ticks)
    wire.close()
    thread.join()


PARTS: dict[str, Any] = {
    "gallery": _gallery,
    "models": _models,
    "delivery": _delivery,
    "link": _link,
    "requests": _requests,
    "rules": _rules,
    "idle": _idle,
    "witness": _witness,
    "socket": _socket,
    "contact": _contact,
}
"""All that the heartbeat asks: the camera answers by its frames, the door as the delivery does."""


def hanging_parts(n: int, seed: int, *, careless: bool = False) -> Result:
    """Each part in turn hangs for a while; as many at one time, in readers of their own, as there are kinds."""
    dice, wrong, kinds = random.Random(seed), list[str](), list(PARTS)
    with ThreadPoolExecutor(len(kinds)) as pool:
        tries = [(trial, kinds[trial % len(kinds)], dice.uniform(0.2, 0.4)) for trial in range(n)]
        for problems in pool.map(lambda one: _tried(*one, careless=careless), tries):
            wrong += problems
    return Result(fault="a part hangs", n=n, failures=wrong, seed=seed, acknowledged=n, note=", ".join(kinds))


def timer(n: int, seed: int) -> Result:
    """The control: a thread of its own that says that all is well."""
    return hanging_parts(n, seed, careless=True)


def _tried(trial: int, kind: str, well_s: float, *, careless: bool) -> list[str]:
    beats: list[float] = []
    with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
        hung_s = _lived(database, kind, well_s, beats, careless=careless)
    if hung_s is None:
        return [f"try {trial}: the {kind} did not hang"]
    if not any(beat < hung_s for beat in beats):
        return [f"try {trial}: no heartbeat before the {kind} hung"]
    late = [beat - hung_s for beat in beats if GRACE_S < beat - hung_s < HANGS_S]
    return [f"try {trial}: a heartbeat {max(late):.2f} s after the {kind} had hung"] if late else []


def _lived(database: Database, kind: str, well_s: float, beats: list[float], *, careless: bool) -> float | None:
    """When the part began to hang, monotonic seconds; `beats` gets the heart's."""
    gate, ending = Gate(), threading.Event()
    with ExitStack() as stack:
        part: Part = stack.enter_context(PARTS[kind](database, gate))
        heart = Heartbeat(
            every_s=EVERY_S, alive=lambda: beats.append(time.monotonic()), parts={kind: part.ticks},
            complain=lambda _: None, now=SystemClock().now,
        )  # fmt: skip
        work = (_ticks, (beats, ending)) if careless else (_frames, (heart, gate if kind == "models" else None, ending))
        thread = threading.Thread(target=work[0], args=work[1])
        thread.start()
        time.sleep(well_s)
        if careless and kind == "models":
            hung_s: float | None = time.monotonic()
            time.sleep(HANGS_S)
        else:
            hung_s = gate.hang(part.give_work)
        ending.set()
        thread.join()
    return hung_s


def _frames(heart: Heartbeat, gate: Gate | None, ending: threading.Event) -> None:
    """The reader's loop."""
    pixels, clock = np.zeros((2, 2, 3), np.uint8), SystemClock()
    while not ending.wait(FRAME_S):
        if gate is not None:
            gate.go()
        frame = Frame(pixels=pixels, camera="x", sequence=0, captured_at=clock.now())
        heart.beat(Step(frame=frame, sightings=(), decisions=(), stale=False, took_ms=0.0))


def _ticks(beats: list[float], ending: threading.Event) -> None:
    while not ending.wait(EVERY_S):
        beats.append(time.monotonic())
