"""One picture, judged by a model: is a person there, or a picture of one?

    prepare -> infer -> decode

The model looks twice: at the face with what is around it, where the edge of a sheet or a phone shows, and at the
middle of the face in the camera's own pixels, where paper and screens show their dots, which scaling would wipe out.
One picture decides little: fuse the scores of a track. A face that cannot be judged is not live.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edgeface.detect import Detection, sigmoid
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import resize
from edgeface.liveness.options import Options
from edgeface.model import Infer, ModelSpec, Tensor

DETAIL = 0.4
"""The second look is at least this part of the face's side; below 200 px of face it is as many pixels as the model
takes, unscaled."""


class Unjudged(StrEnum):
    """Why a face could not be judged."""

    TOO_SMALL = "too_small"
    """Too few pixels: skin, paper and glass look alike."""
    NO_ROOM = "no_room"
    """Too near the picture's border: what is around the face is not seen."""
    NO_NUMBER = "no_number"
    """The model gave none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """What one picture says about one face."""

    score: float
    """0 attack .. 1 bona fide presentation; 0 if the face could not be judged."""
    live: bool
    """Whether the score reaches the threshold. False if the face could not be judged."""
    unjudged: Unjudged | None = None
    """Why it could not be judged (a presentation non-response in ISO/IEC 30107-3), else None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A liveness model, ready to run."""

    spec: ModelSpec
    infer: Infer


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """A square of a picture, whole pixels, within it."""

    left: int
    top: int
    side: int


def assess(pixels: Pixels, detection: Detection, judge: Judge, options: Options) -> Liveness:
    """Judge one face of a picture (h, w, 3), RGB as the camera gave it: not scaled, not sharpened.

    Raises ModelError if the model does not give what its manifest promises; never if it gives what is no number.
    """
    why = unjudged(pixels, detection, judge.spec, options)
    if why is not None:
        return Liveness(score=0.0, live=False, unjudged=why)
    return decode(judge.infer(prepare(pixels, detection, judge.spec)), judge.spec, options)


def unjudged(pixels: Pixels, detection: Detection, spec: ModelSpec, options: Options) -> Unjudged | None:
    """Why a face cannot be judged before any model sees it; None if it can."""
    box = detection.box
    longer = max(box.w, box.h)
    places = (box.x, box.y, box.w, box.h, *detection.landmarks.ravel().tolist())
    if not np.isfinite(places).all() or not longer >= options.min_face_px:
        return Unjudged.TOO_SMALL
    inside_x = min(box.x + box.w, pixels.shape[1]) - max(box.x, 0.0)
    inside_y = min(box.y + box.h, pixels.shape[0]) - max(box.y, 0.0)
    if min(inside_x, inside_y) < 0.8 * min(box.w, box.h) or min(pixels.shape[:2]) < spec.height_px:
        return Unjudged.NO_ROOM
    return Unjudged.NO_ROOM if around(pixels, detection, spec).side < options.min_room * longer else None


def prepare(pixels: Pixels, detection: Detection, spec: ModelSpec) -> Pixels:
    """Both looks side by side: uint8 (1, height_px, 2 * height_px, 3), the surroundings left, the detail right."""
    side_px = spec.height_px
    looks = (around(pixels, detection, spec), detail(pixels, detection, spec))
    return np.concatenate([resize(_cut(pixels, look), side_px, side_px) for look in looks], axis=1)[None]


def around(pixels: Pixels, detection: Detection, spec: ModelSpec) -> Square:
    """The face and its surroundings: `spec.crop` times the box's longer side, less where the picture is smaller."""
    box = detection.box
    centre = box.x + box.w / 2, box.y + box.h / 2
    return _square(pixels, centre, spec.crop * max(box.w, box.h))


def detail(pixels: Pixels, detection: Detection, spec: ModelSpec) -> Square:
    """The middle of eyes, nose and mouth: as many of the camera's pixels as the model takes, more on a large face."""
    x, y = detection.landmarks.mean(axis=0)
    side = max(float(spec.height_px), DETAIL * max(detection.box.w, detection.box.h))
    return _square(pixels, (float(x), float(y)), side)


def decode(outputs: tuple[Tensor, ...], spec: ModelSpec, options: Options) -> Liveness:
    """The model's one logit -> a score and what it means. Raises ModelError if there is not one number."""
    if len(outputs) != 1 or outputs[0].size != 1:
        raise ModelError(f"{spec.name} gives {[o.shape for o in outputs]}, not one number that says how live a face is")
    logit = outputs[0].reshape(-1)
    if not np.isfinite(logit).all():
        return Liveness(score=0.0, live=False, unjudged=Unjudged.NO_NUMBER)
    score = float(sigmoid(logit)[0])
    least = spec.thresholds["live"] if options.min_score is None else options.min_score
    return Liveness(score=score, live=score >= least)


def _square(pixels: Pixels, centre: tuple[float, float], side: float) -> Square:
    """A square about a point, shifted to lie within the picture, and no larger than it."""
    height, width = pixels.shape[:2]
    length = int(min(round(side), height, width))
    left, top = (round(middle - length / 2) for middle in centre)
    return Square(left=min(max(left, 0), width - length), top=min(max(top, 0), height - length), side=length)


def _cut(pixels: Pixels, square: Square) -> Pixels:
    return pixels[square.top : square.top + square.side, square.left : square.left + square.side]
