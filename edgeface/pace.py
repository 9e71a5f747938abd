"""Which frames are worth looking at: all of them while somebody is being judged, few while nothing happens.

    stir(pace, frame, busy, options) -> (Pace, look at it?)

A small grey copy of each frame is held against that of the last one that was looked at, so that whoever creeps in adds
up. Where it is the same, only every so often does the detector run all the same; where everybody in the picture has
their answer, a few frames a second are enough to follow them. An open visit gets every frame. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from edgeface import decide
from edgeface.frame import Frame, Instant
from edgeface.image import luminance, resize
from edgeface.scene import Scene, is_open

Grey = npt.NDArray[np.float32]
COLUMNS, ROWS = 64, 48
"""Of the small copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much may be left out. Measured in models/pace.md (`python -m tools.evaluate pace`)."""

    idle_s: float = 0.5
    """While nothing moves and nobody is there, so long passes between looks at the most, 0..2; 0 looks at every frame.
    Whoever the motion gate misses waits no longer than that."""
    follow_s: float = 0.2
    """Between looks at visitors who have their answer, 0..0.5; 0 looks at every frame."""
    moved_by: float = 6.0
    """Grey levels, 0..255, by which a field must change for something to have moved there."""
    moved_fields: int = 6
    """So many of the 3,072 fields of the picture must have changed: noise and a leaf are fewer, a far face is more."""

    def __post_init__(self) -> None:
        if not 0 <= self.idle_s <= 2:
            raise ValueError("idle_s must be 0 to 2")
        if not 0 <= self.follow_s <= 0.5:
            raise ValueError("follow_s must be 0 to 0.5")
        if not 0 < self.moved_by <= 255:
            raise ValueError("moved_by must be above 0 and at most 255")
        if not 1 <= self.moved_fields <= COLUMNS * ROWS:
            raise ValueError(f"moved_fields must be 1 to {COLUMNS * ROWS}")


EVERY_FRAME = Options(idle_s=0.0, follow_s=0.0)
"""Nothing is left out."""


class Busy(StrEnum):
    """What the reader has on its hands."""

    IDLE = "idle"
    """Nobody is there."""
    FOLLOWING = "following"
    """Everybody who is there has an answer that stands for now."""
    JUDGING = "judging"
    """A visit is open, or somebody else may have taken a visitor's place."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pace:
    """What is remembered of the last frame that was looked at."""

    looked_at: Instant | None = None
    """None before the first."""
    grey: Grey | None = None
    """float32 (`ROWS`, `COLUMNS`), 0..255."""


def busy(scene: Scene, now: Instant, options: decide.Options) -> Busy:
    """What a scene calls for at the moment `now`."""
    if not scene.tracks and not scene.beliefs and not scene.ended:
        return Busy.IDLE
    waiting = [one for one in scene.tracks if one.doubtful or is_open(scene, one.number, now, options)]
    return Busy.JUDGING if waiting or scene.beliefs or scene.ended else Busy.FOLLOWING


def stir(pace: Pace, frame: Frame, what: Busy, options: Options) -> tuple[Pace, bool]:
    """Whether to look at a frame, and what to remember."""
    now = frame.captured_at
    if what is Busy.JUDGING or pace.looked_at is None or pace.grey is None:
        return _looked(frame), True
    passed = now.seconds_since(pace.looked_at)
    longest = options.idle_s if what is Busy.IDLE else options.follow_s
    if not 0 <= passed < longest - _EARLY_S:
        return _looked(frame), True
    if what is Busy.IDLE and moved(pace.grey, small(frame), options):
        return _looked(frame), True
    return pace, False


_EARLY_S = 0.02
"""A frame that is almost due counts as due: the next may come a whole frame time too late."""


def small(frame: Frame) -> Grey:
    """The small grey copy, float32 (`ROWS`, `COLUMNS`)."""
    return luminance(resize(frame.pixels, COLUMNS, ROWS)).astype(np.float32)


def moved(before: Grey, after: Grey, options: Options) -> bool:
    """Whether something moved. What all fields share is light: a lamp, or the camera's own exposure."""
    change = after - before
    change = np.abs(change - np.float32(np.median(change)))
    return int((change > options.moved_by).sum()) >= options.moved_fields


def _looked(frame: Frame) -> Pace:
    return Pace(looked_at=frame.captured_at, grey=small(frame))
