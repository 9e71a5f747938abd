"""Is part of the face covered? (ISO/IEC 29794-5: face occlusion.) 96 statistics of the upright face and one line.

A mask, a bar or a hand has another light, another colour and another amount of detail than skin. Which of it where
tells a cover from a beard or a shadow was learnt from painted faces and judged on real masks: models/quality.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeface.align import similarity
from edgeface.detect import Points
from edgeface.frame import Pixels
from edgeface.image import luminance, warp
from edgeface.quality.covered import BIAS, WEIGHTS

SIDE_PX = 64
CELLS = 8
"""Along either side."""
TEMPLATE = ((0.273, 0.337), (0.725, 0.337), (0.5, 0.558), (0.315, 0.784), (0.689, 0.782))
"""Where eyes, nose and corners of the mouth lie, in parts of the side: a tight face, as the embedder's."""

Floats = npt.NDArray[np.float64]
_MEANS = np.kron(np.eye(CELLS), np.full(SIDE_PX // CELLS, CELLS / SIDE_PX)).astype(np.float32)
"""Takes rows to means of rows, (8, 64)."""


def occlusion(pixels: Pixels, landmarks: Points) -> float:
    """How likely part of the face is covered, 0..1."""
    odds = float(statistics(pixels, landmarks) @ np.array(WEIGHTS).reshape(-1)) + BIAS
    return float(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def statistics(pixels: Pixels, landmarks: Points) -> Floats:
    """Light, colour and detail by cell of the upright face, left and right folded together: (96,)."""
    matrix = similarity(landmarks.astype(np.float64) - 0.5, np.array(TEMPLATE) * SIDE_PX)
    face = warp(pixels, matrix, SIDE_PX, SIDE_PX)
    red, green, blue = _cells(face.astype(np.float32)).transpose(2, 0, 1)
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    light = (grey - grey.mean()) / (grey.std() + 4)
    colour = sum(np.abs(part - np.median(part)) for part in (0.713 * (red - grey), 0.564 * (blue - grey))) / 12
    bright = luminance(face).astype(np.float32)
    edges = np.zeros_like(bright)
    edges[:-1, :-1] = np.abs(np.diff(bright, axis=0))[:, :-1] + np.abs(np.diff(bright, axis=1))[:-1]
    detail = _cells(edges[..., None])[..., 0]
    detail = np.log((detail + 0.5) / (detail.mean() + 0.5))
    return np.concatenate([_folded(part) for part in (light, np.asarray(colour), detail)]).astype(np.float64)


def _cells(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of every cell: (64, 64, k) -> (8, 8, k)."""
    rows = _MEANS @ values.reshape(SIDE_PX, -1)
    return np.asarray(_MEANS @ rows.reshape(CELLS, SIDE_PX, -1))


def _folded(cells: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of the left and the right half: (8, 8) -> (32,)."""
    return np.asarray(((cells + cells[:, ::-1])[:, : CELLS // 2] / 2).reshape(-1))
