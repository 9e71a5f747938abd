"""A camera that is unplugged, silent, frozen, dark or covered, for as long as chance says, in made-up time."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from edgeface.errors import CameraLost, CameraUnavailable
from edgeface.footage import Options
from edgeface.frame import Frame, Instant, Pixels
from edgeface.service.tend import TendedCamera
from tools.faults.result import Result

FRAME_S = 0.1
KINDS = ("unplugged", "silent", "frozen", "dark", "covered")
ALARM_S = 1.0
"""A fault is told by then."""
LETS_S = 0.85
"""Pictures that show nothing new may pass for so long, until the fault counts."""
BACK_S = 5.0
"""After it is mended there are pictures again by then."""


@dataclass(slots=True)
class Stage:
    """Time, and what the camera does at each moment."""

    ns: int = 10**9
    kind: str | None = None
    opened_ns: int = 0
    """When the camera was opened last: one that is frozen is, again and again, and then shows another picture."""

    def now(self) -> Instant:
        return Instant(monotonic_ns=self.ns, wall_ns=0, wall_trusted=False)

    def pause(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)
        threading.Event().wait(0.001)  # the thread that opens gets its turn


class Acting:
    """The camera, once it is open."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._sequence = stage, 0
        self._chance = np.random.default_rng(stage.ns)
        self._last = self._shot()
        stage.opened_ns = stage.ns

    def newest(self, wait_s: float) -> Frame | None:
        self._stage.ns += round((wait_s if self._stage.kind in ("unplugged", "silent") else FRAME_S) * 1e9)
        match self._stage.kind:
            case "unplugged":
                raise CameraLost("the camera stopped filming")
            case "silent":
                return None
            case "frozen":
                pixels = self._last.copy()
            case "dark":
                pixels = self._chance.integers(0, 3, (60, 80, 3), dtype=np.uint8)
            case "covered":
                pixels = self._chance.integers(99, 101, (60, 80, 3), dtype=np.uint8)
            case _:
                pixels = self._last = self._shot()
        self._sequence += 1
        return Frame(pixels=pixels, camera="a", sequence=self._sequence - 1, captured_at=self._stage.now())

    def frames(self) -> Iterator[Frame | None]:
        while True:
            try:
                yield self.newest(FRAME_S)
            except CameraLost:
                yield None

    def close(self) -> None:
        """Nothing to give back."""

    def _shot(self) -> Pixels:
        return self._chance.integers(0, 255, (60, 80, 3), dtype=np.uint8)


def camera_faults(n: int, seed: int, *, tended: bool = True) -> Result:
    """One fault after the other before one camera that is looked after."""
    dice, wrong, stage = random.Random(seed), [], Stage()

    def opened() -> Acting:
        if stage.kind == "unplugged":
            raise CameraUnavailable("there is no camera")
        return Acting(stage)

    camera = TendedCamera(opened, Options(), stage.now, stage.pause, first=Acting(stage))
    with closing(camera):
        frames = camera.frames() if tended else Acting(stage).frames()
        for trial in range(n):
            _play(stage, frames, None, dice.uniform(1, 4))
            kind, lasts_s = dice.choice(KINDS), dice.uniform(0.1, 12)
            seen, told_s = _play(stage, frames, kind, lasts_s, camera)
            if any(since_s > LETS_S for since_s in seen):
                wrong.append(f"try {trial}: {max(seen):.1f} s into {kind} its pictures were still judged by")
            if lasts_s > ALARM_S + FRAME_S and (told_s is None or told_s > ALARM_S + FRAME_S):
                wrong.append(f"try {trial}: {kind} was told after {told_s} s")
            fresh, _ = _play(stage, frames, None, BACK_S)
            if not fresh:
                wrong.append(f"try {trial}: no picture for {BACK_S} s after {kind} of {lasts_s:.1f} s")
    return Result(
        fault="camera unplugged, silent, frozen, dark, covered", n=n, failures=wrong, seed=seed, acknowledged=n
    )


def untended(n: int, seed: int) -> Result:
    """The control: whatever the driver gives is judged by."""
    return camera_faults(n, seed, tended=False)


def _play(
    stage: Stage, frames: Iterator[Frame | None], kind: str | None, lasts_s: float, camera: TendedCamera | None = None
) -> tuple[list[float], float | None]:
    """When pictures came, in seconds after this began or the camera was opened, and when a fault was told."""
    stage.kind, begun_ns = kind, stage.ns
    seen, told_s = [], None
    while (since_s := (stage.ns - begun_ns) / 1e9) < lasts_s:
        frame = next(frames)
        if frame is not None:
            seen.append((frame.captured_at.monotonic_ns - max(begun_ns, stage.opened_ns)) / 1e9)
        if camera is not None and told_s is None and camera.condition().faults:
            told_s = since_s
    stage.kind = None
    return seen, told_s
