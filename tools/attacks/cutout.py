"""A printed face cut out along its contour, to be held or worn before another."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.align import similarity
from tools.attacks.photos import Photo

Points = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.uint8]

HALF_WIDTH, HALF_HEIGHT, BELOW_EYES = 1.08, 1.5, 0.3
"""Of a face's contour: width in eye distances; height, and its middle's distance from the eyes, in eyes to mouth."""
EYE_HOLE = (0.33, 0.2)
"""Half axes of a hole, in eye distances."""


def onto(printed: Points, worn_by: Points, random: np.random.Generator) -> Matrix:
    """(2, 3): places on the bearer's photograph to places on the printed one, a little off as hands are."""
    loose = random.normal(0, 0.03, 2) * float(np.linalg.norm(worn_by[1] - worn_by[0]))
    scale = float(np.exp(random.uniform(-0.05, 0.15)))
    middle = worn_by.mean(axis=0)
    target = (worn_by - middle) * scale + middle + loose
    return similarity(target.astype(np.float64), printed.astype(np.float64))


def outline(photo: Photo, random: np.random.Generator, *, eye_holes: bool) -> Mask:
    """Which part of the photograph is left after cutting: (h, w), 0..255."""
    eyes, mouth = photo.landmarks[:2].mean(axis=0), photo.landmarks[3:].mean(axis=0)
    down = mouth - eyes
    right = np.array([down[1], -down[0]]) / max(1e-6, float(np.linalg.norm(down)))
    apart = float(np.linalg.norm(photo.landmarks[1] - photo.landmarks[0]))
    right = right * max(apart, 0.75 * float(np.linalg.norm(down)))
    loose = random.uniform(0.85, 1.15, 2)
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wobble = 1 + 0.02 * np.cos(random.integers(2, 7) * angle + random.uniform(0, 6))
    across = HALF_WIDTH * loose[0] * np.cos(angle) * np.where(np.sin(angle) > 0, 1 - 0.18 * np.sin(angle), 1)
    height = BELOW_EYES + HALF_HEIGHT * loose[1] * np.sin(angle)
    corners = eyes + (across * wobble)[:, None] * right + (height * wobble)[:, None] * down
    mask = np.zeros(photo.pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    if eye_holes:
        _cut_eyes(mask, photo.landmarks, apart, random)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.6), np.uint8)


def _cut_eyes(mask: Mask, landmarks: Points, apart: float, random: np.random.Generator) -> None:
    axes = tuple(int(part * apart * random.uniform(0.85, 1.2)) for part in EYE_HOLE)
    for eye in landmarks[:2]:
        cv2.ellipse(mask, tuple(int(value) for value in eye), axes, 0, 0, 360, 0, -1)
