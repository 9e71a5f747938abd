"""A guided enrolment as a picture: a ring that fills, and a head that shows which way the person's points.

As in a mirror: the person's left is the picture's left. It shows no pixel of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from edgeface.frame import Pixels
from edgeface.image.geometry import resize

SIDE_PX, WORDS_PX = 480, 96
_FINE = 2
"""Drawn so much larger and scaled down: smooth edges."""
_SECTORS = {"up": 270, "right": 0, "down": 90, "left": 180}
"""Where the middle of each lies, degrees clockwise from the right."""
_HALF, _RADIUS, _THICK = 41, 204, 26
_FRONT_RADIUS, _FRONT_THICK = 168, 12
_PAPER, _EMPTY, _FULL, _ASKED = (255, 255, 255), (225, 229, 233), (18, 97, 128), (240, 164, 24)
_INK, _SKIN, _LINE, _STOP = (33, 37, 41), (246, 241, 234), (120, 128, 136), (176, 42, 55)
_FEATURES = ((-0.36, -0.18, 0.35), (0.36, -0.18, 0.35), (0.0, 0.14, 0.75), (-0.26, 0.5, 0.35), (0.26, 0.5, 0.35))
"""Eyes, nose and corners of the mouth on a head of radius 1: right, down, towards the onlooker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """What is shown."""

    filled: Mapping[str, float]
    """0..1 for each of frontal, left, right, up and down that is asked for; the others are left out."""
    asked: str | None
    """Which of them is asked for now."""
    heading_deg: tuple[float, float] | None
    """Yaw and pitch of the head; None if none is seen. Signs as in `edgeface.pose`."""
    words: str
    """What to do now."""
    note: str
    """How far it is."""
    stopped: bool
    """Whether the words are a warning."""


def ring_picture(ring: Ring) -> Pixels:
    """uint8 (576, 480, 3) RGB."""
    canvas = np.full(((SIDE_PX + WORDS_PX) * _FINE, SIDE_PX * _FINE, 3), _PAPER, np.uint8)
    for name, middle in _SECTORS.items():
        if name in ring.filled:
            _sector(canvas, middle, ring.filled[name], name == ring.asked)
    _front(canvas, ring.filled.get("frontal", 0.0), ring.asked == "frontal")
    if ring.heading_deg is not None:
        _head(canvas, *ring.heading_deg)
    small = np.ascontiguousarray(resize(canvas, SIDE_PX, SIDE_PX + WORDS_PX))
    _write(small, ring.words, SIDE_PX + 32, 0.62, _STOP if ring.stopped else _INK)
    _write(small, ring.note, SIDE_PX + 66, 0.45, _LINE)
    return small


def _sector(canvas: Pixels, middle: int, share: float, asked: bool) -> None:
    if asked:
        _arc(canvas, _RADIUS, middle - _HALF - 2, middle + _HALF + 2, _THICK + 8, _ASKED)
    _arc(canvas, _RADIUS, middle - _HALF, middle + _HALF, _THICK, _EMPTY)
    if share > 0:
        reach = round(_HALF * min(1.0, share))
        _arc(canvas, _RADIUS, middle - reach, middle + reach, _THICK, _FULL)


def _front(canvas: Pixels, share: float, asked: bool) -> None:
    if asked:
        _arc(canvas, _FRONT_RADIUS, 0, 360, _FRONT_THICK + 8, _ASKED)
    _arc(canvas, _FRONT_RADIUS, 0, 360, _FRONT_THICK, _EMPTY)
    if share > 0:
        _arc(canvas, _FRONT_RADIUS, -90, -90 + round(360 * min(1.0, share)), _FRONT_THICK, _FULL)


def _arc(canvas: Pixels, radius: int, first_deg: int, last_deg: int, thick: int, colour: tuple[int, int, int]) -> None:
    """A band as a filled shape: OpenCV rounds the ends of thick lines."""
    angles = np.radians(np.linspace(first_deg, last_deg, 2 + abs(last_deg - first_deg)))
    rays = np.column_stack([np.cos(angles), np.sin(angles)])
    edges = [(radius + side * thick / 2) * rays for side in (1, -1)]
    outline = _FINE * (np.concatenate([edges[0], edges[1][::-1]]) + SIDE_PX / 2)
    cv2.fillPoly(canvas, [np.round(outline).astype(np.int32)], colour)


def _head(canvas: Pixels, yaw_deg: float, pitch_deg: float) -> None:
    """Yaw to the person's right moves the features to the right: this is a mirror."""
    middle, radius = _FINE * SIDE_PX // 2, 96 * _FINE
    cv2.ellipse(canvas, (middle, middle), (radius, round(1.25 * radius)), 0, 0, 360, _SKIN, -1)
    cv2.ellipse(canvas, (middle, middle), (radius, round(1.25 * radius)), 0, 0, 360, _LINE, 2 * _FINE, cv2.LINE_AA)
    yaw, pitch = np.radians(np.clip((yaw_deg, pitch_deg), -60, 60))
    points = [
        (
            middle + round(radius * (x * float(np.cos(yaw)) + z * float(np.sin(yaw)))),
            middle + round(1.1 * radius * (y * float(np.cos(pitch)) - z * float(np.sin(pitch)))),
        )
        for x, y, z in _FEATURES
    ]
    for eye in points[:2]:
        cv2.circle(canvas, eye, 9 * _FINE, _INK, -1, cv2.LINE_AA)
    cv2.circle(canvas, points[2], 7 * _FINE, _LINE, -1, cv2.LINE_AA)
    cv2.line(canvas, points[3], points[4], _INK, 5 * _FINE, cv2.LINE_AA)


def _write(canvas: Pixels, text: str, bottom: int, scale: float, colour: tuple[int, int, int]) -> None:
    """Centred, and made smaller until it fits. OpenCV's letters are ASCII."""
    plain = text.encode("ascii", "replace").decode()
    (wide, _), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    scale *= min(1.0, (SIDE_PX - 24) / max(wide, 1))
    (wide, _), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    cv2.putText(canvas, plain, ((SIDE_PX - wide) // 2, bottom), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
