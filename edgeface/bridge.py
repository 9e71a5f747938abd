"""Templates of a former embedder, carried over to the one in use, so that nobody has to be enrolled anew.

    carry(templates, bridge) -> unit rows that the new embedder's embeddings can be compared with

A learned affine map: FaceNet makes embeddings of two of its models comparable by training ("harmonic embeddings",
Schroff et al., CVPR 2015, sec. 5.6), this by a fit. What is carried over is less alike to its owner and as like to
strangers: so its cosines are priced, by a line measured with the map, to promise what the new embedder's own do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.model import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bridge:
    """From one embedder to another."""

    former: str
    """The embedder whose templates are carried over: `Embedding.model_sha256`, 64 hex digits."""
    matrix: Tensor
    """float32, shape (new dimensions, former dimensions)."""
    offset: Tensor
    """float32, shape (new dimensions,)."""
    scale: float
    """Price: a cosine c of what was carried over counts as scale * c + shift, above 0."""
    shift: float
    measured: str
    """On what, and what it costs, as a sentence."""

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.offset.shape != self.matrix.shape[:1]:
            raise ValueError(f"a map of shape {self.matrix.shape} and an offset of {self.offset.shape} do not fit")
        if not (np.isfinite(self.matrix).all() and np.isfinite(self.offset).all()):
            raise ValueError("the map holds what is no number")
        if not (0 < self.scale <= 4 and math.isfinite(self.shift) and abs(self.shift) <= 2):
            raise ValueError(f"a price of {self.scale:g} and {self.shift:g} is none")

    @property
    def dimensions(self) -> tuple[int, int]:
        """(former, new)."""
        new, former = self.matrix.shape
        return former, new


def carry(templates: npt.NDArray[np.int8], bridge: Bridge) -> Tensor:
    """int8 (n, former dimensions) -> float32 (n, new dimensions), unit rows."""
    rows = templates.astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _NOTHING)
    carried = rows @ bridge.matrix.T + bridge.offset
    carried /= np.maximum(np.linalg.norm(carried, axis=1, keepdims=True), _NOTHING)
    return np.asarray(carried, np.float32)


_NOTHING = 1e-9
