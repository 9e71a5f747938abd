"""What a detector finds: one face in one picture, and many before the weaker sightings are dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.model import Tensor

Points = npt.NDArray[np.float32]
"""float32, shape (5, 2), x and y in picture pixels: left eye, right eye, nose, left and right mouth corner as seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelBox:
    """A rectangle in picture pixels; may reach beyond the picture."""

    x: float
    """Left edge."""
    y: float
    """Top edge."""
    w: float
    """Width, > 0."""
    h: float
    """Height, > 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detection:
    """One face in one picture."""

    box: PixelBox
    landmarks: Points
    """float32, shape (5, 2), picture pixels."""
    score: float
    """0..1, the detector's own."""
    angles_deg: tuple[float, float, float] | None
    """Yaw, pitch, roll where the detector gives them, by `edgeface.pose`'s signs."""
    faint: bool = False
    """Scored too low to count as a face by itself: it may only go on one that was seen before."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Faces before suppression, as arrays of one length."""

    boxes: Tensor
    """float32, shape (n, 4): left, top, width, height in picture pixels."""
    landmarks: Tensor
    """float32, shape (n, 5, 2), picture pixels."""
    scores: Tensor
    """float32, shape (n,), 0..1."""
    angles_deg: Tensor | None
    """float32, shape (n, 3), or None."""

    def only(self, chosen: npt.NDArray[np.bool_]) -> Candidates:
        """Some of them, by a mask of shape (n,)."""
        return Candidates(
            boxes=self.boxes[chosen],
            landmarks=self.landmarks[chosen],
            scores=self.scores[chosen],
            angles_deg=None if self.angles_deg is None else self.angles_deg[chosen],
        )


def sigmoid(logits: Tensor) -> Tensor:
    """Logits -> 0..1, without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)


def sizes_of(outputs: tuple[Tensor, ...]) -> str:
    """The sizes of a model's outputs, for people to read."""
    return ", ".join("x".join(map(str, output.shape)) or "a number" for output in outputs)
