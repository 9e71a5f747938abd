"""One picture, looked at for enrolment: the gate of the door, sharper, and exactly one face."""

from __future__ import annotations

from dataclasses import replace

from edgeface import detect, embed, pipeline
from edgeface.enrol.shot import NO_FACE, SEVERAL_FACES, Portrait, Unfit
from edgeface.frame import Pixels
from edgeface.pipeline import Models, examine
from edgeface.quality import Quality, Refusal

ENROLLED_SHARPNESS = 6.0
"""What is enrolled is compared for years, and can be taken anew: as sharp as models/quality.md asks for by itself."""


def portrait(pixels: Pixels, models: Models, options: pipeline.Options) -> Portrait | Unfit:
    """The one good face of a picture, or why there is none."""
    sharp = max(options.quality.min_sharpness, ENROLLED_SHARPNESS)
    options = replace(options, quality=replace(options.quality, min_sharpness=sharp))
    faces = detect.detect(pixels, models.detector, options.detect)
    if not faces:
        return Unfit(
            kind=NO_FACE,
            advice="no face found: use a picture in which the face is upright and at least a tenth of the width",
        )
    first, *others = sorted(faces, key=lambda face: -face.box.w)
    large = [other for other in others if other.box.w > options.quality.max_second_face * first.box.w]
    bystanders = [other for other in large if _is_face(examine(pixels, other, models, options).quality)]
    if bystanders:
        advice = f"{1 + len(bystanders)} faces found: crop the picture to the person who is to be enrolled"
        return Unfit(kind=SEVERAL_FACES, advice=advice)
    seen = examine(pixels, first, models, options)
    if not seen.quality.accepted:
        refused = seen.quality.refusals
        advice = "; ".join(one.advice for one in refused)
        return Unfit(kind=refused[0].refusal.value, advice=advice, pose=seen.pose, refused=refused)
    made = embed.embed(seen.chip, models.embedder)
    return Portrait(embedding=made, detection=first, pose=seen.pose, quality=seen.quality)


def _is_face(usable: Quality) -> bool:
    """Detectors take an emblem for a face now and then; the quality model knows better."""
    return Refusal.UNRECOGNISABLE not in {refused.refusal for refused in usable.refusals}
