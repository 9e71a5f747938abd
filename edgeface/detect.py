"""Where the faces of a picture are: boxes, five landmarks, scores.

    prepare -> infer -> decode

`decode` reads two layouts: ours (three maps at each of the strides 8, 16 and 32, no anchors) and BlazeFace
(Bazarevsky et al., 2019: 896 anchors, six keypoints).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import assert_never

import numpy as np
import numpy.typing as npt

from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import Letterbox, fit_to, letterbox
from edgeface.model import Infer, Layout, ModelSpec, Tensor

Points = npt.NDArray[np.float32]
"""float32, shape (5, 2), x and y in picture pixels: left eye, right eye, nose, left and right mouth corner as seen."""

AGREEMENT = 0.6
"""Intersection over union above which two candidates are one face seen twice."""

CELL_UNIT = 3.0
"""Distances in the grid layout are in units of 3 strides: 24, 48 and 96 px, mid-range of each map's faces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to look for faces."""

    max_side_px: int = 320
    """Working size: the picture's long side is scaled to this. Smaller is faster and sees fewer far faces; try 160 to
    640."""
    min_score: float | None = None
    """Detections below this are dropped, 0..1; unset: the threshold of the model's card."""
    max_overlap: float = 0.4
    """Of two boxes that overlap more (intersection over union) the weaker is dropped."""
    max_faces: int = 64
    """At most this many, strongest first: bounds the work that one picture can cause."""

    def __post_init__(self) -> None:
        if not 64 <= self.max_side_px <= 2048:
            raise ValueError("max_side_px must be 64 to 2048")
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise ValueError("min_score must be between 0 and 1")
        if not 0 < self.max_overlap < 1:
            raise ValueError("max_overlap must be between 0 and 1")
        if self.max_faces < 1:
            raise ValueError("max_faces must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelBox:
    """A rectangle in picture pixels; may reach beyond the picture."""

    x: float
    """Left edge."""
    y: float
    """Top edge."""
    w: float
    """Width, > 0."""
    h: float
    """Height, > 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detection:
    """One face in one picture."""

    box: PixelBox
    landmarks: Points
    """float32, shape (5, 2), picture pixels."""
    score: float
    """0..1, the detector's own."""
    angles_deg: tuple[float, float, float] | None
    """Yaw, pitch, roll where the detector gives them, by `edgeface.pose`'s signs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Faces before suppression, as arrays of one length."""

    boxes: Tensor
    """float32, shape (n, 4): left, top, width, height in picture pixels."""
    landmarks: Tensor
    """float32, shape (n, 5, 2), picture pixels."""
    scores: Tensor
    """float32, shape (n,), 0..1."""
    angles_deg: Tensor | None
    """float32, shape (n, 3), or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detection model, ready to run."""

    spec: ModelSpec
    infer: Infer


def detect(pixels: Pixels, detector: Detector, options: Options) -> tuple[Detection, ...]:
    """Every face of a picture that scores high enough, strongest first."""
    canvas, placed = prepare(pixels, detector.spec, options)
    return decode(detector.infer(canvas), placed, detector.spec, options)


def prepare(pixels: Pixels, spec: ModelSpec, options: Options) -> tuple[Pixels, Letterbox]:
    """Picture -> uint8 (1, h, w, 3) as the model takes it, and the way back to picture pixels."""
    if spec.layout is Layout.GRID:
        return letterbox(pixels, options.max_side_px)
    return fit_to(pixels, spec.width_px, spec.height_px)


def decode(outputs: tuple[Tensor, ...], placed: Letterbox, spec: ModelSpec, options: Options) -> tuple[Detection, ...]:
    """A detector's outputs -> faces in picture pixels, strongest first, without overlaps.

    Raises ModelError if they are not what the layout promises, or not finite.
    """
    floor = spec.thresholds["min_score"] if options.min_score is None else options.min_score
    match spec.layout:
        case Layout.GRID:
            found = _decode_grid(outputs, floor)
        case Layout.BLAZEFACE:
            found = _decode_blazeface(outputs, floor, spec)
        case Layout.EMBEDDING:
            raise ModelError(f"{spec.name} is an embedder, not a detector: choose another with `edgeface models use`")
        case _:
            assert_never(spec.layout)
    if not (np.isfinite(found.boxes).all() and np.isfinite(found.landmarks).all()):
        raise ModelError(f"{spec.name} gives faces at places that are no numbers: `edgeface models check` it")
    kept = suppress(found.boxes, found.scores, options.max_overlap)[: options.max_faces]
    steady = average(found, kept)
    return tuple(_detection(steady, index, placed) for index in range(len(kept)))


def suppress(boxes: Tensor, scores: Tensor, max_overlap: float) -> npt.NDArray[np.intp]:
    """Greedy non-maximum suppression: indices of the boxes to keep, strongest first."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[overlap(boxes[best], boxes[rest]) <= max_overlap]
    return np.array(kept, np.intp)


def average(found: Candidates, kept: npt.NDArray[np.intp]) -> Candidates:
    """Each kept face as the mean of those that all but coincide with it, weighted by score squared.

    Neighbouring cells see one face with rounding errors of their own; on pose-dev, yaw up to 30
    degrees, the mean lowers the landmark error from 3.84 to 3.74 % of the face's size.
    """
    weights = np.zeros((len(kept), len(found.scores)), np.float32)
    for row, index in enumerate(kept):
        agree = overlap(found.boxes[index], found.boxes) > AGREEMENT
        agree &= found.scores > found.scores[index] / 2
        agree[index] = True
        weights[row, agree] = found.scores[agree] ** 2
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return Candidates(
        boxes=weights @ found.boxes,
        landmarks=(weights @ found.landmarks.reshape(-1, 10)).reshape(-1, 5, 2),
        scores=found.scores[kept],
        angles_deg=None if found.angles_deg is None else weights @ found.angles_deg,
    )


def overlap(box: Tensor, boxes: Tensor) -> Tensor:
    """Intersection over union of one box (4,) with many (n, 4); left, top, width, height."""
    left_top = np.maximum(box[:2], boxes[:, :2])
    right_bottom = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    common = np.prod(np.clip(right_bottom - left_top, 0, None), axis=1)
    union = np.prod(box[2:]) + np.prod(boxes[:, 2:], axis=1) - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float32)


def _detection(found: Candidates, index: int, placed: Letterbox) -> Detection:
    x, y, w, h = (float(value) for value in found.boxes[index])
    corners = placed.to_picture(np.array([[x, y], [x + w, y + h]], np.float32))
    angles = None if found.angles_deg is None else found.angles_deg[index]
    return Detection(
        box=PixelBox(
            x=float(corners[0, 0]),
            y=float(corners[0, 1]),
            w=float(corners[1, 0] - corners[0, 0]),
            h=float(corners[1, 1] - corners[0, 1]),
        ),
        landmarks=placed.to_picture(found.landmarks[index]),
        score=float(found.scores[index]),
        angles_deg=None if angles is None else (float(angles[0]), float(angles[1]), float(angles[2])),
    )


def _decode_grid(outputs: tuple[Tensor, ...], floor: float) -> Candidates:
    """Our layout. Maps are told apart by their channels (1 score, 14 shape, 3 pose), levels by their size."""
    scores, shapes, poses = (
        sorted((o for o in outputs if o.ndim == 4 and o.shape[-1] == channels), key=lambda o: -o.shape[1])
        for channels in (1, 14, 3)
    )
    grids = [[maps.shape[:3] for maps in kind] for kind in (scores, shapes, poses)]
    if len(scores) != 3 or not grids[0] == grids[1] == grids[2]:
        raise ModelError(f"the detector gives {_shapes(outputs)}, not score, shape and pose maps at three strides")
    levels = [_decode_level(*level, floor) for level in zip((8, 16, 32), scores, shapes, poses, strict=True)]
    return Candidates(
        boxes=np.concatenate([level.boxes for level in levels]),
        landmarks=np.concatenate([level.landmarks for level in levels]),
        scores=np.concatenate([level.scores for level in levels]),
        angles_deg=np.concatenate([level.angles_deg for level in levels if level.angles_deg is not None]),
    )


def _decode_level(stride: int, score: Tensor, shape: Tensor, pose: Tensor, floor: float) -> Candidates:
    rows, columns = np.nonzero(score[0, :, :, 0] >= np.log(floor / (1 - floor)))
    centre = (np.stack([columns, rows], axis=1).astype(np.float32) + 0.5) * stride
    values, unit = shape[0, rows, columns], np.float32(CELL_UNIT * stride)
    middle = centre + values[:, :2] * unit
    size = np.exp(np.minimum(values[:, 2:4], 4)) * unit
    return Candidates(
        boxes=np.concatenate([middle - size / 2, size], axis=1).astype(np.float32),
        landmarks=(centre[:, None] + values[:, 4:].reshape(-1, 5, 2) * unit).astype(np.float32),
        scores=sigmoid(score[0, rows, columns, 0]),
        angles_deg=pose[0, rows, columns] * np.float32(90),
    )


def sigmoid(logits: Tensor) -> Tensor:
    """Logits -> 0..1, without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)


def _decode_blazeface(outputs: tuple[Tensor, ...], floor: float, spec: ModelSpec) -> Candidates:
    """MediaPipe's detector. Its mouth centre becomes two corners, 0.83 eye distances apart as on a mean face."""
    cells = _blazeface_anchors(spec.width_px, spec.height_px)
    by_shape = {o.shape: o[0] for o in outputs}
    try:
        values, logits = by_shape[1, len(cells), 16], by_shape[1, len(cells), 1]
    except KeyError:
        raise ModelError(f"{spec.name} gives {_shapes(outputs)}, not {len(cells)} anchors of 16 values and 1") from None
    strong = logits[:, 0] >= np.log(floor / (1 - floor))
    side = np.array([spec.width_px, spec.height_px], np.float32)
    anchors, values = cells[strong] * side, values[strong]
    points = values[:, 4:].reshape(-1, 6, 2) + anchors[:, None]
    half_mouth = 0.415 * (points[:, 1] - points[:, 0])
    size = values[:, 2:4]
    return Candidates(
        boxes=np.concatenate([anchors + values[:, :2] - size / 2, size], axis=1).astype(np.float32),
        landmarks=np.stack(
            [points[:, 0], points[:, 1], points[:, 2], points[:, 3] - half_mouth, points[:, 3] + half_mouth], axis=1
        ).astype(np.float32),
        scores=sigmoid(logits[strong, 0]),
        angles_deg=None,
    )


@cache
def _blazeface_anchors(width_px: int, height_px: int) -> Tensor:
    """Cell centres as fractions: two anchors a cell at stride 8, six at stride 16."""
    levels = []
    for stride, repeats in ((8, 2), (16, 6)):
        x, y = ((np.arange(n, dtype=np.float32) + 0.5) / n for n in (width_px // stride, height_px // stride))
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        levels.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(levels)


def _shapes(outputs: tuple[Tensor, ...]) -> str:
    return ", ".join("x".join(map(str, output.shape)) or "a number" for output in outputs)
