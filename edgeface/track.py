"""One visitor stays one track, from frame to frame.

    follow(tracks, detections, now, options) -> (tracks, ended)

Greedy association by overlap with the box predicted from the track's own motion (as in SORT, Bewley et al., ICIP 2016,
without its Kalman filter): the reader sees few faces at once, and a lost track costs a second, not a wrong decision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeface.detect import Detection, PixelBox, overlap
from edgeface.frame import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """When two boxes are the same visitor."""

    min_overlap: float = 0.25
    """Intersection over union with the predicted box that links a face to a track. At 10 frames a second a walking
    head moves a fifth of its width: overlap 0.67."""
    patience_s: float = 0.7
    """A track unseen this long has ended. A choice, not a measurement: a blink of the detector must not end a visit,
    and the next visitor must not inherit it."""

    def __post_init__(self) -> None:
        if not 0 < self.min_overlap < 1:
            raise ValueError("min_overlap must be between 0 and 1")
        if not self.patience_s > 0:
            raise ValueError("patience_s must be above 0")


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


def follow(
    tracks: tuple[Track, ...], detections: tuple[Detection, ...], now: Instant, options: Options, next_number: int
) -> tuple[tuple[Track, ...], tuple[Track, ...]]:
    """(tracks seen now or lately, tracks that have ended). New faces get numbers from `next_number` on.

    The first tracks of the result are those that continue, in their old order, then the new ones. A track was seen in
    this frame if its `seen_at` is `now`.
    """
    # First: after a pause of the camera, whoever stands in the old place may be somebody else.
    ended = tuple(track for track in tracks if now.seconds_since(track.seen_at) > options.patience_s)
    alive = tuple(track for track in tracks if track not in ended)
    links = _link(alive, detections, now, options.min_overlap)
    carried = [_see(track, detections[links[i]], now) if i in links else track for i, track in enumerate(alive)]
    fresh = [detection for j, detection in enumerate(detections) if j not in links.values()]
    born = [_begin(next_number + k, detection, now) for k, detection in enumerate(fresh)]
    return (*carried, *born), ended


def _link(
    tracks: tuple[Track, ...], detections: tuple[Detection, ...], now: Instant, min_overlap: float
) -> dict[int, int]:
    """Track index -> detection index, best overlaps first, each used once."""
    if not tracks or not detections:
        return {}
    boxes = np.array([_as_row(detection.box) for detection in detections], np.float32)
    shared = np.stack([overlap(_predict(track, now), boxes) for track in tracks])
    links: dict[int, int] = {}
    for flat in np.argsort(-shared, axis=None, kind="stable"):
        i, j = (int(k) for k in np.unravel_index(flat, shared.shape))
        if shared[i, j] < min_overlap:
            break
        if i not in links and j not in links.values():
            links[i] = j
    return links


def _predict(track: Track, now: Instant) -> np.ndarray:
    seconds = now.seconds_since(track.seen_at)
    row = _as_row(track.detection.box)
    row[:2] += np.array(track.velocity_px_s, np.float32) * np.float32(seconds)
    return row


def _see(track: Track, detection: Detection, now: Instant) -> Track:
    seconds = max(now.seconds_since(track.seen_at), 1e-3)
    moved = (_centre(detection.box) - _centre(track.detection.box)) / seconds
    smooth = 0.5 * np.array(track.velocity_px_s) + 0.5 * moved
    return replace(track, detection=detection, velocity_px_s=(float(smooth[0]), float(smooth[1])), seen_at=now)


def _begin(number: int, detection: Detection, now: Instant) -> Track:
    return Track(number=number, detection=detection, velocity_px_s=(0.0, 0.0), started_at=now, seen_at=now)


def _as_row(box: PixelBox) -> np.ndarray:
    return np.array([box.x, box.y, box.w, box.h], np.float32)


def _centre(box: PixelBox) -> np.ndarray:
    return np.array([box.x + box.w / 2, box.y + box.h / 2])
