"""Turn the head in near-frontal photographs, to have profiles and raised or lowered faces to train on.

"Face profiling" (Zhu et al., CVPR 2016) with a generic head instead of a fitted one: half an ellipsoid with a nose,
laid over the face by its labelled landmarks and pose, textured by the photograph and drawn again at another angle.
Lengths of the model are in eye distances; x right, y down, z towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tools.samples import rotation

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Points = npt.NDArray[Any]

LANDMARKS = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.62, 0.45], [-0.4, 1.12, 0.05], [0.4, 1.12, 0.05]])
"""Eyes, nose, mouth corners of the generic head."""
_HALF_AXES = np.array([1.12, 1.55, 1.25])
_CENTRE = np.array([0.0, 0.42, -1.15])
_PIVOT = np.array([0.0, 0.5, -0.5])
"""Stays where it is in the picture."""
_GRID = 330
_LEAST_SEEN = 0.1
"""Skin that faces the camera by less than this cosine has no usable texture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Angles:
    """Where a head points, by the reader's signs."""

    yaw_deg: float
    """Positive: nose towards smaller x."""
    pitch_deg: float
    """Positive: nose up."""
    roll_deg: float
    """Positive: clockwise as seen."""

    def matrix(self) -> Points:
        """Head coordinates -> camera coordinates."""
        return rotation.matrices(np.array([self.yaw_deg, self.pitch_deg, self.roll_deg]))

    def turned(self, aside_deg: float, nod_deg: float) -> Angles:
        """The head raised by `nod_deg`, in its own frame, then turned about the picture's vertical."""
        aside, nod = (rotation.matrices(np.array(turn)) for turn in ((aside_deg, 0.0, 0.0), (0.0, nod_deg, 0.0)))
        yaw, pitch, roll = (float(angle) for angle in rotation.angles_deg(aside @ self.matrix() @ nod))
        return Angles(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turned:
    """A redrawn photograph."""

    image: Pixels
    """BGR, same size as the photograph; the surroundings are blurred away."""
    landmarks: Floats
    """(5, 2), pixels; those that the turn hid are where they would be."""


def turn(image: Pixels, landmarks: Floats, before: Angles, after: Angles) -> Turned:
    """Redraw a face whose landmarks (5, 2) and pose are known, at another pose."""
    points, normals = _head()
    scale, shift = _fit(LANDMARKS @ before.matrix().T, landmarks)
    source = (points @ before.matrix().T)[:, :2] * scale + shift
    seen = (normals @ before.matrix().T)[:, 2] > _LEAST_SEEN
    moved = (points @ after.matrix().T) * scale
    moved[:, :2] += shift + scale * (_PIVOT @ before.matrix().T - _PIVOT @ after.matrix().T)[:2]
    front = (normals @ after.matrix().T)[:, 2] > -0.15
    farther = np.where(seen, 0, 1e6)[:, None]
    nearest = (((source[:, None] - landmarks[None]) ** 2).sum(-1) + farther).argmin(0)
    drawn = _draw(image, source, moved, seen & front)
    return Turned(image=drawn, landmarks=moved[nearest, :2].astype(np.float32))


def turn_at_random(
    image: Pixels, face: Floats, random: np.random.Generator
) -> tuple[Turned, tuple[float, float, float]]:
    """Redraw a labelled face (kind, box, landmarks, angles) at a large angle; also gives yaw, pitch, roll in degrees.

    Two in three are turned to the side, on from where they look; one in three is raised or lowered.
    """
    image, face = _with_room(image, face)
    yaw, pitch, roll = (float(angle) for angle in face[15:18])
    before = Angles(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    if random.random() < 2 / 3:
        aside, nod = float(np.sign(yaw) * random.uniform(max(35, abs(yaw) + 8), 85)) - yaw, random.normal(0, 10)
    else:
        aside, nod = random.uniform(-25, 25), float(random.choice([-1, 1]) * random.uniform(12, 38))
    after = before.turned(aside, nod)
    turned = turn(image, face[5:15].reshape(5, 2), before, after)
    return turned, (after.yaw_deg, after.pitch_deg, after.roll_deg)


def is_suited(face: Floats) -> bool:
    """Large enough, turned a little already, not tilted much, and the teacher was sure of it."""
    large = float(np.sqrt(face[3] * face[4])) >= 60
    return bool(large and 8 < abs(face[15]) < 50 and np.abs(face[16:18]).max() < 25 and face[18] >= 0.8)


def _with_room(image: Pixels, face: Floats) -> tuple[Pixels, Floats]:
    """Scaled so that the face has at most 110 px, with a border of 30 px so that the turned head fits."""
    scale, room_px = min(1.0, 110 / float(np.sqrt(face[3] * face[4]))), 30
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    face = face.copy()
    face[1:15] *= scale
    face[1:3] += room_px
    face[5:15] += room_px
    bordered = cv2.copyMakeBorder(small, room_px, room_px, room_px, room_px, cv2.BORDER_REPLICATE)
    return np.asarray(bordered, np.uint8), face


@cache
def _head() -> tuple[Points, Points]:
    """Surface points and unit normals of the generic head."""
    across, down = np.meshgrid(np.radians(np.linspace(-100, 100, _GRID)), np.radians(np.linspace(-80, 80, _GRID)))
    sphere = np.stack([np.sin(across) * np.cos(down), np.sin(down), np.cos(across) * np.cos(down)], -1).reshape(-1, 3)
    points = sphere * _HALF_AXES + _CENTRE
    x, y = points[:, 0], points[:, 1]
    ridge = np.where(y < 0.66, np.clip((y + 0.05) / 0.62, 0, None), np.clip(1 - (y - 0.66) / 0.14, 0, 1))
    ridge = ridge * (points[:, 2] > _CENTRE[2])
    points[:, 2] += 0.36 * ridge * np.exp(-((x / (0.10 + 0.08 * np.clip(ridge, 0, 1))) ** 2) / 2)
    points[:, 2] -= 0.12 * np.exp(-(((np.abs(x) - 0.5) / 0.22) ** 2 + (y / 0.2) ** 2) / 2)
    normals = sphere / _HALF_AXES
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _fit(model: Points, landmarks: Floats) -> tuple[float, Points]:
    """Scale and shift that lay the model's landmarks, seen from the front, over the picture's."""
    flat = model[:, :2]
    spread, wanted = flat - flat.mean(0), landmarks - landmarks.mean(0)
    scale = float(np.sqrt((wanted**2).sum() / (spread**2).sum()))
    return scale, landmarks.mean(0) - scale * flat.mean(0)


def _draw(image: Pixels, source: Points, moved: Points, usable: npt.NDArray[np.bool_]) -> Pixels:
    """Splat the textured points, far ones first, and close the gaps between them."""
    height, width = image.shape[:2]
    places = (source - 0.5).astype(np.float32).reshape(_GRID, _GRID, 2)
    colours = cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)
    order = np.flatnonzero(usable)[np.argsort(moved[usable, 2])]
    x, y = moved[order, :2].astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    face, drawn = np.zeros_like(image), np.zeros((height, width), np.uint8)
    face[y[inside], x[inside]] = colours[order[inside]]
    drawn[y[inside], x[inside]] = 255
    face = np.where(drawn[..., None] > 0, face, cv2.medianBlur(face, 5))
    window = np.ones((5, 5), np.uint8)
    solid = cv2.erode(cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, window), window)
    weight = cv2.GaussianBlur(solid, (0, 0), 1.2)[..., None] / 255.0
    return (face * weight + cv2.GaussianBlur(image, (0, 0), 12) * (1 - weight)).astype(np.uint8)
