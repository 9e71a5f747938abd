"""A camera of one's own: people walk up to it and leave, 10 pictures a second with a sensor's noise, over a socket.

Each picture carries the moment at which it was taken, as a driver's buffers do, so that one which waited in a queue is
known to be old. Whoever films here is in another process than the reader, and costs it nothing.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from edgeface import image
from edgeface.frame import Pixels

WIDTH_PX, HEIGHT_PX = 640, 480
HEAD = struct.Struct("<q")
"""Before each picture: nanoseconds since boot at which it was taken."""

FPS = 10.0


def since_boot_ns() -> int:
    """As the reader counts."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Spoilt(StrEnum):
    """What is wrong with the camera."""

    UNPLUGGED = "unplugged"
    SILENT = "silent"
    """The link is there, and no picture comes."""
    FROZEN = "frozen"
    DARK = "dark"
    COVERED = "covered"
    SLOW = "slow"
    NOISE = "noise"
    """Rubbish instead of a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody was in the picture."""

    who: str
    begun_ns: int
    ended_ns: int
    """Monotonic; of the last picture that showed him."""


class FilmCamera:
    """Films one visit after the other until it is stopped; a context manager."""

    def __init__(
        self,
        path: Path,
        people: Sequence[tuple[str, Sequence[Pixels]]],
        *,
        stay_s: float = 3.0,
        apart_s: float = 2.5,
        fps: float = FPS,
    ) -> None:
        """`path`: of its socket. `people`: who comes, in turn, each with the portraits that stand side by side."""
        self.visits: list[Visit] = []
        self.blind: list[tuple[int, int]] = []
        """From when to when it was spoilt so that nobody could be seen; monotonic ns."""
        self.longest_gap_s = 0.0
        """Between two pictures, by no fault of ours but for want of a processor; to be set to 0 again."""
        self.spoilt: Spoilt | None = None
        """Set it to spoil the pictures, to None to mend them."""
        self._path, self._people, self._stay_s, self._apart_s = path, people, stay_s, apart_s
        self._fps = fps
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._film), threading.Thread(target=self._serve)]
        self._taken = threading.Condition()
        self._newest: tuple[int, bytes] | None = None
        chance = np.random.default_rng(1)
        self._wall = _wall(chance)
        self._noise = chance.integers(0, 5, (HEIGHT_PX + 64, WIDTH_PX + 64, 3), np.uint8)
        self._last = b""

    def __enter__(self) -> FilmCamera:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def showed(self, who: str, at_ns: int) -> bool:
        """Whether this person was in the picture at that moment."""
        return any(one.who == who and one.begun_ns <= at_ns <= one.ended_ns for one in list(self.visits))

    def _film(self) -> None:
        """One visit after the other; the picture is taken whether anybody looks or not."""
        chance, number = np.random.default_rng(2), 0
        turn_s, begun_s = self._stay_s + self._apart_s, time.monotonic()
        while not self._ending.wait(max(0.0, begun_s + number / self._fps - time.monotonic())):
            visit, at_s = divmod(number / self._fps, turn_s)
            who, portraits = self._people[int(visit) % len(self._people)]
            here = at_s < self._stay_s and bool(portraits)
            pixels = self._picture(portraits if here else (), round(at_s * self._fps), chance)
            taken_ns = since_boot_ns()
            if self.spoilt is not Spoilt.SLOW:
                self.longest_gap_s = max(self.longest_gap_s, time.monotonic() - begun_s - number / self._fps)
            if here:
                self._note(who, taken_ns, first=at_s < 1 / self._fps)
            content = self._spoil(pixels, chance)
            with self._taken:
                self._newest = taken_ns, content
                self._taken.notify_all()
            number += 1 if self.spoilt is not Spoilt.SLOW else 10

    def _note(self, who: str, taken_ns: int, *, first: bool) -> None:
        if first or not self.visits or self.visits[-1].who != who:
            self.visits.append(Visit(who=who, begun_ns=taken_ns, ended_ns=taken_ns))
        else:
            self.visits[-1] = Visit(who=who, begun_ns=self.visits[-1].begun_ns, ended_ns=taken_ns)

    def _picture(self, portraits: Sequence[Pixels], index: int, chance: np.random.Generator) -> Pixels:
        canvas = self._wall.copy()
        most = (
            min(470, 300 + 6 * index) if len(portraits) == 1 else min(260, 5 * WIDTH_PX // (6 * max(1, len(portraits))))
        )
        for place, portrait in enumerate(portraits):
            height = min(HEIGHT_PX, most)
            width = min(WIDTH_PX, round(portrait.shape[1] * height / portrait.shape[0]))
            middle = WIDTH_PX * (place + 0.5) / len(portraits)
            left = int(np.clip(middle - width / 2 + 8 * np.sin(index / 3), 0, WIDTH_PX - width))
            canvas[HEIGHT_PX - height :, left : left + width] = image.resize(portrait, width, height)
        return np.asarray(canvas + self._grain(chance), np.uint8)

    def _grain(self, chance: np.random.Generator) -> Pixels:
        """Never twice the same: a sensor is never without it."""
        down, right = (int(shift) for shift in chance.integers(64, size=2))
        return self._noise[down : down + HEIGHT_PX, right : right + WIDTH_PX]

    def _spoil(self, pixels: Pixels, chance: np.random.Generator) -> bytes:
        match self.spoilt:
            case Spoilt.FROZEN if self._last:
                return self._last
            case Spoilt.DARK:
                pixels = self._grain(chance)
            case Spoilt.COVERED:
                pixels = self._grain(chance) + np.uint8(90)
            case Spoilt.NOISE:
                pixels = chance.integers(0, 256, pixels.shape, np.uint8)
            case _:
                pass
        self._last = pixels.tobytes()
        return self._last

    def _serve(self) -> None:
        """One reader at a time, as a device node has."""
        while not self._ending.is_set():
            if self.spoilt is Spoilt.UNPLUGGED:
                time.sleep(0.02)
                continue
            self._path.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(self._path))
                server.listen(1)
                server.settimeout(0.05)
                self._accept(server)
            self._path.unlink(missing_ok=True)

    def _accept(self, server: socket.socket) -> None:
        while not self._ending.is_set() and self.spoilt is not Spoilt.UNPLUGGED:
            try:
                reader, _ = server.accept()
            except TimeoutError:
                continue
            with reader:
                reader.settimeout(0.05)
                self._send(reader)

    def _send(self, reader: socket.socket) -> None:
        given = 0
        while not self._ending.is_set() and self.spoilt is not Spoilt.UNPLUGGED:
            newest = self._after(given)
            if newest is None or self.spoilt is Spoilt.SILENT:
                continue
            given = newest[0]
            if not self._all(reader, HEAD.pack(given) + newest[1]):
                return

    def _after(self, given: int) -> tuple[int, bytes] | None:
        """The newest picture, once it is newer than that; None if there is none for a while."""
        with self._taken:
            self._taken.wait_for(lambda: self._newest is not None and self._newest[0] > given, 0.05)
            return self._newest if self._newest is not None and self._newest[0] > given else None

    def _all(self, reader: socket.socket, message: bytes) -> bool:
        """Send it; a reader that does not take it now may do so later. False once there is none any more."""
        rest = memoryview(message)
        while rest and not self._ending.is_set() and self.spoilt is not Spoilt.UNPLUGGED:
            try:
                rest = rest[reader.send(rest) :]
            except TimeoutError:
                continue
            except OSError:
                return False
        return True


def _wall(chance: np.random.Generator) -> Pixels:
    """A hallway: a plain picture would count as a covered lens."""
    canvas = np.full((HEIGHT_PX, WIDTH_PX, 3), (116, 120, 124), np.uint8)
    for _ in range(14):
        left, top = int(chance.integers(WIDTH_PX - 60)), int(chance.integers(HEIGHT_PX - 60))
        canvas[top : top + int(chance.integers(20, 120)), left : left + int(chance.integers(20, 120))] += np.uint8(
            chance.integers(0, 40)
        )
    return canvas


def portraits() -> tuple[Pixels, Pixels]:
    """Eileen Collins of NASA and Grace Hopper of the US Navy, public domain, out of two packages' wheels."""
    from matplotlib.cbook import get_sample_data
    from skimage.data import astronaut

    hopper = image.read(Path(os.fspath(get_sample_data("grace_hopper.jpg", asfileobj=False))))
    return np.ascontiguousarray(astronaut()[10:270, 110:340]), np.ascontiguousarray(hopper[60:400, 100:400])
