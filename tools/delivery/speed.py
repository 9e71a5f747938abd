"""From the frame that decides to the message at the door, through the whole reader; alone, and before a long queue."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeface import image
from edgeface.adapters.clock import SystemClock, boot_id
from edgeface.cli.bench import resident_mb
from edgeface.enrol import Portrait, portrait
from edgeface.frame import Frame, Pixels
from edgeface.service.bootstrap import GALLERY, Loaded, Station, open_station
from edgeface.service.enrolment import template_of
from edgeface.service.settings import Config, MqttSettings
from edgeface.signature import public_of, public_text
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from tools.broker import Broker
from tools.delivery.site import DOOR, Controller, granted

APART_S = 1.2
"""Between two visitors: a track that is not seen for longer is over."""
FRAME_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What one run showed. Times in milliseconds."""

    visits: int
    waiting: int
    """Rows that waited in the outbox at the start."""
    to_message: tuple[float, ...]
    """From the capture of the last frame that counted to its message at the controller, one a decision."""
    to_disk: tuple[float, ...]
    """From having that frame to the decision on the disk."""
    drained: int
    """Rows that waited when somebody began to take the history."""
    drained_s: float
    """From then to the empty outbox."""
    memory_mb: tuple[float, ...]
    """Resident, every 0.2 s."""

    @property
    def drained_per_s(self) -> float:
        return self.drained / self.drained_s

    @property
    def grown_mb(self) -> float:
        """By how much memory grew from the first quarter of the run to the last."""
        quarter = max(1, len(self.memory_mb) // 4)
        return statistics.median(self.memory_mb[-quarter:]) - statistics.median(self.memory_mb[:quarter])


def run(folder: Path, loaded: Loaded, visits: int, waiting: int, tell: Callable[[int], None]) -> Speed:
    """So many visits of one person, with so many undelivered decisions in the outbox at the start."""
    folder.mkdir(parents=True)
    face = _face()
    with closing(open_database(folder / GALLERY)) as database:
        _enrol(database, loaded, face)
        with database.transaction():  # one wait for the disk, not ten thousand
            journal = Journal(database, boot_id())
            for number in range(waiting):
                journal.record(granted())
                if number % 500 == 499:
                    tell(-number - 1)
        return _visit(folder, loaded, database, face, visits, waiting, tell)


def _visit(
    folder: Path,
    loaded: Loaded,
    database: Database,
    face: Pixels,
    visits: int,
    waiting: int,
    tell: Callable[[int], None],
) -> Speed:
    """The visits while nobody takes the history, so that it goes on waiting; then somebody does, and it drains."""
    broker = Broker(folder)
    broker.start()
    key = public_text(public_of(database.keyring.signing_seed))
    config, watch = Config(mqtt=MqttSettings(broker=broker.url)), _Watch(Outbox(database))
    watch.begin()
    try:
        controller = Controller(broker.port, key, records=False)
        with open_station(config, loaded, database, film_time=False) as station:
            captured, to_disk = _film(station, face, visits, tell)
            time.sleep(1.0)
        controller.stop()
        left, keeper = Outbox(database).count(), Controller(broker.port, key)
        with open_station(config, loaded, database, film_time=False):
            drained_s = watch.until_empty()
        keeper.stop()
    finally:
        watch.end()
        broker.stop()
    return Speed(
        visits=visits,
        waiting=waiting,
        to_message=tuple(1000 * (at_s - captured[name]) for name, at_s in controller.live.items() if name in captured),
        to_disk=tuple(to_disk),
        drained=left,
        drained_s=drained_s,
        memory_mb=tuple(watch.memory_mb),
    )


def _film(
    station: Station, face: Pixels, visits: int, tell: Callable[[int], None]
) -> tuple[dict[str, float], list[float]]:
    """When the last frame that counted was captured, by decision; and how long each decision took to the disk."""
    captured: dict[str, float] = {}
    to_disk: list[float] = []
    time.sleep(1.0)
    for visit in range(visits):
        for frame in _shots(face, visit):
            step = station.reader.step(frame)
            for recorded in step.decisions:
                captured[recorded.decision.id] = recorded.decision.captured_at.monotonic_ns / 1e9
                to_disk.append(step.took_ms)
            if step.decisions:
                break
            time.sleep(max(0.0, FRAME_S - step.took_ms / 1000))
        time.sleep(APART_S)
        station.reader.step(_frame(np.full((480, 640, 3), 128, np.uint8), -1))
        tell(visit + 1)
    return captured, to_disk


class _Watch:
    """Memory, and when the outbox is empty."""

    def __init__(self, outbox: Outbox) -> None:
        self.memory_mb: list[float] = []
        self._outbox = outbox
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()

    def until_empty(self) -> float:
        """How long from now until nothing waits. Raises RuntimeError after ten minutes."""
        begun_s = time.monotonic()
        while self._outbox.count():
            if time.monotonic() > begun_s + 600:
                raise RuntimeError("the outbox does not drain")
            time.sleep(0.02)
        return time.monotonic() - begun_s

    def _look(self) -> None:
        while not self._ending.wait(0.2):
            self.memory_mb.append(resident_mb())


def _face() -> Pixels:
    """Eileen Collins, of NASA, public domain: uint8 (260, 230, 3)."""
    from skimage.data import astronaut

    return np.ascontiguousarray(astronaut()[10:270, 110:340])


def _enrol(database: Database, loaded: Loaded, face: Pixels) -> None:
    found = portrait(face, loaded.models, Config().pipeline())
    if not isinstance(found, Portrait):
        raise RuntimeError(f"the portrait was refused: {found.advice}")
    GalleryStore(database).enrol("Ada", [template_of(found, "portrait")], SystemClock().now())


def _shots(face: Pixels, visit: int) -> Iterator[Frame]:
    """Somebody walks up to the camera: 640x480."""
    for index in range(30):
        canvas = np.full((480, 640, 3), (126, 130, 134), np.uint8)
        height = min(470, 300 + 6 * index)
        width = round(face.shape[1] * height / face.shape[0])
        left = 320 - width // 2 + round(20 * np.sin((visit + index) / 3))
        canvas[480 - height :, left : left + width] = image.resize(face, width, height)
        yield _frame(canvas, index)


def _frame(pixels: Pixels, index: int) -> Frame:
    return Frame(pixels=pixels, camera=DOOR, sequence=max(index, 0), captured_at=SystemClock().now())
