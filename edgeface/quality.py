"""Is this sighting good enough to judge a person by? Named measures, and refusals that say by how much.

Measures follow ISO/IEC 29794-5: inter-eye distance, sharpness, under- and over-exposure, dynamic range, head pose,
cropping. All but the pose are taken from the luminance of the face alone, scaled to one size, so that they mean the
same for a near and a far face.

`unified` is the other way to look: one score for everything, from a network that learnt how much of a person is left in
a picture for the embedder to know (ISO/IEC 29794-1, unified quality score).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edgeface.detect import Detection
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import luminance, resize
from edgeface.model import Infer, ModelSpec, Tensor
from edgeface.pose import Pose

VIEW_PX = 64
"""Side of the view that light and sharpness are measured on."""


class Refusal(StrEnum):
    """Why a sighting does not count."""

    TOO_SMALL = "too_small"
    """Too few pixels between the eyes."""
    BLURRED = "blurred"
    """Out of focus, or moving."""
    TOO_DARK = "too_dark"
    OVER_EXPOSED = "over_exposed"
    LOW_CONTRAST = "low_contrast"
    """Grey in grey: fog, glare on the lens, a backlit face."""
    POSE = "pose"
    """Turned too far away."""
    CUT_OFF = "cut_off"
    """Part of the face lies outside the picture."""
    UNRECOGNISABLE = "unrecognisable"
    """Too little of a person to know anybody by, for whatever reason; what is no face at all ends here too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a sighting needs. The measurements behind each default are in models/quality.md."""

    min_eye_distance_px: float = 11.0
    """Between the eye centres, corrected for yaw."""
    min_sharpness: float = 6.0
    """0..100."""
    min_brightness: float = 18.0
    """Mean luminance of the face, 0..255."""
    max_brightness: float = 212.0
    """Mean luminance of the face, 0..255."""
    min_dynamic_range: float = 30.0
    """Luminance between the 5th and the 95th percentile of the face, 0..255."""
    max_yaw_deg: float = 50.0
    max_pitch_deg: float = 40.0
    max_roll_deg: float = 45.0
    min_inside: float = 0.87
    """Part of the box that lies within the picture, 0..1."""
    min_unified_score: float = 30.0
    """Unified quality score, 0..100, where a model gives one: refuses 99.6 % (99.0 to 99.8) of 1,175 things that are no
    faces and none of 764 clean LFW-dev probes (models/edgeface-quality-80.md)."""

    def __post_init__(self) -> None:
        for name in ("max_yaw_deg", "max_pitch_deg", "max_roll_deg"):
            if not 0 < getattr(self, name) < 90:  # at 90 a pose that is undefined would pass
                raise ValueError(f"{name} must be above 0 and below 90")
        if not 0 <= self.min_brightness < self.max_brightness <= 255:
            raise ValueError("min_brightness must be below max_brightness, both 0 to 255")
        if not 0 < self.min_inside <= 1:
            raise ValueError("min_inside must be above 0 and at most 1")
        if not 0 <= self.min_unified_score <= 100:
            raise ValueError("min_unified_score must be 0 to 100")
        if not all(least >= 0 for least in (self.min_eye_distance_px, self.min_sharpness, self.min_dynamic_range)):
            raise ValueError("min_eye_distance_px, min_sharpness and min_dynamic_range must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One reason, and by how much."""

    refusal: Refusal
    measure: str
    """Name of the measure."""
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.refusal.value}: {self.measure} {self.value:.4g}, limit {self.limit:.4g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How usable one sighting is."""

    score: float
    """0..100, weighs the shots of a track: the unified score where a model gives it; else made of the measures, 0 at or
    beyond any limit of use and 100 when nothing could be better."""
    refusals: tuple[Refused, ...]
    """Empty if accepted; the worst first."""
    inter_eye_distance_px: float
    """Between the eye centres, divided by the cosine of the yaw."""
    sharpness: float
    """0..100: energy of the second differences relative to the picture's own, so light and skin do not matter."""
    brightness: float
    """Mean luminance of the face, 0..255."""
    dynamic_range: float
    """5th to 95th percentile of luminance, 0..255."""
    inside: float
    """Part of the box within the picture, 0..1."""
    unified_score: float | None = None
    """ISO/IEC 29794-1, 0..100; None without a model for it."""

    @property
    def accepted(self) -> bool:
        return not self.refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A model of the unified quality score, ready to run."""

    spec: ModelSpec
    infer: Infer


def unified(chip: Pixels, scorer: Scorer) -> float:
    """Unified quality score of an aligned face, 0..100 (ISO/IEC 29794-1): the likeness to the person to be expected.

    `chip` is uint8 (h, w, 3), cut by the template of the scorer's spec. 60 means: the embedding of such a chip has a
    cosine of 0.6 to the person, on average; what is no face is near 0. Raises ModelError if the model does not give
    what its manifest promises.
    """
    return decode(scorer.infer(prepare(chip, scorer.spec)), scorer.spec)


def prepare(chip: Pixels, spec: ModelSpec) -> Pixels:
    """Chip -> what the model takes, uint8 (1, spec.height_px, spec.width_px, 3); untouched if it has that size."""
    if chip.shape[:2] != (spec.height_px, spec.width_px):
        chip = resize(chip, spec.width_px, spec.height_px)
    return chip[None]


def decode(outputs: tuple[Tensor, ...], spec: ModelSpec) -> float:
    """The model's number, 0..1 -> 0..100. Raises ModelError."""
    if not 0 <= spec.output < len(outputs) or outputs[spec.output].size != 1:
        raise ModelError(f"{spec.name} must give one number as output {spec.output}")
    value = float(outputs[spec.output].reshape(-1)[0])
    if not np.isfinite(value):
        raise ModelError(f"{spec.name} gives a score that is no number: `edgeface models check` it")
    return float(np.clip(100 * value, 0, 100))


def assess(
    pixels: Pixels, detection: Detection, pose: Pose, options: Options, unified_score: float | None = None
) -> Quality:
    """Measure one face of a picture, hold it against `options`; `unified_score` is what `unified` says of its chip."""
    view = _face_view(pixels, detection)
    low, high = np.percentile(view, (5, 95))
    measures = {
        "inter_eye_distance_px": _eye_distance_px(detection, pose),
        "sharpness": _sharpness(view),
        "brightness": float(view.mean()),
        "dynamic_range": float(high - low),
        "inside": _inside(pixels, detection),
    }
    refusals = _refusals(measures, unified_score, pose, options)
    score = _score(measures, pose, options) if unified_score is None else unified_score
    return Quality(score=score, refusals=refusals, unified_score=unified_score, **measures)


def _face_view(pixels: Pixels, detection: Detection) -> np.ndarray:
    """Luminance of the face's middle (eyes to mouth and a little around), float32 (64, 64)."""
    centre = detection.landmarks.mean(axis=0)
    half = max(2.0, 0.4 * max(detection.box.w, detection.box.h))
    left, top = (int(max(0, centre[axis] - half)) for axis in (0, 1))
    right = int(min(pixels.shape[1], centre[0] + half))
    bottom = int(min(pixels.shape[0], centre[1] + half))
    if right - left < 2 or bottom - top < 2:
        return np.zeros((VIEW_PX, VIEW_PX), np.float32)
    return luminance(resize(pixels[top:bottom, left:right], VIEW_PX, VIEW_PX)).astype(np.float32)


def _eye_distance_px(detection: Detection, pose: Pose) -> float:
    apart = float(np.linalg.norm(detection.landmarks[1] - detection.landmarks[0]))
    return apart / max(0.3, float(np.cos(np.radians(pose.yaw_deg))))


def _sharpness(view: np.ndarray) -> float:
    """Energy of the second differences against the view's own variance; noise floor 2 grey levels.

    Along rows and columns apart, and the weaker counts: motion blurs one direction and leaves the other sharp. Smoothed
    by one pixel both ways first, or the noise of a sensor would pass for detail on a blurred face.
    """
    rows = (view[:-2] + 2 * view[1:-1] + view[2:]) / 4
    columns = (view[:, :-2] + 2 * view[:, 1:-1] + view[:, 2:]) / 4
    across = (rows[:, 4:] - 2 * rows[:, 2:-2] + rows[:, :-4]) / 4
    down = (columns[4:] - 2 * columns[2:-2] + columns[:-4]) / 4
    energy = min(float(across.var()), float(down.var()))
    return float(min(100.0, 100 * np.sqrt(energy / (float(view.var()) + 4.0))))


def _inside(pixels: Pixels, detection: Detection) -> float:
    box = detection.box
    width = min(box.x + box.w, pixels.shape[1]) - max(box.x, 0.0)
    height = min(box.y + box.h, pixels.shape[0]) - max(box.y, 0.0)
    return float(max(0.0, width) * max(0.0, height) / max(box.w * box.h, 1e-6))


def _refusals(
    measures: dict[str, float], unified_score: float | None, pose: Pose, options: Options
) -> tuple[Refused, ...]:
    whole = options.min_unified_score if unified_score is None else unified_score
    floors = (
        (Refusal.UNRECOGNISABLE, "unified_score", whole, options.min_unified_score),
        *((refusal, name, measures[name], limit) for refusal, name, limit in _floors(options)),
    )
    found = [
        Refused(refusal=refusal, measure=name, value=value, limit=limit)
        for refusal, name, value, limit in floors
        if not value >= limit
    ]
    ceilings = (
        (Refusal.OVER_EXPOSED, "brightness", measures["brightness"], options.max_brightness),
        (Refusal.POSE, "yaw_deg", abs(pose.yaw_deg), options.max_yaw_deg),
        (Refusal.POSE, "pitch_deg", abs(pose.pitch_deg), options.max_pitch_deg),
        (Refusal.POSE, "roll_deg", abs(pose.roll_deg), options.max_roll_deg),
    )
    found += [
        Refused(refusal=refusal, measure=name, value=value, limit=limit)
        for refusal, name, value, limit in ceilings
        if not value <= limit
    ]
    return tuple(sorted(found, key=_excess, reverse=True))


def _floors(options: Options) -> tuple[tuple[Refusal, str, float], ...]:
    return (
        (Refusal.TOO_SMALL, "inter_eye_distance_px", options.min_eye_distance_px),
        (Refusal.CUT_OFF, "inside", options.min_inside),
        (Refusal.TOO_DARK, "brightness", options.min_brightness),
        (Refusal.LOW_CONTRAST, "dynamic_range", options.min_dynamic_range),
        (Refusal.BLURRED, "sharpness", options.min_sharpness),
    )


def _excess(refused: Refused) -> float:
    """How far beyond its limit a measure is, in parts of the limit; what is no number is worst."""
    excess = abs(refused.value - refused.limit) / max(refused.limit, 1e-6)
    return excess if np.isfinite(excess) else float("inf")


def _score(measures: dict[str, float], pose: Pose, options: Options) -> float:
    """Geometric mean of how far each measure is from its limit towards "could not be better"."""
    parts = [
        _ramp(measures["inter_eye_distance_px"], options.min_eye_distance_px, 48.0),
        _ramp(measures["sharpness"], options.min_sharpness, 20.0),
        _ramp(measures["brightness"], options.min_brightness, 90.0),
        float(np.clip((255 - measures["brightness"]) / (280 - options.max_brightness), 0, 1)),
        _ramp(measures["dynamic_range"], options.min_dynamic_range, 100.0),
        float(np.clip((measures["inside"] - options.min_inside + 0.2) / (1.2 - options.min_inside), 0, 1)),
        float(np.cos(np.radians(min(90.0, abs(pose.yaw_deg))))),
        float(np.cos(np.radians(min(90.0, abs(pose.pitch_deg))))),
    ]
    return float(100 * np.prod(parts) ** (1 / len(parts)))


def _ramp(value: float, limit: float, best: float) -> float:
    """0 at half the limit, 1 at `best` or, where the limit is set higher than that, at the limit."""
    worst = limit / 2
    return float(np.clip((value - worst) / (max(best, limit) - worst), 0, 1))
