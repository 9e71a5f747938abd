"""A sheet or a screen with its rim, before a room, with its shadow and the hand that holds it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels
from tools.attacks.camera import Camera, Light
from tools.attacks.photos import Photo
from tools.attacks.view import Matrix, View, cover, light_of

BEZELS = {"phone": (0.02, 0.09), "monitor": (0.03, 0.12), "tablet": (0.08, 0.2)}
"""Width of the dark rim, in face sides."""


def in_room(
    light: Light,
    species: str,
    photo: Photo,
    view: View,
    place: tuple[Light, Light],
    rooms: Sequence[Pixels],
    camera: Camera,
    random: np.random.Generator,
) -> Light:
    """The medium with its rim before a room, with its shadow and the hand that holds it."""
    inner = _shown_part(species, photo, random)
    outer = _outline(species, inner, photo.face_px, random)
    room = _room(view, rooms, random)
    distance = _outside(place, outer, random.uniform(0, 0.12) * photo.face_px) * np.float32(view.scale)
    if species == "projector":
        lit = room * np.float32(random.uniform(0.05, 0.25))
        edge = cover(distance, random.uniform(0.5, 4))
        wall = np.float32(0.6) + np.float32(0.4) * room
        return np.asarray(lit + light * wall * edge, np.float32)
    dark = species in BEZELS
    rim = np.full(3, random.uniform(0.0, 0.06) if dark else random.uniform(0.6, 0.95), np.float32)
    picture = cover(_outside(place, inner, 0.0) * np.float32(view.scale), 0.6)
    light = light * picture + (1 - picture) * rim
    shade = 1 - np.float32(random.uniform(0, 0.6)) * np.exp(-np.maximum(distance, 0) / random.uniform(2, 25))
    light = light * np.float32(random.uniform(0.6, 1.8) if dark else random.uniform(0.8, 1.2))
    covered = cover(distance, camera.blur_px + 0.4)
    return _hand(light * covered + room * shade[..., None] * (1 - covered), view, photo, outer, random)


def _shown_part(species: str, photo: Photo, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Left, top, right, bottom of the photograph that the medium shows: the face and some of what is around it."""
    height, width = photo.pixels.shape[:2]
    margin = random.uniform(0.03, 0.7, 4) * photo.face_px
    if species == "phone":
        margin[[0, 2]] = random.uniform(0.05, 0.35, 2) * photo.face_px
    x, y, w, h = photo.box.astype(np.float64)
    return np.array(
        [
            max(0.0, x - margin[0]),
            max(0.0, y - margin[1]),
            min(width, x + w + margin[2]),
            min(height, y + h + margin[3]),
        ]
    )


def _outline(
    species: str, inner: npt.NDArray[np.float64], face_px: float, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The medium's own edges around what it shows."""
    if species in BEZELS:
        rim = random.uniform(*BEZELS[species]) * face_px
        tall = random.uniform(0.0, 1.2) * face_px * (random.random() < 0.5)
        return np.add(inner, (-rim, -rim - tall * random.random(), rim, rim + tall))
    margin = random.uniform(0, 0.3, 4) * face_px * (random.random() < 0.6)
    return np.asarray(inner + margin * (-1, -1, 1, 1), np.float64)


def _outside(place: tuple[Light, Light], box: npt.NDArray[np.float64], round_px: float) -> Light:
    """Signed distance of each sensor pixel's place from a rectangle with round corners, photograph pixels."""
    left, top, right, bottom = (np.float32(value) for value in box)
    radius = np.float32(round_px)
    across = np.abs(place[0] - (left + right) / 2) - (right - left) / 2 + radius
    down = np.abs(place[1] - (top + bottom) / 2) - (bottom - top) / 2 + radius
    corner = np.sqrt(np.square(np.maximum(across, 0)) + np.square(np.maximum(down, 0)))
    return np.asarray(corner + np.minimum(np.maximum(across, down), 0) - radius, np.float32)


def _room(view: View, rooms: Sequence[Pixels], random: np.random.Generator) -> Light:
    """What is behind the medium, more or less out of focus."""
    room = rooms[int(random.integers(len(rooms)))]
    height, width = room.shape[:2]
    part = random.uniform(0.5, 1.0)
    side = int(part * min(height, width))
    top, left = (int(random.integers(0, length - side + 1)) for length in (height, width))
    seen = cv2.resize(room[top : top + side, left : left + side], (view.width, view.height))
    if random.random() < 0.6:
        seen = cv2.GaussianBlur(seen, (0, 0), random.uniform(0.5, 6))
    return light_of(np.asarray(seen, np.uint8)) * np.float32(random.uniform(0.4, 1.3))


def _hand(light: Light, view: View, photo: Photo, outer: npt.NDArray[np.float64], random: np.random.Generator) -> Light:
    """Fingers over an edge of the medium, in the skin colour of the photographed person or another."""
    if random.random() < 0.5:
        return light
    left, top, right, bottom = outer
    side = random.random() < 0.5
    edge_x, edge_y = (left if side else right), random.uniform(top + 0.3 * (bottom - top), bottom)
    if random.random() < 0.4:
        edge_x, edge_y = random.uniform(left, right), bottom
    inwards = (np.array([(left + right) / 2, (top + bottom) / 2]) - (edge_x, edge_y)) * (1, 0.3)
    inwards = inwards / max(1e-6, float(np.linalg.norm(inwards)))
    skin = np.array([0.45, 0.27, 0.19]) * random.uniform(0.3, 1.5) * np.exp(random.normal(0, 0.08, 3))
    thick = random.uniform(0.06, 0.12) * photo.face_px
    for finger in range(int(random.integers(1, 5))):
        start = np.array([edge_x, edge_y + finger * 2.1 * thick]) - inwards * thick * 3
        end = start + inwards * thick * random.uniform(3.5, 6)
        light = _finger(light, view, start, end, thick, skin.astype(np.float32))
    return light


def _finger(light: Light, view: View, start: Matrix, end: Matrix, thick: float, skin: Light) -> Light:
    """A finger between two places of the photograph's plane; `light` is painted over."""
    ends = cv2.perspectiveTransform(np.stack([start, end])[None], view.matrix)[0]
    margin = 1.6 * thick * view.scale + 4
    left, top = np.clip(ends.min(axis=0) - margin, 0, (view.width, view.height)).astype(int)
    right, bottom = np.clip(ends.max(axis=0) + margin, 0, (view.width, view.height)).astype(int)
    if right <= left or bottom <= top:
        return light
    part = slice(top, bottom), slice(left, right)
    reach = end - start
    x, y = view.x[part] - np.float32(start[0]), view.y[part] - np.float32(start[1])
    unit = (reach / (reach @ reach)).astype(np.float32)
    along = np.clip(x * unit[0] + y * unit[1], 0, 1)
    away = np.hypot(x - along * np.float32(reach[0]), y - along * np.float32(reach[1]))
    covered = cover((away - np.float32(thick)) * np.float32(view.scale), 0.8)
    round_light = np.sqrt(np.maximum(0.15, 1 - np.square(np.minimum(away / np.float32(thick), 1))))
    light[part] = light[part] * (1 - covered) + covered * round_light[..., None] * skin
    return light
