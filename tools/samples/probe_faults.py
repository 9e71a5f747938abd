"""One fault at a time on an aligned training face, drawn around those that `tools.evaluate robust` measures.

For fine-tuning: `tools.samples.faces.spoil` mixes many small faults; of the ten that are measured four cost most, so
these four come more often here.
"""

from __future__ import annotations

import numpy as np

from edgeface.model import ModelSpec
from tools import degrade
from tools.samples.faces import spoil
from tools.samples.quality_faults import Floats, Pixels, Random, cut, spread

PARTS = {
    "far": 0.22,
    "mask": 0.14,
    "eye_band": 0.14,
    "motion": 0.08,
    "dark": 0.06,
    "jitter": 0.05,
    "jpeg": 0.04,
    "noise": 0.03,
}
"""Parts of the samples, a choice by what each costs the shipped embedder; the rest have other light, and no fault."""


def spoil_as_probe(crop: Pixels, spec: ModelSpec, random: Random) -> Pixels:
    """One tight BGR crop with at most one heavy fault, cut to the network's input."""
    left = 1 - sum(PARTS.values())
    kind = str(random.choice((*PARTS, "none"), p=(*PARTS.values(), left)))
    if kind == "none":
        return spoil(crop, spec.width_px, random, strength=0.0)
    if random.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
    landmarks = np.array(spec.template, np.float32) * crop.shape[0]
    landmarks = degrade.loosen(landmarks, 0.01 * crop.shape[0], random)
    crop = degrade.expose(crop, float(np.exp(random.normal(0, 0.15))))
    bad, landmarks = _fault(kind, crop, landmarks, random)
    return cut(bad, landmarks, spec, random)


def _fault(kind: str, crop: Pixels, landmarks: Floats, random: Random) -> tuple[Pixels, Floats]:
    """The face with that fault, and its landmarks there. A crop is about as wide as the face's box."""
    side = crop.shape[0]
    match kind:
        case "far":
            small = degrade.shrink(crop, spread(10, 30, random) / side)
            return small, np.asarray(landmarks * (small.shape[0] / side), np.float32)
        case "mask":
            return degrade.wear_mask(crop, landmarks, _colour(random)), landmarks
        case "eye_band":
            return degrade.bar_eyes(crop, landmarks, _colour(random, dark=0.7)), landmarks
        case "motion":
            return degrade.smear(
                crop, max(1, round(side * spread(0.06, 0.18, random))), random.uniform(0, np.pi)
            ), landmarks
        case "dark":
            return degrade.add_noise(
                degrade.expose(crop, spread(0.1, 0.4, random)), spread(2, 7, random), random
            ), landmarks
        case "noise":
            return degrade.add_noise(crop, spread(12, 35, random), random), landmarks
        case "jpeg":
            return degrade.compress(crop, int(spread(5, 20, random))), landmarks
        case "jitter":
            return crop, degrade.loosen(landmarks, 0.04 * side, random)
        case _:
            raise ValueError(f"no fault is called {kind!r}")


def _colour(random: Random, dark: float = 0.3) -> tuple[int, int, int]:
    """Of a mask or a bar: nearly black with a probability of `dark`, else any."""
    if random.random() < dark:
        return (int(random.integers(0, 45)),) * 3
    blue, green, red = (int(value) for value in random.integers(0, 256, 3))
    return blue, green, red
