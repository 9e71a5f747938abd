"""Which part of a photograph a sensor sees, and with what light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels
from tools import degrade
from tools.attacks.camera import Camera, Light
from tools.attacks.photos import Photo

Matrix = npt.NDArray[np.float64]
FACE_PX = (72.0, 240.0)
"""Longer side of the face's box: from as small as is judged at all to somebody at the door."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """Which part of a photograph's plane the sensor sees."""

    matrix: Matrix
    """(3, 3), photograph to sensor."""
    width: int
    height: int
    scale: float
    """Sensor pixels a pixel of the photograph is wide, at the face."""
    x: Light
    """(h, w), for each sensor pixel the place on the photograph's plane, pixels."""
    y: Light


def aim(photo: Photo, camera: Camera, random: np.random.Generator, reach: float, *, within: bool) -> View:
    """A size, a tilt and a place for the face; `within`: nothing from beyond the photograph's edges is seen."""
    face = float(np.exp(random.uniform(*np.log(FACE_PX))))
    face = min(face, 1.05 * photo.face_px) * camera.zoom
    scale = face / photo.face_px
    middle = photo.box[:2].astype(np.float64) + photo.box[2:] / 2
    wanted = random.uniform(0.93, 1.25, 4) * reach * photo.face_px
    if within:
        height, width = photo.pixels.shape[:2]
        edges = np.array([middle[0], middle[1], width - middle[0], height - middle[1]])
        wanted = np.minimum(wanted, edges)
    left, top, right, bottom = wanted * scale
    turn = np.radians(random.normal(0, 3.0 if within else 7.0))
    turned = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    if random.random() < 0.5:
        turned[:, 0] *= -1
        left, right = right, left
    tilt = random.normal(0, 0.08 if within else 0.18, 2) / max(face, 1)
    perspective = np.eye(3)
    perspective[2, :2] = np.clip(tilt, -0.35 / face, 0.35 / face)
    place = np.eye(3)
    place[:2, :2], place[:2, 2] = turned, -turned @ middle
    centre = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
    size = max(48, round(left + right)), max(48, round(top + bottom))
    return view_of(centre @ perspective @ place, *size, scale)


def view_of(matrix: Matrix, width: int, height: int, scale: float) -> View:
    """What a sensor of this size sees of a photograph's plane."""
    back = np.linalg.inv(matrix)
    columns = np.arange(width, dtype=np.float32) + np.float32(0.5)
    rows = (np.arange(height, dtype=np.float32) + np.float32(0.5))[:, None]
    across, down, depth = (
        np.float32(row[0]) * columns + np.float32(row[1]) * rows + np.float32(row[2]) for row in back
    )
    depth = np.maximum(depth, np.float32(0.1))  # 1 at the face; a strong tilt looks beyond the horizon
    return View(matrix=matrix, width=width, height=height, scale=scale, x=across / depth, y=down / depth)


def light_of(pixels: Pixels) -> Light:
    """A picture as linear light, by the camera's own curve."""
    values = pixels.astype(np.float32) * np.float32(1 / 255)
    return values * values


def look(pixels: Pixels, view: View, x: Light | None = None, y: Light | None = None) -> Light:
    """The photograph as light on the sensor, (h, w, 3); its edges are mirrored where a tilt looks beyond them."""
    return light_of(sampled(pixels, view, x, y, cv2.BORDER_REFLECT))


def sampled(pixels: Pixels, view: View, x: Light | None, y: Light | None, border: int) -> Pixels:
    """The photograph at the sensor's pixels (h, w, 3), or at other places (h, w) of it; shrunk first where it would
    alias."""
    x, y = (view.x, view.y) if x is None or y is None else (x, y)
    factor = min(1.0, 1.15 * view.scale)
    if factor < 0.9:
        pixels = degrade.shrink(pixels, factor)
    else:
        factor = 1.0
    across, down = x * np.float32(factor) - np.float32(0.5), y * np.float32(factor) - np.float32(0.5)
    return np.asarray(cv2.remap(pixels, across, down, cv2.INTER_LINEAR, borderMode=border), np.uint8)


def cover(distance_px: Light, soft_px: float) -> Light:
    """(h, w, 1): 1 inside, 0 outside, over an edge as soft as the lens."""
    inside = np.clip(np.float32(0.5) - distance_px / np.float32(2 * soft_px + 0.5), 0, 1)
    return np.asarray(inside[..., None], np.float32)


def bend(photo: Photo, view: View, random: np.random.Generator, looser: float = 1.0) -> tuple[Light, Light]:
    """A sheet bent around an upright or level axis: the places seen move towards its edges. `looser`: of the radius."""
    radius = np.float32(looser * random.uniform(0.75, 1.6) * photo.face_px)
    middle = photo.box[:2] + photo.box[2:] / 2
    if random.random() < 0.75:
        turn = np.clip((view.x - middle[0]) / radius, -0.98, 0.98)
        return np.asarray(middle[0] + radius * np.arcsin(turn), np.float32), view.y
    turn = np.clip((view.y - middle[1]) / radius, -0.98, 0.98)
    return view.x, np.asarray(middle[1] + radius * np.arcsin(turn), np.float32)
