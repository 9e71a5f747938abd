"""A face turned upright and cut out at the place where its embedder expects eyes, nose and mouth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeface.detect import Points
from edgeface.frame import Pixels
from edgeface.image import warp
from edgeface.model import ModelSpec

Matrix = npt.NDArray[np.float64]


def chip(pixels: Pixels, landmarks: Points, spec: ModelSpec) -> Pixels:
    """The aligned face: uint8 (spec.height_px, spec.width_px, 3), RGB; black where the picture ends."""
    size = np.array([spec.width_px, spec.height_px], np.float64)
    # Landmarks count from the picture's corner, `warp` and every published template from the centre of the first pixel.
    matrix = similarity(landmarks.astype(np.float64) - 0.5, np.array(spec.template) * size)
    return warp(pixels, matrix, spec.width_px, spec.height_px)


def similarity(source: Matrix, target: Matrix) -> Matrix:
    """The 2x3 matrix of rotation, scale and shift that best maps `source` to `target`, both (n, 2).

    Least squares after Umeyama (PAMI 1991), without reflection. Coincident source points give the identity rotation
    at scale 1, so that a broken detection makes a useless chip, not an error.
    """
    middle_s, middle_t = source.mean(axis=0), target.mean(axis=0)
    spread = ((source - middle_s) ** 2).sum()
    u, values, vt = np.linalg.svd((target - middle_t).T @ (source - middle_s))
    sign = np.diag([1.0, np.sign(np.linalg.det(u @ vt)) or 1.0])
    rotation = u @ sign @ vt
    scale = float((values * np.diag(sign)).sum() / spread) if spread > 1e-9 else 1.0
    shift = middle_t - scale * rotation @ middle_s
    return np.concatenate([scale * rotation, shift[:, None]], axis=1)
