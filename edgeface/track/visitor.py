"""One visitor, and how it moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeface.detect import Detection, PixelBox
from edgeface.frame import Instant
from edgeface.model import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """One visitor."""

    number: int
    """Counts from 1 within a run of the reader."""
    detection: Detection
    """The newest sighting."""
    velocity_px_s: tuple[float, float]
    """Motion of the box centre, picture pixels a second."""
    started_at: Instant
    seen_at: Instant
    """Capture time of the newest sighting."""
    doubtful: bool = False
    """Somebody else may have taken its place since the last good shot: it was missed, it jumped, another face is in its
    way, or it is faint. A good shot that looks like the track settles it."""
    shots: int = 0
    """Good shots so far."""


def begin(number: int, detection: Detection, now: Instant) -> Track:
    """A visitor seen for the first time."""
    return Track(number=number, detection=detection, velocity_px_s=(0.0, 0.0), started_at=now, seen_at=now)


def see(track: Track, detection: Detection, now: Instant, *, doubtful: bool) -> Track:
    """The visitor, seen again."""
    seconds = max(now.seconds_since(track.seen_at), 1e-3)
    new, old = detection.box, track.detection.box
    across = (new.x + new.w / 2 - old.x - old.w / 2) / seconds
    down = (new.y + new.h / 2 - old.y - old.h / 2) / seconds
    velocity = (track.velocity_px_s[0] + across) / 2, (track.velocity_px_s[1] + down) / 2
    return replace(track, detection=detection, velocity_px_s=velocity, seen_at=now, doubtful=doubtful)


def predict(track: Track, now: Instant) -> Tensor:
    """Where the box is by now if the visitor goes on as before: float32 (4,), left, top, width, height."""
    box, seconds = track.detection.box, now.seconds_since(track.seen_at)
    across, down = track.velocity_px_s
    return np.array([box.x + across * seconds, box.y + down * seconds, box.w, box.h], np.float32)


def as_row(box: PixelBox) -> Tensor:
    """float32 (4,): left, top, width, height."""
    return np.array([box.x, box.y, box.w, box.h], np.float32)
