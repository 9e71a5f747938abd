"""Where the faces of the last frame are in this one, by motion alone.

    follow(tracks, detections, now, options) -> (tracks, ended)

Association in stages, as in ByteTrack (Zhang et al., ECCV 2022), each greedy, best pairs first: faces by overlap with
the box predicted from the track's own motion (SORT, Bewley et al., ICIP 2016, without its Kalman filter); then faint
faces, which keep a track alive and begin none; then faces near enough to have jumped there. What is linked otherwise
than by a plain overlap is in doubt, until `edgeface.track.settle` sees whether it still looks the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgeface.detect import Detection, overlaps
from edgeface.frame import Instant
from edgeface.model import Tensor
from edgeface.track.options import Options
from edgeface.track.visitor import Track, as_row, begin, predict, see

Links = dict[int, int]
"""Place of a track -> place of its detection."""
PLAIN_OVERLAP = 0.5
"""Whoever overlaps the predicted box less than this may be somebody else."""
TOUCHING = 0.1
"""Faces that overlap more than this may change places unseen."""
LONGEST_PAUSE_S = 0.4
"""Between two frames of a camera that runs: longer, and somebody may have stepped in."""
LARGEST_CHANGE = 1.6
"""Of a face's width in one jump."""


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
    links, shared = _link(alive, detections, now, options)
    carried = [
        _go_on(track, detections[links[i]], float(shared[i, links[i]]), now)
        if i in links
        else replace(track, doubtful=True)
        for i, track in enumerate(alive)
    ]
    fresh = [face for j, face in enumerate(detections) if j not in links.values() and not face.faint]
    born = [begin(next_number + k, detection, now) for k, detection in enumerate(fresh)]
    return _doubt_neighbours((*carried, *born), now), ended


def _go_on(track: Track, detection: Detection, shared: float, now: Instant) -> Track:
    paused = now.seconds_since(track.seen_at) > LONGEST_PAUSE_S
    doubtful = track.doubtful or paused or detection.faint or shared < PLAIN_OVERLAP
    return see(track, detection, now, doubtful=doubtful)


def _link(
    tracks: tuple[Track, ...], detections: tuple[Detection, ...], now: Instant, options: Options
) -> tuple[Links, Tensor]:
    """Links, and the overlap of every predicted box with every detection: float32 (tracks, detections)."""
    if not tracks or not detections:
        return {}, np.zeros((len(tracks), len(detections)), np.float32)
    boxes = np.stack([as_row(detection.box) for detection in detections])
    expected = np.stack([predict(track, now) for track in tracks])
    shared = overlaps(expected, boxes)
    faint = np.array([detection.faint for detection in detections])
    links: Links = {}
    _greedy(links, shared, ~faint, options.min_overlap)
    if faint.any():
        _greedy(links, shared, faint, options.min_overlap)
    if len(links) < min(len(tracks), len(detections)):
        _greedy(links, _nearness(expected, boxes, options.max_jump), ~faint, 0.0)
    return links, shared


def _greedy(links: Links, scores: Tensor, of: npt.NDArray[np.bool_], least: float) -> None:
    """Adds the best pairs above `least` that are not linked yet, of some of the detections: a mask (detections,)."""
    rows, columns = np.nonzero((scores > least) & of)
    taken = set(links.values())
    for place in np.argsort(-scores[rows, columns], kind="stable"):
        i, j = int(rows[place]), int(columns[place])
        if i not in links and j not in taken:
            links[i] = j
            taken.add(j)


def _nearness(expected: Tensor, boxes: Tensor, max_jump: float) -> Tensor:
    """1 in the same place, 0 at `max_jump` widths and beyond, or if the sizes differ too much: (tracks, detections)."""
    middle = (boxes[:, :2] + boxes[:, 2:] / 2)[None] - (expected[:, :2] + expected[:, 2:] / 2)[:, None]
    wide = np.maximum(expected[:, None, 2], boxes[None, :, 2])
    alike = wide <= LARGEST_CHANGE * np.minimum(expected[:, None, 2], boxes[None, :, 2])
    far = np.linalg.norm(middle, axis=2) / np.maximum(wide * max_jump, 1e-6)
    return np.asarray(np.where(alike, np.clip(1 - far, 0, 1), 0), np.float32)


def _doubt_neighbours(tracks: tuple[Track, ...], now: Instant) -> tuple[Track, ...]:
    """Faces that overlap, seen now or a moment ago, may have changed places."""
    if len(tracks) < 2:
        return tracks
    boxes = np.stack([predict(track, now) for track in tracks])
    touching = overlaps(boxes, boxes) > TOUCHING
    np.fill_diagonal(touching, val=False)
    return tuple(
        replace(track, doubtful=True) if touching[place].any() else track for place, track in enumerate(tracks)
    )
