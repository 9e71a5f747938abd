"""Training pictures for the detector, composed on the fly from labelled photographs.

The archive comes from `tools.samples.label_scenes`. Sources: street and group photos (of `boxes-dev`, only pictures
with an odd number; the even ones are kept for measuring), mask photos, portraits with surroundings, aligned face crops,
and scenes without people. Coordinates are continuous: a picture's top left corner is (0, 0), its first
pixel's centre (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tools.samples import rotation
from tools.samples.find import BOX_ONLY, FACE, UNCLEAR
from tools.samples.weather import occlude, weather

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

GREY = 127
DRAWN = "drawn"
"""Source of the crops that `tools.samples.turn_faces` made."""
LEAST_SIDE_PX = 8
"""Smaller faces are left out of the loss."""
COLUMNS = 18
"""kind, x, y, w, h, five landmarks (x, y), yaw, pitch, roll: pixels and degrees."""
_MIRRORED = [2, 3, 0, 1, 4, 5, 8, 9, 6, 7]
"""Order of the landmarks' coordinates after a flip: left and right change places."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One photograph, decoded, with half-size copies so that shrinking it does not alias."""

    levels: tuple[Pixels, ...]
    """BGR, each half the size of the one before."""
    faces: Floats
    """(n, COLUMNS), pixels of the first level."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """A similarity that puts a picture onto the canvas."""

    matrix: npt.NDArray[np.float64]
    """(2, 3), continuous picture coordinates to canvas coordinates."""
    scale: float
    """Canvas pixels per picture pixel."""
    turn_deg: float
    """Clockwise as seen."""
    mirrored: bool
    """Flipped left to right before turning."""


class Pile:
    """Pictures to draw from; turned faces and groups, which are rare, come up more often."""

    def __init__(self, pictures: list[Picture]) -> None:
        self.pictures = pictures
        weights = np.cumsum([rarity(picture.faces) for picture in pictures])
        self._cumulative = weights / weights[-1]

    def draw(self, random: np.random.Generator) -> Picture:
        """One picture, rare ones more often."""
        return self.pictures[int(np.searchsorted(self._cumulative, random.random(), side="right"))]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenes:
    """All photographs, by how they are used."""

    scenes: Pile
    """With surroundings and at least one sure face."""
    crops: Pile
    """One aligned face each, little around it."""
    empty: Pile
    """Without sure faces: backgrounds."""


def load(archive: Path) -> Scenes:
    """Every picture of the archive, decoded (about 6 GB for 30,000). Raises ValueError if it has no face."""
    groups: dict[str, list[Picture]] = {"scene": [], "crop": [], "empty": []}
    for source, picture in pictures(archive):
        sure = bool((picture.faces[:, 0] != UNCLEAR).any())
        groups["crop" if source in ("crop", DRAWN) else "scene" if sure else "empty"].append(picture)
    scene, crop = groups["scene"] or groups["crop"], groups["crop"] or groups["scene"]
    if not scene:
        raise ValueError(f"{archive.name} holds no face to learn from")
    wall = Picture(levels=(np.full((64, 64, 3), GREY, np.uint8),), faces=np.zeros((0, COLUMNS), np.float32))
    return Scenes(scenes=Pile(scene), crops=Pile(crop), empty=Pile(groups["empty"] or [wall]))


def pictures(archive: Path) -> Iterator[tuple[str, Picture]]:
    """Every picture of the archive with its source's kind, decoded one by one."""
    with np.load(archive) as data:
        stream, offsets, sources, faces = data["jpeg"], data["offsets"], data["source"], data["faces"]
    starts = np.searchsorted(faces[:, 0], np.arange(len(sources) + 1))
    for index, source in enumerate(sources):
        rows = faces[starts[index] : starts[index + 1], 1:19]
        yield str(source), _decode(stream[offsets[index] : offsets[index + 1]], rows)


_TURNED_DEG, _WEIGHTS = (20, 35, 60, 75), (1.0, 2.5, 4.0, 6.0)
"""Weight by yaw: of the archive's faces two in three look ahead, one in twelve is turned by more than 60 degrees."""


def rarity(faces: Floats) -> float:
    """How often to draw a picture with these faces, of one that looks ahead: 1."""
    sure = faces[faces[:, 0] != UNCLEAR]
    yaw_deg, pitch_deg = np.abs(sure[:, 15:17]).max(axis=0, initial=0.0)
    raised = 1.5 * (pitch_deg > 22)
    return float(max(np.interp(yaw_deg, _TURNED_DEG, _WEIGHTS), 1 + raised) + 4.0 * (len(sure) >= 3))


def _decode(jpeg: Pixels, faces: Floats) -> Picture:
    levels = [np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)]
    while min(levels[-1].shape[:2]) >= 32:
        half = cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.uint8))
    return Picture(levels=tuple(levels), faces=faces.astype(np.float32))


def compose(scenes: Scenes, side_px: int, random: np.random.Generator) -> tuple[Pixels, Floats]:
    """One training sample: BGR picture (side, side, 3) and its labels (n, COLUMNS)."""
    kind = random.random()
    if kind < 0.45:
        canvas, faces = _single(scenes, side_px, random)
    elif kind < 0.65:
        canvas, faces = _mosaic(scenes, side_px, random)
    else:
        canvas, faces = _pasted(scenes, side_px, random)
    faces = _tidy(faces, side_px)
    if random.random() < 0.25:
        occlude(canvas, faces[faces[:, 0] <= BOX_ONLY, 1:5], random)
    return weather(canvas, random), faces


def _single(scenes: Scenes, side_px: int, random: np.random.Generator) -> tuple[Pixels, Floats]:
    picture = (scenes.scenes if random.random() < 0.7 else scenes.crops).draw(random)
    canvas = _background(scenes, side_px, random)
    if random.random() < 0.3:
        canvas[:] = GREY
        placement = _letterbox(picture, side_px, random)
    else:
        placement = _aim(picture, side_px, random)
    return canvas, _put(canvas, picture, placement)


def _mosaic(scenes: Scenes, side_px: int, random: np.random.Generator) -> tuple[Pixels, Floats]:
    canvas = _background(scenes, side_px, random)
    middle = (random.uniform(0.3, 0.7, 2) * side_px).astype(int)
    faces = []
    for rows in (slice(0, middle[1]), slice(middle[1], side_px)):
        for columns in (slice(0, middle[0]), slice(middle[0], side_px)):
            tile = canvas[rows, columns]
            picture = (scenes.scenes if random.random() < 0.7 else scenes.crops).draw(random)
            found = _tidy(_put(tile, picture, _aim(picture, min(tile.shape[:2]), random)), tile.shape[1], tile.shape[0])
            faces.append(_shift(found, columns.start, rows.start))
    return canvas, np.concatenate(faces)


def _pasted(scenes: Scenes, side_px: int, random: np.random.Generator) -> tuple[Pixels, Floats]:
    """Faces with soft edges on a scene; a tenth of the samples stay without any."""
    picture = scenes.empty.draw(random)
    canvas = np.full((side_px, side_px, 3), GREY, np.uint8)
    faces = [_put(canvas, picture, _cover(picture, side_px, random))]
    number = 0 if random.random() < 0.1 else 1 + random.poisson(2.5)
    taken = np.zeros((side_px, side_px), bool)
    for _ in range(number):
        picture = (scenes.crops if random.random() < 0.75 else scenes.scenes).draw(random)
        faces.append(_paste(canvas, taken, picture, random))
    return canvas, np.concatenate(faces)


def _paste(canvas: Pixels, taken: npt.NDArray[np.bool_], picture: Picture, random: np.random.Generator) -> Floats:
    sure = picture.faces[picture.faces[:, 0] == FACE]
    nothing = np.zeros((0, COLUMNS), np.float32)
    if not len(sure):
        return nothing
    placement = _aim(Picture(levels=picture.levels, faces=sure[:1]), canvas.shape[0], random, largest=0.7)
    face = _move(sure[:1], placement)
    x, y, w, h = face[0, 1:5]
    grow = random.uniform(0.15, 0.45)
    x0, y0 = max(0, int(x - grow * w)), max(0, int(y - grow * h))
    x1, y1 = min(canvas.shape[1], int(x + (1 + grow) * w)), min(canvas.shape[0], int(y + (1 + grow) * h))
    if x1 - x0 < 4 or y1 - y0 < 4 or taken[y0:y1, x0:x1].any():
        return nothing
    taken[y0:y1, x0:x1] = True
    patch = canvas[y0:y1, x0:x1].copy()
    _warp(patch, picture, placement, x0, y0)
    columns = (np.arange(x0, x1) + 0.5 - x - w / 2) / (w * (0.5 + grow))
    rows = (np.arange(y0, y1) + 0.5 - y - h / 2) / (h * (0.5 + grow))
    radius = np.sqrt(columns[None] ** 2 + rows[:, None] ** 2)
    weight = np.clip((1.0 - radius) / random.uniform(0.05, 0.3), 0, 1).astype(np.float32)[..., None]
    canvas[y0:y1, x0:x1] = (patch * weight + canvas[y0:y1, x0:x1] * (1 - weight)).astype(np.uint8)
    return face


def _background(scenes: Scenes, side_px: int, random: np.random.Generator) -> Pixels:
    canvas = np.full((side_px, side_px, 3), random.integers(0, 256, 3), np.uint8)
    if random.random() < 0.5:
        picture = scenes.empty.draw(random)
        if not len(picture.faces):
            _put(canvas, picture, _cover(picture, side_px, random))
    return canvas


def _aim(picture: Picture, side_px: int, random: np.random.Generator, *, largest: float = 0.95) -> Placement:
    """One face of the picture at a random size (all octaves alike) and place, turned a little."""
    sure = picture.faces[picture.faces[:, 0] != UNCLEAR]
    face = sure[random.integers(len(sure))]
    wanted = np.exp(random.uniform(np.log(LEAST_SIDE_PX + 1), np.log(largest * side_px)))
    scale = float(min(wanted / np.sqrt(face[3] * face[4]), 3.0))
    if random.random() < 0.5:  # not magnified: as sharp as a camera would see it
        scale = min(scale, 1.2)
    turn_deg = float(np.clip(random.normal(0, 10 if random.random() < 0.8 else 25), -60, 60))
    reach = 0.5 * side_px - 0.35 * scale * float(np.sqrt(face[3] * face[4]))
    target = side_px / 2 + random.uniform(-1, 1, 2) * max(reach, 0.1 * side_px)
    return _place(face[1:3] + face[3:5] / 2, target, scale, turn_deg, bool(random.random() < 0.5))


def _letterbox(picture: Picture, side_px: int, random: np.random.Generator) -> Placement:
    """As the reader does it: long side to the working size, top left corner kept."""
    height, width = picture.levels[0].shape[:2]
    scale = side_px / max(height, width)
    middle = np.array([width, height]) / 2
    return _place(middle, middle * scale, scale, 0.0, bool(random.random() < 0.5))


def _cover(picture: Picture, side_px: int, random: np.random.Generator) -> Placement:
    height, width = picture.levels[0].shape[:2]
    scale = float(side_px / min(height, width) * np.exp(random.uniform(0, 0.7)))
    slack = (np.array([width, height]) - side_px / scale) / 2
    middle = np.array([width, height]) / 2 + random.uniform(-1, 1, 2) * slack
    return _place(middle, np.full(2, side_px / 2), scale, 0.0, bool(random.random() < 0.5))


def _place(
    source: npt.NDArray[Any], target: npt.NDArray[Any], scale: float, turn_deg: float, mirrored: bool
) -> Placement:
    """The similarity that takes the point `source` to `target`."""
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    linear = scale * np.array([[cosine, -sine], [sine, cosine]])
    if mirrored:
        linear[:, 0] *= -1
    matrix = np.column_stack([linear, target - linear @ source])
    return Placement(matrix=matrix, scale=scale, turn_deg=turn_deg, mirrored=mirrored)


def _put(canvas: Pixels, picture: Picture, placement: Placement) -> Floats:
    _warp(canvas, picture, placement, 0, 0)
    return _move(picture.faces, placement)


def _warp(canvas: Pixels, picture: Picture, placement: Placement, left: int, top: int) -> None:
    """Draw the picture; what lies outside it stays. The canvas may be a window that starts at (left, top)."""
    level = int(np.clip(np.floor(-np.log2(placement.scale) + 0.3), 0, len(picture.levels) - 1))
    image = picture.levels[level]
    shrunk = np.array(picture.levels[0].shape[1::-1]) / image.shape[1::-1]
    linear = placement.matrix[:, :2] * shrunk
    offset = placement.matrix[:, 2] - (left, top) + linear @ (0.5, 0.5) - 0.5
    size = (canvas.shape[1], canvas.shape[0])
    drawn = np.ascontiguousarray(canvas)
    cv2.warpAffine(image, np.column_stack([linear, offset]), size, drawn, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    if drawn is not canvas:
        canvas[:] = drawn


def _move(faces: Floats, placement: Placement) -> Floats:
    """Labels in canvas coordinates. A box turns as the ellipse inside it does."""
    moved = faces.copy()
    linear = placement.matrix[:, :2].astype(np.float32)
    shift = placement.matrix[:, 2].astype(np.float32)
    half = np.sqrt((faces[:, 3:5] / 2) ** 2 @ (linear**2).T)
    middle = (faces[:, 1:3] + faces[:, 3:5] / 2) @ linear.T + shift
    moved[:, 1:3], moved[:, 3:5] = middle - half, 2 * half
    moved[:, 5:15] = (faces[:, 5:15].reshape(-1, 5, 2) @ linear.T + shift).reshape(-1, 10)
    if placement.mirrored:
        moved[:, 5:15] = moved[:, 5:15][:, _MIRRORED]
    moved[:, 15:18] = rotation.moved(faces[:, 15:18], placement.turn_deg, mirrored=placement.mirrored)
    return moved


def _shift(faces: Floats, right: int, down: int) -> Floats:
    faces[:, [1, 5, 7, 9, 11, 13]] += right
    faces[:, [2, 6, 8, 10, 12, 14]] += down
    return faces


def _tidy(faces: Floats, width: int, height: int | None = None) -> Floats:
    """Drop what is out of sight; too small or mostly cut off is unclear."""
    low = np.maximum(faces[:, 1:3], 0)
    high = np.minimum(faces[:, 1:3] + faces[:, 3:5], (width, height or width))
    seen = np.prod(np.clip(high - low, 0, None), axis=1) / np.maximum(np.prod(faces[:, 3:5], axis=1), 1e-6)
    faces = faces.copy()
    faces[(seen < 0.55) | (np.sqrt(np.prod(faces[:, 3:5], axis=1)) < LEAST_SIDE_PX), 0] = UNCLEAR
    return np.asarray(faces[seen > 0.02], np.float32)
