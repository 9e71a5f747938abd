"""Faces for the head pose network: loose upright crops with their rotations, and what a camera does to them.

They come from the detector's archive (`tools.samples.label_scenes`): photographs labelled by teachers, and faces
redrawn at large angles whose labels follow from geometry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeface import pose
from tools import degrade
from tools.samples import rotation
from tools.samples.find import FACE
from tools.samples.scenes import DRAWN, Picture, pictures
from tools.samples.weather import occlude, weather

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

LEAST_FACE_PX = 40
"""Smaller faces have no sure label."""
STORED_PX = 112
STORED_CROP = 2.2
"""Side of a stored crop, in longer sides of the face's box: room to shift, turn and zoom out."""


_EYES_APART, _BELOW_MIDDLE = 0.36, 0.05
"""Distance of the eyes, and how far the landmarks' mean lies below the box's middle, in longer sides of the
box: medians of the archive's upright faces that look ahead."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Faces:
    """Faces held in memory: about 1 GB for 27,000."""

    crops: Pixels
    """uint8, shape (n, STORED_PX, STORED_PX, 3), BGR, mouth below the eyes."""
    rotations: Floats
    """(n, 3, 3), of the heads as the crops show them."""
    odds: Floats
    """(n,), sum 1: how often each is drawn; turned heads, which are rare, more often."""

    def split(self, count: int) -> tuple[Faces, Faces]:
        """About `count` faces, evenly spread over the archive, and the rest: two ways to draw from the same memory."""
        first = np.arange(len(self.odds)) % max(2, len(self.odds) // max(1, count)) == 0
        return self._only(first), self._only(~first)

    def _only(self, chosen: npt.NDArray[np.bool_]) -> Faces:
        odds = self.odds * chosen
        return replace(self, odds=odds / odds.sum())

    def draw(self, random: np.random.Generator, count: int) -> npt.NDArray[np.intp]:
        """Places of `count` faces, each drawn by its odds; one may come twice."""
        return random.choice(len(self.odds), count, p=self.odds)


def load(archive: Path) -> Faces:
    """Every large enough face of an archive."""
    crops: list[Pixels] = []
    rotations: list[Floats] = []
    odds: list[float] = []
    for source, picture in pictures(archive):
        for face in picture.faces:
            if face[0] == FACE and max(face[3:5]) >= LEAST_FACE_PX:
                turn_deg = pose.upright_deg(face[5:15].reshape(5, 2))
                # The reader leaves black what lies outside its picture.
                border = (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)[len(crops) % 2]
                crops.append(_store(picture, face, turn_deg, border))
                rotations.append(rotation.in_plane(turn_deg) @ rotation.matrices(face[15:18].astype(np.float64)))
                odds.append(_odds(face, drawn=source == DRAWN))
    shares = np.array(odds) / np.sum(odds)
    return Faces(crops=np.stack(crops), rotations=np.stack(rotations), odds=shares)


def _odds(face: npt.NDArray[np.float32], *, drawn: bool) -> float:
    """How often to draw a face, of one that looks ahead: 1.

    With redrawn faces as frequent as real ones, real profiles were read 17 degrees short: the generic head looks about
    6 degrees farther turned than its label says, and above 60 degrees there are ten redrawn faces to each real one.
    """
    often = float(np.interp(abs(face[15]), (20, 35, 60, 75), (1, 3, 14, 24))) + 2.0 * (abs(face[16]) > 22)
    return often * (0.01 if drawn else 1.0)


def _store(picture: Picture, face: npt.NDArray[np.float32], turn_deg: float, border: int) -> Pixels:
    scale = STORED_PX / (STORED_CROP * float(max(face[3:5])))
    level = int(np.clip(np.floor(-np.log2(scale) + 0.3), 0, len(picture.levels) - 1))
    matrix = _around(face[1:3] + face[3:5] / 2, STORED_PX, scale, turn_deg, mirrored=False)
    image = picture.levels[level]
    shrunk = np.array(picture.levels[0].shape[1::-1]) / image.shape[1::-1]
    return _warp(image, np.column_stack([matrix[:, :2] * shrunk, matrix[:, 2]]), STORED_PX, border)


def _around(centre: Floats, side_px: int, scale: float, turn_deg: float, *, mirrored: bool) -> Floats:
    """The similarity (2, 3), continuous coordinates, that brings `centre` to the middle of a square."""
    linear = scale * rotation.in_plane(turn_deg)[:2, :2]
    if mirrored:
        linear = linear @ rotation.MIRROR[:2, :2]
    return np.column_stack([linear, side_px / 2 - linear @ centre])


def _warp(image: Pixels, matrix: Floats, side_px: int, border: int) -> Pixels:
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    drawn = cv2.warpAffine(image, centred, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(drawn, np.uint8)


def spoil(
    crop: Pixels, turned: Floats, side_px: int, zoom: float, random: np.random.Generator
) -> tuple[Pixels, Floats]:
    """One face as the reader may cut it out, `zoom` longer sides of its box wide: BGR (side, side, 3), and its R.

    The detector's box and landmarks err a little, sometimes much.
    """
    loose = random.random() < 0.15
    turn_deg = float(random.normal(0, 18 if loose else 6))
    scale = side_px * STORED_CROP / (STORED_PX * zoom) * float(np.exp(random.normal(0, 0.12 if loose else 0.06)))
    centre = STORED_PX * (0.5 + random.normal(0, 0.08 if loose else 0.035, 2) / STORED_CROP)
    mirrored = bool(random.random() < 0.5)
    chip = _warp(crop, _around(centre, side_px, scale, turn_deg, mirrored=mirrored), side_px, cv2.BORDER_REPLICATE)
    if mirrored:
        turned = rotation.MIRROR @ turned @ rotation.MIRROR
    turned = rotation.in_plane(turn_deg) @ turned
    if random.random() < 0.15:
        chip = _mask(chip, turned, side_px / zoom, random)
    if random.random() < 0.2:
        face_px = side_px / zoom
        corner = (side_px - face_px) / 2
        occlude(chip, np.array([[corner, corner, face_px, face_px]], np.float32), random)
    return weather(chip, random), turned


def _mask(chip: Pixels, turned: Floats, face_px: float, random: np.random.Generator) -> Pixels:
    """A plain mask about where the mean head has nose, mouth and chin."""
    head = (pose.HEAD - pose.HEAD.mean(axis=0)) @ turned.T
    landmarks = chip.shape[0] / 2 + face_px * (_EYES_APART * head[:, :2] + (0, _BELOW_MIDDLE))
    shade = random.integers(0, 256)
    colour = np.clip(shade + random.integers(-40, 41, 3), 0, 255)
    return degrade.wear_mask(chip, landmarks.astype(np.float32), (int(colour[0]), int(colour[1]), int(colour[2])))
