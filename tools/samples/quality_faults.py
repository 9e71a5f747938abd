"""What cameras, light and detectors do to a face, from nothing to all: what the quality score learns from."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edgeface import align
from edgeface.model import ModelSpec
from tools import degrade

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Random = np.random.Generator
CROP_PX = 104
"""Side of the crops in the faces' archive, and of those made here to go with them."""
MASKED_SETS = ("mask_ch", "mask_pr", "rmfrd_mix", "rmfrd_p1")
"""Sets of the faces' archive that are left out: their teacher targets are those of the masked face, so a mask would
seem to cost nothing."""


def spoil(crop: Pixels, spec: ModelSpec, random: Random) -> Pixels:
    """One tight face crop as a camera and a detector might give it: anything from perfect to hopeless."""
    if random.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
    landmarks = np.array(spec.template, np.float32) * crop.shape[0]
    if random.random() < 0.88:
        crop = _cover(crop, landmarks, random)
        crop = light(crop, random)
        crop, scale = film(crop, random)
        landmarks = landmarks * np.float32(scale)
    return cut(crop, misplace(landmarks, crop.shape[0], random), spec, random)


def _cover(crop: Pixels, landmarks: Floats, random: Random) -> Pixels:
    blue, green, red = (int(value) for value in random.integers(0, 256, 3))
    colour = (blue, blue, blue) if random.random() < 0.5 else (blue, green, red)
    if random.random() < 0.10:
        return degrade.wear_mask(crop, landmarks, colour)
    if random.random() < 0.07:
        return degrade.bar_eyes(crop, landmarks, colour)
    if random.random() < 0.08:  # a hand, a phone, a scarf
        side = crop.shape[0]
        height, width = (int(side * random.uniform(0.1, 0.6)) for _ in range(2))
        top, left = random.integers(0, side - height), random.integers(0, side - width)
        crop = crop.copy()
        crop[top : top + height, left : left + width] = colour
    return crop


def light(crop: Pixels, random: Random) -> Pixels:
    kind = random.random()
    if kind < 0.20:
        crop = degrade.expose(crop, spread(0.04, 0.7, random))
    elif kind < 0.30:
        crop = degrade.expose(crop, spread(1.2, 6.0, random))
    elif kind < 0.38:
        crop = degrade.flatten(crop, spread(0.06, 0.8, random))
    if random.random() < 0.15:  # light from one side
        ramp = np.linspace(1, random.uniform(0.05, 0.6), crop.shape[1], dtype=np.float32)
        ramp = ramp[::-1] if random.random() < 0.5 else ramp
        crop = np.asarray(crop * ramp[None, :, None], np.uint8)
    if random.random() < 0.12:
        crop = np.asarray(cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
    return crop


def film(crop: Pixels, random: Random) -> tuple[Pixels, float]:
    """Lens, motion, distance, sensor and compression, in the order in which light meets them; and the scale."""
    if random.random() < 0.20:
        crop = degrade.defocus(crop, spread(0.4, 6.0, random))
    if random.random() < 0.18:
        crop = degrade.smear(crop, int(spread(3, 32, random)), random.uniform(0, np.pi))
    side = crop.shape[0]
    if random.random() < 0.5:
        crop = degrade.shrink(crop, spread(0.07, 0.95, random))
    if random.random() < 0.35:
        crop = degrade.add_noise(crop, spread(1.5, 45, random), random)
    if random.random() < 0.30:
        crop = degrade.compress(crop, int(spread(4, 70, random)))
    return crop, crop.shape[0] / side


def misplace(landmarks: Floats, side_px: int, random: Random) -> Floats:
    """A detector that errs: a little always, badly at times, each point for itself or all together."""
    moved = degrade.loosen(landmarks, side_px * spread(0.004, 0.03, random), random)
    if random.random() < 0.12:
        moved = degrade.loosen(moved, side_px * spread(0.03, 0.15, random), random)
    if random.random() < 0.12:
        middle = moved.mean(axis=0)
        angle, scale = random.normal(0, 0.25), np.exp(random.normal(0, 0.25))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved = (moved - middle) @ turn.T + middle + random.normal(0, 0.08 * side_px, 2)
    return np.asarray(moved, np.float32)


def cut(pixels: Pixels, landmarks: Floats, spec: ModelSpec, random: Random) -> Pixels:
    """As `align.chip` cuts; but what lies beyond a tight crop is made up, for a door's camera would see more."""
    target = np.array(spec.template) * (spec.width_px, spec.height_px)
    matrix = align.similarity(landmarks.astype(np.float64) - 0.5, target)
    border = (cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)[random.choice(3, p=(0.55, 0.35, 0.1))]
    size = spec.width_px, spec.height_px
    return np.asarray(cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border), np.uint8)


def spread(low: float, high: float, random: Random) -> float:
    """A number between the two, every doubling as likely as the next."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))
