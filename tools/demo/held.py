"""What an attacker holds up: a phone or a print with somebody's portrait, as flat things to be filmed.

Drawn by other code than `tools/attacks`, which the shipped liveness model learnt from, and tuned on no score. Still a
drawing, and of the same effects: it says nothing about real phones and prints.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels
from edgeface.image import resize

Light = npt.NDArray[np.float32]
"""float32 (h, w, 3) or (h, w, 1), 0..255 and more."""
Corners = npt.NDArray[np.float32]
"""float32 (4, 2): x, y of top left, top right, bottom right, bottom left."""

SCREEN_PX = (480, 854)
"""Pixels of a cheap phone's screen, across and down; each is a red, a green and a blue stripe."""
BEZEL_PX, CHIN_PX = 26, 70
"""Rims of the phone beside and above or below its screen, in pixels of the screen."""
GAP_LIGHT = 0.4
"""What the gaps between its rows leave of the light."""
RIM = 18.0
"""Light of the room that black glass throws back, 0..255, over its screen as well."""
GLASS_WHITE = (0.93, 0.99, 1.07)
"""Screens are set bluer than the light of a room: red, green, blue."""
SHEET_PX = (600, 800)
"""Ink on the print, across and down."""
DOT_PX = 4
"""Raster of its dots."""
LENS_BLUR_PX = 0.6
"""Standard deviation, as of the portraits."""
SKIN = (196, 150, 124)
FINER = 3
"""Points across a pixel of the camera, which averages them: what is left of stripes and dots is moire."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """One thing held up, swaying a little; each pair is its value at the beginning and at the end."""

    front: Pixels
    """uint8 (h, w, 3), RGB, finer than the camera sees it."""
    light: float = 1.0
    """How bright its white is: a screen whose stripes are each one colour needs more than paper."""
    height: tuple[float, float] = (0.8, 0.86)
    """In parts of the picture's."""
    across: tuple[float, float] = (0.49, 0.52)
    """Centre, 0 left to 1 right."""
    tilt_deg: tuple[float, float] = (-4.0, 3.0)
    """Turn within the picture's plane, clockwise."""
    lean: tuple[float, float] = (0.05, 0.09)
    """How much shorter the right edge is than the left: 0 faces the camera."""


def phone(portrait: Pixels) -> Held:
    """A phone that shows a portrait uint8 (h, w, 3), RGB, cut to its screen: stripes, a rim, a lamp in the glass."""
    columns, rows = SCREEN_PX
    shown = resize(_cut(portrait, columns / rows), columns, rows).astype(np.float32) * np.array(GLASS_WHITE, np.float32)
    stripes = np.zeros((rows, columns, 3, 3), np.float32)
    for channel in range(3):
        stripes[:, :, channel, channel] = shown[:, :, channel]
    screen = np.repeat(stripes.reshape(rows, 3 * columns, 3), 3, axis=0)
    screen[::3] *= GAP_LIGHT
    light = 9 / (2 + GAP_LIGHT)  # so that the stripes and the gaps between them are white together
    body = cv2.copyMakeBorder(screen, 3 * CHIN_PX, 3 * CHIN_PX, 3 * BEZEL_PX, 3 * BEZEL_PX, cv2.BORDER_CONSTANT)
    front = np.clip(body + (RIM + _reflection(body.shape)) / light, 0, 255)
    return Held(front=np.asarray(front, np.uint8), light=light)


def sheet(portrait: Pixels) -> Held:
    """A print of a portrait uint8 (h, w, 3), RGB, on white paper: dots, faded ink and a margin."""
    columns, rows = SHEET_PX
    ink = resize(_cut(portrait, columns / rows), columns, rows).astype(np.float32) / 255
    grey = ink.mean(axis=2, keepdims=True)
    faded = 0.06 + 0.86 * (grey + 0.85 * (ink - grey))
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * np.float32(2 * np.pi / DOT_PX)
    angles = np.radians((15.0, 75.0, 0.0))
    dots = np.stack([np.cos(x * np.cos(a) + y * np.sin(a)) + np.cos(y * np.cos(a) - x * np.sin(a)) for a in angles], 2)
    printed = np.clip(faded + 0.3 * dots * faded * (1 - faded), 0, 0.92) * 255
    paper = cv2.copyMakeBorder(printed, 50, 50, 50, 50, cv2.BORDER_CONSTANT, value=(232.0, 230.0, 224.0))
    return Held(front=np.asarray(paper, np.uint8))


def place(picture: Pixels, held: Held, progress: float) -> Pixels:
    """The picture uint8 (h, w, 3), RGB, with the thing in a hand before it, at `progress` 0..1."""
    corners = _corners(picture, held, progress)
    handed = _hand(picture, corners)
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 2, picture.shape[1::-1])
    size = tuple(int(side) * FINER for side in high - low)
    rows, columns = held.front.shape[:2]
    flat = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, ((corners - low) * FINER).astype(np.float32))
    shown = _coarse(cv2.warpPerspective(held.front, matrix, size))
    cover = _coarse(cv2.warpPerspective(np.ones((rows, columns, 3), np.uint8) * np.uint8(255), matrix, size)) / 255
    part = handed[low[1] : high[1], low[0] : high[0]]
    seen = cv2.GaussianBlur(part * (1 - cover) + shown * np.float32(held.light), (0, 0), LENS_BLUR_PX)
    handed[low[1] : high[1], low[0] : high[0]] = seen
    return _thumb(handed, corners)


def _corners(picture: Pixels, held: Held, progress: float) -> Corners:
    height, across, tilt_deg, lean = (
        a + (b - a) * progress for a, b in (held.height, held.across, held.tilt_deg, held.lean)
    )
    tall = height * picture.shape[0] / 2
    wide = tall * held.front.shape[1] / held.front.shape[0]
    far = 1 - lean
    upright = np.array([[-wide, -tall], [wide, -tall * far], [wide, tall * far], [-wide, tall]])
    turn = np.radians(tilt_deg)
    turned = upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(turned + np.array([across * picture.shape[1], 0.5 * picture.shape[0]]), np.float32)


def _coarse(fine: npt.ArrayLike) -> Light:
    """What the camera's pixels average."""
    points = np.asarray(fine, np.float32)
    size = points.shape[1] // FINER, points.shape[0] // FINER
    return np.asarray(cv2.resize(points, size, interpolation=cv2.INTER_AREA), np.float32)


def _cut(portrait: Pixels, aspect: float) -> Pixels:
    """The middle of the upper three quarters, as an attacker would zoom in on the face: width / height is `aspect`."""
    rows = portrait.shape[0] * 3 // 4
    columns = min(round(rows * aspect), portrait.shape[1])
    left = (portrait.shape[1] - columns) // 2
    return portrait[:rows, left : left + columns]


def _reflection(shape: tuple[int, ...]) -> Light:
    """A lamp on the glass: light to add, float32 (h, w, 1)."""
    layer = np.zeros(shape[:2], np.float32)
    centre, axes = (shape[1] * 3 // 4, shape[0] // 6), (shape[1] // 5, shape[0] // 14)
    cv2.ellipse(layer, centre, axes, -30, 0, 360, 70.0, -1)
    return np.asarray(cv2.GaussianBlur(layer, (0, 0), shape[1] / 20), np.float32)[..., None]


def _hand(picture: Pixels, corners: Corners) -> Light:
    """Palm and arm behind the thing."""
    drawn = picture.copy()
    wide = float(np.linalg.norm(corners[2] - corners[3]))
    wrist = corners[2] * 0.6 + corners[3] * 0.4
    _limb(drawn, corners[1] * 0.2 + corners[2] * 0.8, wrist, 0.3 * wide)
    _limb(drawn, wrist, wrist + np.array([40, picture.shape[0]], np.float32), 0.45 * wide)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), LENS_BLUR_PX), np.float32)


def _thumb(picture: Light, corners: Corners) -> Pixels:
    """The thumb before its right edge."""
    wide = float(np.linalg.norm(corners[2] - corners[3]))
    edge = corners[1] * 0.25 + corners[2] * 0.75
    drawn = np.clip(picture, 0, 255).astype(np.uint8)
    _limb(drawn, edge + np.array([0.05, 0.12]) * wide, edge - np.array([0.14, 0.02]) * wide, 0.11 * wide)
    return drawn


def _limb(picture: Pixels, begin: npt.NDArray[np.floating], end: npt.NDArray[np.floating], thick: float) -> None:
    """Draw a piece of a hand: round at both ends."""
    first, last = ([int(value) for value in point] for point in (begin, end))
    cv2.line(picture, first, last, SKIN, max(1, int(thick)), cv2.LINE_AA)
