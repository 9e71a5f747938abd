"""Is this sighting good enough to judge a person by? Named measures, and refusals that say by how much.

Measures follow ISO/IEC 29794-5: inter-eye distance, sharpness, under- and over-exposure, dynamic range, illumination
uniformity, occlusion, head pose, cropping, single face. What is measured on pixels is measured on the face alone,
scaled to one size, so that it means the same for a near and a far face.

`unified` is the other way to look: one score for everything, from a network that learnt how much of a person is left in
a picture for the embedder to know (ISO/IEC 29794-1, unified quality score).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeface.detect import Detection
from edgeface.frame import Pixels
from edgeface.pose import Pose
from edgeface.quality.limits import Limit, Options, limits, refusals
from edgeface.quality.measures import Measures, measure, placed
from edgeface.quality.refusal import Refusal, Refused
from edgeface.quality.score import combined
from edgeface.quality.unified import Scorer, decode, prepare, unified

__all__ = [
    "Limit",
    "Options",
    "Quality",
    "Refusal",
    "Refused",
    "Scorer",
    "assess",
    "decode",
    "held",
    "placed",
    "prepare",
    "unified",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How usable one sighting is."""

    score: float
    """0..100, weighs the shots of a track: where a model gives the unified score, that and what it does not see (see
    `edgeface.quality.score`); else made of the measures, 0 at or beyond any limit of use and 100 when nothing could be
    better."""
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
    under_exposure: float = 0.0
    """Part of the face that is black, 0..1."""
    over_exposure: float = 0.0
    """Part of the face that is white, 0..1."""
    illumination_uniformity: float = 1.0
    """Light of the darker half of the face over that of the lighter one, 0..1."""
    blank: float = 0.0
    """Part of the face without any detail, 0..1: a torn frame."""
    occlusion: float = 0.0
    """How likely part of the face is covered, 0..1."""
    landmark_misfit: float = 0.0
    """How far the landmarks are from those of any mean head, however it is turned."""
    unified_score: float | None = None
    """ISO/IEC 29794-1, 0..100; None without a model for it."""

    @property
    def accepted(self) -> bool:
        return not self.refusals


def assess(
    pixels: Pixels,
    detection: Detection,
    pose: Pose,
    options: Options,
    unified_score: float | None = None,
    *,
    others: Sequence[Detection] = (),
) -> Quality:
    """Measure one face of a picture, hold it against `options`; `unified_score` is what `unified` says of its chip.

    `others` are the faces beside which this one must not be confused: none at a door, all others at enrolment.
    """
    if not placed(detection):
        return _broken(options)
    found = measure(pixels, detection, pose)
    refused = refusals(limits(found, pose, unified_score, _second_face(detection, others), options))
    return Quality(
        score=_score(found, pose, options, unified_score, detection.score),
        refusals=refused,
        unified_score=unified_score,
        **{name: getattr(found, name) for name in Measures.__slots__},
    )


def held(usable: Quality, pose: Pose, options: Options) -> tuple[Limit, ...]:
    """Every measure of a sighting at a door, with the limit that it was held against, kept or not."""
    found = limits(usable, pose, usable.unified_score, 0.0, options)
    return tuple(one for one in found if one.refusal is not Refusal.SECOND_FACE)


def _broken(options: Options) -> Quality:
    """What is nowhere shows nothing, and nothing is no visitor either."""
    refused = (
        Refused(refusal=Refusal.BROKEN, measure="placed", value=0.0, limit=1.0),
        Refused(refusal=Refusal.UNRECOGNISABLE, measure="unified_score", value=0.0, limit=options.min_unified_score),
    )
    return Quality(
        score=0.0,
        refusals=refused,
        inter_eye_distance_px=0.0,
        sharpness=0.0,
        brightness=0.0,
        dynamic_range=0.0,
        inside=0.0,
    )


def _second_face(detection: Detection, others: Sequence[Detection]) -> float:
    """Width of the largest other face over this one's, 0 without any."""
    return max((other.box.w for other in others if placed(other)), default=0.0) / detection.box.w


def _score(
    measures: Measures, pose: Pose, options: Options, unified_score: float | None, detection_score: float
) -> float:
    if unified_score is not None:
        return combined(unified_score, detection_score, measures)
    plain = _of_measures(measures, pose, options)
    return plain if np.isfinite(plain) else 0.0


def _of_measures(measures: Measures, pose: Pose, options: Options) -> float:
    """Geometric mean of how far each measure is from its limit towards "could not be better"."""
    parts = [
        _ramp(measures.inter_eye_distance_px, options.min_eye_distance_px, 48.0),
        _ramp(measures.sharpness, options.min_sharpness, 20.0),
        _ramp(measures.brightness, options.min_brightness, 90.0),
        float(np.clip((255 - measures.brightness) / (280 - options.max_brightness), 0, 1)),
        _ramp(measures.dynamic_range, options.min_dynamic_range, 100.0),
        float(np.clip((measures.inside - options.min_inside + 0.2) / (1.2 - options.min_inside), 0, 1)),
        float(np.cos(np.radians(min(90.0, abs(pose.yaw_deg))))),
        float(np.cos(np.radians(min(90.0, abs(pose.pitch_deg))))),
    ]
    return float(100 * np.prod(parts) ** (1 / len(parts)))


def _ramp(value: float, limit: float, best: float) -> float:
    """0 at half the limit, 1 at `best` or, where the limit is set higher than that, at the limit."""
    worst = limit / 2
    return float(np.clip((value - worst) / (max(best, limit) - worst), 0, 1))
