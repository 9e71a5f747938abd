"""One score for everything, from a network that learnt how much of a person is left for the embedder to know.

prepare -> infer -> decode
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import resize
from edgeface.model import Infer, ModelSpec, Tensor


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
