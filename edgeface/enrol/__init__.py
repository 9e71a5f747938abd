"""Pictures of one person become templates. Pure: the same gate as at the door, and exactly one face a picture."""

from __future__ import annotations

from dataclasses import dataclass

from edgeface import detect, embed, pipeline
from edgeface.enrol.check import Agreement, Bars, Resemblance, agreement, bars, resemblances
from edgeface.enrol.choose import Bin, bin_of, choose
from edgeface.enrol.shot import Portrait
from edgeface.frame import Pixels
from edgeface.pipeline import Models, examine
from edgeface.quality import Quality, Refusal

__all__ = [
    "Agreement",
    "Bars",
    "Bin",
    "Options",
    "Portrait",
    "Resemblance",
    "agreement",
    "bars",
    "bin_of",
    "choose",
    "portrait",
    "resemblances",
]

BYSTANDER = 0.25
"""A second face at least this large, against the first, makes a picture ambiguous. Smaller ones are far behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What it takes to be enrolled."""

    require_consent: bool = True
    """Nobody is enrolled without a record of who took consent. A choice: faces are biometric data (GDPR, art. 9)."""
    max_templates: int = 8
    """Templates kept of the pictures of one enrolment, 1..64; chosen for poses covered and difference.
    Misses fall up to 8 in models/enrolment.md, where more could not be tried."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_templates <= 64:
            raise ValueError(f"max_templates must be 1 to 64, not {self.max_templates}")


def portrait(pixels: Pixels, models: Models, options: pipeline.Options) -> Portrait | str:
    """The one good face of a picture, or a sentence that says why there is none."""
    faces = detect.detect(pixels, models.detector, options.detect)
    if not faces:
        return "no face found: use a picture in which the face is upright and at least a tenth of the width"
    first, *others = sorted(faces, key=lambda face: -face.box.w)
    large = [other for other in others if other.box.w >= BYSTANDER * first.box.w]
    bystanders = [other for other in large if _is_face(examine(pixels, other, models, options).quality)]
    if bystanders:
        return f"{1 + len(bystanders)} faces found: crop the picture to the person who is to be enrolled"
    seen = examine(pixels, first, models, options)
    if not seen.quality.accepted:
        return "; ".join(str(refused) for refused in seen.quality.refusals)
    made = embed.embed(seen.chip, models.embedder)
    return Portrait(embedding=made, detection=first, pose=seen.pose, quality=seen.quality)


def _is_face(usable: Quality) -> bool:
    """Detectors take an emblem for a face now and then; the quality model knows better."""
    return Refusal.UNRECOGNISABLE not in {refused.refusal for refused in usable.refusals}
