"""Aligned training faces with their teacher targets, and what a bad camera does to them.

The archive holds tight 104x104 BGR crops; their template is the embedder's in the manifest. Targets are the unit
directions of two teachers' concatenated embeddings after PCA to 128 dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tools import degrade

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Faces:
    """Faces held in memory, decoded once: about 1.4 GB for 44,000."""

    crops: Pixels
    """uint8, shape (n, 104, 104, 3), BGR."""
    targets: npt.NDArray[np.float32]
    """float32, shape (n, 128), L2 norm 1."""

    def __len__(self) -> int:
        return len(self.crops)


def load(archive: Path) -> tuple[Faces, Faces]:
    """(training, validation) faces of `archive`."""
    with np.load(archive) as data:
        stream, offsets, held_out = data["webp"], data["offsets"], data["val"]
        targets = data["targets_int8"].astype(np.float32)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    crops = np.empty((len(held_out), 104, 104, 3), np.uint8)
    for index, (start, end) in enumerate(pairwise(offsets)):
        crops[index] = cv2.imdecode(stream[start:end], cv2.IMREAD_COLOR)
    return (
        Faces(crops=crops[~held_out], targets=targets[~held_out]),
        Faces(crops=crops[held_out], targets=targets[held_out]),
    )


def resize(crops: Pixels, side_px: int) -> Pixels:
    """The clean view: each crop scaled to the network's input, still BGR."""
    return np.stack([cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA) for crop in crops])


def spoil(crop: Pixels, side_px: int, random: np.random.Generator, strength: float) -> Pixels:
    """One crop as a cheap camera in a hallway might see it.

    `strength` 0..1 scales how often the heavy faults happen; geometry and light vary always.
    """
    chip = _jitter(crop, side_px, random, strength)
    chip = _relight(chip, random)
    if random.random() < 0.35 * strength:
        chip = _lose_resolution(chip, random)
    if random.random() < 0.15 * strength:
        chip = _blur(chip, random)
    if random.random() < 0.20 * strength:
        chip = _add_noise(chip, random)
    if random.random() < 0.15 * strength:
        chip = _compress(chip, random)
    if random.random() < 0.20 * strength:
        chip = _occlude(chip, random)
    return chip


def _jitter(crop: Pixels, side_px: int, random: np.random.Generator, strength: float) -> Pixels:
    loose = random.random() < 0.3 * strength
    angle_deg = random.normal(0, 4.0 if loose else 1.5)
    scale = side_px / crop.shape[0] * np.exp(random.normal(0.01, 0.05 if loose else 0.02))
    shift = random.normal(0, (0.025 if loose else 0.01) * side_px, 2)
    matrix = cv2.getRotationMatrix2D((crop.shape[1] / 2, crop.shape[0] / 2), angle_deg, scale)
    matrix[:, 2] += side_px / 2 - crop.shape[0] / 2 + shift
    if random.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += side_px - 1
    return cv2.warpAffine(crop, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _relight(chip: Pixels, random: np.random.Generator) -> Pixels:
    if random.random() < 0.12:
        chip = cv2.cvtColor(cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    levels = np.linspace(0, 1, 256)[:, None]
    gain = np.exp(random.normal(0, 0.18)) * np.exp(random.normal(0, 0.05, 3))
    curve = (levels ** np.exp(random.normal(0, 0.22))) * gain + random.normal(0, 0.05)
    table = (np.clip(curve, 0, 1) * 255).astype(np.uint8).reshape(256, 1, 3)
    chip = cv2.LUT(chip, table)
    if random.random() < 0.15:
        ramp = np.linspace(random.uniform(0.3, 1), random.uniform(0.6, 1.3), chip.shape[1], dtype=np.float32)
        if random.random() < 0.5:
            ramp = ramp[::-1]
        chip = np.clip(chip * ramp[None, :, None], 0, 255).astype(np.uint8)
    return chip


def _lose_resolution(chip: Pixels, random: np.random.Generator) -> Pixels:
    side = chip.shape[0]
    small = int(side * np.exp(random.uniform(np.log(0.14), np.log(0.7))))
    shrink = (cv2.INTER_AREA, cv2.INTER_LINEAR)[random.integers(2)]
    grow = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[random.integers(2)]
    return cv2.resize(cv2.resize(chip, (small, small), interpolation=shrink), (side, side), interpolation=grow)


def _blur(chip: Pixels, random: np.random.Generator) -> Pixels:
    if random.random() < 0.5:
        return degrade.defocus(chip, random.uniform(0.6, 2.2))
    return degrade.smear(chip, int(random.integers(3, 10)), random.uniform(0, np.pi))


def _add_noise(chip: Pixels, random: np.random.Generator) -> Pixels:
    if random.random() < 0.4:
        chip = degrade.expose(chip, random.uniform(0.15, 0.7))
    return degrade.add_noise(chip, random.uniform(3, 22), random)


def _compress(chip: Pixels, random: np.random.Generator) -> Pixels:
    return degrade.compress(chip, int(random.integers(6, 50)))


def _occlude(chip: Pixels, random: np.random.Generator) -> Pixels:
    side = chip.shape[0]
    chip = chip.copy()
    colour = random.integers(0, 256, 3)
    where = random.random()
    if where < 0.45:  # a mask over mouth and nose
        top = int(side * random.uniform(0.52, 0.68))
        chip[top:, int(side * random.uniform(0, 0.12)) : int(side * random.uniform(0.88, 1))] = colour
    elif where < 0.65:  # dark glasses or a bar over the eyes
        top = int(side * random.uniform(0.2, 0.28))
        chip[top : top + int(side * random.uniform(0.12, 0.24))] = colour
    else:
        height, width = (int(side * random.uniform(0.1, 0.4)) for _ in range(2))
        top, left = random.integers(0, side - height), random.integers(0, side - width)
        chip[top : top + height, left : left + width] = colour
    return chip
