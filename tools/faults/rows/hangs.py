"""A part of the reader that hangs: the heartbeat stops within its period, so that systemd starts the reader anew."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing

import numpy as np

from edgeface.adapters.clock import SystemClock
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.frame import Frame
from edgeface.message import Topics
from edgeface.service.deliver import Deliverer
from edgeface.service.heartbeat import Heartbeat
from edgeface.service.loop import Step
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore
from edgeface.store.outbox import Outbox
from tools.broker import free_port
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

EVERY_S, FRAME_S, HANGS_S = 0.08, 0.01, 0.5
GRACE_S = 3 * EVERY_S
"""A part that hangs may have answered just before, and is asked once a period."""
KINDS = ("gallery", "delivery", "models")


class Held(MqttPublisher):
    """A link in whose library whoever asks for it hangs while the gate is shut."""

    def __init__(self) -> None:
        topics = Topics(base="edgeface", device="reader")
        super().__init__(MqttOptions(host="127.0.0.1", port=free_port(), topics=topics))
        self.gate = threading.Event()
        self.gate.set()

    @property
    def connected(self) -> bool:
        """Whether there is a link."""
        self.gate.wait()
        return super().connected


def hanging_parts(n: int, seed: int, *, careless: bool = False) -> Result:
    """The gallery, the delivery or the models hang for a while."""
    dice, wrong = random.Random(seed), []
    with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
        for trial in range(n):
            kind = dice.choice(KINDS)
            beats, hung_s = _lived(database, kind, dice.uniform(0.2, 0.4), careless=careless)
            if not any(beat < hung_s for beat in beats):
                wrong.append(f"try {trial}: no heartbeat before the {kind} hung")
            if late := [beat - hung_s for beat in beats if GRACE_S < beat - hung_s < HANGS_S]:
                wrong.append(f"try {trial}: a heartbeat {max(late):.2f} s after the {kind} had hung")
    return Result(fault="a part hangs: gallery, delivery, models", n=n, failures=wrong, seed=seed, acknowledged=n)


def timer(n: int, seed: int) -> Result:
    """The control: a thread of its own that says that all is well."""
    return hanging_parts(n, seed, careless=True)


def _lived(database: Database, kind: str, well_s: float, *, careless: bool) -> tuple[list[float], float]:
    """When the heart beat, and when the part began to hang; monotonic seconds."""
    beats: list[float] = []
    link, ending = Held(), threading.Event()
    deliverer = Deliverer(
        outbox=Outbox(database), publisher=link, clock=SystemClock(), boot_id="b", name_of=lambda _: None,
        info=lambda: "{}", seed=database.keyring.signing_seed,
    )  # fmt: skip
    parts = {"gallery": lambda: GalleryStore(database).id() is not None, "delivery": deliverer.ticks}
    heart = Heartbeat(
        every_s=EVERY_S, alive=lambda: beats.append(time.monotonic()), parts=parts, complain=lambda _: None,
        now=SystemClock().now,
    )  # fmt: skip
    deliverer.start()
    turns = threading.Event()
    turns.set()
    threads = [threading.Thread(target=_frames, args=(heart, turns, ending))]
    if careless:
        threads = [threading.Thread(target=_ticks, args=(beats, ending))]
    for thread in threads:
        thread.start()
    time.sleep(well_s)
    hung_s = _hang(database, link.gate if kind == "delivery" else turns, kind)
    ending.set()
    for thread in threads:
        thread.join()
    deliverer.stop()
    return beats, hung_s


def _hang(database: Database, gate: threading.Event, kind: str) -> float:
    """When it began; it is over when this returns."""
    if kind == "gallery":
        with database.transaction():
            hung_s = time.monotonic()
            time.sleep(HANGS_S)
        return hung_s
    gate.clear()
    hung_s = time.monotonic()
    time.sleep(HANGS_S)
    gate.set()
    return hung_s


def _frames(heart: Heartbeat, turns: threading.Event, ending: threading.Event) -> None:
    """The reader's loop."""
    pixels, clock = np.zeros((2, 2, 3), np.uint8), SystemClock()
    while not ending.wait(FRAME_S):
        turns.wait()
        frame = Frame(pixels=pixels, camera="x", sequence=0, captured_at=clock.now())
        heart.beat(Step(frame=frame, sightings=(), decisions=(), stale=False, took_ms=0.0))


def _ticks(beats: list[float], ending: threading.Event) -> None:
    while not ending.wait(EVERY_S):
        beats.append(time.monotonic())
