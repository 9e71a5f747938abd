"""Where the faces of a picture are: boxes, five landmarks, scores.

    prepare -> infer -> decode

`decode` reads three layouts, a file each: ours, YuNet's and BlazeFace's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from edgeface.detect import blazeface, grid, yunet
from edgeface.detect.face import Candidates, Detection, PixelBox, Points, sigmoid
from edgeface.detect.grid import CELL_UNIT
from edgeface.detect.suppression import average, overlap, overlaps, suppress
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import Letterbox, fit_to, letterbox
from edgeface.model import Infer, Layout, ModelSpec, Tensor

__all__ = [
    "CELL_UNIT",
    "Candidates",
    "Detection",
    "Detector",
    "Options",
    "PixelBox",
    "Points",
    "average",
    "decode",
    "detect",
    "overlap",
    "overlaps",
    "prepare",
    "sigmoid",
    "suppress",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to look for faces."""

    max_side_px: int = 320
    """Working size: the picture's long side is scaled to this. Smaller is faster and sees fewer far faces; try 160 to
    640."""
    min_score: float | None = None
    """Detections below this are dropped, 0..1; unset: the threshold of the model's card."""
    faint_score: float = 0.5
    """Faces down to this score, 0..1, go on a visit that has begun, and begin none (`edgeface.track`). At or above
    min_score: there are none. On composed crowds 3.5 % of the faces are missed instead of
    5.5, and 1.7 % told where nobody is instead of 0.7 (`tools.evaluate tracks`)."""
    max_overlap: float = 0.4
    """Of two boxes that overlap more (intersection over union) the weaker is dropped."""
    max_faces: int = 64
    """At most this many, strongest first: bounds the work that one picture can cause."""

    def __post_init__(self) -> None:
        if not 64 <= self.max_side_px <= 2048:
            raise ValueError("max_side_px must be 64 to 2048")
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise ValueError("min_score must be between 0 and 1")
        if not 0 < self.faint_score <= 1:
            raise ValueError("faint_score must be above 0 and at most 1")
        if not 0 < self.max_overlap < 1:
            raise ValueError("max_overlap must be between 0 and 1")
        if not 1 <= self.max_faces <= 1000:
            raise ValueError("max_faces must be 1 to 1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detection model, ready to run."""

    spec: ModelSpec
    infer: Infer


def detect(pixels: Pixels, detector: Detector, options: Options, *, with_faint: bool = False) -> tuple[Detection, ...]:
    """Every face of a picture that scores high enough, strongest first; if asked, the faint ones after them."""
    canvas, placed = prepare(pixels, detector.spec, options)
    return decode(detector.infer(canvas), placed, detector.spec, options, with_faint=with_faint)


def prepare(pixels: Pixels, spec: ModelSpec, options: Options) -> tuple[Pixels, Letterbox]:
    """Picture -> uint8 (1, h, w, 3) as the model takes it, and the way back to picture pixels."""
    if spec.layout.resizable:
        return letterbox(pixels, options.max_side_px)
    return fit_to(pixels, spec.width_px, spec.height_px)


def decode(
    outputs: tuple[Tensor, ...], placed: Letterbox, spec: ModelSpec, options: Options, *, with_faint: bool = False
) -> tuple[Detection, ...]:
    """A detector's outputs -> faces in picture pixels, strongest first, without overlaps; if asked, then the faint.

    Raises ModelError if they are not what the layout promises, or not finite.
    """
    floor = spec.thresholds["min_score"] if options.min_score is None else options.min_score
    found = _candidates(outputs, spec, min(floor, options.faint_score) if with_faint else floor)
    numbers = (found.boxes, found.landmarks, *(() if found.angles_deg is None else (found.angles_deg,)))
    if not all(np.isfinite(values).all() for values in numbers):
        raise ModelError(f"{spec.name} gives faces at places that are no numbers: `edgeface models check` it")
    sure = found.scores >= floor if with_faint else np.ones(len(found.scores), bool)
    faces = _steady(found.only(sure), options)
    faint = _steady(_beside(found.only(~sure), faces, options), options)
    return tuple(
        _detection(kind, index, placed, faint=kind is faint)
        for kind in (faces, faint)
        for index in range(len(kind.scores))
    )[: options.max_faces]


def _candidates(outputs: tuple[Tensor, ...], spec: ModelSpec, floor: float) -> Candidates:
    match spec.layout:
        case Layout.GRID:
            return grid.decode(outputs, floor)
        case Layout.YUNET:
            return yunet.decode(outputs, floor)
        case Layout.BLAZEFACE:
            return blazeface.decode(outputs, floor, spec)
        case Layout.EMBEDDING | Layout.SCORE | Layout.LIVENESS | Layout.ANGLES:
            raise ModelError(f"{spec.name} is no detector ({spec.task}): choose another with `edgeface models use`")
        case _:
            assert_never(spec.layout)


def _steady(found: Candidates, options: Options) -> Candidates:
    """Of many sightings of one face, one, strongest first."""
    return average(found, suppress(found.boxes, found.scores, options.max_overlap)[: options.max_faces])


def _beside(found: Candidates, faces: Candidates, options: Options) -> Candidates:
    """The candidates that are not sightings of these faces."""
    apart = overlaps(found.boxes, faces.boxes) <= options.max_overlap
    return found.only(np.asarray(apart.all(axis=1), bool))


def _detection(found: Candidates, index: int, placed: Letterbox, *, faint: bool) -> Detection:
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
        faint=faint,
    )
