"""One presentation over time: how a head, or what shows one, moves between two frames.

A flat medium moves by a homography, as rigid planes do under a pinhole camera. A head turns in depth: its surface is
half an ellipsoid with a nose (the generic head of `tools.samples.turn_faces`), and each place of the photograph moves
by its depth. Both are simulated; neither blinks, speaks or changes its expression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.attacks.camera import Light
from tools.attacks.photos import Photo
from tools.attacks.view import Matrix, View, view_of

ROUNDS = 6
"""Fixed-point steps that turn the forward map of a head into the backward one: 25 degrees leave under 0.1 px."""
NEAR, FAR = 0.75, 1.25
"""Parts of the head's outline between which the turn fades into the background, which stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where things are in one frame, relative to the first."""

    shift: tuple[float, float] = (0.0, 0.0)
    """Of the whole medium or head across the picture, in sides of the face."""
    grow: float = 1.0
    """How much nearer."""
    roll_deg: float = 0.0
    tilt_deg: tuple[float, float] = (0.0, 0.0)
    """Of a flat medium, about its upright and its level axis."""
    distance: float = 4.0
    """Camera to medium in sides of the face: the nearer, the more perspective."""
    head_deg: tuple[float, float] = (0.0, 0.0)
    """Yaw and pitch of a head in depth, relative to the photograph."""
    bend: float = 1.0
    """Radius of a bent sheet, relative to the first frame."""


def moved(view: View, photo: Photo, moment: Moment) -> View:
    """The view of the plane after it has moved as a rigid sheet."""
    if moment == Moment():
        return view
    return view_of(_plane(view, photo, moment) @ view.matrix, view.width, view.height, view.scale)


def _plane(view: View, photo: Photo, moment: Moment) -> Matrix:
    """(3, 3), sensor to sensor: a plane that faced the camera, tilted about the middle of the face, then shifted."""
    middle = np.append(photo.box[:2] + photo.box[2:] / 2, 1.0)
    place = view.matrix @ middle
    centre, side = place[:2] / place[2], view.scale * photo.face_px
    about, nod, roll = np.radians((*moment.tilt_deg, moment.roll_deg))
    turn = _about_y(about) @ _about_x(nod) @ _about_z(roll)
    flat = turn[:, :2]  # plane coordinates (x, y) -> space, in sides of the face
    lens = np.array(
        [
            [flat[0, 0], flat[0, 1], 0.0],
            [flat[1, 0], flat[1, 1], 0.0],
            [flat[2, 0] / moment.distance, flat[2, 1] / moment.distance, 1 / moment.grow],
        ]
    )
    to_face = np.array([[1 / side, 0, -centre[0] / side], [0, 1 / side, -centre[1] / side], [0, 0, 1]])
    moved_to = centre + side * np.array(moment.shift)
    back = np.array([[side, 0, moved_to[0]], [0, side, moved_to[1]], [0, 0, 1]])
    return np.asarray(back @ lens @ to_face, np.float64)


def turned(photo: Photo, x: Light, y: Light, moment: Moment) -> tuple[Light, Light]:
    """For places (h, w) of the photograph's plane that a sensor looks at, the places that a turned head shows there."""
    if moment.head_deg == (0.0, 0.0):
        return x, y
    eyes, mouth = photo.landmarks[:2], photo.landmarks[3:]
    unit = float(np.hypot(*(eyes[1] - eyes[0])))
    unit = max(unit, float(np.hypot(*(mouth.mean(0) - eyes.mean(0)))) / 1.12)  # a turned face has its eyes near
    middle = eyes.mean(0)
    u, v = (x - np.float32(middle[0])) / np.float32(unit), (y - np.float32(middle[1])) / np.float32(unit)
    at_u, at_v = u, v
    for _ in range(ROUNDS):
        du, dv = _displaced(at_u, at_v, moment.head_deg)
        at_u, at_v = u - du, v - dv
    return at_u * np.float32(unit) + np.float32(middle[0]), at_v * np.float32(unit) + np.float32(middle[1])


def _displaced(u: Light, v: Light, head_deg: tuple[float, float]) -> tuple[Light, Light]:
    """How far the head's surface over each place moves across the picture, in eye distances."""
    yaw, pitch = np.radians(head_deg)
    round_ = np.square(u / np.float32(1.12)) + np.square((v - np.float32(0.42)) / np.float32(1.55))
    z = np.float32(-1.15) + np.float32(1.25) * np.sqrt(np.clip(1 - round_, 0, 1)) + _nose(u, v)
    turn = _about_y(-yaw) @ _about_x(pitch)
    lever = z + np.float32(0.5)  # about an axis through the neck
    below = v - np.float32(0.5)
    du = (turn[0, 0] - 1) * u + turn[0, 1] * below + turn[0, 2] * lever
    dv = turn[1, 0] * u + (turn[1, 1] - 1) * below + turn[1, 2] * lever
    fade = np.clip((FAR - np.sqrt(round_)) / (FAR - NEAR), 0, 1)
    return np.asarray(du * fade, np.float32), np.asarray(dv * fade, np.float32)


def _nose(u: Light, v: Light) -> Light:
    ridge = np.where(v < 0.66, np.clip((v + 0.05) / 0.62, 0, None), np.clip(1 - (v - 0.66) / 0.14, 0, 1))
    wide = 0.10 + 0.08 * np.clip(ridge, 0, 1)
    return np.asarray(0.36 * ridge * np.exp(-np.square(u / wide) / 2), np.float32)


def _about_y(angle: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_x(angle: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_z(angle: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
