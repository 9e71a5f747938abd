"""Hardware that is not there: what OpenCV shows of a camera at /dev/video0, and picamera2 of a board's own,
both told from outside what to film, or how to fail.

    python -m tools.cameras.hardware v4l2 HOME ARGUMENTS...     edgeface with these arguments, its camera behind a fake

It reads a word a line from stdin, a `Mode`, and says on stderr when it took the first picture in it. The adapters and
all behind them are the reader's own.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import cv2
import numpy as np

from edgeface.frame import Pixels
from tools.demo.film import Actor, render
from tools.demo.story import portraits

FPS = 15.0
SLOW_FPS = 2.0
FILMED = "filmed: "
"""Begins the line on stderr."""
LATE_S = 1.0
"""How old pictures are that come late."""


class Mode(StrEnum):
    """What a camera does."""

    FILM = "film"
    UNPLUG = "unplug"
    HANG = "hang"
    """Its driver waits for ever."""
    FROZEN = "frozen"
    DARK = "dark"
    COVERED = "covered"
    SLOW = "slow"
    LATE = "late"
    SWAPPED = "swapped"
    """Red and blue have changed places."""


class Stage:
    """What is before the camera, and what is wrong with it."""

    def __init__(self, filmed: Callable[[Mode, float], None] = lambda mode, at_s: None) -> None:
        """`filmed` hears of the first picture in each new mode, and when it was taken by the monotonic clock."""
        self._filmed, self._told = filmed, Mode.FILM
        dice = np.random.default_rng(7)
        walk = (Actor(portrait=portraits()[0], height=(0.75, 0.95), across=(0.45, 0.55)),)
        half = [render(walk, step / 14, dice) for step in range(15)]
        self._walk = [*half, *half[-2:0:-1]]
        self._noise = [dice.integers(0, 3, self._walk[0].shape, np.uint8) for _ in range(5)]
        self._mode, self._changed, self._count = Mode.FILM, threading.Condition(), itertools.count()

    @property
    def mode(self) -> Mode:
        return self._mode

    def turn(self, mode: Mode) -> None:
        """From now on."""
        with self._changed:
            self._mode = mode
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Sleep, but not longer than until the mode changes; whether it did."""
        with self._changed:
            return self._changed.wait(seconds)

    def picture(self) -> Pixels:
        """What is filmed now, uint8 (480, 640, 3) RGB; waits as long as a camera takes."""
        self.wait(1 / (SLOW_FPS if self._mode is Mode.SLOW else FPS))
        number, mode = next(self._count), self._mode
        if mode is not self._told:
            self._told = mode
            self._filmed(mode, time.monotonic())
        noise = self._noise[number % len(self._noise)]
        match mode:
            case Mode.DARK:
                return noise
            case Mode.COVERED:
                return np.asarray(noise + 90, np.uint8)
            case Mode.FROZEN:
                return self._walk[0]
            case Mode.SWAPPED:
                return np.ascontiguousarray(self._walk[number % len(self._walk)][..., ::-1])
            case _:
                return self._walk[number % len(self._walk)]

    def taken_ns(self) -> int:
        """When, by the monotonic clock."""
        return time.monotonic_ns() - (round(LATE_S * 1e9) if self._mode is Mode.LATE else 0)


class Capture:
    """As much of cv2.VideoCapture as is used."""

    stage: ClassVar[Stage]

    def __init__(self, *_: object) -> None:
        self._released, self._taken_ns = False, 0
        self._now: Pixels | None = None

    def isOpened(self) -> bool:
        return self.stage.mode is not Mode.UNPLUG

    def set(self, *_: object) -> bool:
        return True

    def get(self, _: int) -> float:
        return self._taken_ns / 1e6

    def grab(self) -> bool:
        while self.stage.mode is Mode.HANG and not self._released:
            self.stage.wait(0.05)
        self._now = self.stage.picture()
        self._taken_ns = self.stage.taken_ns()
        return self.stage.mode is not Mode.UNPLUG and not self._released

    def retrieve(self) -> tuple[bool, Any]:
        return self._now is not None, None if self._now is None else cv2.cvtColor(self._now, cv2.COLOR_RGB2BGR)

    def release(self) -> None:
        self._released = True


class Picamera2:
    """As much of picamera2 as is used."""

    stage: ClassVar[Stage]

    @classmethod
    def global_camera_info(cls) -> list[dict[str, object]]:
        return [] if cls.stage.mode is Mode.UNPLUG else [{"Model": "imx708", "Num": 0}]

    def __init__(self, index: int) -> None:
        self._shown, self._taken_ns = self.stage.picture(), 0

    def create_video_configuration(self, **wanted: object) -> dict[str, object]:
        return dict(wanted)

    def configure(self, wanted: object) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...

    def capture_request(self, *, wait: bool) -> str:
        return "job"

    def wait(self, job: str, timeout: float) -> Picamera2:
        """A ribbon that is out does not tell: the picture does not come."""
        end = time.monotonic() + timeout
        while self.stage.mode in (Mode.UNPLUG, Mode.HANG):
            if time.monotonic() > end:
                raise TimeoutError
            self.stage.wait(0.05)
        self._shown = self.stage.picture()
        age_ns = time.monotonic_ns() - self.stage.taken_ns()
        self._taken_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - age_ns
        return self

    def make_array(self, name: str) -> Pixels:
        return self._shown

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": self._taken_ns}

    def release(self) -> None: ...


def main() -> None:
    kind, home, *arguments = sys.argv[1:]
    stage = Stage(lambda mode, at_s: print(f"{FILMED}{mode.value} {at_s}", file=sys.stderr, flush=True))
    threading.Thread(target=_listen, args=(stage, Path(home) / "video0"), daemon=True).start()
    from edgeface.adapters import camera
    from edgeface.adapters.camera import opencv
    from edgeface.cli.main import main as edgeface

    if kind == "v4l2":
        Capture.stage = stage
        (Path(home) / "video0").touch()
        camera.Path = lambda text: Path(home) / text.rpartition("/")[2]  # type: ignore[attr-defined,assignment]
        opencv.cv2.VideoCapture = Capture  # type: ignore[assignment,misc]
    if kind == "picamera2":
        Picamera2.stage = stage
        sys.modules["picamera2"] = SimpleNamespace(Picamera2=Picamera2)  # type: ignore[assignment]
    sys.argv = ["edgeface", "--home", home, *arguments]
    edgeface()


def _listen(stage: Stage, node: Path) -> None:
    for line in sys.stdin:
        mode = Mode(line.strip())
        stage.turn(mode)
        if mode is Mode.UNPLUG:
            node.unlink(missing_ok=True)  # as udev does
        else:
            node.touch()


if __name__ == "__main__":
    main()
