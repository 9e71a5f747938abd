"""What a sighting needs, and which of its measures fall short of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgeface.pose import Pose
from edgeface.quality.refusal import Refusal, Refused

_MOST = {"min_eye_distance_px": 1000, "min_sharpness": 100, "min_dynamic_range": 255, "max_second_face": 10}
"""What some measures can come to; beyond it nobody would ever pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a sighting needs. The measurements behind each default are in models/quality.md."""

    min_eye_distance_px: float = 11.0
    """Between the eye centres, corrected for yaw."""
    min_sharpness: float = 3.0
    """0..100. At enrolment 6 at least; at the door shots below that still help: of simulated visits with too few good
    shots there are 3 % at 3, and 10 % at 6 (models/visits.md)."""
    min_brightness: float = 18.0
    """Mean luminance of the face, 0..255."""
    max_brightness: float = 212.0
    """Mean luminance of the face, 0..255."""
    max_under_exposure: float = 0.85
    """Part of the face that is black, 0..1."""
    max_over_exposure: float = 0.45
    """Part of the face that is white, 0..1."""
    min_dynamic_range: float = 30.0
    """Luminance between the 5th and the 95th percentile of the face, 0..255."""
    min_illumination_uniformity: float = 0.27
    """Light of the darker half of the face over that of the lighter one, 0..1."""
    max_yaw_deg: float = 50.0
    max_pitch_deg: float = 40.0
    max_roll_deg: float = 45.0
    min_inside: float = 0.87
    """Part of the box that lies within the picture, 0..1."""
    max_blank: float = 0.25
    """Part of the face without any detail, 0..1."""
    max_occlusion: float = 0.98
    """How likely part of the face may be covered, 0..1."""
    max_second_face: float = 0.25
    """Width of another face over this one's, where only one is allowed: at enrolment. A choice: smaller ones are far
    behind."""
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
        parts = "max_under_exposure", "max_over_exposure", "min_illumination_uniformity", "max_blank", "max_occlusion"
        for name in parts:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1")
        if not 0 <= self.min_unified_score <= 100:
            raise ValueError("min_unified_score must be 0 to 100")
        for name, most in _MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be 0 to {most}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One measure of a sighting, held against what it needs."""

    refusal: Refusal
    """What a sighting beyond it is refused as."""
    measure: str
    """Name of the measure."""
    value: float
    """Finite; angles with their sign."""
    limit: float
    least: bool
    """Whether `limit` is the least value allowed; else it is the most, of its amount."""

    @property
    def kept(self) -> bool:
        """Whether the sighting passes."""
        return self.value >= self.limit if self.least else abs(self.value) <= self.limit

    @property
    def off_by(self) -> float:
        """How far beyond its limit the measure is; 0 or less if the sighting passes."""
        return self.limit - self.value if self.least else abs(self.value) - self.limit


class Measured(Protocol):
    """What has the measures by their names: `Measures`, or the `Quality` made of them."""

    @property
    def inside(self) -> float: ...


def limits(
    measures: Measured, pose: Pose, unified_score: float | None, second_face: float, options: Options
) -> tuple[Limit, ...]:
    """Every measure with its limit, kept or not."""
    whole = options.min_unified_score if unified_score is None else unified_score
    least = [(Refusal.UNRECOGNISABLE, "unified_score", _number(whole, 0.0), options.min_unified_score)]
    least += [(refusal, name, float(getattr(measures, name)), limit) for refusal, name, limit in _floors(options)]
    most = {name: (refusal, float(getattr(measures, name)), limit) for refusal, name, limit in _ceilings(options)}
    most["second_face"] = Refusal.SECOND_FACE, second_face, options.max_second_face
    for axis in ("yaw_deg", "pitch_deg", "roll_deg"):
        most[axis] = Refusal.POSE, _number(getattr(pose, axis), 90.0), getattr(options, f"max_{axis}")
    return (
        *(Limit(refusal=r, measure=name, value=value, limit=limit, least=True) for r, name, value, limit in least),
        *(
            Limit(refusal=r, measure=name, value=value, limit=limit, least=False)
            for name, (r, value, limit) in most.items()
        ),
    )


def refusals(found: tuple[Limit, ...]) -> tuple[Refused, ...]:
    """Every limit that is not kept, the worst first."""
    broken = [one for one in found if not one.kept]
    refused = [Refused(refusal=one.refusal, measure=one.measure, value=one.value, limit=one.limit) for one in broken]
    return tuple(sorted(refused, key=_excess, reverse=True))


def _floors(options: Options) -> tuple[tuple[Refusal, str, float], ...]:
    return (
        (Refusal.TOO_SMALL, "inter_eye_distance_px", options.min_eye_distance_px),
        (Refusal.CUT_OFF, "inside", options.min_inside),
        (Refusal.TOO_DARK, "brightness", options.min_brightness),
        (Refusal.LOW_CONTRAST, "dynamic_range", options.min_dynamic_range),
        (Refusal.UNEVEN_LIGHT, "illumination_uniformity", options.min_illumination_uniformity),
        (Refusal.BLURRED, "sharpness", options.min_sharpness),
    )


def _ceilings(options: Options) -> tuple[tuple[Refusal, str, float], ...]:
    return (
        (Refusal.OVER_EXPOSED, "brightness", options.max_brightness),
        (Refusal.OVER_EXPOSED, "over_exposure", options.max_over_exposure),
        (Refusal.TOO_DARK, "under_exposure", options.max_under_exposure),
        (Refusal.TORN, "blank", options.max_blank),
        (Refusal.COVERED, "occlusion", options.max_occlusion),
    )


def _number(value: float, otherwise: float) -> float:
    return float(value) if np.isfinite(value) else otherwise


def _excess(refused: Refused) -> float:
    """How far beyond its limit a measure is, in parts of the limit."""
    return abs(abs(refused.value) - refused.limit) / max(refused.limit, 1e-6)
