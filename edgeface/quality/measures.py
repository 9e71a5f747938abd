"""What is measured on one face, by the names of ISO/IEC 29794-5. Pure numbers: no limit is known here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.detect import Detection, Points
from edgeface.frame import Pixels
from edgeface.image import luminance, resize
from edgeface.pose import HEAD, Pose
from edgeface.quality.occlusion import occlusion

View = npt.NDArray[np.float32]
VIEW_PX = 64
"""Side of the view that light and sharpness are measured on."""
_AT = np.arange(VIEW_PX, dtype=np.float32) + np.float32(0.5)
"""Middles of the view's rows or columns."""
_HEAD = HEAD - HEAD.mean(axis=0)
_NO_HEAD = np.eye(len(HEAD)) - _HEAD @ np.linalg.pinv(_HEAD)
"""Takes landmarks to what no turned mean head explains of them, (5, 5)."""
BLACK, WHITE = 25.0, 247.0
"""Luminance up to which a pixel is under-exposed, and from which it is over-exposed (the numbers of OFIQ, the reference
implementation of ISO/IEC 29794-5)."""
FLAT = 0.25
"""Grey levels: two neighbours closer than this have not been seen by a sensor, which has noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One face in numbers; none is ever NaN."""

    inter_eye_distance_px: float
    """Between the eye centres, divided by the cosine of the yaw."""
    sharpness: float
    """0..100: energy of the second differences relative to the picture's own, so light and skin do not matter."""
    brightness: float
    """Mean luminance of the face, 0..255."""
    under_exposure: float
    """Part of the face that is black, 0..1."""
    over_exposure: float
    """Part of the face that is white, 0..1."""
    dynamic_range: float
    """5th to 95th percentile of luminance, 0..255."""
    illumination_uniformity: float
    """Mean luminance of the darker half of the face over that of the lighter one, left against right, 0..1."""
    inside: float
    """Part of the box within the picture, 0..1."""
    blank: float
    """Part of the face without any detail, not even noise, though neither black nor white, 0..1: a torn frame."""
    occlusion: float
    """How likely part of the face is covered, 0..1."""
    landmark_misfit: float
    """How far the landmarks are from those of any mean head, however it is turned, in distances between eyes and mouth:
    a detector that errs."""


ABSURD_PX = 1e9
"""No picture is so large; beyond it float32 overflows when it is squared."""


def measure(pixels: Pixels, detection: Detection, pose: Pose) -> Measures:
    """All of them. `detection` must be placed, see `placed`."""
    view, left = face_view(pixels, detection)
    low, high = np.percentile(view, (5, 95))
    return Measures(
        inter_eye_distance_px=eye_distance_px(detection, pose),
        sharpness=sharpness(view),
        brightness=float(view.mean()),
        under_exposure=float((view <= BLACK).mean()),
        over_exposure=float((view >= WHITE).mean()),
        dynamic_range=float(high - low),
        illumination_uniformity=uniformity(view, left),
        inside=inside(pixels, detection),
        blank=blank(view),
        occlusion=occlusion(pixels, detection.landmarks),
        landmark_misfit=landmark_misfit(detection.landmarks),
    )


def placed(detection: Detection) -> bool:
    """Whether box and landmarks are numbers, in no absurd place, and have any extent."""
    box = np.array([detection.box.x, detection.box.y, detection.box.w, detection.box.h])
    points = detection.landmarks
    if points.shape != (5, 2) or not (np.abs(np.concatenate([box, points.ravel()])) < ABSURD_PX).all():
        return False
    return bool(min(detection.box.w, detection.box.h) >= 1 and np.ptp(points, axis=0).min() > 1e-3)


def face_view(pixels: Pixels, detection: Detection) -> tuple[View, npt.NDArray[np.bool_]]:
    """Luminance of the face's middle (eyes to mouth and a little around), (64, 64), and where its left half is.

    Left as the picture shows it: of the line from between the eyes to the middle of the mouth.
    """
    centre = detection.landmarks.mean(axis=0)
    half = max(2.0, 0.4 * max(detection.box.w, detection.box.h))
    left, top = (int(max(0, centre[axis] - half)) for axis in (0, 1))
    right = int(min(pixels.shape[1], centre[0] + half))
    bottom = int(min(pixels.shape[0], centre[1] + half))
    if right - left < 2 or bottom - top < 2:
        return np.zeros((VIEW_PX, VIEW_PX), np.float32), np.ones((VIEW_PX, VIEW_PX), np.bool_)
    view = luminance(resize(pixels[top:bottom, left:right], VIEW_PX, VIEW_PX)).astype(np.float32)
    size = np.array([right - left, bottom - top]) / VIEW_PX
    return view, _left_half((detection.landmarks - (left, top)) / size)


def _left_half(landmarks: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    down = mouth - eyes
    return np.asarray((_AT - eyes[0]) * down[1] < (_AT[:, None] - eyes[1]) * down[0])


def eye_distance_px(detection: Detection, pose: Pose) -> float:
    apart = float(np.linalg.norm(detection.landmarks[1] - detection.landmarks[0]))
    return apart / max(0.3, float(np.cos(np.radians(pose.yaw_deg)))) if np.isfinite(pose.yaw_deg) else apart


def sharpness(view: View) -> float:
    """Energy of the second differences against the view's own variance; noise floor 2 grey levels.

    Along rows and columns apart, and the weaker counts: motion blurs one direction and leaves the other sharp. Smoothed
    by one pixel both ways first, or the noise of a sensor would pass for detail on a blurred face.
    """
    rows = (view[:-2] + 2 * view[1:-1] + view[2:]) / 4
    columns = (view[:, :-2] + 2 * view[:, 1:-1] + view[:, 2:]) / 4
    across = (rows[:, 4:] - 2 * rows[:, 2:-2] + rows[:, :-4]) / 4
    down = (columns[4:] - 2 * columns[2:-2] + columns[:-4]) / 4
    energy = min(float(across.var()), float(down.var()))
    return float(min(100.0, 100 * np.sqrt(energy / (float(view.var()) + 4.0))))


def uniformity(view: View, left: npt.NDArray[np.bool_]) -> float:
    """1 where a half has no pixel: nothing is known of it then, and the cropping has its own measure."""
    count = int(left.sum())
    if count in (0, view.size):
        return 1.0
    one = float(view[left].mean())
    other = float((view.sum() - one * count) / (view.size - count))
    return min(one, other) / max(one, other, 1.0) if max(one, other) > 0 else 1.0


def blank(view: View) -> float:
    """Where a pixel is as its right and its lower neighbour are, at no end of the scale."""
    here = view[:-1, :-1]
    same = (np.abs(view[:-1, 1:] - here) < FLAT) & (np.abs(view[1:, :-1] - here) < FLAT)
    return float((same & (here > BLACK) & (here < WHITE)).mean())


def landmark_misfit(landmarks: Points) -> float:
    seen = landmarks.astype(np.float64) - landmarks.mean(axis=0)
    apart = float(np.linalg.norm(seen[:2].mean(axis=0) - seen[3:].mean(axis=0)))
    return float(min(9.0, np.sqrt(((_NO_HEAD @ seen) ** 2).sum(axis=1).mean()) / max(apart, 1e-3)))


def inside(pixels: Pixels, detection: Detection) -> float:
    box = detection.box
    width = min(box.x + box.w, pixels.shape[1]) - max(box.x, 0.0)
    height = min(box.y + box.h, pixels.shape[0]) - max(box.y, 0.0)
    return float(np.clip(max(0.0, width) * max(0.0, height) / max(box.w * box.h, 1e-6), 0, 1))
